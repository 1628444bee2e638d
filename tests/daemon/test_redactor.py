"""How many photos wait, and those that are not redacted after all."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from medkiosk.core.ids import KIOSK, CaptureId, ObjectId
from medkiosk.core.photo import MediaKind, RedactCode
from medkiosk.daemon.board import Board
from medkiosk.daemon.redactor import Job, Redactor
from medkiosk.journal import OutOfDateError
from medkiosk.redact.answer import Preview
from medkiosk.redact.client import RedactResult
from medkiosk.vault.errors import VaultFullError
from medkiosk.vault.keys import DataKey
from medkiosk.vault.writer import ObjectWriter
from tests.daemon.test_journal import Rig
from tests.redact.test_client import READY, HostileWorker


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = Rig(tmp_path / "store")
    made.create()
    yield made
    made.vault.close()


def test_what_is_disposed_of_while_it_waits_is_not_counted_any_more(rig: Rig) -> None:
    board, workers = Board(), [HostileWorker(READY, then_hang=True)]
    redactor = Redactor(rig.journal, board, lambda: workers[-1], timeout_s=5, slates=lambda *_: ())
    jobs = [
        Job(CaptureId(f"{number:032x}"), ObjectId(f"{number:032x}"), 10, DataKey(bytearray(32)))
        for number in range(3)
    ]
    for job in jobs:
        redactor.submit(job)
    assert board.status.redaction.waiting == 3
    redactor.drop([job.capture_id for job in jobs])
    try:
        redactor.start()
        deadline = time.monotonic() + 10
        while board.status.redaction.waiting:
            assert time.monotonic() < deadline, board.status.redaction
            time.sleep(0.02)
        assert (board.status.redaction.done, board.status.redaction.failed) == (0, 0)
    finally:
        redactor.stop()
        for worker in workers:
            worker.close()


def full_at_the_second(start: Callable[[str], ObjectWriter]) -> Callable[[str], ObjectWriter]:
    """The disk takes one object, and no other."""

    def begin(kind: str) -> ObjectWriter:
        if kind == "preview":
            raise VaultFullError
        return start(kind)

    return begin


@pytest.mark.parametrize("what", ["journal", "preview"])
def test_a_derivative_that_is_not_taken_leaves_nothing_unfinished(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    redactor = Redactor(rig.journal, Board(), lambda: HostileWorker(READY), timeout_s=5, slates=lambda *_: ())
    job = Job(CaptureId("c" * 32), ObjectId("0" * 32), 10, DataKey(bytearray(32)))
    result = RedactResult(
        RedactCode.OK,
        "policy",
        MediaKind.JPEG,
        width=8,
        height=8,
        derivative=bytes(3 << 20),
        preview=Preview(8, 8, bytes(8 * 8 * 3)),
    )
    unfinished = rig.vault.root / "tmp"
    with monkeypatch.context() as patched:
        if what == "journal":
            patched.setattr(rig.journal, "guards", [lambda _event: "it is being destroyed"])
        else:
            patched.setattr(rig.vault, "start", full_at_the_second(rig.vault.start))
        with pytest.raises((OutOfDateError, VaultFullError)):
            redactor._seal(job, result, (), 1, KIOSK)
    assert list(unfinished.iterdir()) == []
    redactor._seal(job, result, (), 1, KIOSK)
    assert len(list(rig.vault.objects())) == 2


def test_a_worker_that_was_too_slow_once_is_asked_again(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("medkiosk.daemon.redactor._AGAIN_S", 0.3)
    board, workers = Board(), [HostileWorker(b""), HostileWorker(READY, then_hang=True)]
    ready = workers[1]
    waiting = iter(workers)
    job = Job(CaptureId(f"{1:032x}"), ObjectId(f"{1:032x}"), 10, DataKey(bytearray(32)))
    redactor = Redactor(rig.journal, board, lambda: next(waiting), timeout_s=5, slates=lambda *_: ())
    try:
        redactor.start()
        assert redactor.missing == ("worker",)
        assert any("not started" in problem for problem in board.status.problems)
        redactor.submit(job)
        redactor.drop(
            [job.capture_id]
        )  # once there is a worker this is passed over; until then it is not lost
        time.sleep(0.1)
        assert board.status.redaction.waiting == 1
        deadline = time.monotonic() + 10
        while redactor.missing == ("worker",):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        assert board.status.redaction.missing == redactor.missing
        assert not any("not started" in problem for problem in board.status.problems)
        while board.status.redaction.waiting:
            assert time.monotonic() < deadline
            time.sleep(0.02)
    finally:
        redactor.stop()
        ready.close()


def test_the_kiosk_starts_while_its_worker_still_loads(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("medkiosk.daemon.redactor._FIRST_S", 0.2)
    monkeypatch.setattr("medkiosk.daemon.redactor._AGAIN_S", 0.1)
    board, go = Board(), threading.Event()
    ready = HostileWorker(READY, then_hang=True)

    def slow() -> HostileWorker:
        go.wait(10)
        return ready

    redactor = Redactor(rig.journal, board, slow, timeout_s=5, slates=lambda *_: ())
    try:
        redactor.start()
        assert board.status.redaction.missing == redactor.missing == ("worker",)
        assert board.status.problems == ()  # it only starts: nothing is wrong yet
        go.set()
        deadline = time.monotonic() + 10
        while redactor.missing == ("worker",):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        assert "worker" not in board.status.redaction.missing
    finally:
        go.set()
        redactor.stop()
        ready.close()
