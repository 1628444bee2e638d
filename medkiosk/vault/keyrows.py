"""The rows that hold keys: epochs, slots, escrow (docs/format.md section 4)."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

from medkiosk.vault.db import Database
from medkiosk.vault.epochs import Epoch
from medkiosk.vault.schema import COLUMNS, insert, row_digest
from medkiosk.vault.slots import Slot

_EPOCH_COLUMNS = ", ".join(COLUMNS["epochs"])


def get_epochs(source: Database | sqlite3.Connection) -> list[Epoch]:
    """Return all epochs, oldest first."""
    sql = f"SELECT {_EPOCH_COLUMNS} FROM epochs ORDER BY epoch"  # noqa: S608 -- names from COLUMNS only
    rows = source.rows(sql) if isinstance(source, Database) else source.execute(sql).fetchall()
    return [Epoch(*row) for row in rows]


def put_epoch(tx: sqlite3.Connection, epoch: Epoch) -> None:
    """Insert an epoch with its digest, or replace the one of the same number."""
    columns = (*COLUMNS["epochs"], "digest")
    changes = ", ".join(f"{column} = excluded.{column}" for column in columns)
    tx.execute(
        f"{insert('epochs')} ON CONFLICT (epoch) DO UPDATE SET {changes}",
        (*epoch, row_digest("epochs", *epoch)),
    )


def put_escrow(tx: sqlite3.Connection, sealed: Mapping[str, bytes]) -> None:
    """Put the sealed lasting secrets in place of those that are there."""
    tx.execute("DELETE FROM escrow")
    for name, value in sealed.items():
        tx.execute(insert("escrow"), (name, value, row_digest("escrow", name, value)))


def put_slot(tx: sqlite3.Connection, slot: Slot) -> None:
    """Insert a slot with its digest."""
    tx.execute(insert("slots"), (*slot, row_digest("slots", *slot)))
