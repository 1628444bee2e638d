"""What the kiosk remembers of its ledger outside the store, and what it makes of its clock."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from medkiosk.core.events import KioskStarted, decode
from medkiosk.core.ids import KIOSK
from medkiosk.core.lifecycle import ClockWentBack
from medkiosk.daemon.board import Board
from medkiosk.daemon.headmemory import HeadMemory
from medkiosk.journal import Fact, Journal
from medkiosk.ledger import checkpoint, entry
from medkiosk.ledger.errors import LedgerSetBackError
from medkiosk.ledger.file import Log
from medkiosk.ledger.remembered import NAME
from medkiosk.ledger.sign import Signer
from medkiosk.vault.store import Vault
from tests.core.make_events import FILE as EVENTS
from tests.disk import FailingDisk
from tests.stores import create, reopen

ORIGIN = "test.medkiosk.invalid/ledger"


class Clock:
    """A clock that can be set."""

    def __init__(self) -> None:
        self.now = datetime(2026, 5, 1, 9, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def step(self, **by: float) -> None:
        self.now += timedelta(**by)


class Rig:
    """A journal whose head is remembered in a folder beside the store; no thread, each look is asked for."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.clock = Clock()
        self.told: list[str] = []
        self.vault: Vault
        self.vault, _ = create(root / "store", index_key=bytes(32), random=bytes_)
        Log.create(root / "store/ledger", Signer(ORIGIN, bytes(32)))
        (root / "device").mkdir(exist_ok=True)
        self.begin()

    def begin(self, disk: FailingDisk | None = None) -> None:
        signer = Signer(ORIGIN, bytes(32))
        self.board = Board()
        self.journal = Journal(self.vault, Log.open(self.root / "store/ledger", signer), self.clock)
        more = {"disk": disk} if disk else {}
        self.memory = HeadMemory(
            self.journal,
            signer.key,
            self.root / "device",
            self.board,
            lambda: self.told.append("again"),
            **more,
        )
        self.memory.compare()
        self.journal.recover()
        self.memory.look()

    def restart(self, disk: FailingDisk | None = None) -> None:
        self.vault.close()
        self.vault = reopen(self.root / "store", index_key=bytes(32), random=bytes_)
        self.begin(disk)

    def happen(self, times: int = 1) -> None:
        for _ in range(times):
            event = KioskStarted(at=self.journal.now(), actor=KIOSK, version="1", detectors=(), missing=())
            self.journal.commit([Fact(event)])

    @property
    def log(self) -> Log:
        return self.journal.log

    def jumps(self) -> int:
        return sum(entry.decode(data).type == "clock.back" for data in self.log.entries())

    def remembered(self) -> int:
        return checkpoint.parse((self.root / "device" / NAME).read_bytes())[0].size


bytes_ = os.urandom


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = Rig(tmp_path)
    yield made
    made.vault.close()


@pytest.mark.parametrize("lost", [1, 7])
def test_an_older_copy_is_refused_by_how_much_it_is_older(rig: Rig, lost: int) -> None:
    rig.happen(3)
    rig.vault.close()
    shutil.copytree(rig.root / "store", rig.root / "copy")
    rig.restart()
    rig.happen(lost)
    rig.memory.look()
    rig.vault.close()
    shutil.rmtree(rig.root / "store")
    (rig.root / "copy").rename(rig.root / "store")
    rig.vault = reopen(rig.root / "store", index_key=bytes(32), random=bytes_)
    rig.begin()
    assert isinstance(rig.log.refusal, LedgerSetBackError)
    assert rig.log.refusal.values["lost"] == lost
    assert rig.board.status.headline == "STORE ROLLED BACK"
    with pytest.raises(LedgerSetBackError):
        rig.happen()
    rig.memory.look()
    assert rig.remembered() == 3 + lost, "what is remembered is the evidence"


def test_another_history_of_the_same_length_is_refused(rig: Rig) -> None:
    rig.happen(3)
    rig.memory.look()
    other = Log.create(rig.root / "other", Signer(ORIGIN, bytes(32)))
    other.append([b"a", b"b", b"c", b"d"])
    shutil.rmtree(rig.root / "store/ledger")
    (rig.root / "other").rename(rig.root / "store/ledger")
    rig.begin()
    assert rig.log.refusal is not None
    assert "another one" in rig.log.refusal.message


@pytest.mark.parametrize("persisted", [False, True])
def test_what_cannot_be_remembered_is_said_and_stops_nothing(rig: Rig, *, persisted: bool) -> None:
    rig.happen()
    rig.restart(FailingDisk(1, persisted=persisted, number=errno.EROFS))
    assert "cannot be used" in " ".join(rig.board.status.problems)
    rig.happen()
    rig.memory.look()  # the next write works again
    assert rig.remembered() == rig.log.size


def test_a_crash_before_it_was_remembered_is_nothing(rig: Rig) -> None:
    rig.happen()
    rig.memory.look()
    rig.happen(5)
    assert rig.remembered() == rig.log.size - 5
    rig.restart()
    assert rig.log.refusal is None
    assert rig.remembered() == rig.log.size


def test_a_clock_that_goes_back_is_said_once_a_jump(rig: Rig) -> None:
    rig.happen()
    rig.clock.step(seconds=-1)
    rig.memory.look()
    assert rig.jumps() == 0, "a step of a second is a correction"
    rig.clock.step(hours=-1)
    for _ in range(3):
        rig.memory.look()
        rig.happen()
        rig.clock.step(minutes=1)
    assert rig.jumps() == 1
    assert "clock went back" in " ".join(rig.board.status.problems)
    rig.restart()
    assert rig.jumps() == 1, "said before the restart"
    assert "clock went back" in " ".join(rig.board.status.problems)
    rig.clock.step(days=-1)
    rig.memory.look()
    assert rig.jumps() == 2, "another jump"
    rig.clock.step(days=2)
    rig.memory.look()
    assert rig.board.status.problems == ()
    rig.happen()
    rig.memory.look()
    assert rig.jumps() == 2


def test_a_clock_that_went_back_while_it_was_off_is_the_first_entry(rig: Rig) -> None:
    rig.happen()
    size = rig.log.size
    rig.clock.step(days=-30)
    rig.restart()
    assert entry.decode(rig.log.entry(size)).type == ClockWentBack.__struct_config__.tag


def test_a_year_in_an_entry_is_no_time(rig: Rig) -> None:
    """After more redactions than are looked at, the clock is still compared with the entry before them."""
    rig.happen()
    redacted = decode(json.loads(EVENTS.read_bytes())["redacted"]["golden"].encode())
    event = msgspec.structs.replace(redacted, at=rig.journal.now())
    rig.journal.commit([Fact(event)] * 1200)
    size = rig.log.size
    rig.restart()
    assert rig.log.size == size, "a year is no clock that went back"
    assert rig.board.status.problems == ()
    rig.clock.step(days=-30)
    rig.restart()
    assert entry.decode(rig.log.entry(size)).type == "clock.back"


def test_what_was_begun_before_a_jump_is_no_second_one(rig: Rig) -> None:
    rig.happen()
    late = KioskStarted(at=rig.journal.now(), actor=KIOSK, version="1", detectors=(), missing=())
    rig.clock.step(hours=-1)
    rig.memory.look()
    rig.journal.commit([Fact(late)])
    rig.memory.look()
    assert rig.jumps() == 1
