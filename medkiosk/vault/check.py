"""What the vault's own files say about themselves, without keys and without the ledger."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator
from typing import NamedTuple

from medkiosk.vault.reader import StoreReader
from medkiosk.vault.schema import COLUMNS, ObjectRow, row_digest


class RecordFacts(NamedTuple):
    """One record without its content: hashes are hexadecimal, ``actual`` is of the bytes that are there."""

    id: str
    kind: str
    sha256: str
    actual: str
    commitment: str


class Snapshot(NamedTuple):
    """The database at one instant.

    Attributes:
        store_id: the store's id.
        next_index: the ledger index that the next entry gets.
        outbox: entries that are promised to the ledger: (index, leaf).
        objects: facts by object id.
        records: facts by record id.
        envelopes: SHA-256 of the envelope (hex) by (``object`` or ``record``, id).
        damaged: (table, key) of rows whose digest is wrong.
        recovery_slots: how many there are.
        corrupt: what SQLite's own check says, empty if nothing.
    """

    store_id: str
    next_index: int
    outbox: list[tuple[int, bytes]]
    objects: dict[str, ObjectRow]
    records: dict[str, RecordFacts]
    envelopes: dict[tuple[str, str], str]
    damaged: list[tuple[str, str]]
    recovery_slots: int
    corrupt: list[str]


class StoreChecker(StoreReader):
    """A store opened to be checked."""

    def snapshot(self) -> Snapshot:
        """Read the whole database as it is at one instant.

        Raises:
            sqlite3.Error: it cannot be read to the end.
        """
        with self._db.reading():
            return Snapshot(
                store_id=self.store_id,
                next_index=self.next_index,
                outbox=self.outbox(),
                objects={row.id: row for row in self.objects()},
                records={facts.id: facts for facts in self._records()},
                envelopes=dict(self._envelopes()),
                damaged=list(self._damaged()),
                recovery_slots=sum(slot.kind == "recovery" for slot in self.slots()),
                corrupt=self._corrupt(),
            )

    def _corrupt(self) -> list[str]:
        said = [str(row[0]) for row in self._db.rows("PRAGMA integrity_check(20)")]
        said += [f"{row[0]} points to nothing" for row in self._db.rows("PRAGMA foreign_key_check")]
        return [line for line in said if line != "ok"]

    def _records(self) -> Iterator[RecordFacts]:
        for row in self.records():
            actual = hashlib.sha256(row.sealed).hexdigest()
            yield RecordFacts(row.id, row.kind, row.sha256, actual, row.commitment)

    def _envelopes(self) -> Iterator[tuple[tuple[str, str], str]]:
        for what, id_, envelope in self._db.each("SELECT what, id, envelope FROM envelopes"):
            yield (what, id_), hashlib.sha256(envelope).hexdigest()

    def _damaged(self) -> Iterator[tuple[str, str]]:
        for table, columns in COLUMNS.items():
            key = columns.index("id") if "id" in columns else 0
            for *values, digest in self._db.each(f"SELECT {', '.join(columns)}, digest FROM {table}"):  # noqa: S608 -- names from COLUMNS only
                if row_digest(table, *values) != digest:
                    yield table, str(values[key])


READ_ERRORS = (sqlite3.Error,)
"""What `StoreChecker.snapshot` raises when the database is too damaged to be read to the end."""
