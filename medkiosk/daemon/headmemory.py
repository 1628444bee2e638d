"""What the kiosk knows of its ledger from elsewhere than the store: the newest head, and what time it was.

A store that was replaced as a whole by an older copy, ledger included, is sound in itself. So the newest head
that was signed is remembered in the device folder (`core.config.Store.device`) and compared at each start. A
thread of its own writes it, at most every `EVERY_S` seconds and at the stop: an import waits for nothing, and
a crash forgets at most that much. What is remembered is never more than what is in the ledger.

The same thread looks at the clock: one that shows less than an entry already logged went back.
"""

from __future__ import annotations

import itertools
import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from pathlib import Path

from medkiosk import durable
from medkiosk.core import alarms
from medkiosk.core.clock import parse_rfc3339, rfc3339
from medkiosk.core.errors import KioskError
from medkiosk.core.ids import KIOSK
from medkiosk.core.lifecycle import ClockWentBack
from medkiosk.daemon.board import Board
from medkiosk.durable import Disk
from medkiosk.journal import Fact, Journal
from medkiosk.ledger import checkpoint, entry
from medkiosk.ledger.checkpoint import Checkpoint
from medkiosk.ledger.errors import CheckpointError, LedgerContradictedError, LedgerSetBackError
from medkiosk.ledger.note import LogKeys
from medkiosk.ledger.remembered import NAME, set_back

_log = logging.getLogger(__name__)

EVERY_S = 2.0
"""How often the head is remembered, seconds, where it changes."""
TOLERANCE = timedelta(seconds=2)
"""How far the clock may be behind the newest entry; time daemons step it by less."""
_LOOK_BACK = 512
"""Entries that are read at the start for the newest time, and again where none of them has one."""

_ALARMS = {
    LedgerSetBackError.code: alarms.ROLLED_BACK,
    LedgerContradictedError.code: alarms.CONTRADICTED,
}
_CLOCK_BACK = (
    "The kiosk's clock went back: it shows {now}, and the ledger has an entry of {newest}. Import goes on and"
    " nothing is lost. Nothing leaves before the clock is right: set it, or wait until it has caught up."
)
_CLOCK, _MEMORY, _REFUSAL = "clock", "ledger-memory", "ledger-refusal"


class RememberedHeadError(KioskError):
    """What the kiosk remembers of its ledger, {path}, cannot be used: {detail}. Nothing is harmed by this,
    but if the store was replaced by an older copy it would not be noticed now: compare the ledger with a
    checkpoint that was kept elsewhere."""

    code = "ledger.memory"


