"""Writes the files of a folder that is no bundle yet, and compares what the stick has with what was meant."""

from __future__ import annotations

import calendar
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import Protocol

from medkiosk.durable import BLOCK, TmpFile
from medkiosk.export.buffers import Block
from medkiosk.export.checks import Checks, Value
from medkiosk.export.errors import StickLiesError, on_stick
from medkiosk.export.manifest import Part
from medkiosk.export.manifest import part as described

_READERS = 2
"""Files that are read back side by side: one is checked while another comes from the stick."""


class Files(Protocol):
    """The durable operations needed here; `medkiosk.durable` is one, tests hand in ones that fail."""

    def open_dir(self, path: Path) -> int:
        """See `medkiosk.durable.open_dir`."""
        ...

    def make_dir(self, path: Path) -> None:
        """See `medkiosk.durable.make_dir`."""
        ...

    def create(self, path: Path) -> TmpFile:
        """See `medkiosk.durable.create`."""
        ...

    def set_time(self, path: Path, at: int) -> object:
        """See `medkiosk.durable.set_time`."""
        ...

    def sync_files(self, root_fd: int, files: Sequence[TmpFile]) -> None:
        """See `medkiosk.durable.sync_files`."""
        ...

    def publish(self, tmp: Path, final: Path) -> None:
        """See `medkiosk.durable.publish`."""
        ...

    def sync_dirs(self, root_fd: int, folders: Iterable[Path]) -> None:
        """See `medkiosk.durable.sync_dirs`."""
        ...

    def read_back(self, path: Path) -> Iterator[memoryview]:
        """See `medkiosk.durable.read_back`."""
        ...


class Folder:
    """The files of one folder, with what they must be.

    Args:
        path: the folder.
        root_fd: of the stick's top folder.
        files: the durable operations.
        checks: makes check values.
        day: every file and folder gets its midnight, UTC, as its times: they do not tell the hour.
    """

    def __init__(self, path: Path, root_fd: int, files: Files, checks: Checks, day: date) -> None:
        self._path = path
        self._root_fd = root_fd
        self._files = files
        self._checks = checks
        self._at = calendar.timegm(day.timetuple())
        self._dirs: list[Path] = []
        self._unsynced: list[TmpFile] = []
        self._written: list[tuple[Part, Value]] = []

    @property
    def parts(self) -> tuple[Part, ...]:
        """Every file so far."""
        return tuple(part for part, _ in self._written)

    @property
    def total(self) -> int:
        """Bytes of all files so far."""
        return sum(part.size for part in self.parts)

    def make_dirs(self, names: Iterable[str]) -> None:
        """Make the folder, and folders in it."""
        with on_stick():
            for path in (self._path, *(self._path / name for name in names)):
                self._files.make_dir(path)
                self._dirs.append(path)

    def add(self, name: str, data: bytes) -> None:
        """Write one small file; durable after `sync`."""
        check = self._checks.start()
        check.update(data)
        self.put(described(name, data), check.value(), data)

    def put(self, part: Part, check: Value, data: bytes | Block) -> None:
        """Write one file; durable after `sync`.

        Args:
            part: what it must be: its path, and hash and size of ``data``.
            check: what ``data`` was when it was hashed.
            data: what it holds. A block goes past the page cache as far as it can: it is read back soon, and
                not from there.
        """
        with on_stick():
            file = self._files.create(self._path / part.file)
            self._unsynced.append(file)
            if isinstance(data, Block):
                whole = data.size - data.size % BLOCK
                file.write_direct(data.view[:whole])
                file.write(data.view[whole:])
            else:
                file.write(data)
            self._files.set_time(file.path, self._at)
        self._written.append((part, check))

    def sync(self) -> None:
        """Return when what was written is on the device."""
        with on_stick():
            self._files.sync_files(self._root_fd, self._unsynced)
        self.close()

    def close(self) -> None:
        """Close what is open."""
        unsynced, self._unsynced = self._unsynced, []
        with on_stick():
            for file in unsynced:
                file.close()

    def finish(self, progress: Callable[[int], object]) -> None:
        """Sync what is left, then compare what the stick has with what was written.

        Only now, and not file by file while others are written: a stick that is smaller than it says writes
        later files over earlier ones.

        Args:
            progress: told how many files were compared.
        """
        self.sync()
        with on_stick():
            for path in self._dirs:
                self._files.set_time(path, self._at)
            self._files.sync_dirs(self._root_fd, self._dirs)
            with ThreadPoolExecutor(_READERS, "export") as readers:
                for number, _ in enumerate(readers.map(self._compare, self._written), 1):
                    progress(number)

    def _compare(self, written: tuple[Part, Value]) -> None:
        part, meant = written
        check = self._checks.again(meant)
        for chunk in self._files.read_back(self._path / part.file):
            check.update(chunk)
        if check.value() != meant:
            raise StickLiesError(detail=part.file)
