"""The built image's files: what an appliance must not have, and what it must."""

from __future__ import annotations

import re
import stat
from pathlib import Path

import pytest

from tests.image.tree import Built

MIB = 1 << 20

# Where network drivers and protocols live in the kernel's tree.
_DRIVERS = "net|bluetooth|infiniband|isdn|nfc|vhost|staging|firewire|thunderbolt"
NETWORK = re.compile(rf"(drivers/({_DRIVERS})|net|fs/(nfs|smb|ceph|9p|afs|ocfs2|dlm))/")
# A program that answers, asks, builds or logs in.
UNWANTED = """
    sshd ssh scp sftp ssh-agent telnet ftp nc ncat socat curl wget ping ip ifconfig dhclient dhcpcd iw
    wpa_supplicant rfkill NetworkManager networkctl resolvectl nft iptables tcpdump avahi-daemon chronyd ntpd
    gcc cc g++ ld as make gdb strace perl tclsh ruby node npm pip pip3 apt apt-get dpkg gdbserver
    agetty getty login su sudo sulogin newgrp chsh chfn passwd screen tmux Xorg Xwayland
    systemd-nspawn machinectl systemd-networkd systemd-resolved systemd-timesyncd at crond cron
"""


def test_no_network_driver(built: Built) -> None:
    modules = built.modules()
    assert len(modules) > 60  # it did look
    assert [module for module in modules if NETWORK.match(module)] == []


def test_no_usb_and_no_network_before_the_root(built: Built) -> None:
    initrd = [path.name for path in (built.initrd / "files").glob("usr/lib/modules/*/kernel/**/*.ko*")]
    assert "dm-verity.ko.xz" in initrd
    assert [name for name in initrd if name.startswith(("usb", "xhci", "ehci", "hid", "virtio_net"))] == []


def test_the_modules_that_storing_needs(built: Built) -> None:
    names = {Path(module).name for module in built.modules()}
    needed = (
        "ahci nvme virtio_blk dm-crypt dm-verity ext4 erofs vfat exfat xhci-pci usb-storage uas usbhid xts"
    )
    assert {f"{name}.ko" for name in needed.split()} <= names


def test_nothing_answers_asks_builds_or_logs_in(built: Built) -> None:
    programs = built.programs()
    assert {"kioskctl", "medkioskd", "cage", "foot", "ssh-keygen"} <= programs
    assert sorted(programs & set(UNWANTED.split())) == []


def test_no_socket_outside_af_unix(tree: Path) -> None:
    sockets = [path for path in tree.glob("usr/lib/systemd/system/*.socket") if not _masked(tree, path.name)]
    assert len(sockets) > 5
    listens = [
        (path.name, line)
        for path in sockets
        for line in path.read_text().splitlines()
        if re.match(r"Listen(Stream|Datagram|SequentialPacket)=(?![/@%]|$)", line)
    ]
    assert listens == []


def _masked(tree: Path, unit: str) -> bool:
    link = tree / "etc/systemd/system" / unit
    return link.is_symlink() and str(link.readlink()) == "/dev/null"


def test_nothing_becomes_root_by_being_started(built: Built) -> None:
    assert [
        name for name, status in built.files() if stat.S_ISREG(status.st_mode) and status.st_mode & 0o6000
    ] == []


def test_all_is_roots_and_only_roots_to_write(built: Built) -> None:
    others = [name for name, status in built.files() if status.st_uid != 0]
    assert others == []
    writable = [
        name
        for name, status in built.files()
        if status.st_mode & 0o022 and not stat.S_ISLNK(status.st_mode) and not status.st_mode & stat.S_ISVTX
    ]
    # Folders that something else is mounted on do not count.
    assert set(writable) <= {"tmp", "dev", "proc", "sys", "run"}


