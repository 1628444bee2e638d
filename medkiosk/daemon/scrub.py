"""Reading every sealed file again, so that a failing disk is noticed while there is still a backup.

It stands still while a device is read, goes on after a restart where it was, and begins anew when the last
round is so many days ago, or when somebody asks.
"""

from __future__ import annotations

import logging
import os
import select
import signal
import threading
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path

import msgspec

from medkiosk import durable
from medkiosk.core.clock import Clock, parse_rfc3339, rfc3339
from medkiosk.core.errors import KioskError
from medkiosk.core.ids import KIOSK
from medkiosk.core.lifecycle import ScrubFinished
from medkiosk.daemon.board import Board
from medkiosk.ipc.types import ScrubStatus
from medkiosk.journal import Fact, Journal
from medkiosk.offline.report import Problem, problem
from medkiosk.vault.schema import ObjectRow
from medkiosk.workers import ProcessChannel, python_worker

_log = logging.getLogger(__name__)
_KEY = "scrub"
_LOOK_S = 1.0
_SAVE_S = 600.0
_SHOW_S = 5.0
_NAMED = 3

Repair = Callable[[Problem], bool]
"""Puts one sealed file back from a backup drive, if one is there that has it; tells whether it did."""


class ScrubState(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is remembered over a restart.

    Attributes:
        position: ``seq`` of the last object that was read.
        objects: read so far in this round.
        damaged: ids of those that were not what was sealed, and could not be put back.
        repaired: how many could.
        running: whether a round is not at its end.
        since: when the kiosk first looked: the first round is due so many days later.
        finished: when the last round was at its end, RFC 3339; empty where there was none.
    """

    position: int = 0
    objects: int = 0
    damaged: tuple[str, ...] = ()
    repaired: int = 0
    running: bool = False
    since: str = ""
    finished: str = ""


class Scrubber:
    """One thread, and one process that reads.

    Args:
        journal: the store, and where the event of a round's end goes.
        board: shows how far it is; tells whether a device is being read.
        path: the file that remembers the position; losing it costs a round from the beginning.
        every_days: a round begins so many days after the last one's end; 0: only when somebody asks.
        clock: the time.
        repair: puts a damaged file back.
    """

    def __init__(
        self,
        journal: Journal,
        board: Board,
        path: Path,
        *,
        every_days: float,
        clock: Clock,
        repair: Repair,
    ) -> None:
        self._journal = journal
        self._board = board
        self._path = path
        self._every = timedelta(days=every_days)
        self._clock = clock
        self._repair = repair
        self._state = _load(path)
        self._total = 0
        self._saved = self._shown = time.monotonic()
        self._wake = threading.Event()
        self._wanted = False
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to watch the calendar."""
        if not self._state.since:
            self._change(since=rfc3339(self._clock()))
            self._save()
        self._show(force=True)
        self._say_damage()
        self._thread = threading.Thread(target=self._watch, name="scrub", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread; the position is kept."""
        self._stopped.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join()

    def now(self) -> None:
        """Begin a round now; one that is at work goes on."""
        self._wanted = True
        self._wake.set()

    def _watch(self) -> None:
        while not self._stopped.is_set():
            if (self._state.running or self._wanted or self._is_due()) and not self._busy():
                self._wanted = False
                try:
                    self._round()
                except (OSError, KioskError) as error:
                    # Trying again at once would only fill the log; the next look may find the cause gone.
                    _log.warning("scrub: stopped: %s", error)
                    self._wake.wait(60 * _LOOK_S)
            self._wake.wait(_LOOK_S)
            self._wake.clear()

    def _is_due(self) -> bool:
        last = parse_rfc3339(self._state.finished or self._state.since)
        return bool(self._every) and self._clock() - last >= self._every

    def _busy(self) -> bool:
        return self._board.importing()

    def _round(self) -> None:
        if not self._state.running:
            self._state = ScrubState(running=True, since=self._state.since, finished=self._state.finished)
        vault = self._journal.vault
        self._total = vault.count()
        channel = ProcessChannel(python_worker("medkiosk.daemon.scrubworker"))
        try:
            for row in vault.objects(self._state.position):
                if row.epoch is None:
                    continue  # disposed of
                answer = self._ask(channel, vault.blob_path(row.id))
                if answer is None:
                    self._save()
                    return
                self._take(row, answer)
        finally:
            channel.close()
        damaged = len(self._state.damaged)
        event = ScrubFinished(
            at=self._journal.now(), actor=KIOSK, objects=self._state.objects, damaged=damaged
        )
        self._journal.commit([Fact(event)])
        self._change(running=False, position=0, finished=rfc3339(self._clock()))
        self._save()
        self._show(force=True)
        self._say_damage()

    def _ask(self, channel: ProcessChannel, path: Path) -> str | None:
        """Return the answer for one file, None if it is time to end. Stands still while a device is read."""
        channel.writer.write(os.fsencode(path) + b"\n")
        channel.writer.flush()
        halted = False
        while True:
            if self._stopped.is_set():
                return None
            busy = self._busy()
            if busy != halted:
                os.kill(channel.process.pid, signal.SIGSTOP if busy else signal.SIGCONT)
                halted = busy
                self._show(force=True)
            if not halted and _readable(channel):
                line = channel.reader.readline()
                if not line.endswith(b"\n"):
                    raise OSError("the reading process ended")
                return line.decode("ascii").strip()
            if halted:
                self._stopped.wait(_LOOK_S)

    def _take(self, row: ObjectRow, answer: str) -> None:
        self._change(position=row.seq, objects=self._state.objects + 1)
        if answer != row.sha256:
            self._damaged(row, answer)
        if time.monotonic() - self._saved >= _SAVE_S:
            self._save()
        self._show()

    def _damaged(self, row: ObjectRow, answer: str) -> None:
        now = self._journal.vault.object(row.id)
        if now is None or now.epoch is None or self._journal.vault.disposed(row.id):
            return  # it was disposed of meanwhile
        if answer.startswith("!"):
            code = "object.blob_missing" if answer == "! 2" else "object.blob_unreadable"
        else:
            code = "object.blob_changed"
        detail = os.strerror(int(answer[2:])) if code.endswith("unreadable") else row.kind
        if self._repair(problem(code, row.id, detail=detail)):
            self._change(repaired=self._state.repaired + 1)
        else:
            self._change(damaged=(*self._state.damaged, row.id))
        self._save()
        self._say_damage()

    def _change(self, **values: object) -> None:
        self._state = msgspec.structs.replace(self._state, **values)

    def _save(self) -> None:
        durable.write_atomic(self._path, msgspec.json.encode(self._state))
        self._saved = time.monotonic()

    def _show(self, *, force: bool = False) -> None:
        if not force and time.monotonic() - self._shown < _SHOW_S:
            return
        self._shown = time.monotonic()
        state = self._state
        self._board.set(
            scrub=ScrubStatus(
                running=state.running,
                waiting=state.running and self._busy(),
                done=state.objects,
                total=self._total,
                damaged=len(state.damaged),
                repaired=state.repaired,
                finished=state.finished,
            )
        )

    def _say_damage(self) -> None:
        if self._state.damaged:
            self._board.problem(damage_sentence(self._state.damaged), _KEY)
        else:
            self._board.solved(_KEY)


def damage_sentence(damaged: Sequence[str]) -> str:
    """What a person must know about sealed files that are not what they were."""
    named = ", ".join(damaged[:_NAMED]) + (" and others" if len(damaged) > _NAMED else "")
    return (
        f"{len(damaged)} sealed files were read again and are damaged: {named}. They cannot be opened;"
        " everything else that was read is good. Plug in a backup drive and have the store checked again:"
        " what is damaged is put back from it. Keep the cards of the last days, and call the administrator:"
        " the disk may be failing."
    )


def _readable(channel: ProcessChannel) -> bool:
    if channel.process.stdout is None:
        raise OSError("the reading process has no output")
    ready, _, _ = select.select([channel.process.stdout.fileno()], [], [], _LOOK_S)
    return bool(ready)


def _load(path: Path) -> ScrubState:
    try:
        return msgspec.json.decode(path.read_bytes(), type=ScrubState)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return ScrubState()  # a cache: it begins anew
