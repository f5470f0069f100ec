"""GitHub: no importer, but its API through ``gh``. One line of JSON per issue, and a script that sends them.

A title is 256 characters, a body 65,536; 500 issues an hour is what GitHub lets one user create, so a file holds 500.
A hidden comment in the body holds the finding's id (GitHub, "Rate limits for the REST API", "Create an issue").
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from reports.escape import clip, heading
from reports.tickets.description import MARKDOWN, description
from reports.tickets.profile import ID, Column, Context, Profile, Sheet
from reports.tickets.ticket import Ticket

SCRIPT = """\
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
  printf '"%s","%s"\\n' "$key" "$id"
  sleep "${PAUSE:-1}"
done < "$2"
"""


def setup(_: Context, __: Sequence[Ticket]) -> Mapping[str, str]:
    """The script that sends the lines."""
    return {"github-import.sh": SCRIPT}


def body(ticket: Ticket, _: Context) -> str:
    """The description with the finding's id in a comment that nobody sees."""
    return f"{description(ticket, MARKDOWN, 65_000)}\n\n{mark(ticket.id)}"


def mark(id_: str) -> str:
    """What finds the issue again: search the repository for it."""
    return f"<!-- iotposture {id_} -->"


def assignees(ticket: Ticket, _: Context) -> list[str]:
    """The owner, if written as a GitHub name: ``@name``."""
    return [ticket.owner[1:]] if re.fullmatch(r"@[A-Za-z0-9][A-Za-z0-9-]{0,38}", ticket.owner) else []


def rules(row: Mapping[str, Any]) -> Iterator[str]:
    """The body ends with a comment that holds the row's id."""
    if "body" in row and not row["body"].endswith(f"\n\n{mark(row.get('id', ''))}"):
        yield "body does not end with a comment that holds the row's id"


FINDING = Column("id", lambda t, _: t.id, required=True, shape=ID)
NUMBER = Column("number", lambda t, _: t.key, required=True, shape=r"\d+")
BODY = (
    Column("title", lambda t, _: clip(heading(t.title), 256), limit=256, required=True, shape=r"[^\r\n]+"),
    Column("body", body, limit=65_536, required=True),
    Column("labels", lambda t, _: ["iotposture", t.severity], required=True),
    Column("assignees", assignees),
)
STATE = Column("state", lambda _, __: "open", required=True)

PROFILE = Profile(
    "github",
    "GitHub",
    "key",
    Sheet("create", (FINDING, *BODY), "id"),
    Sheet("update", (FINDING, NUMBER, *BODY, STATE), "id"),
    close=Sheet(
        "close",
        (
            FINDING,
            NUMBER,
            Column("state", lambda _, __: "closed", required=True),
            Column("state_reason", lambda _, __: "completed", required=True),
        ),
        "id",
    ),
    ending="ndjson",
    rows=500,
    keys=("key", "number"),
    setup=setup,
    rules=rules,
)
