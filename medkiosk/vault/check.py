"""What the vault's own files say about themselves, without keys and without the ledger.

Everything here is read as a stream: a store of hundreds of thousands of objects is checked in the memory
that a small one takes.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from medkiosk.vault.envelope import MOVED_SIZE
from medkiosk.vault.keys import parts
from medkiosk.vault.reader import StoreReader
from medkiosk.vault.schema import COLUMNS, row_digest

READ_ERRORS = (sqlite3.Error,)
"""What the methods of `StoreChecker` raise when the database is too damaged to be read to the end."""

_CHUNK = 1 << 20
_OBJECT = (
    "SELECT seq, kind, size, sealed_size, sha256, commitment, envelope FROM objects o"
    " LEFT JOIN envelopes e ON e.id = o.id AND e.what = 'object' WHERE o.id = ?"
)
_RECORD = (
    "SELECT seq, kind, 0, 0, sha256, commitment, envelope FROM records r"
    " LEFT JOIN envelopes e ON e.id = r.id AND e.what = 'record' WHERE r.id = ?"
)


class Held(NamedTuple):
    """What the database says about one object or record; sizes are of objects only."""

    seq: int
    kind: str
    size: int
    sealed_size: int
    sha256: bytes
    commitment: bytes
    envelope: bytes | None


class Moving(NamedTuple):
    """A disposal that is not done: its step, and the epoch that it moves to (0 where that cannot be read)."""

    step: str
    into: int


@dataclass
class Scan:
    """What reading every row once gave.

    Attributes:
        damaged: (table, key) of rows whose digest is wrong.
        changed: ids of records whose sealed bytes are not those of their row.
        moved: epochs that hold moved envelopes.
    """

    damaged: list[tuple[str, str]] = field(default_factory=list)
    changed: set[str] = field(default_factory=set)
    moved: set[int] = field(default_factory=set)


class StoreChecker(StoreReader):
    """A store opened to be checked."""

    @contextlib.contextmanager
    def reading(self) -> Iterator[None]:
        """Let everything inside see the database as it is at one instant."""
        with self._db.reading():
            # The instant is that of the first statement.
            self._db.rows("SELECT next_index FROM state")
            yield

    def corrupt(self) -> list[str]:
        """Return what SQLite's own check says, nothing if nothing is wrong."""
        said = [str(row[0]) for row in self._db.rows("PRAGMA integrity_check(20)")]
        said += [f"{row[0]} points to nothing" for row in self._db.rows("PRAGMA foreign_key_check")]
        return [line for line in said if line != "ok"]

    def scan(self) -> Scan:
        """Read every row that has a digest; inside `reading` only."""
        scan = Scan()
        for table, columns in COLUMNS.items():
            key = columns.index("id") if "id" in columns else 0
            for *values, digest in self._db.each(f"SELECT {', '.join(columns)}, digest FROM {table}"):  # noqa: S608 -- names from COLUMNS only
                if row_digest(table, *values) != digest:
                    scan.damaged.append((table, str(values[key])))
                if table == "records" and hashlib.sha256(values[5]).digest() != values[3]:
                    scan.changed.add(str(values[1]))
                elif table == "envelopes" and len(values[3]) == MOVED_SIZE:
                    scan.moved.add(values[2])
        return scan

    def held_object(self, object_id: str) -> Held | None:
        """Return what there is about an object."""
        return _held(self._db.row(_OBJECT, (object_id,)))

    def held_record(self, record_id: str) -> Held | None:
        """Return what there is about a record."""
        return _held(self._db.row(_RECORD, (record_id,)))

    def has_envelope(self, id_: str) -> bool:
        """Tell whether an object or record can still be opened by whoever has the keys."""
        return self._db.row("SELECT 1 FROM envelopes WHERE id = ?", (id_,)) is not None

    def ids(self, table: str) -> Iterator[tuple[int, str]]:
        """Yield (seq, id) of every row of ``objects`` or ``records``; inside `reading` only."""
        yield from self._db.each(f"SELECT seq, id FROM {table} ORDER BY seq")  # noqa: S608 -- our own names

    def moved(self, epoch: int) -> tuple[int, str]:
        """Return how many moved envelopes an epoch holds, and the SHA-256 over all of them.

        docs/format.md section 5: over Parts(what, id, envelope) of each, in ascending order of id.
        """
        hash_, count = hashlib.sha256(), 0
        sql = "SELECT what, id, envelope FROM envelopes WHERE epoch = ? AND length(envelope) = ? ORDER BY id"
        for row in self._db.each(sql, (epoch, MOVED_SIZE)):
            hash_.update(parts(*row))
            count += 1
        return count, hash_.hexdigest()

    def disposing(self) -> list[Moving]:
        """Return the disposals that are not done."""
        rows = self._db.rows("SELECT step, plan FROM disposals WHERE step <> 'done'")
        return [Moving(str(step), _into(plan)) for step, plan in rows]

    def newest_generation(self) -> int:
        """Return the generation of the newest epoch, which is the store's but while a disposal moves keys."""
        return int(self._db.rows("SELECT max(generation) FROM epochs")[0][0] or 0)

    def escrowed(self) -> set[str]:
        """Return the names of the secrets that are sealed to the recovery key."""
        return {str(name) for (name,) in self._db.rows("SELECT name FROM escrow")}

    def promised(self) -> Iterator[tuple[int, bytes]]:
        """Yield the outbox in order, (ledger index, leaf); inside `reading` only."""
        for index, leaf in self._db.each("SELECT ledger_index, leaf FROM outbox ORDER BY ledger_index"):
            yield int(index), bytes(leaf)

    def pending(self) -> tuple[int, int]:
        """Return how many entries the outbox holds, and the index of the first: `next_index` where none."""
        count, first = self._db.rows("SELECT count(*), min(ledger_index) FROM outbox")[0]
        return int(count), self.next_index if first is None else int(first)


def sha256_of(path: Path) -> bytes:
    """Return the SHA-256 of a file as the device returns it, and leave nothing of it in the page cache.

    Raises:
        OSError: it is no plain file, or cannot be read.
    """
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_SEQUENTIAL)
        hash_ = hashlib.sha256()
        buffer = bytearray(_CHUNK)
        view = memoryview(buffer)
        while count := os.readv(fd, [buffer]):
            hash_.update(view[:count])
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        return hash_.digest()
    finally:
        os.close(fd)


def _held(row: tuple[object, ...] | None) -> Held | None:
    return None if row is None else Held(*row)  # type: ignore[arg-type]


def _into(plan: str) -> int:
    try:
        into = json.loads(plan)["into"]
    except (ValueError, KeyError, TypeError):
        return 0
    return into if isinstance(into, int) else 0