def test_the_owners_of_what_outlives_a_version_have_fixed_numbers(tree: Path) -> None:
    lines = [line.split(":") for line in (tree / "etc/passwd").read_text().splitlines()]
    numbers = {name: (uid, gid) for name, _, uid, gid, *_ in lines}
    ours = {"medkiosk": 801, "kiosk": 802, "medkiosk-mount": 803}
    assert {name: numbers[name] for name in ours} == {n: (str(u), str(u)) for n, u in ours.items()}


def test_nobody_logs_in(tree: Path) -> None:
    passwd = [line.split(":") for line in (tree / "etc/passwd").read_text().splitlines()]
    assert {"root", "medkiosk", "kiosk"} <= {line[0] for line in passwd}
    assert {line[6] for line in passwd} == {"/usr/sbin/nologin"}
    shadow = [line.split(":") for line in (tree / "etc/shadow").read_text().splitlines()]
    assert {line[1] for line in shadow} == {"!*"}
    assert [line[0] for line in passwd if line[2] == "0"] == ["root"]


@pytest.mark.parametrize(
    "pattern",
    [
        "var/lib/apt/*",
        "var/lib/dpkg/*",
        "etc/apt",
        "usr/share/doc/*",
        "usr/share/man/*",
        "etc/resolv.conf",
        "etc/ssh",
        "etc/cron.d",
        "usr/lib/medkiosk/lists",
        "usr/include/*.h",
        "etc/network",
        "usr/lib/gcc/*",
        "root/*",
        "home/*",
        "usr/lib/medkiosk/venv/lib/python3*/site-packages/pip",
    ],
)
def test_what_is_not_in_it(tree: Path, pattern: str) -> None:
    assert list(tree.glob(pattern)) == []


def test_what_is_the_machines_own_is_on_the_data_partition(tree: Path) -> None:
    assert str((tree / "etc/medkiosk").readlink()) == "../var/lib/medkiosk-site"
    assert str((tree / "etc/credstore.encrypted").readlink()) == "../var/lib/medkiosk-credentials"
    assert (tree / "etc/machine-id").read_bytes() == b""
    assert [path for path in (tree / "var").rglob("*") if not path.is_dir()] == []
    (line,) = [line for line in (tree / "etc/fstab").read_text().splitlines() if line.startswith("/dev")]
    assert {"nodev", "nosuid", "noexec", "discard"} <= set(line.split()[3].split(","))


def test_the_esp_is_left_one_place_to_be_mounted(tree: Path) -> None:
    """systemd-gpt-auto-generator takes /boot where that is empty or missing, /efi otherwise."""
    assert [path.name for path in (tree / "boot").iterdir()] == ["not-used"]
    assert list((tree / "efi").iterdir()) == []
    assert "/efi" not in (tree / "etc/fstab").read_text()


def test_no_swap(built: Built) -> None:
    assert "swap" not in (built.tree / "etc/fstab").read_text()
    assert "systemd.swap=0" in built.command_line


def test_every_command_of_the_project_is_there(tree: Path) -> None:
    import tomllib

    from tests.kiosk import CHECKOUT

    for name in tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]["scripts"]:
        link = tree / "usr/bin" / name
        assert link.is_symlink(), name
        assert (tree / str(link.readlink()).lstrip("/")).is_file(), name


def test_the_release_key_is_for_updates_only(tree: Path) -> None:
    for line in (tree / "usr/lib/medkiosk/release.pub").read_text().splitlines():
        assert 'namespaces="medkiosk-update@v1"' in line
        assert "PRIVATE" not in line


def test_size(built: Built) -> None:
    """A fat image makes slow updates; half of the root's partition is kept for the years to come."""
    used = (built.out / f"medkiosk_{built.version}.root.raw").stat().st_blocks * 512
    kernel = (built.out / f"medkiosk_{built.version}.efi").stat().st_size
    print(f"root {used / MIB:.0f} MiB, unified kernel image {kernel / MIB:.0f} MiB")
    assert used < 512 * MIB
    assert kernel < 64 * MIB
