"""One device from plug to unplug: a thread of its own, one worker a session, retries in words."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import msgspec

from medkiosk.core.channel import Channel
from medkiosk.core.device import DeviceState
from medkiosk.core.errors import KioskError
from medkiosk.daemon.importrun import ImportRun, StoppedError, Tools
from medkiosk.device.model import DeviceRef
from medkiosk.ingest.machine import Happening, next_state
from medkiosk.ipc.types import DeviceStatus
from medkiosk.source.client import SourceSession
from medkiosk.source.model import DeviceInfo, Entry, SourceCode, SourceError

_log = logging.getLogger(__name__)
_SELDOM = 15
"""After the last quick retry, how many times longer the pauses are."""


class ImportFailedError(KioskError):
    """The import failed inside the kiosk. What was acknowledged is safe; keep the card as it is, and call the
    administrator if it does not go on by itself."""

    code = "import.internal"


class Importer:
    """Everything that happens to one device between plug and unplug.

    Args:
        device: what was plugged in.
        tools: what every import uses.
    """

    def __init__(self, device: DeviceRef, tools: Tools) -> None:
        self._device = device
        self._tools = tools
        self._stop = threading.Event()
        self._lock = threading.RLock()
        self._channel: Channel | None = None
        self.status = DeviceStatus(
            key=device.key,
            kind=device.kind,
            model=device.model,
            serial="",
            state=DeviceState.OPENING,
            files=0,
            sealed=0,
            already=0,
            failed=0,
            bytes_total=0,
            bytes_done=0,
            detail="",
        )
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
        done, files = self.status.sealed + self.status.already, self.status.files
        return f"{done} of {files} files are safe. Keep the card as it is and plug it in again."

    def _happen(self, happening: Happening, detail: str = "") -> None:
        self._show(state=next_state(self.status.state, happening), detail=detail)

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
                self._once()
                return
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

    def _once(self) -> None:
        """Import until a second look finds nothing that the import has not seen."""
        while True:
            with self._session() as session:
                info = session.hello()
                self._show(model=info.model, serial=info.serial)
                if self.status.state is DeviceState.OPENING:
                    self._happen(Happening.OPENED)
                entries = session.list()
                self._show(
                    files=len(entries),
                    sealed=0,
                    already=0,
                    failed=0,
                    bytes_done=0,
                    bytes_total=sum(entry.size for entry in entries),
                )
                if self.status.state is DeviceState.LISTING:
                    self._happen(Happening.LISTED)
                run = ImportRun(self, self._tools, session, info)
                with ThreadPoolExecutor(1, thread_name_prefix="commit") as durable:
                    run.all(entries, durable)
                failed = run.finish(entries)
            # A photo taken after the listing shows only to a new session (libgphoto2 lists once).
            with self._session() as session:
                if {_place(entry) for entry in session.list()} <= {_place(entry) for entry in entries}:
                    break
        self._happen(
            Happening.SOME_FAILED if failed else Happening.ALL_ACKNOWLEDGED,
            f"{failed} of {len(entries)} files could not be read; keep the card." if failed else "",
        )

    @contextlib.contextmanager
    def _session(self) -> Iterator[SourceSession]:
        """A fresh worker that has been told which device to open."""
        try:
            self._channel = self._tools.spawn()
        except OSError as error:
            raise SourceError(SourceCode.CRASHED) from error
        session = SourceSession(self._channel, stall_s=self._tools.stall_s)
        device = self._device
        try:
            self.check_stop()
            session.open(DeviceInfo(kind=device.kind, model=device.model, serial="", port=device.port))
            yield session
        finally:
            self._channel = None
            session.close()

    def check_stop(self) -> None:
        """Raise StoppedError once the device was unplugged or the daemon is leaving."""
        if self._stop.is_set():
            raise StoppedError

    def progress(self, *, sealed: int = 0, already: int = 0, failed: int = 0, bytes_done: int = 0) -> None:
        """Add to the device's line on the board."""
        with self._lock:
            now = self.status
            self._show(
                sealed=now.sealed + sealed,
                already=now.already + already,
                failed=now.failed + failed,
                bytes_done=now.bytes_done + bytes_done,
            )


def _place(entry: Entry) -> tuple[str, str, str, int]:
    return entry.storage, entry.folder, entry.name, entry.size
