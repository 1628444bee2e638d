"""The watcher: a drive that is pulled out in the middle, and put back."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable
from pathlib import Path

from medkiosk.core.config import Backup
from medkiosk.core.drives import DriveState
from medkiosk.core.ids import KIOSK
from medkiosk.daemon.backups import Backups
from medkiosk.daemon.board import Board
from medkiosk.ipc.types import BackupStatus
from medkiosk.ledger.sign import Signer
from medkiosk.offline.verify import verify
from tests.backup.kiosk import Scratch
from tests.stores import INDEX_KEY
from tests.vault.crash_worker import ORIGIN, SEED


class PulledOut(Board):
    """Moves the drive away as soon as the first bytes are on it."""

    def __init__(self, drive: Path, drawer: Path) -> None:
        super().__init__()
        self.seen: list[BackupStatus] = []
        self._drive, self._drawer = drive, drawer

    def backup(self, line: BackupStatus) -> None:
        super().backup(line)
        self.seen.append(line)
        if line.bytes_done and self._drive.exists() and not self._drawer.exists():
            self._drive.rename(self._drawer)


def wait(until: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not until():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_drive_that_is_pulled_out_is_named_and_goes_on_when_it_is_back(tmp_path: Path) -> None:
    scratch = Scratch(tmp_path, batches=2)
    # The watcher derives the key of the marker by itself.
    (scratch.path / "medkiosk-backup").unlink()
    ticks = itertools.count()
    board = PulledOut(scratch.path, tmp_path / "drawer")
    with scratch.journal() as journal:
        backups = Backups(
            (Backup(name="left", path=str(scratch.path)),),
            journal,
            Signer(ORIGIN, SEED).key,
            INDEX_KEY,
            board,
            os.urandom,
            poll_s=0.05,
            monotonic=lambda: float(next(ticks)),
        )
        backups.start()
        try:
            wait(lambda: [one.state for one in board.status.backups] == [DriveState.UNKNOWN])
            drive_id = backups.enrol("left", "Blue disk", KIOSK)
            wait(lambda: [one.state for one in board.status.backups] == [DriveState.LOST])
            [line] = board.status.backups
            assert "Plug it in again" in line.detail
            assert backups.plugged() == {}
            (tmp_path / "drawer").rename(scratch.path)
            (tmp_path / "drawer").mkdir()  # full: this time it stays in
            wait(lambda: [one.state for one in board.status.backups] == [DriveState.COMPLETE])
            assert backups.plugged() == {drive_id: "left"}
        finally:
            backups.stop()
        assert verify(scratch.path / "store").problems == ()
        assert {one.state for one in board.seen} >= {DriveState.COPYING, DriveState.LOST}
