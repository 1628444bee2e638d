"""How many photos wait, and those that are not redacted after all."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from medkiosk.core.ids import CaptureId, ObjectId
from medkiosk.daemon.board import Board
from medkiosk.daemon.redactor import Job, Redactor
from medkiosk.vault.keys import DataKey
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