class HeadMemory:
    """Compare at the start, then remember; thread-safe.

    Args:
        journal: its log is compared and may be refused.
        key: of the log.
        folder: where the head is remembered.
        board: where the words are shown.
        readmitted: called when a ledger that was refused takes entries again.
        disk: what makes bytes durable.
    """

    def __init__(
        self,
        journal: Journal,
        key: LogKeys,
        folder: Path,
        board: Board,
        readmitted: Callable[[], None],
        *,
        disk: Disk = durable,
    ) -> None:
        self._journal = journal
        self.key = key
        self._path = folder / NAME
        self._board = board
        self._readmitted = readmitted
        self._disk = disk
        self._written = b""
        self._remembered: Checkpoint | None = None
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._looking = threading.Lock()
        self._newest = self._latest = ""
        journal.listeners.append(self._heard)

    @property
    def remembered(self) -> Checkpoint | None:
        """The head that was remembered when the kiosk started; None where there was none."""
        return self._remembered

    @property
    def newest(self) -> bool:
        """Whether the store is known to be no older copy: something is remembered, and it extends that."""
        return self._remembered is not None and self._journal.log.refusal is None

    def compare(self) -> None:
        """Compare the ledger with what is remembered, and refuse it where it is an older one, or another.

        Only then is anything brought into the ledger.
        """
        log = self._journal.log
        self._newest, self._latest = _times(self._journal)
        try:
            self._written = self._path.read_bytes()
            self._remembered = checkpoint.verify(self._written, self.key)
        except FileNotFoundError:
            _log.info("start: no ledger head is remembered in the device folder; from now on one is")
        except (OSError, CheckpointError) as error:
            detail = error.strerror if isinstance(error, OSError) else error.values["detail"]
            self._written = b""
            self._tell(RememberedHeadError(path=self._path, detail=detail))
        if self._remembered is not None and (older := set_back(log, self._remembered)) is not None:
            log.refuse(older)
        self.show()

    def show(self) -> None:
        """Say in big words why nothing is taken; or no longer."""
        refusal = self._journal.log.refusal
        if refusal is None:
            self._board.set(alarm="")
            self._board.solved(_REFUSAL)
            return
        _log.error("%s: %s", refusal.code, refusal.message)
        self._board.set(alarm=_ALARMS.get(refusal.code, alarms.REFUSED))
        self._board.problem(refusal.message, key=_REFUSAL)

    def readmit(self) -> None:
        """An administrator accepted the store as it is: remember what is there from now on."""
        self.show()
        self.look()
        self._readmitted()

    def start(self) -> None:
        """Begin to remember."""
        self.look()
        self._thread = threading.Thread(target=self._run, name="head-memory", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Remember the last head."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        self.look()

    def _run(self) -> None:
        while not self._stop.wait(EVERY_S):
            self.look()

    def look(self) -> None:
        """Look at the clock, and remember the newest head where it is another one."""
        with self._looking:
            if self._journal.log.refusal is not None:
                return  # what is remembered is the evidence
            self._look_at_the_clock()
            self._remember()

    # Syscalls: those of write_atomic.
    def _remember(self) -> None:
        signed = self._journal.log.checkpoint
        if signed == self._written:
            return
        try:
            self._disk.write_atomic(self._path, signed)
        except OSError as error:
            self._tell(RememberedHeadError(path=self._path, detail=error.strerror))
            return
        if self._written:
            self._board.solved(_MEMORY)
        self._written = signed

    def _look_at_the_clock(self) -> None:
        now = self._journal.clock()
        if not self._latest or now >= parse_rfc3339(self._newest) - TOLERANCE:
            self._board.solved(_CLOCK)
            return
        self._board.problem(_CLOCK_BACK.format(now=rfc3339(now), newest=self._newest), key=_CLOCK)
        if now >= parse_rfc3339(self._latest) - TOLERANCE:
            return  # said before
        try:
            event = ClockWentBack(at=rfc3339(now), actor=KIOSK, newest=self._newest)
            self._journal.commit([Fact(event)])
        except KioskError as error:
            _log.error("that the clock went back is not in the ledger yet: %s", error.code)
            return
        self._latest = rfc3339(now)

    def _heard(self, fact: Fact, _index: int) -> None:
        # Called by the journal under its lock.
        at = fact.event.at
        self._newest = max(self._newest, at)
        # What was begun before the clock went back and is committed after it is no second jump.
        if parse_rfc3339(at) <= self._journal.clock() + TOLERANCE:
            self._latest = max(self._latest, at)

    def _tell(self, error: RememberedHeadError) -> None:
        _log.error("%s: %s", error.code, error.message)
        self._board.problem(error.message, key=_MEMORY)


def _times(journal: Journal) -> tuple[str, str]:
    """Return the newest time among the last entries, and the time of the last one; empty where none is."""
    log = journal.log
    times: list[str] = []
    start = log.size
    try:
        while start > 0 and not times:  # many in a row may have none: a large import, redacted
            end, start = start, max(start - _LOOK_BACK, 0)
            times = list(_times_of(itertools.islice(log.entries(start), end - start)))
    except KioskError as error:
        _log.error("start: the last entries cannot be read: %s", error.code)
    return max(times, default=""), times[-1] if times else ""


def _times_of(entries: Iterable[bytes]) -> Iterator[str]:
    for data in entries:
        try:
            leaf = entry.decode(data)
        except ValueError:
            continue  # of a later version
        if entry.has_time(leaf):
            yield leaf.at
