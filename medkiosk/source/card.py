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
from typing import NamedTuple

from medkiosk.core.frames import CHUNK
from medkiosk.source.model import MAX_ENTRIES, DeviceInfo, SourceCode, SourceError
from medkiosk.source.protocol import RawEntry
from medkiosk.source.reading import MAX_DEPTH, bounded_folder, bounded_name

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC

_CODES: dict[int, SourceCode] = {
    errno.ENOENT: SourceCode.GONE,
    errno.ENOTDIR: SourceCode.GONE,
    errno.ELOOP: SourceCode.GONE,
    errno.ENODEV: SourceCode.UNPLUGGED,
    errno.ENXIO: SourceCode.UNPLUGGED,
    errno.ENOMEDIUM: SourceCode.UNPLUGGED,
    errno.ESTALE: SourceCode.UNPLUGGED,
}


class _File(NamedTuple):
    folder: tuple[bytes, ...]
    name: bytes
    size: int
    failure: SourceCode | None


class CardReader:
    """One session with one card.

    Args:
        root: where the card is mounted.

    Raises:
        SourceError: there is no such directory, or it may not be read.
    """

    def __init__(self, root: Path) -> None:
        self._port = str(root)
        self._files: list[_File] = []
        self._buffer = bytearray(CHUNK)
        try:
            self._root = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except PermissionError as error:
            raise SourceError(SourceCode.DENIED) from error
        except OSError as error:
            raise SourceError(SourceCode.UNPLUGGED) from error

    def info(self) -> DeviceInfo:
        """Return the directory; a card's file system says nothing more that could be relied on."""
        return DeviceInfo(kind="card", model="memory card", serial="", port=self._port)

    def entries(self) -> Iterator[RawEntry]:
        """List every regular file, folder by folder, in the order of the names' bytes."""
        self._files = []
        yield from self._walk(())

    def blocks(self, index: int, limit: int | None = None) -> Iterator[memoryview]:
        """Read one file in blocks of `CHUNK` bytes."""
        file = self._files[index]
        if file.failure is not None:
            raise SourceError(file.failure)
        end = file.size if limit is None else min(limit, file.size)
        with self._opened(file) as descriptor:
            try:
                before = os.fstat(descriptor)
                if before.st_size != file.size:
                    raise SourceError(SourceCode.CHANGED)
                yield from self._until(descriptor, end)
                if limit is None and os.read(descriptor, 1):
                    raise SourceError(SourceCode.LONG)
                after = os.fstat(descriptor)
                if (before.st_mtime_ns, before.st_ctime_ns) != (after.st_mtime_ns, after.st_ctime_ns):
                    raise SourceError(SourceCode.CHANGED)  # half of one version, half of another
            except OSError as error:
                raise _translated(error) from error

    def close(self) -> None:
        """Let the directory go, so that it can be unmounted."""
        os.close(self._root)

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

    def _walk(self, folder: tuple[bytes, ...]) -> Iterator[RawEntry]:
        if len(folder) > MAX_DEPTH:
            raise SourceError(SourceCode.TOO_MANY)
        folders: list[bytes] = []
        try:
            with self._folder(folder) as descriptor:
                with os.scandir(descriptor) as found:
                    ordered = sorted(found, key=lambda entry: os.fsencode(entry.name))
                for entry in ordered:
                    name = os.fsencode(entry.name)
                    try:
                        status = entry.stat(follow_symlinks=False)
                    except OSError as error:
                        yield self._unreadable(folder, name, error)
                        continue
                    if stat.S_ISDIR(status.st_mode):
                        folders.append(name)
                    elif stat.S_ISREG(status.st_mode):
                        yield self._entry(_File(folder, name, status.st_size, None), int(status.st_mtime))
        except OSError as error:
            if not folder:
                raise _translated(error) from error
            yield self._unreadable(folder[:-1], folder[-1], error)
        for name in folders:
            yield from self._walk((*folder, name))

    def _unreadable(self, folder: tuple[bytes, ...], name: bytes, error: OSError) -> RawEntry:
        """List what could not be looked at, so that nobody thinks that the whole card was imported."""
        failure = _translated(error)
        if failure.ends_session:
            raise failure from error
        return self._entry(_File(folder, name, 0, failure.reason), 0)

    def _entry(self, file: _File, mtime: int) -> RawEntry:
        if len(self._files) == MAX_ENTRIES:
            raise SourceError(SourceCode.TOO_MANY)
        self._files.append(file)
        return RawEntry(
            index=len(self._files) - 1,
            storage=b"card",
            folder=bounded_folder(file.folder),
            name=bounded_name(file.name),
            size=file.size,
            mtime=mtime,
            failure=file.failure or 0,
        )

    @contextmanager
    def _folder(self, folder: tuple[bytes, ...]) -> Iterator[int]:
        descriptor = os.dup(self._root)
        try:
            for component in folder:
                inner = os.open(component, _FOLDER, dir_fd=descriptor)
                os.close(descriptor)
                descriptor = inner
            yield descriptor
        finally:
            os.close(descriptor)

    @contextmanager
    def _opened(self, file: _File) -> Iterator[int]:
        try:
            with self._folder(file.folder) as folder:
                try:
                    descriptor = os.open(file.name, _FILE | os.O_NOATIME, dir_fd=folder)
                except PermissionError:
                    descriptor = os.open(file.name, _FILE, dir_fd=folder)  # only an owner may ask for NOATIME
        except OSError as error:
            raise _translated(error) from error
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise SourceError(SourceCode.GONE)
            yield descriptor
        finally:
            os.close(descriptor)


def _translated(error: OSError) -> SourceError:
    return SourceError(_CODES.get(error.errno or 0, SourceCode.UNREADABLE))
