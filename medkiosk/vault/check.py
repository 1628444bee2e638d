"""What the vault's own files say about themselves, without keys and without the ledger.

Everything here is read as a stream: a store of hundreds of thousands of objects is checked in the memory
that a small one takes.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from medkiosk.vault.db import Database
from medkiosk.vault.envelope import MOVED_SIZE
from medkiosk.vault.keys import parts
from medkiosk.vault.reader import StoreReader
from medkiosk.vault.schema import COLUMNS, SCHEMA, row_digest

READ_ERRORS = (sqlite3.Error, UnicodeDecodeError, OverflowError)
"""What the methods of `StoreChecker` raise when the database is too damaged to be read to the end."""

_CACHE_KIB = 128 << 10
_HEADER, _VERSIONS, _WAL, _PAGES = 100, slice(18, 20), b"\x02\x02", slice(28, 32)
"""SQLite's file header: the write and the read version, 2 where the journal is a WAL; the number of pages."""
_TABLES = "SELECT name, sql FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
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


class Unfinished(NamedTuple):
    """A disposal that is not done: its step, and the epochs whose envelopes it is moving."""

    step: str
    epochs: frozenset[int]


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

    def __init__(self, root: Path, database: Database) -> None:
        super().__init__(root, database)
        database.forgive_text()
        # Ids are random, so every look-up is at another place of the index: let it stay in memory.
        database.rows(f"PRAGMA cache_size = -{_CACHE_KIB}")

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
        said += [f"the table {name} is not as it should be" for name in self._other_tables()]
        said += self._header()
        return [line for line in said if line != "ok"]

    def _header(self) -> Iterator[str]:
        """Check what SQLite lets pass (its file format, section 1.3)."""
        path = self.root / "vault.db"
        with path.open("rb") as file:
            header = file.read(_HEADER)
        if header[_VERSIONS] != _WAL:
            yield "its header is not that of a database in WAL mode"
        log = path.with_name(path.name + "-wal")
        if not (log.exists() and log.stat().st_size):
            pages, size = (int(self._db.rows(f"PRAGMA {name}")[0][0]) for name in ("page_count", "page_size"))
            if path.stat().st_size != pages * size or header[_PAGES] != pages.to_bytes(4, "big"):
                yield "it is not as long as its header says"

    def _other_tables(self) -> Iterator[str]:
        with contextlib.closing(sqlite3.connect(":memory:")) as fresh:
            fresh.executescript(SCHEMA)
            expected = dict(fresh.execute(_TABLES))
        there: dict[str, str] = dict(self._db.rows(_TABLES))
        for name in sorted(expected.keys() | there.keys()):
            if _plain(expected.get(name)) != _plain(there.get(name)):
                yield name

    def scan(self) -> Scan:
        """Read every row that has a digest; inside `reading` only."""
        scan = Scan()
        for table, columns in COLUMNS.items():
            key = columns.index("id") if "id" in columns else 0
            for *values, digest in self._db.each(f"SELECT {', '.join(columns)}, digest FROM {table}"):  # noqa: S608 -- names from COLUMNS only
                if not _is_digest(digest, table, values):
                    name = values[key]
                    scan.damaged.append((table, name.hex() if isinstance(name, bytes) else str(name)))
                if table == "records" and hashlib.sha256(_raw(values[5])).digest() != values[3]:
                    scan.changed.add(str(values[1]))
                elif table == "envelopes" and len(_raw(values[3])) == MOVED_SIZE:
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

    def disposing(self) -> list[Unfinished]:
        """Return the disposals that are not done."""
        rows = self._db.rows("SELECT step, plan FROM disposals WHERE step <> 'done'")
        return [Unfinished(str(step), _epochs(plan)) for step, plan in rows]

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


def _held(row: tuple[object, ...] | None) -> Held | None:
    if row is None:
        return None
    seq, kind, size, sealed_size, sha256, commitment, envelope = row
    return Held(
        seq=_number(seq),
        kind=str(kind),
        size=_number(size),
        sealed_size=_number(sealed_size),
        sha256=_raw(sha256),
        commitment=_raw(commitment),
        envelope=None if envelope is None else _raw(envelope),
    )


# A damaged database may give a value of any type, in spite of STRICT.


def _raw(value: object) -> bytes:
    return value if isinstance(value, bytes) else b""


def _number(value: object) -> int:
    return value if isinstance(value, int) else -1


def _is_digest(digest: object, table: str, values: list[Any]) -> bool:
    if any(not isinstance(value, (bytes, str, int)) for value in values):
        return False
    return row_digest(table, *values) == digest


def _plain(sql: object) -> str:
    return " ".join(str(sql).split())


def _epochs(plan: str) -> frozenset[int]:
    try:
        read = json.loads(plan)
        return frozenset([*map(int, read["doomed"]), int(read["into"])])
    except (ValueError, KeyError, TypeError):
        return frozenset()  # the row's digest says that it is damaged
