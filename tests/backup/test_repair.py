"""What a verification names is put back from the drive, and nothing else is touched."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from medkiosk.ledger.sign import Signer
from medkiosk.offline.repair import NotRepaired, Repaired, repair
from medkiosk.offline.verify import verify
from tests.backup.kiosk import Scratch
from tests.vault.crash_worker import ORIGIN, SEED

VKEY = Signer(ORIGIN, SEED).vkey


@pytest.fixture
def scratch(tmp_path: Path) -> Scratch:
    scratch = Scratch(tmp_path, batches=2)
    scratch.back_up()
    return scratch


def a_blob(store: Path, number: int = 0) -> Path:
    return sorted(path for path in (store / "objects").rglob("*") if path.is_file())[number]


def sql(statement: str) -> Callable[[Path], None]:
    def damage(store: Path) -> None:
        with closing(sqlite3.connect(store / "vault.db")) as db:
            db.execute(statement)
            db.commit()

    return damage


def remove_blob(store: Path) -> None:
    a_blob(store).unlink()


def flip_blob(store: Path) -> None:
    data = bytearray(a_blob(store).read_bytes())
    data[-1] ^= 1
    a_blob(store).write_bytes(data)


def cut_blob(store: Path) -> None:
    a_blob(store).write_bytes(a_blob(store).read_bytes()[:-1])


def swap_blobs(store: Path) -> None:
    one, two = a_blob(store), a_blob(store, 5)
    first, second = one.read_bytes(), two.read_bytes()
    one.write_bytes(second)
    two.write_bytes(first)


def a_bundle(store: Path) -> Path:
    return next(path for path in (store / "ledger/tile/entries").rglob("*") if path.is_file())


def flip_entry(store: Path) -> None:
    data = bytearray(a_bundle(store).read_bytes())
    data[40] ^= 1
    a_bundle(store).write_bytes(data)


def remove_bundle(store: Path) -> None:
    a_bundle(store).unlink()


DAMAGE = [
    remove_blob,
    flip_blob,
    cut_blob,
    swap_blobs,
    flip_entry,
    remove_bundle,
    sql("UPDATE envelopes SET envelope = zeroblob(1168) WHERE rowid = 2"),
    sql("DELETE FROM envelopes WHERE rowid = 3"),
    sql("DELETE FROM envelopes WHERE what = 'record'"),
    sql("UPDATE objects SET size = size + 1 WHERE seq = 2"),
    sql("UPDATE records SET sealed = zeroblob(10)"),
    sql("DELETE FROM records"),
    sql("UPDATE epochs SET pin = zeroblob(32)"),
    sql("DELETE FROM escrow"),
]


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_is_repaired_from_the_drive(scratch: Scratch, damage: Callable[[Path], None]) -> None:
    before = {str(path): path.read_bytes() for path in scratch.path.rglob("*") if path.is_file()}
    damage(scratch.store)
    report = verify(scratch.store, VKEY)
    assert report.problems
    results = [repair(scratch.store, scratch.path / "store", one) for one in report.problems]
    assert any(isinstance(one, Repaired) for one in results), results
    for one in verify(scratch.store, VKEY).problems:  # what the first repair let the verifier see
        repair(scratch.store, scratch.path / "store", one)
    assert verify(scratch.store, VKEY).problems == ()
    assert {str(path): path.read_bytes() for path in scratch.path.rglob("*") if path.is_file()} == before
    assert not any((scratch.store / "tmp").iterdir())


def test_what_the_drive_does_not_have_is_said(scratch: Scratch) -> None:
    scratch.seal()
    with scratch.journal() as journal:
        last = list(journal.vault.objects())[-1].id
    (scratch.store / "objects" / last[:2] / last).unlink()
    [problem] = verify(scratch.store, VKEY).problems
    result = repair(scratch.store, scratch.path / "store", problem)
    assert isinstance(result, NotRepaired)
    assert "the drive does not have it" in result.reason


def test_a_damaged_copy_is_not_put_back(scratch: Scratch) -> None:
    remove_blob(scratch.store)
    [problem] = verify(scratch.store, VKEY).problems
    copy = scratch.path / "store/objects" / problem.subject[:2] / problem.subject
    copy.write_bytes(copy.read_bytes()[:-1] + b"?")
    result = repair(scratch.store, scratch.path / "store", problem)
    assert isinstance(result, NotRepaired)
    assert "not what was sealed" in result.reason
    assert not (scratch.store / "objects" / problem.subject[:2] / problem.subject).exists()
    assert not any((scratch.store / "tmp").iterdir())


def test_rows_are_left_alone_while_the_kiosk_runs(scratch: Scratch) -> None:
    with scratch.journal():
        sql("DELETE FROM envelopes WHERE rowid = 3")(scratch.store)
        [problem] = verify(scratch.store, VKEY).problems
        result = repair(scratch.store, scratch.path / "store", problem)
        assert isinstance(result, NotRepaired)
        assert "stop medkioskd" in result.reason
