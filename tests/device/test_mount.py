"""The mount helper, on real block devices: a loop device stands in the place of a card in a USB reader.

Only the kernel's description of the device (the tree below /sys) is made here, since a kernel says of a loop
device, rightly, that it is no card. Where it has no vfat and no exfat, ext4 shows everything but those.
"""

from __future__ import annotations

import errno
import io
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from medkiosk.core.frames import FrameError, read_frame, write_frame
from medkiosk.device import mount as helper
from medkiosk.device.mount import MountRefusedError, System
from medkiosk.device.volume import CODE, FLAGS, Answer, MountCode, Plan, Request, plan

NAME = "sdz1"
_KERNEL = Path("/proc/filesystems").read_text().split()
_MAKE = {"vfat": ["mkfs.vfat", "-F32"], "exfat": ["mkfs.exfat"], "ext4": ["mkfs.ext4", "-q", "-F"]}


def _why_not(kind: str) -> str:
    if os.geteuid() != 0:
        return "mounting a file system needs root"
    if kind not in _KERNEL:
        return f"this kernel has no {kind}"
    if shutil.which(_MAKE[kind][0]) is None or shutil.which("losetup") is None:
        return f"{_MAKE[kind][0]} or losetup is not installed"
    return ""


@dataclass(frozen=True)
class OneKind(System):
    """A system on which every volume is taken for one file system."""

    kind: str = "ext4"

    def plan(self, untrusted_sector: bytes) -> Plan:
        return Plan("ext4", FLAGS, "") if self.kind == "ext4" else super().plan(untrusted_sector)


@dataclass
class Reader:
    """A card reader with a card in it."""

    system: OneKind
    loop: str
    entry: Path

    @property
    def at(self) -> Path:
        return self.system.cards / NAME

    def refused(self) -> MountCode:
        with pytest.raises(MountRefusedError) as caught:
            helper.mount(NAME, self.system)
        assert not self.at.exists()
        return caught.value.code


def kernel_says(system: Path, number: int, *, removable: bool = True, where: str = "usb1/1-1") -> Path:
    """Write what the kernel says of a partition of a card in a reader; return the partition's folder."""
    disk = system / "devices/pci0000:00" / where / "host0/block/sdz"
    entry = disk / NAME
    entry.mkdir(parents=True)
    (disk / "removable").write_text("1\n" if removable else "0\n")
    (disk / "size").write_text("70000\n")
    (entry / "partition").write_text("1\n")
    (entry / "size").write_text("65536\n")
    (entry / "dev").write_text(f"{os.major(number)}:{os.minor(number)}\n")
    (system / "class/block").mkdir(parents=True)
    (system / "class/block" / NAME).symlink_to(entry)
    (system / "class/block/sdz").symlink_to(disk)
    return entry


@pytest.fixture(params=["ext4", "vfat", "exfat"])
def card_reader(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Reader]:
    kind = request.param
    if _why_not(kind):
        pytest.skip(_why_not(kind))
    image = tmp_path / "image"
    with image.open("wb") as stream:
        stream.truncate(40 << 20)
    subprocess.run([*_MAKE[kind], str(image)], check=True, capture_output=True)
    try:
        made = subprocess.run(["losetup", "-f", "--show", image], check=True, capture_output=True, text=True)
    except subprocess.CalledProcessError as error:
        pytest.skip(f"no loop device to be had: {error.stderr}")
    loop = made.stdout.strip()
    number = Path(loop).stat().st_rdev
    (tmp_path / "dev").mkdir()
    os.mknod(tmp_path / "dev" / NAME, stat.S_IFBLK | 0o600, number)
    entry = kernel_says(tmp_path / "sys", number)
    system = OneKind(
        blocks=tmp_path / "sys/class/block",
        devices=tmp_path / "dev",
        cards=tmp_path / "run/cards",
        gid=46,
        kind=kind,
    )
    try:
        yield Reader(system, loop, entry)
    finally:
        helper.unmount_all(system)
        subprocess.run(["losetup", "-d", loop], check=True)


