"""What is sealed while a disposal opens a new epoch."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from medkiosk.core.events import LoggedOut
from medkiosk.core.ids import KIOSK
from medkiosk.journal import Fact
from medkiosk.ledger import entry
from tests.daemon.test_journal import Rig


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
