"""The thread that carries disposals out, on a real store whose disk fails."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path

from medkiosk.core.channel import Channel
from medkiosk.daemon.board import Board
from medkiosk.daemon.disposing import Disposer
from medkiosk.daemon.keyring import Keyring
from medkiosk.daemon.redactor import Redactor
from medkiosk.journal import Journal
from medkiosk.ledger.file import Log
from medkiosk.ledger.sign import Signer
from medkiosk.vault.disposal import Step
from tests.retention.test_vault_disposal import Stored, fail_next_commit, step, stored

__all__ = ["stored"]  # the fixture


def disposer(made: Stored, tmp_path: Path, board: Board) -> Disposer:
    log = Log.create(tmp_path / "ledger", Signer("test.medkiosk.invalid/ledger", bytes(32)))
    journal = Journal(made.vault, log, lambda: datetime(2026, 5, 1, tzinfo=UTC))
    keyring = Keyring(journal, journal.clock, tmp_path / "lockout", lambda: None)
    redactor = Redactor(journal, board, spawn=_none, timeout_s=1, slates=lambda _id, _texts: [])
    return Disposer(journal, keyring, redactor, board, again_s=0.05)


def _none() -> Channel:
    raise AssertionError("no picture is redacted here")


def test_a_failed_commit_stops_the_vault_and_not_the_thread(stored: Stored, tmp_path: Path) -> None:
    running = stored.vault.disposals.begin(stored.identity, "d" * 32, [stored.objects[3]])
    running = step(stored, running)
    assert running.step is Step.DESTROYING
    board = Board()
    thread = disposer(stored, tmp_path, board)
    assert thread.alive, "one that waits for its start is no reason for a restart"
    fail_next_commit(stored)
    thread.start()
    try:
        deadline = time.monotonic() + 30
        while not board.status.problems:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert thread.alive
        assert stored.vault.stopped, "the daemon starts again, and the next start sees"
        [words] = board.status.problems
        assert words.startswith("A disposal is not finished.")
    finally:
        thread.stop()
    assert not thread.alive
