"""A disk on which one call fails, in both ways: nothing happened, or it happened and was reported as failed.

The calls are the real ones of `medkiosk.durable`; this only lets one of them fail.
"""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, cast

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


class FailingCommits:
    """The ``at``-th COMMIT, from 1 over all connections, is carried out or not and reported as failed."""

    def __init__(self, at: int, *, persisted: bool) -> None:
        self.commits = 0
        self._at = at
        self._persisted = persisted

    @property
    def failed(self) -> bool:
        """Whether it came to that."""
        return self.commits >= self._at

    def on(self, real: sqlite3.Connection) -> sqlite3.Connection:
        """The same connection, with this fault."""
        return cast("sqlite3.Connection", _FailingConnection(real, self))

    def commit(self, real: sqlite3.Connection) -> sqlite3.Cursor:
        self.commits += 1
        if self.commits != self._at:
            return real.execute("COMMIT")
        real.execute("COMMIT" if self._persisted else "ROLLBACK")
        raise sqlite3.OperationalError("disk I/O error")


class _FailingConnection:
    def __init__(self, real: sqlite3.Connection, commits: FailingCommits) -> None:
        self._real = real
        self._commits = commits

    def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
        return self._commits.commit(self._real) if sql == "COMMIT" else self._real.execute(sql, *values)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)
