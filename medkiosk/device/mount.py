"""The mount helper: mounts one card or stick, or takes it away again. One request a process, as a user of
its own with CAP_SYS_ADMIN.

Cards are mounted read-only, always; a stick may be mounted writable. It hears a volume's name from the daemon
and nothing else; whether that is a card or stick it asks the kernel (`volume.refusal`), the first sector and,
for a stick, the label. It never says a path: both sides know where a volume is mounted. Decided in
``docs/adr/0010``.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import grp
import os
import pwd
import re
import stat
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from medkiosk.core.frames import FrameError, Readable, Writable, read_frame, write_frame
from medkiosk.device.volume import (
    CARDS,
    CODE,
    MAX_REQUEST,
    STICKS,
    Answer,
    Facts,
    MountCode,
    MountFlag,
    Plan,
    Request,
    card_path,
    disk_of,
    file_system,
    is_stick,
    is_volume_name,
    label,
    plan,
    refusal,
    root_folder,
    stick_path,
    stick_plan,
)

_GROUP = "plugdev"
_USER = "medkiosk"
_SECTOR = 512
_PASSABLE = 0o755
_MNT_DETACH, _UMOUNT_NOFOLLOW = 2, 8
_DEVICE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_PROTECTIONS = os.ST_NOSUID | os.ST_NODEV | os.ST_NOEXEC
_USB_INTERFACE = re.compile(r"[0-9]+-[0-9.]+:[0-9]+\.[0-9]+", re.ASCII)

_CODES: dict[int, MountCode] = {
    errno.EBUSY: MountCode.IN_USE,
    errno.EROFS: MountCode.LOCKED,
    errno.EACCES: MountCode.LOCKED,  # mount(2): the device is read-only and was to be written to
    errno.ENODEV: MountCode.NO_DRIVER,  # mount(2): this kernel does not know the file system
    errno.EINVAL: MountCode.DAMAGED,
    errno.EUCLEAN: MountCode.DAMAGED,
    errno.EIO: MountCode.DAMAGED,
    errno.ENOENT: MountCode.GONE,
    errno.ENXIO: MountCode.GONE,
    errno.ENOMEDIUM: MountCode.NO_MEDIUM,
}

_libc = ctypes.CDLL(None, use_errno=True)


class MountRefusedError(Exception):
    """A card was not mounted."""

    def __init__(self, code: MountCode) -> None:
        self.code = code
        super().__init__(code.name)


@dataclass(frozen=True)
class System:
    """Where this system keeps things; and, for what a test's kernel can mount, how a first sector is read."""

    blocks: Path = Path("/sys/class/block")
    devices: Path = Path("/dev")
    cards: Path = CARDS
    gid: int = field(default_factory=lambda: grp.getgrnam(_GROUP).gr_gid)
    sticks: Path = STICKS

    def plan(self, untrusted_sector: bytes) -> Plan:
        """Say how a volume with this first sector is mounted.

        Raises:
            MountRefusedError: not at all.
        """
        kind = file_system(untrusted_sector)
        if kind is None:
            raise MountRefusedError(MountCode.FILE_SYSTEM)
        return plan(kind, self.gid)

    def stick_plan(self, untrusted_sector: bytes, descriptor: int, *, writable: bool) -> Plan:
        """Say how a stick is mounted; `descriptor` is the volume, of which the label is read.

        Raises:
            MountRefusedError: not at all; it may be a card with photographs, so the label must be ours.
        """
        kind = file_system(untrusted_sector)
        if kind is None:
            raise MountRefusedError(MountCode.FILE_SYSTEM)
        place = root_folder(untrusted_sector, kind)
        folder = os.pread(descriptor, place.size, place.offset) if place else b""
        if not is_stick(label(folder, kind)):
            raise MountRefusedError(MountCode.NOT_A_STICK)
        return stick_plan(kind, pwd.getpwnam(_USER).pw_uid, writable=writable)


