"""A disk on which one call fails, in both ways: nothing happened, or it happened and was reported as failed.

The calls are the real ones of `medkiosk.durable`; this only lets one of them fail.
"""

from __future__ import annotations

import errno
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from medkiosk import durable
from medkiosk.durable import TmpFile


class FailingDisk:
    """The ``fail_at``-th call raises, counted from 1 over all calls; later ones work again."""

    def __init__(self, fail_at: int, *, persisted: bool, number: int = errno.EIO) -> None:
        self.calls = 0
        self._fail_at = fail_at
        self._persisted = persisted
        self._number = number

    @property
    def failed(self) -> bool:
        """Whether it came to that."""
        return self.calls >= self._fail_at

    def step(self) -> bool:
        self.calls += 1
        return self.calls == self._fail_at

    def error(self) -> OSError:
        return OSError(self._number, "injected")

    def create(self, path: Path) -> TmpFile:
        failing = self.step()
        if failing:
            if self._persisted:
                durable.create(path).close()
            raise self.error()
        real = durable.create(path)
        return _FailingFile(real, self)

    def sync_files(self, root_fd: int, files: Sequence[TmpFile]) -> None:
        if self.step():
            if not self._persisted:
                for file in files:
                    file.path.write_bytes(b"")  # what the cache held is lost
            raise self.error()
        durable.sync_files(root_fd, files)

    def publish(self, tmp: Path, final: Path) -> None:
        failing = self.step()
        if not failing or self._persisted:
            durable.publish(tmp, final)
        if failing:
            raise self.error()

    def sync_dirs(self, root_fd: int, folders: Iterable[Path]) -> None:
        if self.step():
            raise self.error()
        durable.sync_dirs(root_fd, folders)

    def read_back(self, path: Path) -> Iterator[memoryview]:
        if self.step():
            if not self._persisted:
                raise self.error()
            yield memoryview(b"other bytes than were written")
            return
        yield from durable.read_back(path)

    def write_atomic(self, path: Path, data: bytes) -> None:
        failing = self.step()
        if not failing or self._persisted:
            durable.write_atomic(path, data)
        if failing:
            raise self.error()

    def remove(self, path: Path) -> None:
        durable.remove(path)

    def destroy(self, path: Path) -> None:
        failing = self.step()
        if not failing or self._persisted:
            durable.destroy(path)
        if failing:
            raise self.error()


class _FailingFile(TmpFile):
    def __init__(self, real: TmpFile, disk: FailingDisk) -> None:
        super().__init__(real.path, real.fileno())
        self._disk = disk

    def write(self, data: bytes | bytearray | memoryview) -> None:
        failing = self._disk.step()
        if not failing or self._disk._persisted:
            super().write(data)
        if failing:
            raise self._disk.error()

    def write_direct(self, data: memoryview) -> None:
        failing = self._disk.step()
        if not failing or self._disk._persisted:
            super().write_direct(data)
        if failing:
            raise self._disk.error()
