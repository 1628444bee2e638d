"""One device from plug to unplug: a thread of its own, one worker a session, retries in words."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator
from collections.abc import Set as AbstractSet
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

import msgspec

from medkiosk.core.channel import Channel
from medkiosk.core.device import KEEP_CARD, REUSE, DeviceState
from medkiosk.core.errors import KioskError
from medkiosk.core.events import ImportFinished
from medkiosk.daemon import deletewords
from medkiosk.daemon.board import first_line
from medkiosk.daemon.importchanging import PASSES, Changing, StillChangingError
from medkiosk.daemon.importclock import SILENT, measure_clock
from medkiosk.daemon.importdelete import Deletion
from medkiosk.daemon.importrun import ImportRun
from medkiosk.daemon.importstuck import Stuck
from medkiosk.daemon.importtools import Counts, Place, StoppedError, Tools, place
from medkiosk.device.model import DeviceRef
from medkiosk.ingest.machine import Happening, acknowledged, expendable, next_state
from medkiosk.ingest.numbers import gap_words
from medkiosk.ingest.progress import Pace, doing_words
from medkiosk.source.client import SourceSession
from medkiosk.source.model import DeviceInfo, Entry, Grant, SourceCode, SourceError

_log = logging.getLogger(__name__)
_SHOW_S = 0.1
"""Bytes are counted on the board at most so often: it wakes everybody who watches."""
_MOST_PATIENT = 20
"""A camera is looked at again after a pause that doubles, to at most so many of the first one: each look
keeps it awake. A folder is looked at after each pause."""
_SELDOM = 15
"""After the last quick retry, how many times longer the pauses are."""
_OTHER_PARTS = (
    "This card has {parts} parts (partitions), and this line speaks of one of them. The kiosk may be unable"
    " to read another: have somebody look at the card before it is reused."
)


class ImportFailedError(KioskError):
    """The import failed inside the kiosk. What was acknowledged is safe; keep the card as it is, and call the
    administrator if it does not go on by itself."""

    code = "import.internal"


@dataclass(frozen=True)
class Left:
    """What a device held when its import ended.

    Attributes:
        entries: its listing that was imported.
        places: those of them that are there still.
    """

    entries: list[Entry]
    places: AbstractSet[Place]


class Importer:
    """Everything that happens to one device between plug and unplug.

    Args:
        device: what was plugged in.
        tools: what every import uses.
        release: called when everything on the device is safe and nothing reads it any more.
        changes: whether something may come onto the device while it is plugged in: a camera, a folder; not a
            card that is mounted read-only and then let go.
    """

    def __init__(
        self,
        device: DeviceRef,
        tools: Tools,
        release: Callable[[DeviceRef], None] = lambda _device: None,
        *,
        changes: bool = True,
    ) -> None:
        self._device = device
        self._release = release
        self._changes = changes
        self._tools = tools
        self._stop = threading.Event()
        self._lock = threading.RLock()
        self._channel: Channel | None = None
        self._pace = Pace(tools.monotonic())
        self._uncounted = 0
        self._shown = 0.0
        self._clock_words: str | None = None
        self._stuck: Stuck | None = None
        self._verdict: ImportFinished | None = None
        self._gap_words = ""
        self._changing = Changing()
        self._deletion = Deletion(tools, self, self._session, lambda words: self._show(doing=words))
        self.status = first_line(device, device.model, DeviceState.OPENING)
        tools.board.device(self.status)
        self._thread = threading.Thread(target=self._run, name=f"import-{device.key}", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def unplugged(self) -> None:
        """The device is gone: let the worker go, keep what is sealed."""
        self._stop.set()
        channel = self._channel
        if channel is not None:
            channel.kill()
        self._thread.join()
        self._happen(Happening.UNPLUGGED, "" if self.status.state is DeviceState.SAFE else self._too_early())

    def _too_early(self) -> str:
        done, files = self.status.sealed + self.status.already + self.status.copies, self.status.files
        return f"{done} of {files} files are safe. Keep the card as it is and plug it in again."

    def _happen(self, happening: Happening, detail: str = "", **values: object) -> None:
        self._show(state=next_state(self.status.state, happening), detail=detail, doing="", **values)

    def _show(self, **values: object) -> None:
        with self._lock:
            self.status = msgspec.structs.replace(self.status, **values)
            self._tools.board.device(self.status)

    def _run(self) -> None:
        attempt = 0
        while True:
            attempt += 1
            # A person is told after a few tries; the kiosk goes on trying, less often, until unplugged.
            gave_up = attempt > self._tools.settings.retries
            pause = self._tools.settings.retry_s * (_SELDOM if gave_up else attempt)
            try:
                left = self._once()
                if not self._more_came(left):
                    return
                attempt = 0
                self._happen(Happening.MORE, passport="", notes=())
                continue
            except StoppedError:
                return
            except SourceError as error:
                _log.warning("import: device %s: source code %d", self._device.key, error.reason)
                happening, detail = Happening.GAVE_UP if gave_up else Happening.LOST, error.message
            except KioskError as error:
                # The disk is full or failing: tried again seldom, in case somebody made room.
                _log.error("import: device %s stopped: %s", self._device.key, error.code)
                happening, detail = Happening.GAVE_UP, error.message
                pause = self._tools.settings.retry_s * _SELDOM
            except Exception as error:  # noqa: BLE001 - the thread's boundary: it must end in words
                _log.error("import: device %s failed inside: %s", self._device.key, type(error).__name__)
                happening, detail = Happening.GAVE_UP, ImportFailedError().message
                pause = self._tools.settings.retry_s * _SELDOM
            if self._stop.is_set():
                return
            self._happen(happening, detail)
            if self._stop.wait(pause):
                return
            self._happen(Happening.RETRY)

    def _more_came(self, left: Left) -> bool:
        """Look again, now and then, until there is something new; False when the device is unplugged."""
        pause, patience = self._tools.settings.look_again_s, 1
        while self._changes and not self._stop.wait(pause * patience):
            if self._device.kind == "camera":
                patience = min(2 * patience, _MOST_PATIENT)
            try:
                with self._session() as session:
                    if not self._changing.settled(left.entries, session.list(), left.places):
                        return True
            except SourceError as error:
                # Asleep, or in use. What is said of it was true when it was listed; nothing else is known.
                _log.info("import: device %s: not looked at again: %d", self._device.key, error.reason)
        return False

    def _once(self) -> Left:
        """Import until a second look, after which nothing comes, finds only what the import has seen."""
        for _ in range(PASSES):
            run, entries = self._pass()
            if not self._deletion.gone:  # what the kiosk deleted is not missing
                self._gap_words = gap_words(run.gaps)
            left = self._delete(run, entries)
            # A photo taken after the listing shows only to a new session (libgphoto2 lists once).
            with self._session() as session:
                if self._changing.settled(entries, session.list(), left):
                    break
        else:
            raise StillChangingError
        self._tools.board.keep(self._device.key, run.kept)
        counts = run.outcomes
        safe = acknowledged(counts)
        parts = _OTHER_PARTS.format(parts=self._device.others + 1) if self._device.others else ""
        notes = (self._clock_words or "", self._gap_words, self._deletion.words, parts)
        reuse = expendable(counts) and not self._deletion.damaged and not self._device.others
        # A camera is always used again; that the card in it is still needed is said all the same.
        passport = KEEP_CARD if not reuse else REUSE if self._device.kind == "card" else ""
        self._show(
            doing="",
            notes=tuple(note for note in notes if note),
            passport=passport,
        )
        failed = len(run.failures)
        self._happen(
            Happening.ALL_ACKNOWLEDGED if safe else Happening.SOME_FAILED,
            "" if safe else f"{failed} of {len(entries)} files could not be read; keep the card.",
        )
        if safe:
            self._release(self._device)
        return Left(entries, left)

    def _pass(self) -> tuple[ImportRun, list[Entry]]:
        """List the device and import what is new."""
        with self._session(self._clock_grant()) as session:
            info = session.hello()
            self._show(model=info.model, serial=info.serial)
            if self._stuck is None:  # only now is it known which device this is
                vanished = self._tools.memory.plugged(self._device, info)
                self._stuck = Stuck(vanished, self._stop.is_set)
            if self.status.state is DeviceState.OPENING:
                self._happen(Happening.OPENED)
            if self._clock_words is None:
                try:
                    self._clock_words = measure_clock(self._tools, session, info)
                except SourceError:
                    self._clock_words = SILENT  # asked once: photographs do not wait for a clock
                    raise
            entries = self._changing.refused(session.list())
            self._begin(entries)
            run = ImportRun(self, self._tools, session, info, self._stuck, self._verdict)
            with ThreadPoolExecutor(1, thread_name_prefix="commit") as durable:
                run.all(entries, durable)
        run.finish(entries)
        self._verdict = run.verdict
        self._stuck.told()
        return run, entries

    def _begin(self, entries: list[Entry]) -> None:
        with self._lock:
            self._pace = Pace(self._tools.monotonic())
            self._uncounted = 0
            self._show(
                files=len(entries),
                sealed=0,
                already=0,
                copies=0,
                damaged=0,
                failed=0,
                bytes_done=0,
                bytes_total=sum(entry.size for entry in entries),
                doing="",
                passport="",
                notes=(),
            )
        if self.status.state is DeviceState.LISTING:
            self._happen(Happening.LISTED)

    def _delete(self, run: ImportRun, entries: list[Entry]) -> set[Place]:
        """Delete what is sealed, where the policy says so; return what may be on the device afterwards."""
        if self._tools.settings.delete == "after_verified" and entries:
            if expendable(run.outcomes):
                return self._deletion.all(run.import_id, entries)
            self._deletion.refuse(deletewords.NOT_WHOLE)
        return {place(entry) for entry in entries}

    def _clock_grant(self) -> Grant:
        set_it = self._tools.settings.set_camera_clock and self._clock_words is None
        return Grant.SET_CLOCK if set_it else Grant.NONE

    @contextlib.contextmanager
    def _session(self, grants: Grant = Grant.NONE) -> Iterator[SourceSession]:
        """A fresh worker that has been told which device to open, and what it may change there."""
        try:
            self._channel = self._tools.spawn()
        except OSError as error:
            raise SourceError(SourceCode.CRASHED) from error
        session = SourceSession(self._channel, stall_s=self._tools.stall_s)
        device = self._device
        kind: Literal["camera", "card"] = "card" if device.kind == "card" else "camera"
        try:
            self.check_stop()
            session.open(DeviceInfo(kind=kind, model=device.model, serial="", port=device.port), grants)
            yield session
        finally:
            self._channel = None
            session.close()

    def check_stop(self) -> None:
        """Raise StoppedError once the device was unplugged or the daemon is leaving."""
        if self._stop.is_set():
            raise StoppedError

    def progress(self, more: Counts) -> None:
        """Add to the device's line on the board."""
        with self._lock:
            now = self._tools.monotonic()
            if more.bytes_read:
                self._pace.read(more.bytes_read, now)
            self._uncounted += more.bytes_done
            if not more.has_files and now - self._shown < _SHOW_S:
                return
            self._shown = now
            was = self.status
            sealed, already = was.sealed + more.sealed, was.already + more.already
            copies, failed = was.copies + more.copies, was.failed + more.failed
            known = sealed + already + copies + failed
            done, self._uncounted = was.bytes_done + self._uncounted, 0
            rate = self._pace.rate(now)
            left = self._pace.left(was.bytes_total - done, now)
            self._show(
                sealed=sealed,
                already=already,
                copies=copies,
                damaged=was.damaged + more.damaged,
                failed=failed,
                bytes_done=done,
                doing=doing_words(known + 1, was.files, done, was.bytes_total, rate, left),
            )
