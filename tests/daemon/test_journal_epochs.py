"""What is sealed while a disposal opens a new epoch."""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from medkiosk.core.events import LoggedOut
from medkiosk.core.ids import KIOSK
from medkiosk.core.lifecycle import RecoveryReplaced
from medkiosk.daemon import keysthere
from medkiosk.daemon.board import Board
from medkiosk.journal import Fact, JournalStoppedError, OutOfDateError
from medkiosk.ledger import entry
from medkiosk.vault.epochs import MAX_AGE
from medkiosk.vault.errors import WrongSharesError
from tests.daemon.test_journal import KEY, Rig
from tests.stores import ESCROW, clock, reopen


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = Rig(tmp_path / "store")
    made.create()
    yield made
    made.vault.close()


def test_what_was_sealed_to_an_epoch_that_ended_is_sealed_again(rig: Rig) -> None:
    journal, vault = rig.journal, rig.vault
    event = LoggedOut(at=journal.now(), actor=KIOSK, reason="before")
    journal.commit([Fact(event)])
    [before] = [row.id for row in vault.records()]
    writer = vault.start("original")
    writer.write(b"a photograph")
    pending = writer.finish()
    with vault.unlock_recovery(rig.shares) as identity:
        running = vault.disposals.begin(identity, "d" * 32, [before])
        journal.commit([Fact(event, objects=[pending])])
        row = vault.object(pending.id)
        assert row is not None
        assert row.epoch == running.plan.into
        assert b"".join(vault.read_object(pending.id, identity.open_key(pending.id))) == b"a photograph"
        [(envelope,)] = sqlite3.connect(rig.root / "vault.db").execute(
            "SELECT envelope FROM envelopes WHERE id = ?", (pending.id,)
        )
    leaf = entry.decode(journal.log.entry(1))
    assert leaf.objects[0].envelope == hashlib.sha256(envelope).hexdigest()


def types(rig: Rig) -> list[str]:
    log = rig.journal.log
    return [entry.decode(log.entry(index)).type for index in range(log.size)]


def test_a_crash_after_a_new_epoch_loses_neither_it_nor_its_event(rig: Rig) -> None:
    rig.vault.close()
    rig.vault = reopen(rig.root, index_key=KEY, random=os.urandom, clock=lambda: clock() + 2 * MAX_AGE)
    rig._open_log()
    board = Board()
    with rig.vault.unlock_recovery(rig.shares) as identity:
        rig.journal.guards.append(lambda _: "not now")
        keysthere.rotate(identity, rig.journal, board)
        assert (rig.vault.current_epoch, types(rig)) == (1, [])
        assert "overtaken" in board.status.problems[0]
        rig.journal.guards.clear()
        rig.break_ledger()  # as a crash right after the vault's transaction
        keysthere.rotate(identity, rig.journal, board)
    assert rig.vault.current_epoch == 2
    assert rig.reopen() == 1
    assert (rig.vault.current_epoch, types(rig)) == (2, ["epoch.opened"])
    with rig.vault.unlock_recovery(rig.shares) as identity:
        [row] = rig.vault.records()
        assert b'"reason":"age"' in identity.open_record(row)


def test_a_crash_after_new_sheets_loses_neither_them_nor_their_event(rig: Rig) -> None:
    event = RecoveryReplaced(at=rig.journal.now(), actor=KIOSK)
    with rig.vault.unlock_recovery(rig.shares) as identity:
        slot, words = identity.prepare_recovery()
        rig.journal.guards.append(lambda _: "not now")
        with pytest.raises(OutOfDateError):
            identity.put_recovery(slot, ESCROW, lambda change: rig.journal.commit([Fact(event)], also=change))
        rig.vault.unlock_recovery(rig.shares).close()
        rig.journal.guards.clear()
        rig.break_ledger()
        with pytest.raises(JournalStoppedError):
            identity.put_recovery(slot, ESCROW, lambda change: rig.journal.commit([Fact(event)], also=change))
    assert rig.reopen() == 1
    assert types(rig) == ["recovery.replaced"]
    rig.vault.unlock_recovery(words).close()
    with pytest.raises(WrongSharesError):
        rig.vault.unlock_recovery(rig.shares)
