#!/usr/bin/env bash
# Make sure that the operating system's own parts are there: install them as root, else say which.
# Usage: prepare.sh demo|test|bench [PYTHON]   (PYTHON: the one that will load the libraries; default: the venv's)
set -euo pipefail
python=${2:-.venv/bin/python}
command -v "$python" >/dev/null || { echo "There is no $python: make the environment first." >&2; exit 1; }
declare -A package=(
    [lib:libturbojpeg.so.0]=libturbojpeg0
    [lib:libde265.so.0]=libde265-0
    [lib:libseccomp.so.2]=libseccomp2
    [age]=age
    [ssh-keygen]=openssh-client
)
case ${1:-demo} in
    test) package+=([tmux]=tmux [strace]=strace) ;;
    bench) package+=([gphoto2]=gphoto2 [restic]=restic [borg]=borgbackup) ;;  # what importing and sealing are measured against
esac

missing=()
for need in "${!package[@]}"; do
    case $need in
        lib:*) "$python" -c 'import ctypes, sys; ctypes.CDLL(sys.argv[1])' "${need#lib:}" 2>/dev/null ;;
        *) command -v "$need" >/dev/null ;;
    esac || missing+=("${package[$need]}")
done
[ ${#missing[@]} = 0 ] && exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "system packages: installing ${missing[*]}"
    log=$(mktemp)
    trap 'rm -f "$log"' EXIT
    export DEBIAN_FRONTEND=noninteractive
    { apt-get update && apt-get install -y --no-install-recommends "${missing[@]}"; } >"$log" 2>&1 ||
        { cat "$log" >&2; exit 1; }
else
    echo "Some system packages are missing. As root: apt-get install ${missing[*]}" >&2
    exit 1
fi
