"""Health: what the root process read, judged together with what the daemon knows, and put up on the board.

Nothing here may stop the daemon: what cannot be read is itself a finding.
"""

from __future__ import annotations

import logging
import os
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from medkiosk import durable
from medkiosk.core.clock import Clock, parse_rfc3339, rfc3339
from medkiosk.core.config import Config
from medkiosk.core.health import FINDINGS
from medkiosk.core.lifecycle import BackupFinished
from medkiosk.daemon.board import Board
from medkiosk.health.judge import Known, Unread, days_left, judge
from medkiosk.health.readings import MAX_BYTES, Readings, decode
from medkiosk.ipc import types as t
from medkiosk.journal import Fact, Journal
from medkiosk.ledger import held
from medkiosk.ledger.note import LogKeys

_log = logging.getLogger(__name__)
_LOOK_S = 30.0
_SAMPLE = timedelta(days=1)
_SAMPLES = 60


class HealthState(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is remembered over a restart; losing it costs the forecast for some days.

    Attributes:
        since: when the kiosk first looked.
        highest: the latest time that was seen, to a day or so.
        backed_up: when a drive was last complete.
        used: time, and bytes in use on the store's disk, a pair a day.
    """

    since: str
    highest: str
    backed_up: str = ""
    used: tuple[tuple[str, int], ...] = ()


class HealthDesk:
    """One thread that looks now and then.

    Args:
        config: names the file of readings; none is read where it is empty.
        journal: tells of backups; its ledger tells of witnesses.
        keys: of the ledger.
        board: where findings are shown.
        path: the file that remembers.
        clock: the time.
    """

    def __init__(
        self, config: Config, journal: Journal, keys: LogKeys, board: Board, path: Path, clock: Clock
    ) -> None:
        self._config = config
        self._journal = journal
        self._keys = keys
        self._board = board
        self._path = path
        self._clock = clock
        self._state = self._load()
        self._backed_up = self._state.backed_up
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None
        journal.listeners.append(self._committed)

    def start(self) -> None:
        """Look once, then go on on a thread."""
        self._thread = threading.Thread(target=self._watch, name="health", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread; harmless where it never began."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join()

    def _watch(self) -> None:
        while True:
            try:
                self.look()
            except OSError as error:
                _log.warning("health: %s", error)  # the disk; whoever seals next says it in words
            if self._stopped.wait(_LOOK_S):
                return

    def look(self) -> None:
        """Read, judge, remember, show."""
        now = self._clock()
        readings = self._read()
        known = self._known(now)
        self._remember(now)
        found = judge(readings, known, now)
        self._board.set(
            health=t.Health(
                findings=tuple(
                    t.HealthFinding(
                        code=each.code,
                        level=FINDINGS[each.code].level,
                        words=each.words,
                        todo=FINDINGS[each.code].todo,
                    )
                    for each in found
                ),
                at=readings.at if isinstance(readings, Readings) else "",
                days_left=known.days_left,
                backed_up=self._backed_up,
                scrubbed=self._board.status.scrub.finished,
                witnessed=rfc3339(known.witnessed) if known.witnessed else "",
            )
        )

    def _read(self) -> Readings | Unread:
        path = self._config.health.path
        if not path:
            return Unread.OFF
        try:
            with Path(path).open("rb") as stream:
                return decode(stream.read(MAX_BYTES + 1))
        except OSError:
            return Unread.MISSING
        except ValueError:
            return Unread.BROKEN

    def _known(self, now: datetime) -> Known:
        disk = os.statvfs(self._config.store.path)
        samples = [(parse_rfc3339(at), used) for at, used in self._state.used]
        scrub = self._board.status.scrub
        update, settings = self._board.status.update, self._board.status.settings
        folder = self._journal.log.folder
        witnesses = held.read_witnesses(folder)
        times = [time for _, time in held.last_seen(folder, self._keys, witnesses).values()]
        return Known(
            since=min(parse_rfc3339(self._state.since), now),
            drives=len(self._config.backup),
            backed_up=parse_rfc3339(self._backed_up) if self._backed_up else None,
            scrubbed=parse_rfc3339(scrub.finished) if scrub.finished else None,
            scrub_every=self._config.scrub.every_days,
            damaged=scrub.damaged,
            witnesses=len(witnesses),
            witnessed=_moment(max(times)) if times else None,
            days_left=days_left(samples, disk.f_bavail * disk.f_frsize, now),
            highest=parse_rfc3339(self._state.highest),
            update=update.state,
            version=update.version,
            runs=update.running,
            settings=(settings.version, settings.newest) if settings.unused else None,
        )

    def _committed(self, fact: Fact, _index: int) -> None:
        if isinstance(fact.event, BackupFinished):
            self._backed_up = fact.event.at

    def _remember(self, now: datetime) -> None:
        state = self._state
        last = parse_rfc3339(state.used[-1][0]) if state.used else None
        if last is None or now - last >= _SAMPLE or now < last:
            disk = os.statvfs(self._config.store.path)
            used = (disk.f_blocks - disk.f_bfree) * disk.f_frsize
            past = [each for each in state.used if parse_rfc3339(each[0]) < now]
            state = msgspec.structs.replace(state, used=(*past, (rfc3339(now), used))[-_SAMPLES:])
            if now > parse_rfc3339(state.highest):
                state = msgspec.structs.replace(state, highest=rfc3339(now))
        state = msgspec.structs.replace(state, backed_up=self._backed_up)
        if state != self._state or not self._path.exists():
            durable.write_atomic(self._path, msgspec.json.encode(state))
            self._state = state

    def _load(self) -> HealthState:
        now = rfc3339(self._clock())
        try:
            state = msgspec.json.decode(self._path.read_bytes(), type=HealthState)
            for at in (state.since, state.highest, *(at for at, _ in state.used)):
                parse_rfc3339(at)
            if state.backed_up:
                parse_rfc3339(state.backed_up)
        except (OSError, msgspec.DecodeError, ValueError):
            return HealthState(since=now, highest=now)
        return state


def _moment(seconds: int) -> datetime | None:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        return None  # a witness may claim any time
