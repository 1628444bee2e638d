#!/usr/bin/env bash
# Make a Debian 13 with systemd and the kiosk's Python packages in a folder, to try units in a container (make nspawn).
# Usage: nspawn.sh FOLDER   (as root, after prepare.sh nspawn; what is there already and whole is kept)
set -euo pipefail
tree=$1
here=$(cd "$(dirname "$0")" && pwd)
stamp=$(sha256sum "$here/kiosk.lock" "$0" | sha256sum)
[ "$(cat "$tree.ready" 2>/dev/null || true)" = "$stamp" ] && exit 0

mirror=$("$here/image.sh" mirror)
rm -rf "$tree" "$tree.ready" && mkdir -p "$tree"
mmdebstrap --quiet --variant=essential --include=systemd,systemd-sysv,udev,python3,python3-venv,libturbojpeg0,libde265-0,libseccomp2,seatd,kbd,cage,foot,xkb-data,fonts-dejavu-mono \
    trixie "$tree" "$mirror" >&2
venv=/usr/lib/medkiosk/venv
mkdir -p "$tree/usr/lib/medkiosk"
chroot "$tree" python3 -m venv --without-pip "$venv"
if command -v uv >/dev/null; then
    uv pip install --quiet --python-version 3.13 --python-platform x86_64-manylinux_2_40 --require-hashes \
        --target "$tree$venv/lib/python3.13/site-packages" -r "$here/kiosk.lock"
else
    python3 -m pip install --quiet --python-version 3.13 --implementation cp --no-deps --require-hashes \
        --platform manylinux_2_40_x86_64 --platform manylinux_2_28_x86_64 --platform manylinux2014_x86_64 --platform any \
        --only-binary=:all: --no-binary=sdnotify --target "$tree$venv/lib/python3.13/site-packages" -r "$here/kiosk.lock"
fi
echo "$stamp" >"$tree.ready"