def serve(reader: Readable, writer: Writable, system: System) -> None:
    """Answer one request.

    Raises:
        FrameError: the daemon said something that it never says.
    """
    frame = read_frame(reader, MAX_REQUEST)
    if frame is None:
        return
    name = frame.payload.decode("ascii", "replace")
    try:
        match frame.type:
            case Request.MOUNT:
                mount(name, system)
            case Request.UNMOUNT:
                unmount(name, system)
            case Request.UNMOUNT_ALL:
                unmount_all(system)
            case Request.LOOK_STICK:
                mount_stick(name, system, writable=False)
            case Request.MOUNT_STICK:
                mount_stick(name, system, writable=True)
            case Request.RELEASE_STICK:
                release_stick(name, system)
            case Request.UNMOUNT_STICK:
                unmount_stick(name, system)
            case _:
                raise FrameError("unknown request")
    except MountRefusedError as error:
        write_frame(writer, Answer.FAILED, CODE.pack(error.code))
        return
    write_frame(writer, Answer.DONE)


def mount(name: str, system: System) -> None:
    """Mount one card; what was mounted for it before is taken away first.

    Raises:
        MountRefusedError: nothing is mounted then.
    """
    _check(name, system)
    unmount(name, system)
    with _volume(name, system) as (number, sector, _):
        how = system.plan(sector)
    # Whatever the umask: the source worker passes the folder of the cards to reach one.
    _mount_at(name, card_path(name, system.cards), number, how, system, _PASSABLE)


def mount_stick(name: str, system: System, *, writable: bool) -> None:
    """Mount one stick for the daemon alone; what was mounted for it before is taken away first.

    Raises:
        MountRefusedError: nothing is mounted then; nothing that is not labelled as a stick is.
    """
    if is_volume_name(name) and name.startswith("mmc"):
        raise MountRefusedError(MountCode.NOT_A_STICK)  # what is in the slot for cards is a card
    _check(name, system)
    unmount_stick(name, system)
    with _volume(name, system) as (number, sector, descriptor):
        how = system.stick_plan(sector, descriptor, writable=writable)
    if writable and _text(system.blocks / disk_of(name) / "ro") == "1":
        raise MountRefusedError(MountCode.LOCKED)
    _mount_at(name, stick_path(name, system.sticks), number, how, system, _PASSABLE)


def release_stick(name: str, system: System) -> None:
    """Unmount a stick, and return when nothing of it is left in memory; harmless where none is mounted.

    Raises:
        MountRefusedError: `IN_USE`: somebody has something on it open, it is still mounted.
    """
    if not is_volume_name(name):
        raise MountRefusedError(MountCode.NAME)
    at = stick_path(name, system.sticks)
    if at.is_mount():
        if _libc.umount2(os.fsencode(at), _UMOUNT_NOFOLLOW) != 0:
            raise MountRefusedError(_CODES.get(ctypes.get_errno(), MountCode.FAILED))
        try:
            # Alone with the device: so it is mounted nowhere else, in no other namespace either.
            os.close(os.open(system.devices / name, _DEVICE | os.O_EXCL))
        except OSError as error:
            raise MountRefusedError(_CODES.get(error.errno or 0, MountCode.FAILED)) from error
    _take_away(name, at, system)


def unmount_stick(name: str, system: System) -> None:
    """Take a stick's mount away, also when it is gone; what was not synced before is lost or late.

    Raises:
        MountRefusedError: no volume has such a name, or it could not be taken away.
    """
    if not is_volume_name(name):
        raise MountRefusedError(MountCode.NAME)
    _take_away(name, stick_path(name, system.sticks), system)


def unmount(name: str, system: System) -> None:
    """Take a card's mount away, also when its device is gone or somebody still reads; harmless to repeat.

    Raises:
        MountRefusedError: no volume has such a name, or it could not be taken away.
    """
    if not is_volume_name(name):
        raise MountRefusedError(MountCode.NAME)
    _take_away(name, card_path(name, system.cards), system)


def unmount_all(system: System) -> None:
    """Take away every mount that an earlier daemon left behind."""
    for place, take in ((system.cards, unmount), (system.sticks, unmount_stick)):
        if place.is_dir():
            for path in list(place.iterdir()):
                if is_volume_name(path.name):
                    take(path.name, system)


def _check(name: str, system: System) -> None:
    if not is_volume_name(name):
        raise MountRefusedError(MountCode.NAME)
    with _in_words():
        code = refusal(facts(name, system))
    if code is not None:
        raise MountRefusedError(code)


