"""The copy of vault.db on the drive: made whole, checked, and only then put in the place of the old one.

Written against docs/format.md section 4. Everything here is ciphertext, or public.
"""

from __future__ import annotations

import errno
import hashlib
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from medkiosk.backup.drive import DriveDisk
from medkiosk.backup.errors import DriveDamagedError, DriveLiesError, KioskDamagedError, KioskRolledBackError
from medkiosk.backup.source import Instant
from medkiosk.durable import TmpFile

_PAGES = 2048
"""Database pages copied at once: 8 MiB."""


class Blob(NamedTuple):
    """A sealed object's file: ``sha256`` of its bytes."""

    id: str
    size: int
    sha256: bytes


class Known(NamedTuple):
    """What the drive's database holds.

    Attributes:
        next_index: the ledger index of the next entry.
        outbox: the entries that may not be under the drive's checkpoint yet: (index, entry).
        last: the highest ``seq`` of objects and of records.
        counts: how many of each there are.
    """

    next_index: int
    outbox: tuple[tuple[int, bytes], ...]
    last: dict[str, int]
    counts: dict[str, int]


_NOTHING = Known(0, (), {"objects": 0, "records": 0}, {"objects": 0, "records": 0})


def known(path: Path) -> Known:
    """Read what an earlier run brought; a drive without a database knows nothing.

    Raises:
        DriveDamagedError: it cannot be read.
    """
    if not path.exists():
        return _NOTHING
    try:
        # Nobody changes it, so SQLite need not make files beside it.
        with closing(_open(path, "ro&immutable=1")) as db:
            [(next_index,)] = db.execute("SELECT next_index FROM state").fetchall()
            outbox = db.execute("SELECT ledger_index, leaf FROM outbox ORDER BY ledger_index").fetchall()
            last: dict[str, int] = {}
            counts: dict[str, int] = {}
            for table in ("objects", "records"):
                [(last[table], counts[table])] = db.execute(
                    f"SELECT coalesce(max(seq), 0), count(*) FROM {table}"  # noqa: S608 -- two names from above
                ).fetchall()
    except (sqlite3.Error, ValueError) as error:
        raise DriveDamagedError(detail=f"vault.db cannot be read ({error})") from error
    return Known(int(next_index), tuple((int(i), bytes(leaf)) for i, leaf in outbox), last, counts)


def check_extends(instant: Instant, drive: Known) -> None:
    """Check that the kiosk's store knows all that the drive's does.

    Raises:
        KioskRolledBackError: it does not.
        KioskDamagedError: it has lost rows, or its rows are damaged.
    """
    [(next_index,)] = instant.database.execute("SELECT next_index FROM state").fetchall()
    if next_index < drive.next_index:
        raise KioskRolledBackError(detail=f"it has {drive.next_index} events, the kiosk only {next_index}")
    promised = dict(instant.database.execute("SELECT ledger_index, leaf FROM outbox").fetchall())
    for index, leaf in drive.outbox:
        mine = next(instant.entries(index)) if index < instant.size else promised.get(index)
        if mine != leaf:
            raise KioskRolledBackError(detail=f"event {index} is another one")
    for table, last in drive.last.items():
        [(count,)] = instant.database.execute(
            f"SELECT count(*) FROM {table} WHERE seq <= ?",  # noqa: S608 -- names from `Known`
            (last,),
        ).fetchall()
        if count < drive.counts[table]:
            raise KioskDamagedError(detail=f"{drive.counts[table] - count} rows of {table} are missing")
    if damage := instant.damage():
        raise KioskDamagedError(detail=damage)


def blobs(db: sqlite3.Connection) -> Iterator[Blob]:
    """Yield every object that has not been disposed of, in the order of commitment."""
    yield from map(
        Blob._make,
        db.execute(
            "SELECT o.id, o.sealed_size, o.sha256 FROM objects o"
            " JOIN envelopes e ON e.id = o.id AND e.what = 'object' ORDER BY o.seq"
        ),
    )


