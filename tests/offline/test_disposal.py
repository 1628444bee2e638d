"""What the verifier says at each step of a disposal, and of a store that was tampered with after one."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from medkiosk.offline.verify import verify
from medkiosk.vault.disposal import Step
from tests.offline.conftest import Store
from tests.offline.disposer import Disposer
from tests.offline.test_verify import found
from tests.stores import device, reopen, seeded

NOTE = "A disposal is not finished"


@pytest.fixture
def disposer(store: Store, pristine: Store) -> Iterator[Disposer]:
    shutil.copytree(device(pristine.root).folder, device(store.root).folder)
    with reopen(store.root, random=seeded(9)) as vault:
        yield Disposer(store, vault, vault.unlock_recovery(store.shares))


def said(store: Store) -> tuple[list[str], bool]:
    report = verify(store.root, store.vkey)
    return [problem.code for problem in report.problems], any(NOTE in note for note in report.notes)


def test_every_step_of_a_disposal_is_no_damage(disposer: Disposer, store: Store, tmp_path: Path) -> None:
    gone = list(store.originals)[:2]
    running = disposer.begin(gone)
    assert said(store) == ([], True)
    disposer.vault.disposals.move(disposer.identity, running.plan, rows=3)  # a part of what stays
    assert said(store) == ([], True)
    for _ in range(2):
        running = disposer.step(running)
        assert said(store) == ([], True)
        half = tmp_path / running.step
        shutil.copytree(store.root, half)
        store.blob(gone[0]).unlink()  # as a crash in the middle of erasing leaves it
        assert said(store) == ([], True)
        shutil.copy(half / store.blob(gone[0]).relative_to(store.root), store.blob(gone[0]))
    assert disposer.step(running).step is Step.DONE
    assert said(store) == ([], False)
    # Another one, which takes what the first one moved.
    again = disposer.begin(store.others[:1], "e" * 32)
    disposer.vault.disposals.move(disposer.identity, again.plan, rows=3)
    assert said(store) == ([], True)
    while again.step is not Step.DONE:
        again = disposer.step(again)
    disposer.vault.close()
    report = verify(store.root, store.vkey)
    assert (report.problems, report.notes) == ((), ())
    assert report.objects == 8


def test_an_entry_that_is_only_promised_counts(disposer: Disposer, store: Store) -> None:
    running = disposer.step(disposer.begin(list(store.originals)[:1]), journal=disposer.vault.commit)
    assert running.step is Step.DESTROYING
    assert said(store) == ([], True)


def test_what_comes_back_after_a_disposal(disposer: Disposer, store: Store, tmp_path: Path) -> None:
    older = tmp_path / "older"
    shutil.copytree(store.root, older)
    one, two = list(store.originals)[:2]
    disposer.dispose([one])
    disposer.vault.close()
    assert found(store) == []

    shutil.copy(older / store.blob(one).relative_to(store.root), store.blob(one))
    assert found(store) == [("disposal.blob_left", one)]
    store.blob(one).unlink()

    store.sql("PRAGMA foreign_keys = OFF")
    with closing(sqlite3.connect(older / "vault.db")) as connection:
        [row] = connection.execute("SELECT * FROM envelopes WHERE id = ?", (one,))
    store.sql("INSERT INTO envelopes VALUES (?, ?, ?, ?, ?)", *row)
    codes = dict(found(store))
    assert codes["disposal.envelope_left"] == one
    store.sql("DELETE FROM envelopes WHERE id = ?", one)
    assert found(store) == []

    # An envelope that vanishes without an entry is damage, moved or not.
    store.sql("DELETE FROM envelopes WHERE id = ?", two)
    assert sorted(found(store)) == [("disposal.moved_changed", "2"), ("object.envelope_missing", two)]


def test_moved_envelopes_are_vouched_for(disposer: Disposer, store: Store) -> None:
    from medkiosk.vault.schema import row_digest

    one, two = list(store.originals)[:2]
    disposer.dispose([one])
    disposer.vault.close()
    forged = row_digest("envelopes", two, "object", 2, bytes(60))
    store.sql("UPDATE envelopes SET envelope = zeroblob(60), digest = ? WHERE id = ?", forged, two)
    assert found(store) == [("disposal.moved_changed", "2")]


def test_moved_envelopes_without_a_disposal(store: Store) -> None:
    store.sql("UPDATE envelopes SET envelope = zeroblob(60) WHERE id = ?", next(iter(store.originals)))
    assert ("disposal.moved_unvouched", "1") in found(store)


def test_the_state_and_the_escrow(store: Store) -> None:
    store.sql("UPDATE state SET generation = 7")
    assert found(store) == [("store.state", "")]
    store.sql("UPDATE state SET generation = 1")
    store.sql("DELETE FROM escrow WHERE name = 'ledger'")
    assert found(store) == [("escrow.missing", "ledger")]
    store.sql("UPDATE escrow SET sealed = zeroblob(1168) WHERE name = 'index'")
    assert ("row.damaged", "escrow/index") in found(store)
    store.sql("UPDATE epochs SET recovery_key = zeroblob(1264)")
    assert ("row.damaged", "epochs/1") in found(store)
