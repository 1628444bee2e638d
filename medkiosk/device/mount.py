"""The mount helper: mounts one card read-only, or takes it away again. Runs as root, one request a process.

It hears a volume's name from the daemon and nothing else; whether that is a card it asks the kernel
(`volume.refusal`) and the first sector. It never says a path: both sides know where a volume is mounted.
Decided in ``docs/adr/0010``.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import grp
import os
import stat
import sys
from dataclasses import dataclass, field
from pathlib import Path

from medkiosk.core.frames import FrameError, Readable, Writable, read_frame, write_frame
from medkiosk.device.volume import (
    CARDS,
    CODE,
    MAX_REQUEST,
    Answer,
    Facts,
    MountCode,
    Plan,
    Request,
    card_path,
    disk_of,
    file_system,
    is_volume_name,
    plan,
    refusal,
)

_GROUP = "plugdev"
_SECTOR = 512
_PASSABLE = 0o755
_MNT_DETACH, _UMOUNT_NOFOLLOW = 2, 8
_DEVICE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_PROTECTIONS = os.ST_RDONLY | os.ST_NOSUID | os.ST_NODEV | os.ST_NOEXEC

_CODES: dict[int, MountCode] = {
    errno.EBUSY: MountCode.IN_USE,
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

    def plan(self, untrusted_sector: bytes) -> Plan:
        """Say how a volume with this first sector is mounted.

        Raises:
            MountRefusedError: not at all.
        """
        kind = file_system(untrusted_sector)
        if kind is None:
            raise MountRefusedError(MountCode.FILE_SYSTEM)
        return plan(kind, self.gid)


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
            case _:
                raise FrameError("unknown request")
    except MountRefusedError as error:
        write_frame(writer, Answer.FAILED, CODE.pack(error.code))
        return
    write_frame(writer, Answer.DONE)


def mount(name: str, system: System) -> None:
    """Mount one volume; what was mounted for it before is taken away first.

    Raises:
        MountRefusedError: nothing is mounted then.
    """
    if not is_volume_name(name):
        raise MountRefusedError(MountCode.NAME)
    try:
        code = refusal(facts(name, system))
        if code is not None:
            raise MountRefusedError(code)
        unmount(name, system)
        number = _device_number(name, system)
        how = system.plan(_first_sector(name, number, system))
        at = card_path(name, system.cards)
        system.cards.mkdir(parents=True, exist_ok=True)
        system.cards.chmod(_PASSABLE)  # whatever the umask: the source worker passes here to reach the card
        at.mkdir(mode=0o700)
    except OSError as error:
        raise MountRefusedError(_CODES.get(error.errno or 0, MountCode.FAILED)) from error
    try:
        _mount(system.devices / name, at, how)
        # A name is not a device: between the look and the mount, another one may have got this name.
        if at.stat().st_dev != number or os.statvfs(at).f_flag & _PROTECTIONS != _PROTECTIONS:
            raise MountRefusedError(MountCode.GONE)
    except OSError as error:
        unmount(name, system)
        raise MountRefusedError(_CODES.get(error.errno or 0, MountCode.FAILED)) from error
    except MountRefusedError:
        unmount(name, system)
        raise


def unmount(name: str, system: System) -> None:
    """Take a volume's mount away, also when its device is gone or somebody still reads; harmless to repeat.

    Raises:
        MountRefusedError: no volume has such a name, or it could not be taken away.
    """
    if not is_volume_name(name):
        raise MountRefusedError(MountCode.NAME)
    at = card_path(name, system.cards)
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


def unmount_all(system: System) -> None:
    """Take away every mount that an earlier daemon left behind."""
    if system.cards.is_dir():
        for path in list(system.cards.iterdir()):
            if is_volume_name(path.name):
                unmount(path.name, system)


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
    )


def _text(path: Path) -> str:
    return path.read_text("ascii").strip() if path.is_file() else ""


def _device_number(name: str, system: System) -> int:
    major, _, minor = (system.blocks / name / "dev").read_text("ascii").strip().partition(":")
    return os.makedev(int(major), int(minor))


def _first_sector(name: str, number: int, system: System) -> bytes:
    """Read a volume's first sector, if it is this device and nobody else has it."""
    descriptor = os.open(system.devices / name, _DEVICE | os.O_EXCL)  # EBUSY where it is mounted
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISBLK(status.st_mode) or status.st_rdev != number:
            raise MountRefusedError(MountCode.GONE)
        return os.pread(descriptor, _SECTOR, 0)
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
