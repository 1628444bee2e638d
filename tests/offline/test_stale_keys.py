"""A drive that was last plugged in before a key was replaced does not bring the old key back."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest

from medkiosk.offline.mend import Mended, mend
from medkiosk.vault.batch import Batch
from tests.offline.conftest import Store, fill, leaf
from tests.offline.disposer import Disposer
from tests.stores import CHEAP, ESCROW, reopen, seeded


class Rig:
    """A store with a person, and a drive that was complete at that moment."""

    def __init__(self, folder: Path) -> None:
        self.store: Store = fill(folder / "store")
        with (
            reopen(self.store.root, random=seeded(3)) as vault,
            vault.unlock_recovery(self.store.shares) as identity,
        ):
            identity.add_user_slot("anna", "a passphrase", params=CHEAP, allow_weak=True)
        self.drive = folder / "drive"
        shutil.copytree(self.store.root, self.drive)

    def later(self, what: str) -> None:
        """Something that replaces keys, with its entry as the daemon writes it."""
        with reopen(self.store.root, random=seeded(4)) as vault:
            identity = vault.unlock_recovery(self.store.shares)
            disposer = Disposer(self.store, vault, identity)
            if what == "disposal":
                disposer.dispose([next(iter(self.store.originals))])
                return
            if what == "recovery.replaced":
                identity.replace_recovery(ESCROW)
            elif what == "account.slot_changed":
                identity.replace_user_slot("anna", "another", params=CHEAP, allow_weak=True)
            disposer.journal(Batch(leaves=[leaf(what, 50)]))

    def damage(self, table: str, where: str) -> str:
        """Damage the digest of a row; returns the key of the row."""
        key = {"epochs": "epoch", "slots": "id", "escrow": "name"}[table]
        with sqlite3.connect(self.store.root / "vault.db") as db:
            [(found,)] = db.execute(f"SELECT {key} FROM {table} WHERE {where} LIMIT 1")
            db.execute(f"UPDATE {table} SET digest = zeroblob(32) WHERE {key} = ?", (found,))
        db.close()
        return str(found)

    def swap(self, table: str, key: str, old: str, new: str) -> None:
        """Let the row have the key under which the drive has its own."""
        with sqlite3.connect(self.store.root / "vault.db") as db:
            db.execute(f"UPDATE {table} SET {key} = ? WHERE {key} = ?", (new, old))
        db.close()

    def mend(self) -> Mended:
        return mend(self.store.root, self.store.vkey, self.drive)


ROWS = {
    "epochs": ("epochs", "epoch = (SELECT max(epoch) FROM epochs)"),
    "sheets": ("slots", "kind = 'recovery'"),
    "escrow": ("escrow", "name = 'index'"),
    "person": ("slots", "kind = 'passphrase'"),
}


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path)


@pytest.mark.parametrize("row", list(ROWS))
def test_what_is_still_in_force_comes_back(rig: Rig, row: str) -> None:
    rig.later("kiosk.started")
    rig.damage(*ROWS[row])
    mended = rig.mend()
    assert (mended.not_repaired, len(mended.repaired)) == ((), 1)
    assert mended.report.ok


@pytest.mark.parametrize(
    ("row", "since", "reason"),
    [
        ("epochs", "recovery.replaced", "the recovery sheets were replaced"),
        ("escrow", "recovery.replaced", "the recovery sheets were replaced"),
        ("sheets", "recovery.replaced", "the recovery sheets were replaced"),
        ("person", "account.slot_changed", "passphrase or account was changed"),
        ("person", "account.closed", "passphrase or account was changed"),
        ("epochs", "disposal", "older"),
    ],
)
def test_what_was_replaced_since_does_not(rig: Rig, row: str, since: str, reason: str) -> None:
    rig.later(since)
    table, where = ROWS[row]
    subject = rig.damage(table, where)
    with sqlite3.connect(rig.drive / "vault.db") as db:
        key = {"epochs": "epoch", "slots": "id", "escrow": "name"}[table]
        [(theirs,)] = db.execute(f"SELECT {key} FROM {table} WHERE {where} LIMIT 1")
    db.close()
    if table == "slots" and subject != str(theirs):
        # Whoever damages the row can give it the name under which the drive has the old one.
        rig.swap("slots", "id", subject, str(theirs))
    before = contents(rig)
    mended = rig.mend()
    assert mended.repaired == ()
    # After a disposal the drive does not even have the epoch that is in force.
    expected = "does not have it" if since == "disposal" else reason
    assert any(expected in one.reason for one in mended.not_repaired)
    assert contents(rig) == before


def test_a_ledger_that_cannot_be_read_proves_nothing(rig: Rig) -> None:
    rig.later("kiosk.started")
    rig.damage(*ROWS["person"])
    (rig.store.root / "ledger/checkpoint").write_bytes(b"")
    reasons = [one.reason for one in rig.mend().not_repaired]
    assert any("nobody can tell" in reason for reason in reasons)


def contents(rig: Rig) -> list[object]:
    with sqlite3.connect(rig.store.root / "vault.db") as db:
        found: list[object] = [
            db.execute(f"SELECT * FROM {table}").fetchall() for table in ("epochs", "slots")
        ]
    db.close()
    return found
