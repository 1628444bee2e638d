"""What one commit holds, and its rows."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from medkiosk.vault.errors import EpochEndedError
from medkiosk.vault.schema import SeenRow, insert, row_digest
from medkiosk.vault.writer import PendingObject, PendingRecord


@dataclass(frozen=True)
class Batch:
    """What becomes true together, or not at all.

    Attributes:
        objects: from `ObjectWriter.finish`.
        records: from `Vault.seal_record`.
        leaves: ledger entries, canonical bytes, in order.
        seen: files that count as imported from now on.
        also: what else is done in the same transaction, before anything of this is there.
    """

    objects: Sequence[PendingObject] = ()
    records: Sequence[PendingRecord] = ()
    leaves: Sequence[bytes] = ()
    seen: Sequence[SeenRow] = field(default=(), repr=False)
    also: Callable[[sqlite3.Connection], None] | None = None


def insert_batch(tx: sqlite3.Connection, batch: Batch) -> None:
    """Insert everything that a batch holds, inside the caller's transaction.

    Raises:
        EpochEndedError: something in it is sealed to another epoch than the current one.
    """
    [current] = tx.execute("SELECT current_epoch FROM state").fetchone()
    check_epoch(batch, current)
    if batch.also is not None:
        batch.also(tx)
    for pending in batch.objects:
        seq = _next_seq(tx, "objects")
        facts = (
            seq,
            pending.id,
            pending.kind,
            pending.size,
            pending.sealed_size,
            bytes.fromhex(pending.sha256),
            bytes.fromhex(pending.commitment),
        )
        tx.execute(insert("objects"), (*facts, row_digest("objects", *facts)))
        _insert_envelope(tx, pending.id, "object", pending.epoch, pending.envelope)
    for record in batch.records:
        seq = _next_seq(tx, "records")
        sealed = (
            seq,
            record.id,
            record.kind,
            bytes.fromhex(record.sha256),
            bytes.fromhex(record.commitment),
            record.sealed,
        )
        tx.execute(insert("records"), (*sealed, row_digest("records", *sealed)))
        _insert_envelope(tx, record.id, "record", record.epoch, record.envelope)
    for row in batch.seen:
        tx.execute(
            f"{insert('seen')} ON CONFLICT (tag) DO UPDATE SET content = excluded.content,"
            " object_id = excluded.object_id, group_id = excluded.group_id, digest = excluded.digest",
            (*row, row_digest("seen", *row)),
        )
    for leaf in batch.leaves:
        tx.execute("INSERT INTO outbox SELECT next_index, ? FROM state", (leaf,))
        tx.execute("UPDATE state SET next_index = next_index + 1")


def check_epoch(batch: Batch, current: int) -> None:
    """Refuse a batch that is sealed to an epoch that ended: its keys may be about to be destroyed.

    Raises:
        EpochEndedError: something in it is.
    """
    epochs = {pending.epoch for pending in batch.objects} | {record.epoch for record in batch.records}
    if epochs - {current}:
        raise EpochEndedError


def _insert_envelope(tx: sqlite3.Connection, id_: str, what: str, epoch: int, sealed: bytes) -> None:
    tx.execute(
        insert("envelopes"), (id_, what, epoch, sealed, row_digest("envelopes", id_, what, epoch, sealed))
    )


def _next_seq(tx: sqlite3.Connection, table: str) -> int:
    [seq] = tx.execute(f"SELECT coalesce(max(seq), 0) + 1 FROM {table}").fetchone()  # noqa: S608 -- our own names
    return int(seq)