def mounts(at: Path) -> list[set[str]]:
    """The flags of what is mounted at a path, from the bottom up."""
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    return [set(line.split()[5].split(",")) for line in lines if line.split()[4] == str(at)]


def test_a_card_is_mounted_with_every_protection_and_taken_away(card_reader: Reader) -> None:
    helper.mount(NAME, card_reader.system)
    (flags,) = mounts(card_reader.at)
    assert flags >= {"ro", "nosuid", "nodev", "noexec", "nosymfollow"}
    with pytest.raises(OSError, match="Read-only") as caught:
        (card_reader.at / "new").touch()
    assert caught.value.errno == errno.EROFS
    if card_reader.system.kind != "ext4":
        status = card_reader.at.stat()
        assert (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (0, 46, 0o550)
    helper.unmount(NAME, card_reader.system)
    assert mounts(card_reader.at) == []
    assert not card_reader.at.exists()
    helper.unmount(NAME, card_reader.system)


@pytest.fixture
def passable() -> Iterator[Path]:
    """A folder that every user can pass, as /run is; pytest's own are root's alone."""
    with tempfile.TemporaryDirectory(dir="/tmp") as place:
        Path(place).chmod(0o755)
        yield Path(place)


def test_the_workers_group_can_read_the_card_whatever_the_umask(card_reader: Reader, passable: Path) -> None:
    system = replace(card_reader.system, cards=passable / "cards")
    system.cards.mkdir(mode=0o700)  # as a helper before this one may have left it
    umask = os.umask(0o077)  # what the helper's service sets
    try:
        helper.mount(NAME, system)
    finally:
        os.umask(umask)
    at = system.cards / NAME

    def looks(*groups: int) -> int:
        done = subprocess.run(["ls", at], user=65534, group=65534, extra_groups=groups, capture_output=True)
        return done.returncode

    try:
        assert looks(system.gid) == 0
        if system.kind != "ext4":  # which has owners of its own, where FAT has those of the mount
            assert looks() != 0
    finally:
        helper.unmount(NAME, system)


def test_the_card_is_not_written_to(card_reader: Reader) -> None:
    before = Path(card_reader.loop).read_bytes()
    helper.mount(NAME, card_reader.system)
    list(card_reader.at.iterdir())
    helper.unmount(NAME, card_reader.system)
    assert Path(card_reader.loop).read_bytes() == before


def test_a_second_card_in_the_same_reader_takes_the_place_of_the_first(card_reader: Reader) -> None:
    helper.mount(NAME, card_reader.system)
    helper.mount(NAME, card_reader.system)
    assert len(mounts(card_reader.at)) == 1


def test_a_card_that_is_being_read_is_taken_away_all_the_same(card_reader: Reader) -> None:
    helper.mount(NAME, card_reader.system)
    held = os.open(card_reader.at, os.O_RDONLY)
    helper.unmount(NAME, card_reader.system)
    assert mounts(card_reader.at) == []
    os.close(held)
    helper.mount(NAME, card_reader.system)


def test_what_an_earlier_daemon_left_is_taken_away(card_reader: Reader) -> None:
    helper.mount(NAME, card_reader.system)
    (card_reader.system.cards / "notes").mkdir()
    helper.unmount_all(card_reader.system)
    assert mounts(card_reader.at) == []
    assert [path.name for path in card_reader.system.cards.iterdir()] == ["notes"]


def test_a_card_that_somebody_else_mounted_is_left_alone(card_reader: Reader, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    subprocess.run(["mount", "-o", "ro", card_reader.loop, elsewhere], check=True)
    try:
        assert card_reader.refused() == MountCode.IN_USE
        assert len(mounts(elsewhere)) == 1
    finally:
        subprocess.run(["umount", elsewhere], check=True)


def test_what_is_no_card_is_not_opened(card_reader: Reader, tmp_path: Path) -> None:
    disk = card_reader.entry.parent
    (disk / "removable").write_text("0\n")
    assert card_reader.refused() == MountCode.NOT_A_CARD
    (disk / "removable").write_text("1\n")
    (card_reader.entry / "size").write_text("0\n")
    assert card_reader.refused() == MountCode.NO_MEDIUM
    shutil.rmtree(tmp_path / "sys")
    kernel_says(tmp_path / "sys", Path(card_reader.loop).stat().st_rdev, where="ata1")
    assert card_reader.refused() == MountCode.NOT_A_CARD
    shutil.rmtree(tmp_path / "sys")
    assert card_reader.refused() == MountCode.GONE


def test_a_name_that_is_now_another_device_is_refused(card_reader: Reader) -> None:
    (card_reader.entry / "dev").write_text("8:17\n")
    assert card_reader.refused() == MountCode.GONE


def test_a_damaged_card_is_said_to_be_damaged(card_reader: Reader) -> None:
    with Path(card_reader.loop).open("r+b") as device:
        at, what = (11, b"\xff\xff") if card_reader.system.kind == "vfat" else (512, bytes(4 << 20))
        device.seek(at)
        device.write(what)
    assert card_reader.refused() == MountCode.DAMAGED


def test_a_file_system_that_no_camera_makes_is_refused(card_reader: Reader) -> None:
    if card_reader.system.kind == "ext4":
        system = System(
            card_reader.system.blocks,
            card_reader.system.devices,
            card_reader.system.cards,
            card_reader.system.gid,
        )
        with pytest.raises(MountRefusedError) as caught:
            helper.mount(NAME, system)
        assert caught.value.code == MountCode.FILE_SYSTEM
        assert not card_reader.at.exists()


def test_a_kernel_that_cannot_read_the_card_says_so(card_reader: Reader) -> None:
    class Unknown(OneKind):
        def plan(self, untrusted_sector: bytes) -> Plan:
            return plan("exfat", 46)._replace(kind="no-such-file-system")

    with pytest.raises(MountRefusedError) as caught:
        helper.mount(NAME, Unknown(**vars(card_reader.system)))
    assert caught.value.code == MountCode.NO_DRIVER
    assert not card_reader.at.exists()


def asked(system: System, kind: int, payload: bytes) -> tuple[int, bytes]:
    request, answer = io.BytesIO(), io.BytesIO()
    write_frame(request, kind, payload)
    helper.serve(io.BytesIO(request.getvalue()), answer, system)
    frame = read_frame(io.BytesIO(answer.getvalue()))
    assert frame is not None
    return frame.type, frame.payload


@pytest.fixture
def nothing(tmp_path: Path) -> System:
    """A system without a single block device."""
    return System(tmp_path / "sys", tmp_path / "dev", tmp_path / "cards", 46)


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (b"sdb1", MountCode.GONE),
        (b"../../etc", MountCode.NAME),
        (b"sda1\0", MountCode.NAME),
        (b"\xff", MountCode.NAME),
        (b"", MountCode.NAME),
    ],
)
def test_requests_are_refused_by_number(nothing: System, payload: bytes, code: MountCode) -> None:
    assert asked(nothing, Request.MOUNT, payload) == (Answer.FAILED, CODE.pack(code))


def test_what_is_not_mounted_can_be_unmounted(nothing: System) -> None:
    assert asked(nothing, Request.UNMOUNT, b"sdb1") == (Answer.DONE, b"")
    assert asked(nothing, Request.UNMOUNT_ALL, b"") == (Answer.DONE, b"")


def test_nonsense_ends_the_helper(nothing: System) -> None:
    with pytest.raises(FrameError):
        asked(nothing, 99, b"sdb1")
    with pytest.raises(FrameError):
        asked(nothing, Request.MOUNT, b"s" * 17)
    helper.serve(io.BytesIO(), io.BytesIO(), nothing)


def test_the_helper_loads_little() -> None:
    never = ["pyudev", "cryptography", "gphoto2", "msgspec", "numpy"]
    code = f"import sys, medkiosk.device.mount; print([m for m in {never!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
