#!/usr/bin/env bash
# Put together what the image has besides Debian's packages. Runs in the tools (image.sh), as root.
# Usage: stage.sh SOURCE CACHE INTO VERSION
set -euo pipefail
source=$1 cache=$2 into=$3 version=$4
umask 022
venv=/usr/lib/medkiosk/venv

# --- Python: the environment is made at the path where it will be, or its scripts would name another one.
mkdir -p "$into/usr/lib/medkiosk" "$into/usr/bin" "$into/etc" "$into/usr/share/medkiosk"
rm -rf /usr/lib/medkiosk && mkdir -p /usr/lib/medkiosk
mount --bind "$into/usr/lib/medkiosk" /usr/lib/medkiosk
python3 -m venv --without-pip $venv
# What has no wheel is built here, without a network, by the tools' own setuptools; hashes are checked before.
wheels=/run/wheels  # always the same: pip writes it down
mkdir "$wheels"
wheel() { python3 -m pip --quiet --disable-pip-version-check --no-input wheel --no-index --no-deps --no-build-isolation -w "$wheels" "$@"; }
wheel --find-links "$cache/wheels" --require-hashes -r "$source/image-build/kiosk.lock"
cp -R "$source" "$wheels/source"
wheel "$wheels/source"
rm -rf "$wheels/source"
python3 -m pip --python $venv/bin/python --quiet --disable-pip-version-check --no-input install --root-user-action=ignore \
    --no-index --no-deps --no-compile "$wheels"/*.whl
rm -rf "$wheels"
# A kiosk reads; it does not build, and nobody stands in front of a prompt.
rm -rf $venv/bin/{activate*,Activate*,pip*} $venv/include $venv/lib64
find $venv -name tests -type d -path '*site-packages*' -prune -exec rm -rf {} +
find $venv \( -name direct_url.json -o -name '*.pyi' \) -delete
SOURCE_DATE_EPOCH=$SOURCE_DATE_EPOCH python3 -m compileall -q -j 1 --invalidation-mode unchecked-hash $venv/lib
for command in $(sed -n '/^\[project.scripts\]/,/^\[tool/s/^\([a-z0-9-]*\) = .*/\1/p' "$source/pyproject.toml"); do
    ln -s $venv/bin/"$command" "$into/usr/bin/$command"
done
umount /usr/lib/medkiosk

# --- ours
echo "$version" >"$into/usr/lib/medkiosk/version"
cp /keys/release.pub "$into/usr/lib/medkiosk/release.pub"
echo "The ESP is mounted at /efi, while something asks for it." >"$into/usr/lib/medkiosk/boot-is-not-used"
mkdir -p "$into/usr/share/medkiosk/models"
install -m 644 "$cache"/models/*.onnx "$into/usr/share/medkiosk/models/"
install -m 644 "$source/config/appliance.toml" "$into/usr/share/medkiosk/medkiosk.toml"
install -m 644 "$source"/config/*.ini "$into/usr/share/medkiosk/"
# For the bill of materials (mkosi.postinst), which takes them away again.
mkdir -p "$into/usr/lib/medkiosk/lists"
cp "$source/image-build/assets.lock" "$source/medkiosk/export/viewer/package-lock.json" "$into/usr/lib/medkiosk/lists/"

# --- systemd/: by the end of the name
put() { install -D -m 644 "$1" "$into/$2"; }
mkdir -p "$into/etc/systemd/system"
for file in "$source"/systemd/*; do
    name=${file##*/}
    [ -f "$file" ] || continue
    case $name in
        *.service | *.socket | *.timer | *.target | *.mount | *.path | *.slice) put "$file" "usr/lib/systemd/system/$name" ;;
        *.rules) put "$file" "usr/lib/udev/rules.d/$name" ;;
        *.preset) put "$file" "usr/lib/systemd/system-preset/00-${name#[0-9][0-9]-}" ;;
        *.sysusers) put "$file" "usr/lib/sysusers.d/${name%.sysusers}.conf" ;;
        *.tmpfiles) put "$file" "usr/lib/tmpfiles.d/${name%.tmpfiles}.conf" ;;
        *.journald) put "$file" "usr/lib/systemd/journald.conf.d/${name%.journald}.conf" ;;
        *.modprobe) put "$file" "usr/lib/modprobe.d/${name%.modprobe}.conf" ;;
        *.sysctl) put "$file" "usr/lib/sysctl.d/90-${name%.sysctl}.conf" ;;
        *.system) put "$file" "usr/lib/systemd/system.conf.d/${name%.system}.conf" ;;
        masked) sed 's/#.*//' "$file" | while read -r unit; do [ -z "$unit" ] || ln -s /dev/null "$into/etc/systemd/system/$unit"; done ;;
        *) echo "systemd/$name: no place in the image is known for such a file." >&2; exit 1 ;;
    esac
done
for dropin in "$source"/systemd/*.d; do
    [ -d "$dropin" ] || continue
    for file in "$dropin"/*.conf; do put "$file" "usr/lib/systemd/system/${dropin##*/}/${file##*/}"; done
done
for kind in sysupdate repart; do
    for file in "$source/image-build/$kind.d"/*; do
        [ ! -f "$file" ] || put "$file" "usr/lib/$kind.d/${file##*/}"
    done
done
cp -R "$source/image-build/root/." "$into/"
find "$into" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
