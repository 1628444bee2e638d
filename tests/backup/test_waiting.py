"""While a drive stays plugged in: what starts the next run, and what is said when it has to wait."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from medkiosk.core.config import Backup
from medkiosk.core.drives import DriveState, big_words
from medkiosk.core.events import LoggedOut
from medkiosk.core.ids import KIOSK
from medkiosk.daemon.backups import Backups
from medkiosk.daemon.board import Board
from medkiosk.ipc.types import BackupStatus
from medkiosk.journal import Fact, Journal
from medkiosk.ledger.sign import Signer
from medkiosk.offline.verify import verify
from tests.backup.kiosk import Scratch
from tests.stores import INDEX_KEY
from tests.vault.crash_worker import ORIGIN, SEED


class Watching:
    """A watcher at two drives, on a clock that the test moves."""

    def __init__(self, journal: Journal, paths: tuple[Path, ...]) -> None:
        self.board = Board()
        self.seconds = 0.0
        self.looks = 0
        self._backups = Backups(
            tuple(Backup(name=path.name, path=str(path)) for path in paths),
            journal,
            Signer(ORIGIN, SEED).key,
            INDEX_KEY,
            self.board,
            os.urandom,
            poll_s=0.02,
            monotonic=self._now,
        )

    def _now(self) -> float:
        self.looks += 1
        return self.seconds

    @contextmanager
    def running(self) -> Iterator[Backups]:
        self._backups.start()
        try:
            yield self._backups
        finally:
            self._backups.stop()

    def lines(self) -> list[BackupStatus]:
        return list(self.board.status.backups)

    def settle(self) -> None:
        """Until the watcher has looked again, and again."""
        looks = self.looks
        wait(lambda: self.looks > looks + 10)


def wait(until: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not until():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def size_on(drive: Path) -> int:
    return verify(drive / "store").ledger_size


def test_an_event_alone_starts_a_run_after_a_while_and_two_drives_come_to_rest(tmp_path: Path) -> None:
    scratch = Scratch(tmp_path)
    (scratch.path / "medkiosk-backup").unlink()  # the watcher derives the key of the marker by itself
    other = tmp_path / "other"
    other.mkdir()
    with scratch.journal() as journal:
        watching = Watching(journal, (scratch.path, other))

        def complete() -> bool:
            return [one.state for one in watching.lines()] == [DriveState.COMPLETE] * 2

        with watching.running() as backups:
            wait(lambda: [one.state for one in watching.lines()] == [DriveState.UNKNOWN] * 2)
            for path in (scratch.path, other):
                backups.enrol(path.name, path.name, KIOSK)
            wait(complete)
            assert all("Everything up to 2026-" in one.detail for one in watching.lines())
            watching.settle()
            before = journal.log.size
            # A withdrawal is a small event like this one: no object comes with it.
            journal.commit([Fact(LoggedOut(at=journal.now(), actor=KIOSK, reason="idle"))])
            watching.settle()
            assert journal.log.size == before + 1, "not at once"
            watching.seconds += 301
            wait(lambda: journal.log.size == before + 3)
            wait(complete)
            for _ in range(3):
                watching.seconds += 301
                watching.settle()
            assert journal.log.size == before + 3, "each run tells the other drive to run again"
        for path in (scratch.path, other):
            report = verify(path / "store")
            assert report.problems == ()
            assert report.ledger_size >= before + 1


def test_a_disposal_at_work_is_waited_for_and_is_no_failure(tmp_path: Path) -> None:
    scratch = Scratch(tmp_path)
    (scratch.path / "medkiosk-backup").unlink()
    with scratch.journal() as journal:
        gone = [row.id for row in journal.vault.objects()][:1]
        watching = Watching(journal, (scratch.path,))
        with watching.running() as backups, journal.vault.unlock_recovery(scratch.shares[:2]) as identity:
            wait(lambda: [one.state for one in watching.lines()] == [DriveState.UNKNOWN])
            journal.vault.disposals.begin(identity, "d" * 32, gone)
            backups.enrol("drive", "Blue disk", KIOSK)
            wait(lambda: [one.state for one in watching.lines()] == [DriveState.WAITING])
            [line] = watching.lines()
            assert line.detail.startswith("A disposal is at work. The backup begins by itself")
            assert big_words((line.state,)) == "BACKUP WAITS"
