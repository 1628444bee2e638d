#!/usr/bin/env bash
# Add the fuzzer to the environment, from its own hashed lock. Usage: fuzz.sh DIR
set -euo pipefail
lock=$(dirname "$0")/fuzz.lock
if command -v uv >/dev/null; then
    uv pip install -q --python "$1/bin/python" --require-hashes -r "$lock"
else
    "$1/bin/pip" install -q --no-input --require-hashes -r "$lock"
fi
