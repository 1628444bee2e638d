"""The vault's part of a disposal, step by step, on a real store."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from medkiosk.core import canon
from medkiosk.core.errors import KioskError
from medkiosk.devicesecret import DeviceSecretLostError
from medkiosk.vault.batch import Batch
from medkiosk.vault.disposal import DisposalOrderError, DisposalRunsError, PlanChangedError, Running, Step
from medkiosk.vault.errors import DisposedError, EpochEndedError, VaultDamagedError, VaultStoppedError
from medkiosk.vault.identity import Identity
from medkiosk.vault.schema import SeenRow, row_digest
from medkiosk.vault.store import Vault
from tests.stores import CHEAP, create, device, reopen, seeded

USER, PASSPHRASE = "anna", "correct horse battery"


@dataclass
class Stored:
    root: Path
    vault: Vault
    identity: Identity
    shares: list[str]
    objects: list[str] = field(default_factory=list)
    records: list[str] = field(default_factory=list)

    def seal(self, content: bytes) -> tuple[str, str]:
        writer = self.vault.start("original")
        writer.write(content)
        pending = writer.finish()
        record = self.vault.seal_record("event", b"about " + content)
        tag = self.vault.tag(content)
        self.vault.commit(
            Batch(objects=[pending], records=[record], seen=[SeenRow(tag, tag, pending.id, "capture")])
        )
        pending.data_key.wipe()
        self.objects.append(pending.id)
        self.records.append(record.id)
        return pending.id, record.id

    def opens(self, identity: Identity, object_id: str) -> bytes:
        return b"".join(self.vault.read_object(object_id, identity.open_key(object_id)))

    def envelope(self, id_: str) -> bytes:
        [(found,)] = sqlite3.connect(self.root / "vault.db").execute(
            "SELECT envelope FROM envelopes WHERE id = ?", (id_,)
        )
        return bytes(found)


@pytest.fixture
def stored(tmp_path: Path) -> Iterator[Stored]:
    root = tmp_path / "store"
    vault, shares = create(root, random=seeded(1))
    identity = vault.unlock_recovery(shares)
    identity.add_user_slot(USER, PASSPHRASE, params=CHEAP, allow_weak=True)
    made = Stored(root, vault, identity, shares)
    for number in range(12):
        made.seal(b"photo %d" % number * 100)
    yield made
    made.vault.close()


def step(stored: Stored, running: Running) -> Running:
    """Take the next step."""
    disposals = stored.vault.disposals
    match running.step:
        case Step.MOVING:
            while disposals.move(stored.identity, running.plan, rows=5):
                pass
            stored.vault.commit(Batch(also=lambda tx: disposals.destroy(tx, stored.identity, running)))
            stored.identity.forget_epochs(running.plan.doomed)
        case Step.DESTROYING:
            disposals.destroy_secret(running)
        case _:
            disposals.erase(running)
            stored.vault.commit(Batch(also=lambda tx: disposals.finish(tx, running)))
    return disposals.running() or Running(running.id, Step.DONE, running.plan)


def dispose(stored: Stored, ids: list[str]) -> Running:
    running = stored.vault.disposals.begin(stored.identity, "d" * 32, ids)
    while running.step is not Step.DONE:
        running = step(stored, running)
    return running


def test_what_is_disposed_of_is_gone_and_everything_else_opens(stored: Stored) -> None:
    gone = [stored.objects[3], stored.records[3], stored.objects[7], stored.records[7]]
    sealed = {id_: stored.envelope(id_) for id_ in (*stored.objects, *stored.records)}
    running = dispose(stored, gone)
    for number, id_ in enumerate(stored.objects):
        if id_ in gone:
            with pytest.raises(DisposedError):
                stored.identity.open_key(id_)
            assert not stored.vault.blob_path(id_).exists()
            assert stored.vault.disposed(id_)
        else:
            assert stored.opens(stored.identity, id_) == b"photo %d" % number * 100
            assert not stored.vault.disposed(id_)
    opened = [row for row in stored.vault.records() if row.epoch is not None]
    assert [row.id for row in opened] == [id_ for id_ in stored.records if id_ not in gone]
    assert all(stored.identity.open_record(row).startswith(b"about photo") for row in opened)
    assert [row.epoch for row in stored.vault.epochs()] == [running.plan.into]
    # No byte of an old envelope is in the database or its log, neither of what went nor of what moved.
    raw = (stored.root / "vault.db").read_bytes() + (stored.root / "vault.db-wal").read_bytes()
    for envelope in sealed.values():
        assert envelope[:64] not in raw
        assert envelope[-64:] not in raw


def test_a_copy_made_before_opens_nothing_with_every_passphrase(stored: Stored, tmp_path: Path) -> None:
    stored.vault.close()
    copy = tmp_path / "copy"
    shutil.copytree(stored.root, copy / "store")
    stored.vault = reopen(stored.root, random=seeded(2))
    stored.identity = stored.vault.unlock(USER, PASSPHRASE)
    dispose(stored, [stored.objects[0]])
    stored.vault.close()
    # Today's machine, yesterday's disk.
    shutil.copytree(stored.root.with_name("store-device"), copy / "store-device")
    with reopen(copy / "store", random=seeded(3)) as vault, pytest.raises(DeviceSecretLostError):
        vault.unlock(USER, PASSPHRASE)
    # Not even with the new secret under the old secret's name.
    (copy / "store-device" / "device-2.key").rename(copy / "store-device" / "device-1.key")
    with reopen(copy / "store", random=seeded(3)) as vault, pytest.raises(VaultDamagedError):
        vault.unlock(USER, PASSPHRASE)
    # What the documents say of the sheets is so.
    with reopen(copy / "store", random=seeded(3)) as vault:
        opener = vault.unlock_recovery(stored.shares)
        assert b"".join(vault.read_object(stored.objects[0], opener.open_key(stored.objects[0])))
    stored.vault = reopen(stored.root, random=seeded(4))
    stored.identity = stored.vault.unlock(USER, PASSPHRASE)
    assert stored.opens(stored.identity, stored.objects[1])


@pytest.mark.parametrize("stop", [1, 2, 3])
def test_it_goes_on_at_the_step_where_it_was_cut_short(stored: Stored, stop: int) -> None:
    gone = [stored.objects[3], stored.records[3]]
    running = stored.vault.disposals.begin(stored.identity, "d" * 32, gone)
    if stop == 1:
        assert stored.vault.disposals.move(stored.identity, running.plan, rows=5)
    for _ in range(stop - 1):
        running = step(stored, running)
    stored.vault.close()
    stored.vault = reopen(stored.root, random=seeded(5))
    again = stored.vault.disposals.running()
    assert again == running
    assert again is not None
    assert stored.vault.disposed(stored.objects[3])
    if again.step is Step.MOVING:
        stored.identity = stored.vault.unlock(USER, PASSPHRASE)
    while again.step is not Step.DONE:
        again = step(stored, again)
    with stored.vault.unlock(USER, PASSPHRASE) as identity:
        assert stored.opens(identity, stored.objects[4])
        with pytest.raises(DisposedError):
            identity.open_key(stored.objects[3])


def test_what_was_sealed_meanwhile_is_sealed_again(stored: Stored) -> None:
    writer = stored.vault.start("original")
    writer.write(b"meanwhile")
    pending = writer.finish()
    running = stored.vault.disposals.begin(stored.identity, "d" * 32, [stored.objects[3]])
    with pytest.raises(EpochEndedError):
        stored.vault.commit(Batch(objects=[pending]))
    stored.vault.commit(Batch(objects=[stored.vault.reseal(pending)]))
    while running.step is not Step.DONE:
        running = step(stored, running)
    assert stored.opens(stored.identity, pending.id) == b"meanwhile"


def test_nothing_is_destroyed_before_everything_else_has_moved(stored: Stored) -> None:
    disposals = stored.vault.disposals
    running = disposals.begin(stored.identity, "d" * 32, [stored.objects[3]])
    disposals.move(stored.identity, running.plan, rows=5)
    with pytest.raises(DisposalOrderError):
        stored.vault.commit(Batch(also=lambda tx: disposals.destroy(tx, stored.identity, running)))
    assert stored.opens(stored.identity, stored.objects[3])
    with pytest.raises(DisposalRunsError):
        disposals.begin(stored.identity, "e" * 32, [stored.objects[4]])
    with pytest.raises(DisposalOrderError):
        disposals.destroy_secret(running)


def test_a_survivor_that_is_damaged_stops_it(stored: Stored) -> None:
    with sqlite3.connect(stored.root / "vault.db") as raw:
        raw.execute("UPDATE envelopes SET envelope = zeroblob(1168) WHERE id = ?", (stored.objects[5],))
    running = stored.vault.disposals.begin(stored.identity, "d" * 32, [stored.objects[3]])
    with pytest.raises(KioskError, match="damaged"):
        stored.vault.disposals.move(stored.identity, running.plan)
    assert stored.opens(stored.identity, stored.objects[3])


def test_a_second_disposal_follows_the_first(stored: Stored) -> None:
    dispose(stored, [stored.objects[3]])
    running = stored.vault.disposals.begin(stored.identity, "e" * 32, stored.objects[3:5])
    assert running.plan.ids == (stored.objects[4],)
    while running.step is not Step.DONE:
        running = step(stored, running)
    assert stored.opens(stored.identity, stored.objects[5])
    with pytest.raises(ValueError, match="nothing"):
        stored.vault.disposals.begin(stored.identity, "f" * 32, stored.objects[3:5])


@pytest.mark.parametrize("field", ["id", "step", "plan"])
def test_who_writes_to_the_database_cannot_choose_what_goes(stored: Stored, field: str) -> None:
    disposals = stored.vault.disposals
    running = disposals.begin(stored.identity, "d" * 32, [stored.objects[3]])
    stored.vault.close()
    with sqlite3.connect(stored.root / "vault.db") as db:
        [(pin,)] = db.execute("SELECT pin FROM disposals")
        wider = {
            "doomed": list(running.plan.doomed),
            "ids": sorted((stored.objects[3], stored.objects[4])),
            "into": running.plan.into,
        }
        row = {"id": "d" * 32, "step": "moving", "plan": canon.encode(running.plan).decode()}
        row[field] = {"id": "e" * 32, "step": "destroying", "plan": canon.encode(wider).decode()}[field]
        digest = row_digest("disposals", row["id"], row["step"], row["plan"], pin)
        db.execute("UPDATE disposals SET id = ?, step = ?, plan = ?, digest = ?", (*row.values(), digest))
    stored.vault = reopen(stored.root, random=seeded(6))
    with pytest.raises(PlanChangedError, match="mark"):
        stored.vault.disposals.running()
    assert not stored.vault.disposed(stored.objects[4]), "an import that asks goes on"


class _FailsToCommit:
    """The database's connection on a disk that gives an I/O error at the next COMMIT."""

    def __init__(self, real: sqlite3.Connection) -> None:
        self._real = real
        self._armed = True

    def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
        if sql == "COMMIT" and self._armed:
            self._armed = False
            raise sqlite3.OperationalError("disk I/O error")
        return self._real.execute(sql, *values)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


def fail_next_commit(stored: Stored) -> None:
    database = stored.vault._db
    database._connection = _FailsToCommit(database._connection)  # type: ignore[assignment]


@pytest.mark.parametrize("at", ["begin", "move", "advance"])
def test_after_a_commit_that_may_have_failed_no_step_is_taken(stored: Stored, at: str) -> None:
    disposals = stored.vault.disposals
    running = None
    if at != "begin":
        running = disposals.begin(stored.identity, "d" * 32, [stored.objects[3]])
    if running and at == "advance":
        running = step(stored, running)
    fail_next_commit(stored)

    def go_on() -> None:
        if running is None:
            disposals.begin(stored.identity, "d" * 32, [stored.objects[3]])
        else:
            step(stored, running)

    with pytest.raises(VaultStoppedError):
        go_on()
    assert stored.vault.stopped
    secrets = device(stored.root).generations()
    with pytest.raises(VaultStoppedError):
        go_on()
    assert device(stored.root).generations() == secrets, "no secret is made or destroyed in doubt"
    # The next start knows, and completes it.
    stored.vault.close()
    stored.vault = reopen(stored.root, random=seeded(7))
    stored.vault.settle_device()
    stored.identity = stored.vault.unlock(USER, PASSPHRASE)
    again = stored.vault.disposals.running()
    if again is None:
        again = stored.vault.disposals.begin(stored.identity, "d" * 32, [stored.objects[3]])
    while again.step is not Step.DONE:
        again = step(stored, again)
    assert stored.opens(stored.identity, stored.objects[4])
    with pytest.raises(DisposedError):
        stored.identity.open_key(stored.objects[3])
