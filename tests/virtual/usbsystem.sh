#!/bin/bash
# Make the small system that virtual USB devices are plugged into: usbsystem.sh FOLDER PACKAGES
set -euo pipefail
folder=$1 packages=$2
mirror=${MEDKIOSK_MIRROR:-$(grep -rhoE '(^URIs: |^deb .*)https?://[^ ]*/debian/?( |$)' /etc/apt/sources.list* 2>/dev/null |
  grep -oE 'https?://[^ ]*' | head -n 1)}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$folder"
mmdebstrap -q --variant=minbase --include="$packages" \
  --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
  --dpkgopt='path-exclude=/usr/share/locale/*' trixie "$work/tree" "$mirror"
cat > "$work/tree/init" <<'INIT'
#!/bin/sh
export PATH=/usr/sbin:/usr/bin HOME=/root
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
mount -t tmpfs run /run; mount -t tmpfs tmp /tmp
modprobe -a xhci_pci usb_storage uas usbhid hid_generic
/usr/lib/systemd/systemd-udevd --daemon
udevadm trigger --action=add; udevadm settle
stty -F /dev/ttyS0 -echo
echo SYSTEM-READY
exec env PS1= PS2= setsid sh < /dev/ttyS0 > /dev/ttyS0 2>&1
INIT
chmod +x "$work/tree/init"
cp "$work"/tree/boot/vmlinuz-* "$folder/kernel"
cd "$work/tree"
{
  find . -path ./boot -prune -o -path ./var -prune -o -path ./usr/lib/modules -prune -o -print0
  find usr/lib/modules -type d -print0
  find usr/lib/modules -type f '(' -path '*drivers/usb*' -o -path '*drivers/hid*' -o -path '*drivers/net/usb*' \
    -o -path '*drivers/net/mii*' -o -path '*drivers/scsi/s*' -o -path '*fs/fat*' -o -path '*fs/exfat*' \
    -o -path '*/nls/*' -o -path '*drivers/input*' -o -name 'modules.*' ')' -print0
} | cpio --quiet -0 -o -H newc | zstd -q -T2 -9 -f -o "$folder/.initrd.zst"
mv "$folder/.initrd.zst" "$folder/initrd.zst"
