#!/usr/bin/env bash
# Build the page that opens exports in a browser, or install what its tests drive browsers with.
# Usage: viewer.sh [test]
# Where it cannot be built, all but exports with the viewer works: that is said, and is no failure of the set-up.
set -euo pipefail
cd "$(dirname "$0")/.."
viewer=medkiosk/export/viewer
page=$viewer/built/index.html

# What the lock names, from npm's cache or the registry that npm is set to; nothing of it runs when it is installed.
install() {
    [ "$1/node_modules/.package-lock.json" -nt "$1/package-lock.json" ] && return
    local log
    log=$(mktemp)
    if ! (cd "$1" && npm ci --no-audit --no-fund --ignore-scripts) >"$log" 2>&1; then
        tail -n 5 "$log" >&2
        rm -f "$log"
        return 1
    fi
    rm -f "$log"
    touch "$1/node_modules/.package-lock.json"
}

without() {
    echo "The export's viewer was not built: $1" >&2
    echo "Everything else works; exports with the viewer are refused until image-build/viewer.sh has run." >&2
    exit 0
}

command -v node >/dev/null && command -v npm >/dev/null || without "node or npm is missing (as root: apt-get install nodejs npm)."
if [ "${1:-}" = test ]; then
    install tests/viewer || echo "What drives browsers cannot be had here: the viewer's tests in browsers are skipped." >&2
    exit 0
fi
wanted=$(sed -n 's/^PAGE_SHA256 = "\([0-9a-f]\{64\}\)"$/\1/p' $viewer/chunks.py)
if [ -f $page ] && [ "$(sha256sum <$page | cut -c1-64)" = "$wanted" ] && [ -z "$(find $viewer/src $viewer/*.json $viewer/build.mjs -newer $page)" ]; then
    exit 0
fi
install $viewer || without "npm could not install what it is built from."
made=$(node $viewer/build.mjs) || without "the build failed."
if [ "$made" != "$wanted" ]; then
    echo "The viewer's page is not the one that was reviewed: its SHA-256 is now" >&2
    echo "  $made" >&2
    echo "If you changed it, or what it is built from, write that into PAGE_SHA256 in $viewer/chunks.py and docs/viewer.md." >&2
    exit 1
fi
