#!/usr/bin/env bash
# Make sure that the operating system's own parts are there: install them as root, else say which.
# Usage: prepare.sh demo|test|bench|vm|usb|image|nspawn [PYTHON]   (PYTHON: the one that will load the libraries; default: the venv's)
set -euo pipefail
python=${2:-.venv/bin/python}
PATH=$PATH:/usr/sbin:/sbin  # sfdisk, cryptsetup, mkfs: not everybody's PATH has them
command -v "$python" >/dev/null || { echo "There is no $python: make the environment first." >&2; exit 1; }
declare -A package=(
    [lib:libturbojpeg.so.0]=libturbojpeg0
    [lib:libde265.so.0]=libde265-0
    [lib:libseccomp.so.2]=libseccomp2
    [age]=age
    [ssh-keygen]=openssh-client
    [node]=nodejs [npm]=npm  # build the export's viewer
)
# Without these something is left out, and whoever needs it says so.
optional=' nodejs npm chromium firefox-esr poppler-utils udev umockdev '
case ${1:-demo} in
    test) package+=([chromium]=chromium [firefox-esr]=firefox-esr [pdftotext]=poppler-utils [openssl]=openssl)
        package+=([tmux]=tmux [unzip]=unzip [strace]=strace [dciodvfy]=dicom3tools [/usr/sbin/Orthanc]=orthanc)
        package+=([udevadm]=udev [umockdev-run]=umockdev)  # the rules for USB, decided by a real udev
        # A disk that is encrypted and ended, a TPM, media as cameras write them; a clock that jumps (tests/soak).
        package+=([cryptsetup]=cryptsetup-bin [swtpm]=swtpm [mcopy]=mtools [mkfs.vfat]=dosfstools [mkfs.exfat]=exfatprogs)
        package+=([cc]=gcc [file:/usr/include/stdio.h]=libc6-dev)
        optional+='cryptsetup-bin swtpm mtools dosfstools exfatprogs gcc libc6-dev ' ;;
    vm) package+=([qemu-system-x86_64]=qemu-system-x86 [qemu-img]=qemu-utils [swtpm]=swtpm [mcopy]=mtools [zstd]=zstd)
        package+=([mkfs.vfat]=dosfstools [mkfs.exfat]=exfatprogs [file:/usr/share/OVMF/OVMF_CODE_4M.fd]=ovmf)
        package+=([sfdisk]=fdisk [mkfs.ext4]=e2fsprogs) ;;
    usb) package+=([qemu-system-x86_64]=qemu-system-x86 [mmdebstrap]=mmdebstrap [cpio]=cpio [zstd]=zstd) ;;
    image) package+=([mmdebstrap]=mmdebstrap [openssl]=openssl [module:pip]=python3-pip) ;;  # the rest is in a root of its own (image.sh tools)
    nspawn) package+=([mmdebstrap]=mmdebstrap [systemd-nspawn]=systemd-container)
        command -v uv >/dev/null || package+=([module:pip]=python3-pip) ;;
    bench) package+=([gphoto2]=gphoto2 [restic]=restic [borg]=borgbackup) ;;  # what importing and sealing are measured against
esac

fail_if_needed() {
    for name in "${missing[@]}"; do [[ $optional == *" $name "* ]] || exit 1; done
}

missing=()
for need in "${!package[@]}"; do
    case $need in
        lib:*) "$python" -c 'import ctypes, sys; ctypes.CDLL(sys.argv[1])' "${need#lib:}" 2>/dev/null ;;
        file:*) [ -e "${need#file:}" ] ;;
        module:*) python3 -c "import ${need#module:}" 2>/dev/null ;;  # of the system's Python, not of the environment's
        *) command -v "$need" >/dev/null ;;
    esac || missing+=("${package[$need]}")
done
[ ${#missing[@]} = 0 ] && exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "system packages: installing ${missing[*]}"
    log=$(mktemp)
    trap 'rm -f "$log"' EXIT
    export DEBIAN_FRONTEND=noninteractive
    if [[ " ${missing[*]} " == *" orthanc "* ]]; then
        # Its package starts a server on all interfaces, now and at each start. The tests start their own.
        mkdir -p /etc/systemd/system && ln -sf /dev/null /etc/systemd/system/orthanc.service
        if [ ! -e /usr/sbin/policy-rc.d ]; then  # asked before any service is started (invoke-rc.d(8))
            trap 'rm -f "$log" /usr/sbin/policy-rc.d' EXIT
            printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d && chmod +x /usr/sbin/policy-rc.d
        fi
    fi
    { apt-get update && apt-get install -y --no-install-recommends "${missing[@]}"; } >"$log" 2>&1 ||
        { cat "$log" >&2; fail_if_needed; }
else
    echo "Some system packages are missing. As root: apt-get install ${missing[*]}" >&2
    fail_if_needed
fi
