"""A stick as a place to write to: is there room, what went wrong, and reading back past the cache.

Nothing that lies on a stick is opened here but what this export wrote (docs/stick.md).
"""

from __future__ import annotations

import ctypes
import errno
import itertools
import mmap
import os
import re
import shutil
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from medkiosk import durable
from medkiosk.core.errors import KioskError
from medkiosk.core.sticks import ReadBack
from medkiosk.export.errors import StickError, StickProtectedError, on_stick
from medkiosk.export.padding import MARK, padded_size

PARTIAL = ".medkiosk-partial-"
_PARTIAL = re.compile(re.escape(PARTIAL) + r"[0-9a-f]{8}", re.ASCII)
_AT_A_TIME = 256
"""Leftovers that are kept in memory."""
_LONGEST_S = 120.0
"""Longest that a stick is searched for them, seconds."""
FAT_FILE_BYTES = (4 << 30) - 1
"""Largest file on FAT32."""
_SLACK = 1 << 20
"""For what is not counted: the file system's own tables, and a recall notice."""
_FOLDERS = 8
_FIXED_FILES = 12
_FIXED_BYTES = 128 << 10  # instructions, checkpoint
_PAGE_BYTES = 4 << 20
_LINE_BYTES = 192  # of the manifest for each file
_RECORD_BYTES = 16 << 10  # of the record for each picture: its line, entry, proof and a share of the consents
_THUMBNAIL_BYTES = 32 << 10
_DICOM_BYTES = 16 << 10  # attributes of a DICOM object
_AGE_BYTES = 512  # header of an age file
_AGE_PART = 4096  # age adds 16 bytes to each 64 KiB
_ENTRY_BYTES = 192
"""One name of up to 52 characters in a folder of FAT32 (fatgen103: 32 bytes for each 13, and 32) or exFAT."""
_MOUNTS = Path("/proc/self/mountinfo")
_NO_DIRECT = frozenset({errno.EINVAL, errno.EOPNOTSUPP})
_libc = ctypes.CDLL(None, use_errno=True)
_libc.mincore.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p]


class NoStickError(KioskError):
    """No stick is plugged in at {name}. Nothing was written; plug the stick in and try again."""

    code = "export.no_stick"
    exit_code = 4


class StickBusyError(KioskError):
    """The stick at {name} is being written to. Nothing else was begun; wait for SAFE TO UNPLUG, or take
    another stick.
    """

    code = "export.stick_busy"


class StickForeignError(KioskError):
    """The stick at {name} is neither blank nor one of this kiosk's own, so nothing was written and nothing on
    it was opened. Take a blank one, empty this one on another computer, or have an administrator enrol it:
    Maintenance (M), N.
    """

    code = "export.stick_foreign"


class StickRefusedError(KioskError):
    """The stick at {name} was refused: {detail}. Nothing was written and nothing on it was opened; take
    another stick.
    """

    code = "export.stick_refused"


class StickTooSmallError(KioskError):
    """The stick is too small: {needed_mib} MiB are needed and {free_mib} MiB are free. Nothing was written.
    Take a larger stick, or export fewer pictures at a time.
    """

    code = "export.stick_too_small"


class Need(NamedTuple):
    """What a bundle takes.

    Attributes:
        files: how many.
        bytes: of all of them together.
        largest: of one of them.
    """

    files: int
    bytes: int
    largest: int


