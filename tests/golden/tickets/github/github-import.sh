#!/bin/sh
# Sends the issues of one file to GitHub and prints their numbers, for `iotposture tickets import`.
# Needs gh (logged in) and jq.   Use: sh github-import.sh OWNER/REPO github-create.ndjson > keys.csv
set -eu
sent=0
echo '"key","finding_id"'
while IFS= read -r line; do
  id=$(printf '%s' "$line" | jq -r .id)
  number=$(printf '%s' "$line" | jq -r '.number // empty')
  if [ -n "$number" ]; then
    method=PATCH place="repos/$1/issues/$number"
  else
    method=POST place="repos/$1/issues"
  fi
  if ! key=$(printf '%s' "$line" | jq 'del(.id, .number)' | gh api --method "$method" "$place" --input - --jq .number); then
    echo "stopped after $sent of the lines in $2; send the others only: tail -n +$((sent + 1)) $2 > rest.ndjson" >&2
    exit 1
  fi
  sent=$((sent + 1))
  printf '"%s","%s"\n' "$key" "$id"
  sleep "${PAUSE:-1}"
done < "$2"
