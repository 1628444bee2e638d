"""A check of store and ledger as a whole, when somebody asks for it; what the last one found is kept.

The scrub reads sealed files only; this is what ``kioskctl verify`` does (docs/verify.md), in a process that
nothing waits for.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable
from pathlib import Path

import msgspec

from medkiosk import durable
from medkiosk.core.clock import Clock, rfc3339
from medkiosk.daemon.board import Board
from medkiosk.ipc.maintenancetypes import CheckReport, CheckStatus
from medkiosk.workers import ProcessChannel, python_worker

_log = logging.getLogger(__name__)
_KEY = "check"
_PROGRESS, _FAILED = b'{"done"', b'{"failed"'
_ENDED = "The check of the store was not finished: {detail}. Nothing was changed. Start it again."


class _Progress(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    done: int
    total: int


class _Failed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    failed: str


def spawn(store: Path) -> ProcessChannel:
    """Start the process that checks."""
    return ProcessChannel(python_worker("medkiosk.daemon.checkworker", str(store)), grace_s=0.2)


class Checker:
    """One check at a time; thread-safe.

    Args:
        store: the folder.
        keys: the ledger's verifier keys, a line each: the daemon's own, not those that lie in the store.
        board: shows how far it is, and damage.
        path: keeps what the last one found; losing it costs that.
        clock: the time.
        start: starts the process.
    """

    def __init__(
        self,
        store: Path,
        keys: str,
        board: Board,
        path: Path,
        clock: Clock,
        *,
        start: Callable[[Path], ProcessChannel] = spawn,
    ) -> None:
        self._store = store
        self._keys = keys
        self._board = board
        self._path = path
        self._clock = clock
        self._start = start
        self._lock = threading.Lock()
        self._report = _load(path)
        self._channel: ProcessChannel | None = None
        self._thread: threading.Thread | None = None
        self._at_work = False
        self._stopped = False
        self._say()

    @property
    def report(self) -> CheckReport:
        """What the last check that was finished found."""
        return self._report

    def now(self) -> None:
        """Begin; a check that is at work goes on."""
        with self._lock:
            if self._stopped or self._at_work:
                return
            self._thread = threading.Thread(target=self._run, name="check", daemon=True)
            self._board.set(check=self._line(running=True))
            self._thread.start()
            self._at_work = True

    def stop(self) -> None:
        """End a check that is at work; what it found until then is not kept."""
        with self._lock:
            self._stopped = True
            channel, thread = self._channel, self._thread
        if channel is not None:
            channel.kill()
        if thread is not None:
            thread.join()

    def _run(self) -> None:
        try:
            failed = self._check()
        except (OSError, ValueError, RuntimeError) as error:  # no process, memory or thread, or it ended
            _log.warning("check: %s", error)
            failed = _ENDED.format(detail="it ended early")
        with self._lock:  # whoever reads that it ended may begin the next one at once
            self._at_work = False
            if not failed:
                self._say()
            elif not self._stopped:
                self._board.set(check=self._line(failed=failed))

    def _check(self) -> str:
        """Return why it was not finished; empty where it was."""
        channel = self._start(self._store)
        with self._lock:
            self._channel = channel
            if self._stopped:
                channel.kill()
        try:
            channel.writer.write(self._keys.encode())
            channel.writer.close()
            for line in iter(channel.reader.readline, b""):
                if line.startswith(_PROGRESS):
                    said = msgspec.json.decode(line, type=_Progress)
                    self._board.set(check=self._line(running=True, done=said.done, total=said.total))
                elif line.startswith(_FAILED):
                    return msgspec.json.decode(line, type=_Failed).failed
                else:
                    self._found(msgspec.json.decode(line, type=CheckReport))
                    return ""
        finally:
            with self._lock:
                self._channel = None
            with contextlib.suppress(OSError):
                channel.close()
        return _ENDED.format(detail="its process ended early")

    def _found(self, report: CheckReport) -> None:
        report = msgspec.structs.replace(report, finished=rfc3339(self._clock()))
        durable.write_atomic(self._path, msgspec.json.encode(report))
        self._report = report

    def _line(self, **values: object) -> CheckStatus:
        report = self._report
        problems = len(report.problems) + report.more
        return msgspec.structs.replace(CheckStatus(finished=report.finished, problems=problems), **values)

    def _say(self) -> None:
        line = self._line()
        self._board.set(check=line)
        if line.problems:
            self._board.problem(damage_sentence(line.problems), _KEY)
        else:
            self._board.solved(_KEY)


def damage_sentence(problems: int) -> str:
    """What Home says of a store that is not whole."""
    things = "1 thing" if problems == 1 else f"{problems} things"
    return (
        f"The store was checked, and {things} in it are not as they were sealed or signed. All else is. An"
        " administrator or auditor reads at Maintenance (M) which, and what to do."
    )


def _load(path: Path) -> CheckReport:
    try:
        return msgspec.json.decode(path.read_bytes(), type=CheckReport)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return CheckReport()
