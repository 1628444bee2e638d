"""Read a memory card that is mounted as a directory. Runs in the source worker.

Every step goes through directory descriptors and follows no symbolic link, so that nothing outside the
card can be reached. Only regular files count; reading does not change access times where that is allowed.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from medkiosk.core.frames import CHUNK
from medkiosk.source.cardtree import CardTree, Found, opened_folder, translated
from medkiosk.source.medium import Medium
from medkiosk.source.model import DeviceInfo, SourceCode, SourceError
from medkiosk.source.protocol import RawEntry
from medkiosk.source.reading import bounded_folder, bounded_name

_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_MAY_NOT_DELETE = {
    errno.EROFS: SourceCode.READ_ONLY,
    errno.EPERM: SourceCode.PROTECTED,
    errno.EACCES: SourceCode.PROTECTED,
}


class CardReader:
    """One session with one card.

    Args:
        root: where the card is mounted.

    Raises:
        SourceError: there is no such directory, or it may not be read.
    """

    def __init__(self, root: Path) -> None:
        self._port = str(root)
        self._files: list[Found] = []
        self._buffer = bytearray(CHUNK)
        try:
            self._root = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except PermissionError as error:
            raise SourceError(SourceCode.DENIED) from error
        except OSError as error:
            raise SourceError(SourceCode.UNPLUGGED) from error
        self._device = os.fstat(self._root).st_dev
        self._medium = Medium(self._device)

    def info(self) -> DeviceInfo:
        """Return the directory; a card's file system says nothing more that could be relied on."""
        return DeviceInfo(kind="card", model="memory card", serial="", port=self._port)

    def entries(self) -> Iterator[RawEntry]:
        """List every regular file, and what could not be looked through; see `cardtree`."""
        self._files = []
        for index, found in enumerate(CardTree(self._root, self._medium).walk()):
            self._files.append(found)
            yield RawEntry(
                index=index,
                storage=b"card",
                folder=bounded_folder(found.folder),
                name=bounded_name(found.name),
                size=found.size,
                mtime=found.mtime_ns // 1_000_000_000,
                failure=found.failure or 0,
            )
        self._same_card()

    def blocks(self, index: int, limit: int | None = None) -> Iterator[memoryview]:
        """Read one file in blocks of `CHUNK` bytes; a file that was read whole leaves the page cache.

        So reading it again asks the card again, not this computer's memory.
        """
        file = self._readable(index)
        end = file.size if limit is None else min(limit, file.size)
        with self._opened_in_folder(file) as (_, descriptor):
            before = os.fstat(descriptor)
            if before.st_size != file.size:
                raise SourceError(SourceCode.CHANGED)
            yield from self._until(descriptor, end)
            if limit is None:
                if os.read(descriptor, 1):
                    raise SourceError(SourceCode.LONG)
                os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            after = os.fstat(descriptor)
            if _version(before) != _version(after):
                raise SourceError(SourceCode.CHANGED)  # half of one version, half of another
        self._same_card()

    def clock(self) -> None:
        """A card has no clock."""

    def set_clock(self, unix_seconds: int) -> None:  # noqa: ARG002 the interface's
        """Refuse: a card has no clock."""
        raise SourceError(SourceCode.UNSUPPORTED)

    def delete(self, index: int) -> None:
        """Unlink exactly the listed file and make that durable.

        The file is held open while its name is removed: afterwards it must be this one that lost a name.
        A file that the photographer protected in the camera (FAT's read-only attribute) is not deleted.
        An error may mean that it is deleted all the same (it could not be made durable): list again.
        """
        file = self._readable(index)
        with self._opened_in_folder(file) as (folder, descriptor):
            status = os.fstat(descriptor)
            now = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
            if now != (self._device, file.inode, file.size, file.mtime_ns):
                raise SourceError(SourceCode.CHANGED)
            if not status.st_mode & 0o222:
                read_only = os.fstatvfs(folder).f_flag & os.ST_RDONLY
                raise SourceError(SourceCode.READ_ONLY if read_only else SourceCode.PROTECTED)
            self._same_card()
            try:
                os.unlink(file.name, dir_fd=folder)
            except OSError as error:
                if error.errno in _MAY_NOT_DELETE:
                    raise SourceError(_MAY_NOT_DELETE[error.errno]) from error
                raise
            os.fsync(folder)
            if os.fstat(descriptor).st_nlink >= status.st_nlink:
                raise SourceError(SourceCode.UNREADABLE)  # the card says deleted, and the file says not

    def close(self) -> None:
        """Let the directory go, so that it can be unmounted."""
        os.close(self._root)

    def _same_card(self) -> None:
        """Believe nothing that was read if it may have come from another card."""
        if self._medium.has_changed():
            raise SourceError(SourceCode.UNPLUGGED)

    def _readable(self, index: int) -> Found:
        file = self._files[index]
        if file.failure is not None:
            raise SourceError(file.failure)
        return file

    def _until(self, descriptor: int, end: int) -> Iterator[memoryview]:
        buffer = memoryview(self._buffer)
        left = end
        while left:
            wanted = min(CHUNK, left)
            filled = 0
            while filled < wanted:
                got = os.readv(descriptor, [buffer[filled:wanted]])
                if got == 0:
                    raise SourceError(SourceCode.SHORT)
                filled += got
            yield buffer[:wanted]
            left -= wanted

    @contextmanager
    def _opened_in_folder(self, file: Found) -> Iterator[tuple[int, int]]:
        """Open a listed file; yields the descriptors of its folder and of itself. Translates errors."""
        try:
            with opened_folder(self._root, file.folder) as folder:
                try:
                    descriptor = os.open(file.name, _FILE | os.O_NOATIME, dir_fd=folder)
                except PermissionError:
                    descriptor = os.open(file.name, _FILE, dir_fd=folder)  # only an owner may ask for NOATIME
                try:
                    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                        raise SourceError(SourceCode.GONE)
                    yield folder, descriptor
                finally:
                    os.close(descriptor)
        except OSError as error:
            raise translated(error, self._medium) from error


def _version(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns
