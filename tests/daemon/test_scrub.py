"""The background scrub: a real store, a real reading process."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from medkiosk.core.device import DeviceState
from medkiosk.daemon.board import Board, first_line
from medkiosk.daemon.scrub import Scrubber, ScrubState
from medkiosk.device.model import DeviceRef
from medkiosk.journal import Journal
from medkiosk.ledger import entry
from medkiosk.ledger.file import Log
from medkiosk.ledger.sign import Signer
from medkiosk.offline.repair import NotRepaired, Repaired, repair
from medkiosk.offline.report import Problem, problem
from medkiosk.offline.verify import verify
from medkiosk.vault.batch import Batch
from medkiosk.vault.store import Vault
from tests.stores import create

SIGNER = ("test.medkiosk.invalid/ledger", bytes(32))
FILES = 6
CARD = DeviceRef("card", "card", "card", "")


class Rig:
    def __init__(self, root: Path) -> None:
        self.root = root / "store"
        self.now = datetime(2026, 5, 1, 9, tzinfo=UTC)
        self.board = Board()
        self.asked: list[Problem] = []
        self.vault: Vault
        self.vault, _ = create(self.root, random=os.urandom)
        Log.create(self.root / "ledger", Signer(*SIGNER))
        self.journal = Journal(self.vault, Log.open(self.root / "ledger", Signer(*SIGNER)), lambda: self.now)
        self.ids: list[str] = []
        for number in range(FILES):
            writer = self.vault.start("original")
            writer.write(b"photo %d " % number * 50_000)
            pending = writer.finish()
            leaf = entry.encode(
                entry.Leaf(type="x", at="2026-01-01T00:00:00.000Z", actor="kiosk", objects=(pending.ref,))
            )
            self.vault.commit(Batch(objects=[pending], leaves=[leaf]))
            self.ids.append(pending.id)
        self.journal.recover()
        self.copy = root / "drive"
        shutil.copytree(self.root, self.copy)

    def scrubber(self, *, drive: bool = False, every_days: float = 30) -> Scrubber:
        def put_back(problem: Problem) -> bool:
            self.asked.append(problem)
            return drive and isinstance(repair(self.root, self.copy, problem), Repaired)

        return Scrubber(
            self.journal,
            self.board,
            self.root.parent / "scrub",
            every_days=every_days,
            clock=lambda: self.now,
            repair=put_back,
        )

    def state(self) -> ScrubState:
        return msgspec.json.decode((self.root.parent / "scrub").read_bytes(), type=ScrubState)

    def events(self) -> list[entry.Leaf]:
        leaves = [entry.decode(data) for data in self.journal.log.entries()]
        return [leaf for leaf in leaves if leaf.type == "scrub.finished"]

    def flip(self, number: int) -> None:
        path = self.vault.blob_path(self.ids[number])
        data = bytearray(path.read_bytes())
        data[1000] ^= 4
        path.write_bytes(data)


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = Rig(tmp_path)
    yield made
    made.vault.close()


def until(what: Callable[[], object], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.02)


def test_a_round(rig: Rig) -> None:
    scrubber = rig.scrubber()
    scrubber.start()
    time.sleep(0.2)
    assert rig.events() == []  # a new kiosk has nothing that is a month old
    scrubber.now()
    until(rig.events)
    until(lambda: rig.board.status.scrub.finished)
    scrubber.stop()
    shown = rig.board.status.scrub
    assert (shown.running, shown.done, shown.total, shown.damaged) == (False, FILES, FILES, 0)
    assert rig.board.status.problems == ()
    assert verify(rig.root).ok
    assert rig.state().finished == "2026-05-01T09:00:00.000Z"


def test_it_is_due_after_so_many_days(rig: Rig) -> None:
    scrubber = rig.scrubber()
    scrubber.start()
    rig.now += timedelta(days=29)
    time.sleep(1.5)
    assert rig.events() == []
    rig.now += timedelta(days=1)
    until(rig.events)
    scrubber.stop()


def test_damage_is_said_and_put_back_from_a_drive(rig: Rig) -> None:
    rig.flip(2)
    rig.vault.blob_path(rig.ids[4]).unlink()
    scrubber = rig.scrubber()
    scrubber.start()
    scrubber.now()
    until(rig.events)
    scrubber.stop()
    assert [(p.code, p.subject) for p in rig.asked] == [
        ("object.blob_changed", rig.ids[2]),
        ("object.blob_missing", rig.ids[4]),
    ]
    [sentence] = rig.board.status.problems
    assert rig.ids[2] in sentence
    assert "2 sealed files" in sentence
    assert rig.state().damaged == (rig.ids[2], rig.ids[4])
    # After a restart it is still said; with a drive plugged in the next round repairs it.
    rig.board = board = Board()
    scrubber = rig.scrubber(drive=True)
    scrubber.start()
    assert list(board.status.problems) == [sentence]
    scrubber.now()
    until(lambda: len(rig.events()) == 2)
    until(lambda: not board.status.scrub.running)
    scrubber.stop()
    assert board.status.scrub.repaired == 2
    assert not board.status.problems
    assert verify(rig.root).ok


def test_it_waits_for_a_device_and_goes_on_after_a_restart(rig: Rig) -> None:
    line = first_line(CARD, "card", DeviceState.IMPORTING)
    rig.board.device(line)
    scrubber = rig.scrubber()
    scrubber.start()
    scrubber.now()
    time.sleep(1.5)
    assert rig.board.status.scrub.done == 0
    scrubber.stop()
    # As a kill in the middle of a round leaves it: the first half is not read again.
    half = ScrubState(position=3, objects=3, running=True, since="2026-04-01T00:00:00.000Z")
    (rig.root.parent / "scrub").write_bytes(msgspec.json.encode(half))
    rig.flip(0)
    rig.board.forget(CARD.key)
    scrubber = rig.scrubber()
    scrubber.start()
    until(rig.events)
    scrubber.stop()
    assert rig.asked == []
    assert rig.board.status.scrub.done == FILES


def test_a_state_file_that_is_damaged_costs_a_round(rig: Rig) -> None:
    (rig.root.parent / "scrub").write_bytes(b"\xff{")
    scrubber = rig.scrubber()
    scrubber.start()
    scrubber.now()
    until(rig.events)
    scrubber.stop()
    assert rig.board.status.scrub.done == FILES


def test_what_is_disposed_of_while_it_is_copied_does_not_come_back(rig: Rig) -> None:
    blob = rig.vault.blob_path(rig.ids[2])
    blob.unlink()
    asked: list[str] = []

    @contextmanager
    def publishing(object_id: str) -> Iterator[bool]:
        asked.append(object_id)
        yield len(asked) > 1

    found = problem("object.blob_missing", rig.ids[2], detail="original")
    assert isinstance(repair(rig.root, rig.copy, found, publishing=publishing), NotRepaired)
    assert not blob.exists()
    assert list((rig.root / "tmp").iterdir()) == []
    assert isinstance(repair(rig.root, rig.copy, found, publishing=publishing), Repaired)
    assert asked == [rig.ids[2]] * 2
    assert blob.exists()
