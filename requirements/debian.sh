#!/bin/sh
# Installs those of Debian's packages that are missing: sh requirements/debian.sh [python3-venv] [chromium] [postgresql]
# What is there already is left alone, so that elsewhere than on Debian nothing is needed but to have it.
set -eu

present() {
    case $1 in
        python3-venv) "${PYTHON:-python3}" -c 'import ensurepip, venv' ;;
        chromium) command -v chromium ;;
        postgresql) command -v initdb || ls "${POSTGRESQL:-/usr/lib/postgresql}"/*/bin/initdb ;;
        *) false ;;
    esac > /dev/null 2>&1
}

missing() {
    for package; do
        present "$package" || printf ' %s' "$package"
    done
}

bring() {
    if [ "$(id -u)" = 0 ]; then
        root=
    elif command -v sudo > /dev/null; then
        root=sudo
    else
        return 1
    fi
    command -v apt-get > /dev/null || return 1
    echo "installing with apt-get: $*" >&2
    $root apt-get update -qq &&
        $root env DEBIAN_FRONTEND=noninteractive apt-get install -qq --yes --no-install-recommends "$@" > /dev/null
}

wanted=$(missing "$@")
# shellcheck disable=SC2086 # names of packages, one word each
if [ -n "$wanted" ] && ! { bring $wanted && [ -z "$(missing "$@")" ]; }; then
    echo "not installed:$wanted; install with: apt-get install$wanted" >&2
    exit 2
fi
