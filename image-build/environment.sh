#!/usr/bin/env bash
# Make the virtual environment from the hashed lock. Uses uv where it is, otherwise venv and pip.
set -euo pipefail
venv=$1
log=$(mktemp)
trap 'rm -f "$log"' EXIT
quietly() { "$@" >"$log" 2>&1 || { cat "$log" >&2; exit 1; }; }

python=
for candidate in python3 python3.13 python3.12 python3.11; do
    if command -v "$candidate" >/dev/null &&
        "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; then
        python=$candidate
        break
    fi
done
if [ -z "$python" ]; then
    echo "medkiosk needs Python 3.11, 3.12 or 3.13. On Debian 12 or 13: apt-get install python3 python3-venv" >&2
    exit 1
fi

echo "environment: $("$python" --version), packages from requirements.lock"
rm -rf "$venv"
# A half-made environment must not be taken for a whole one.
complete=
trap 'rm -f "$log"; [ -n "$complete" ] || rm -rf "$venv"' EXIT
if command -v uv >/dev/null; then
    quietly uv venv --python "$(command -v "$python")" "$venv"
    quietly uv pip install --python "$venv/bin/python" --require-hashes -r requirements.lock
    quietly uv pip install --python "$venv/bin/python" --no-deps --no-build-isolation -e .
else
    if ! "$python" -c 'import ensurepip' 2>/dev/null; then
        if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
            quietly apt-get update
            quietly apt-get install -y --no-install-recommends python3-venv
        else
            echo "The Python module venv is missing. As root: apt-get install python3-venv" >&2
            exit 1
        fi
    fi
    quietly "$python" -m venv "$venv"
    quietly "$venv/bin/pip" install --no-input --require-hashes -r requirements.lock
    quietly "$venv/bin/pip" install --no-input --no-deps --no-build-isolation -e .
fi
complete=yes