@contextlib.contextmanager
def _in_words() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise MountRefusedError(_CODES.get(error.errno or 0, MountCode.FAILED)) from error


def _mount_at(name: str, at: Path, number: int, how: Plan, system: System, mode: int) -> None:
    with _in_words():
        at.parent.mkdir(parents=True, exist_ok=True)
        at.parent.chmod(mode)
        at.mkdir(mode=0o700)
    wanted = _PROTECTIONS | (os.ST_RDONLY if how.flags & MountFlag.RDONLY else 0)
    try:
        with _in_words():
            _mount(system.devices / name, at, how)
            flags = os.statvfs(at).f_flag
            # A name is not a device: between the look and the mount, another one may have got this name.
            if at.stat().st_dev != number or flags & (_PROTECTIONS | os.ST_RDONLY) != wanted:
                raise MountRefusedError(MountCode.GONE)
    except MountRefusedError:
        _take_away(name, at, system)
        raise


def _take_away(name: str, at: Path, system: System) -> None:
    while _libc.umount2(os.fsencode(at), _UMOUNT_NOFOLLOW | _MNT_DETACH) == 0:
        # While a partition was mounted, the kernel could not look for those of another card in the same slot.
        with contextlib.suppress(OSError):
            os.close(os.open(system.devices / disk_of(name), _DEVICE))
    try:
        at.rmdir()
    except FileNotFoundError:
        return
    except OSError as error:
        raise MountRefusedError(MountCode.FAILED) from error


def facts(name: str, system: System) -> Facts:
    """Ask the kernel what a volume is.

    Raises:
        OSError: there is no such volume.
    """
    entry = (system.blocks / name).resolve(strict=True)
    is_partition = (entry / "partition").exists()
    disk = entry.parent if is_partition else entry
    return Facts(
        on_usb=any(part.startswith("usb") and part[3:].isdigit() for part in entry.parts),
        on_mmc="mmc_host" in entry.parts,
        mmc_type=_text(disk / "device" / "type"),
        removable=_text(disk / "removable") == "1",
        sectors=int(_text(entry / "size") or 0),
        partitions=0 if is_partition else sum((inner / "partition").exists() for inner in entry.iterdir()),
        usb_classes=_usb_classes(entry),
    )


def _usb_classes(entry: Path) -> frozenset[str]:
    """Return the classes of all interfaces of the USB device that a volume is on, if it is on one."""
    for parent in entry.parents:
        if _USB_INTERFACE.fullmatch(parent.name):
            found = (_text(one / "bInterfaceClass") for one in parent.parent.iterdir())
            return frozenset(one for one in found if one)
    return frozenset()


def _text(path: Path) -> str:
    return path.read_text("ascii").strip() if path.is_file() else ""


def _device_number(name: str, system: System) -> int:
    major, _, minor = (system.blocks / name / "dev").read_text("ascii").strip().partition(":")
    return os.makedev(int(major), int(minor))


@contextlib.contextmanager
def _volume(name: str, system: System) -> Iterator[tuple[int, bytes, int]]:
    """Open a volume that nobody else has; yield its device number, first sector and descriptor."""
    with _in_words():
        number = _device_number(name, system)
        descriptor = os.open(system.devices / name, _DEVICE | os.O_EXCL)  # EBUSY where it is mounted
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISBLK(status.st_mode) or status.st_rdev != number:
                raise MountRefusedError(MountCode.GONE)
            yield number, os.pread(descriptor, _SECTOR, 0), descriptor
        finally:
            os.close(descriptor)


def _mount(device: Path, at: Path, how: Plan) -> None:
    """mount(2). Not the program: that reads fstab, runs helpers by the file system's name and may retry."""
    done = _libc.mount(
        os.fsencode(device),
        os.fsencode(at),
        how.kind.encode(),
        ctypes.c_ulong(int(how.flags)),
        how.options.encode(),
    )
    if done != 0:
        raise OSError(ctypes.get_errno(), "mount")


def main() -> None:
    """Answer the request that is on standard input."""
    try:
        serve(sys.stdin.buffer, sys.stdout.buffer, System())
    except (BrokenPipeError, FrameError):
        sys.exit(1)


if __name__ == "__main__":
    main()