def need(pictures: Sequence[int], *, viewer: bool, dicom: bool) -> Need:
    """Return what a bundle takes at most (docs/export-format.md).

    Args:
        pictures: sizes of the JPEGs, bytes.
        viewer: whether the page goes with them: everything once more as base64, and thumbnails.
        dicom: whether each picture is there as a DICOM object, too.
    """
    sealed = [padded_size(size + MARK) + _AGE_BYTES + size // _AGE_PART for size in pictures]
    record = padded_size(len(pictures) * (_RECORD_BYTES + (_THUMBNAIL_BYTES if viewer else 0)) + _FIXED_BYTES)
    parts = [*sealed, record]
    if dicom:
        parts += [padded_size(size + _DICOM_BYTES) + _AGE_BYTES + size // _AGE_PART for size in pictures]
    if viewer:
        parts += [_PAGE_BYTES, *(size * 4 // 3 + _AGE_BYTES for size in (*sealed, record))]
    files = len(parts) + _FIXED_FILES
    return Need(files, sum(parts) + files * _LINE_BYTES + _FIXED_BYTES, max(parts))


class Room(NamedTuple):
    """What a stick has.

    Attributes:
        free: bytes.
        cluster: what each file and folder takes a multiple of, bytes.
        fat: whether a file may have 4 GiB at most.
    """

    free: int
    cluster: int
    fat: bool


def room_on(path: Path) -> Room:
    """Ask the kernel what a mounted stick has.

    Raises:
        StickError: it is write-protected, or does not answer.
    """
    with on_stick():
        facts = os.statvfs(path)
        kind = _kind(path)
    if facts.f_flag & os.ST_RDONLY:
        raise StickProtectedError(detail="the stick is write-protected")
    return Room(facts.f_bavail * facts.f_frsize, facts.f_frsize, kind in ("vfat", "msdos"))


def check_room(need: Need, room: Room) -> None:
    """Raise unless a bundle fits.

    Raises:
        StickTooSmallError: it does not.
        StickError: one of its files is too large for the stick's file system.
    """
    if room.fat and need.largest > FAT_FILE_BYTES:
        raise StickError(detail="a picture is too large for the stick's file system")
    # Each file ends inside a cluster, and its name takes room in a folder, twice on FAT32 where it moves on.
    needed = need.bytes + (need.files + _FOLDERS) * room.cluster + 2 * need.files * _ENTRY_BYTES + _SLACK
    if needed > room.free:
        raise StickTooSmallError(needed_mib=-(-needed >> 20), free_mib=room.free >> 20)


def clear_leftovers(top: Path, monotonic: Callable[[], float] = time.monotonic) -> None:
    """Remove folders that earlier exports could not finish, however many names there are beside them.

    Only a real folder with exactly such a name; what else is called so, a link above all, is left as it is:
    it is not ours, and whatever it leads to is not on the stick.

    Args:
        top: the stick's top folder.
        monotonic: a clock that only goes forward, seconds.

    Raises:
        OSError: the stick does not answer.
        StickError: it has so many names that a leftover could hide behind them.
    """
    until = monotonic() + _LONGEST_S
    while found := list(itertools.islice(_leftovers(top, monotonic, until), _AT_A_TIME)):
        for path in found:
            shutil.rmtree(path)  # by descriptors, never through a link (shutil.rmtree.avoids_symlink_attacks)


def _leftovers(top: Path, monotonic: Callable[[], float], until: float) -> Iterator[str]:
    with os.scandir(top) as entries:
        for entry in entries:
            if monotonic() > until:
                raise StickError(
                    detail="there is too much on the stick to find what earlier exports may have left there"
                )
            if _PARTIAL.fullmatch(entry.name) and entry.is_dir(follow_symlinks=False):
                yield entry.path


class StickFiles:
    """The durable operations, of which reading back tells how it was done.

    Args:
        reading_back: called before the first file is read back.

    Attributes:
        past: the weakest way in which a file was read back; None before the first.
    """

    open_dir = staticmethod(durable.open_dir)
    make_dir = staticmethod(durable.make_dir)
    create = staticmethod(durable.create)
    set_time = staticmethod(durable.set_time)
    sync_files = staticmethod(durable.sync_files)
    publish = staticmethod(durable.publish)
    sync_dirs = staticmethod(durable.sync_dirs)

    def __init__(self, reading_back: Callable[[], object] = lambda: None) -> None:
        self.past: ReadBack | None = None
        self._reading_back = reading_back

    def read_back(self, path: Path) -> Iterator[memoryview]:
        """Yield the bytes of a synced file as the stick returns them.

        With O_DIRECT where the file system has it. Else the page cache is asked to drop the file
        (POSIX_FADV_DONTNEED), which it does for pages that are clean and not mapped, and mincore(2) says
        whether it did.
        """
        if self.past is None:
            self._reading_back()
        how, chunks = reading(path)
        order = list(ReadBack)
        self.past = how if self.past is None else max(self.past, how, key=order.index)
        yield from chunks


def reading(path: Path) -> tuple[ReadBack, Iterator[memoryview]]:
    """Open a synced file to read it back; say how that is done.

    Each view is valid until the next is asked for.

    Raises:
        OSError: it cannot be opened, or is no plain file.
    """
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
    # tmpfs takes O_DIRECT (Linux 6.6) and has nothing but memory: only a file that drops is on a device.
    fd = durable.open_to_read(path)
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise OSError(errno.EIO, "no plain file", str(path))
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        dropped = _resident(fd) == 0
    finally:
        os.close(fd)
    if not dropped:
        return ReadBack.CACHED, durable.read_back(path)
    try:
        os.close(os.open(path, flags | os.O_DIRECT))
    except OSError as error:
        if error.errno not in _NO_DIRECT:
            raise
        return ReadBack.DROPPED, durable.read_back(path)
    return ReadBack.DIRECT, durable.read_back(path)


def _resident(fd: int) -> int:
    """Return how many pages of a file are in the page cache (mincore(2))."""
    size = os.fstat(fd).st_size
    if size == 0:
        return 0
    pages = -(-size // mmap.PAGESIZE)
    found = ctypes.create_string_buffer(pages)
    try:
        # A private writable mapping, only so that Python lends its address; nothing is written to it.
        with mmap.mmap(fd, size, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ | mmap.PROT_WRITE) as mapped:
            anchor = ctypes.c_char.from_buffer(mapped)
            result = _libc.mincore(ctypes.addressof(anchor), size, found)
            del anchor
    except OSError:  # a file system without mappings: it has no pages that could be asked for
        return 0
    return 0 if result != 0 else sum(byte & 1 for byte in found.raw)


def _kind(path: Path) -> str:
    """Return the kernel's name of the file system at a path; empty if it is not said."""
    device = path.stat().st_dev
    name = f"{os.major(device)}:{os.minor(device)}"
    for line in _MOUNTS.read_text(encoding="utf-8", errors="replace").splitlines():
        mount, _, rest = line.partition(" - ")
        if mount.split(" ")[2:3] == [name]:
            return rest.split(" ")[0]
    return ""
