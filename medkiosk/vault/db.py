"""The connection to vault.db: one, guarded by a lock, WAL, every commit on the device before it returns."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from medkiosk.vault.errors import VaultFormatError
from medkiosk.vault.schema import APPLICATION_ID, INDEXES, SCHEMA, USER_VERSION

Row = tuple[Any, ...]


class CommitUnknownError(Exception):
    """COMMIT raised: the transaction may or may not be on the device."""


class Database:
    """Statements and transactions, from any thread, one at a time."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._lock = threading.RLock()

    @classmethod
    def create(cls, path: Path) -> Database:
        """Make an empty database; ``path`` is an empty file that exists (so its mode is right)."""
        database = cls(_connect(path, "rw"))
        connection = database._connection
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        if connection.execute("PRAGMA journal_mode = WAL").fetchall() != [("wal",)]:
            # How this PRAGMA tells that the header could not be written.
            raise sqlite3.OperationalError("the database's header was not written")
        _harden(connection)
        connection.executescript(f"BEGIN; {SCHEMA} PRAGMA user_version = {USER_VERSION}; COMMIT;")
        return database

    @classmethod
    def open(cls, path: Path, *, writable: bool, in_use: bool = True) -> Database:
        """Open a database that is there.

        Args:
            path: the database.
            writable: to write to it.
            in_use: whether a writer may have it open. If none has, and it was closed in good order, it is
                read without touching the folder, so that a read-only medium is fine.

        Raises:
            VaultFormatError: it is not the database of a store of this version, or cannot be read.
        """
        try:
            wal = path.with_name(path.name + "-wal")
            complete = not in_use and not (wal.exists() and wal.stat().st_size)
            # SQLite makes files beside a WAL database even to read it, unless told that nobody changes it.
            reading = "ro&immutable=1" if complete else "ro"
            connection = _open_checked(path, "rw" if writable else reading)
        except (sqlite3.Error, UnicodeDecodeError) as error:
            raise VaultFormatError(path=path.parent, detail=f"vault.db cannot be read ({error})") from error
        if writable:
            _harden(connection)
            with contextlib.suppress(sqlite3.OperationalError):  # a full disk: slower, and nothing else
                connection.executescript(INDEXES)  # stores made before there was one get it now
        return cls(connection)

    def forgive_text(self) -> None:
        """Read text that is no UTF-8 with marks in the place of what is wrong, to say which row it is in."""
        self._connection.text_factory = lambda raw: raw.decode("utf-8", "replace")

    def rows(self, sql: str, values: tuple[object, ...] = ()) -> list[Row]:
        """Run one reading statement."""
        with self._lock:
            return self._connection.execute(sql, values).fetchall()

    def row(self, sql: str, values: tuple[object, ...] = ()) -> Row | None:
        """Run one reading statement that gives one row or none."""
        with self._lock:
            found: Row | None = self._connection.execute(sql, values).fetchone()
            return found

    def each(self, sql: str, values: tuple[object, ...] = ()) -> Iterator[Row]:
        """Yield the rows of one reading statement without holding all of them; inside `reading` only."""
        yield from self._connection.execute(sql, values)

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Let all statements inside see the database as it is at the first of them."""
        with self._lock:
            self._connection.execute("BEGIN")
            try:
                yield
            finally:
                self._connection.rollback()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Run what is inside as one transaction, durable when the block ends.

        Raises:
            CommitUnknownError: COMMIT itself failed. Any other exception means that nothing happened.
        """
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.rollback()
                raise
            try:
                self._connection.execute("COMMIT")
            except sqlite3.Error as error:
                if self._connection.in_transaction:
                    self._connection.rollback()
                raise CommitUnknownError(str(error)) from error

    def truncate_log(self) -> bool:
        """Merge the log into the database and empty it, so that no deleted page lies in it; whether it is.

        It is not while another connection reads from it.
        """
        with self._lock:
            [busy, _, _] = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return not busy

    def close(self) -> None:
        """Close; the log is merged into the database file first."""
        with self._lock:
            self._connection.close()


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    uri = f"file:{quote(str(path.absolute()))}?mode={mode}"
    return sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False, timeout=10)


def _harden(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA secure_delete = ON")
    connection.execute("PRAGMA foreign_keys = ON")
    # A log that grew is cut back at the next checkpoint, so that old pages do not linger in it.
    connection.execute("PRAGMA journal_size_limit = 0")


def _open_checked(path: Path, mode: str) -> sqlite3.Connection:
    connection = _connect(path, mode)
    try:
        [application_id] = connection.execute("PRAGMA application_id").fetchone()
        [version] = connection.execute("PRAGMA user_version").fetchone()
        if (application_id, version) != (APPLICATION_ID, USER_VERSION):
            raise VaultFormatError(
                path=path.parent, detail=f"vault.db has version {version}, this program knows {USER_VERSION}"
            )
        connection.execute("SELECT * FROM state").fetchall()
    except BaseException:
        connection.close()
        raise
    return connection
