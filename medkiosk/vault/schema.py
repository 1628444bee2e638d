"""The tables of vault.db, the rows that come out of them, and their digests (docs/format.md section 4)."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from medkiosk.vault.keys import parts

APPLICATION_ID = 0x6D6B736B
USER_VERSION = 2

SCHEMA = """
CREATE TABLE state (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    store_id TEXT NOT NULL,
    current_epoch INTEGER NOT NULL REFERENCES epochs (epoch),
    next_index INTEGER NOT NULL,
    generation INTEGER NOT NULL
) STRICT;
CREATE TABLE epochs (
    epoch INTEGER PRIMARY KEY,
    generation INTEGER NOT NULL,
    opened_at TEXT NOT NULL,
    public_key BLOB NOT NULL,
    wrapped_key BLOB NOT NULL,
    recovery_key BLOB NOT NULL,
    pin BLOB NOT NULL,
    digest BLOB NOT NULL
) STRICT;
CREATE TABLE escrow (
    name TEXT PRIMARY KEY,
    sealed BLOB NOT NULL,
    digest BLOB NOT NULL
) STRICT;
CREATE TABLE disposals (
    id TEXT PRIMARY KEY,
    step TEXT NOT NULL,
    plan TEXT NOT NULL,
    pin BLOB NOT NULL,
    digest BLOB NOT NULL
) STRICT;
CREATE TABLE slots (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    name_tag BLOB NOT NULL,
    params TEXT NOT NULL,
    salt BLOB NOT NULL,
    wrapped_master BLOB NOT NULL,
    digest BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX slots_by_name ON slots (kind, name_tag);
CREATE TABLE objects (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    size INTEGER NOT NULL,
    sealed_size INTEGER NOT NULL,
    sha256 BLOB NOT NULL,
    commitment BLOB NOT NULL,
    digest BLOB NOT NULL
) STRICT;
CREATE TABLE records (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    sha256 BLOB NOT NULL,
    commitment BLOB NOT NULL,
    sealed BLOB NOT NULL,
    digest BLOB NOT NULL
) STRICT;
CREATE TABLE envelopes (
    id TEXT PRIMARY KEY,
    what TEXT NOT NULL CHECK (what IN ('object', 'record')),
    epoch INTEGER NOT NULL REFERENCES epochs (epoch),
    envelope BLOB NOT NULL,
    digest BLOB NOT NULL
) STRICT;
CREATE TABLE seen (
    tag BLOB PRIMARY KEY,
    content BLOB NOT NULL,
    object_id TEXT NOT NULL REFERENCES objects (id),
    group_id TEXT NOT NULL,
    digest BLOB NOT NULL
) STRICT;
CREATE TABLE outbox (
    ledger_index INTEGER PRIMARY KEY,
    leaf BLOB NOT NULL
) STRICT;
"""

INDEXES = """
CREATE INDEX IF NOT EXISTS seen_by_content ON seen (content);
CREATE INDEX IF NOT EXISTS seen_by_object ON seen (object_id);
CREATE INDEX IF NOT EXISTS envelopes_by_epoch ON envelopes (epoch);
"""
"""Not part of the format: a writer makes what it wants to be fast."""

COLUMNS: dict[str, tuple[str, ...]] = {
    "epochs": ("epoch", "generation", "opened_at", "public_key", "wrapped_key", "recovery_key", "pin"),
    "escrow": ("name", "sealed"),
    "disposals": ("id", "step", "plan", "pin"),
    "slots": ("id", "kind", "name_tag", "params", "salt", "wrapped_master"),
    "objects": ("seq", "id", "kind", "size", "sealed_size", "sha256", "commitment"),
    "records": ("seq", "id", "kind", "sha256", "commitment", "sealed"),
    "envelopes": ("id", "what", "epoch", "envelope"),
    "seen": ("tag", "content", "object_id", "group_id"),
}
"""The columns of each table with digests, in the order in which they are digested."""


class ObjectRow(NamedTuple):
    """The facts about one object. ``sha256`` (of the blob) and ``commitment`` are 64 hexadecimal digits;
    ``epoch`` is None once the object was disposed of.
    """

    seq: int
    id: str
    kind: str
    size: int
    sealed_size: int
    sha256: str
    commitment: str
    epoch: int | None


class RecordRow(NamedTuple):
    """One sealed record with its envelope; ``epoch`` and ``envelope`` are None once it was disposed of."""

    seq: int
    id: str
    kind: str
    sha256: str
    commitment: str
    sealed: bytes
    epoch: int | None
    envelope: bytes | None


class SeenRow(NamedTuple):
    """A file that was imported before: two tags from `Vault.tag`, the object that holds it, and the group it
    belongs to (the id of its capture: files of the same shot that come later join it).
    """

    tag: bytes
    content: bytes
    object_id: str
    group_id: str = ""


def row_digest(table: str, *values: bytes | str | int) -> bytes:
    """Return the digest that a row of ``table`` carries; ``values`` in the order of `COLUMNS`.

    Raises:
        ValueError: not as many values as the table has columns.
    """
    if len(values) != len(COLUMNS[table]):
        raise ValueError(f"{table} has {len(COLUMNS[table])} digested columns")
    return hashlib.sha256(parts("medkiosk/row/v1", table, *values)).digest()


def insert(table: str) -> str:
    """Return the INSERT statement for a row of ``table`` with its digest."""
    columns = (*COLUMNS[table], "digest")
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"  # noqa: S608 -- names from COLUMNS only