def without_envelope(db: sqlite3.Connection) -> set[str]:
    """Return the ids of all objects and records that nobody can open."""
    return {
        id_
        for table, what in (("objects", "object"), ("records", "record"))
        for (id_,) in db.execute(
            f"SELECT t.id FROM {table} t LEFT JOIN envelopes e ON e.id = t.id AND e.what = ?"  # noqa: S608
            " WHERE e.id IS NULL",
            (what,),
        )
    }


def size(db: sqlite3.Connection) -> int:
    """Return how large a copy is, bytes."""
    [(pages,)] = db.execute("PRAGMA page_count").fetchall()
    [(page,)] = db.execute("PRAGMA page_size").fetchall()
    return int(pages) * int(page)


def copy(instant: Instant, since: int, path: Path, going: Callable[[], None]) -> None:
    """Make the drive's database as a new file, and check it. Not durable yet: see `make_durable`.

    Args:
        instant: the kiosk's store.
        since: how many entries the drive's checkpoint covers; from there on they go to the outbox.
        path: the file to make.
        going: called now and then; raises to stop.

    Raises:
        KioskDamagedError: SQLite finds fault with it.
        OSError: the drive does not take it.
    """
    path.touch(mode=0o600, exist_ok=False)
    try:
        with closing(_open(path, "rw")) as db:
            db.execute("PRAGMA locking_mode = EXCLUSIVE")  # no shared memory, which not every drive can map
            _without_journal(db)
            instant.database.backup(db, pages=_PAGES, progress=lambda *_: going())
            _without_journal(db)  # what was copied said that there is one
            _adapt(db, instant, since)
            said = [row[0] for row in db.execute("PRAGMA integrity_check(5)")]
            said += [f"{row[0]} points to nothing" for row in db.execute("PRAGMA foreign_key_check")]
            if said != ["ok"]:
                raise KioskDamagedError(detail=f"vault.db: {said[0]}")
            [(mode,)] = db.execute("PRAGMA journal_mode = WAL").fetchall()
            if mode != "wal":  # how this PRAGMA tells that the header could not be written
                raise OSError(errno.EIO, "the database's header was not written", str(path))
    except sqlite3.OperationalError as error:
        raise _as_os_error(error, path) from error
    except sqlite3.DatabaseError as error:
        raise KioskDamagedError(detail=f"vault.db: {error}") from error


def make_durable(path: Path, root_fd: int, disk: DriveDisk) -> None:
    """Sync a file that was made without `medkiosk.durable`, and read it back from the device.

    Raises:
        DriveLiesError: other bytes come back.
        OSError: it is not on the device.
    """
    with path.open("rb") as file:
        expected = hashlib.file_digest(file, "sha256").digest()
    synced = TmpFile(path, os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC))
    try:
        disk.sync_files(root_fd, [synced])
    finally:
        synced.close()
    digest = hashlib.sha256()
    for piece in disk.read_back(path):
        digest.update(piece)
    if digest.digest() != expected:
        raise DriveLiesError(detail="vault.db")


def _adapt(db: sqlite3.Connection, instant: Instant, since: int) -> None:
    db.execute("PRAGMA secure_delete = ON")
    db.execute("BEGIN")
    db.execute("DELETE FROM slots WHERE kind <> 'recovery'")
    db.executemany(
        "INSERT OR IGNORE INTO outbox VALUES (?, ?)", enumerate(instant.entries(since), start=since)
    )
    db.execute("COMMIT")


def _without_journal(db: sqlite3.Connection) -> None:
    # A copy that fails is thrown away, so there is nothing to roll back to.
    db.execute("PRAGMA journal_mode = OFF")
    db.execute("PRAGMA synchronous = OFF")


def _open(path: Path, mode: str) -> sqlite3.Connection:
    uri = f"file:{quote(str(path.absolute()))}?mode={mode}"
    return sqlite3.connect(uri, uri=True, isolation_level=None)


def _as_os_error(error: sqlite3.OperationalError, path: Path) -> OSError:
    full = error.sqlite_errorcode == sqlite3.SQLITE_FULL
    read_only = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_READONLY
    number = errno.ENOSPC if full else errno.EROFS if read_only else errno.EIO
    return OSError(number, os.strerror(number) if full or read_only else str(error), str(path))
