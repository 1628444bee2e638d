"""Updates of the appliance from a stick: looked at, installed, noticed after a restart
(docs/update-format.md).
"""

from __future__ import annotations

import contextlib
import logging
import threading
from pathlib import Path

import msgspec

from medkiosk import durable
from medkiosk.core import canon
from medkiosk.core.device import BEING_READ
from medkiosk.core.drives import DriveState
from medkiosk.core.errors import KioskError
from medkiosk.core.event import Event
from medkiosk.core.ids import KIOSK, AccountId
from medkiosk.core.sticks import STICK_BUSY
from medkiosk.core.updateevents import (
    RestartAsked,
    UpdateApplied,
    UpdateBooted,
    UpdateRefused,
    UpdateRolledBack,
)
from medkiosk.core.updates import UPDATE_BUSY, UPDATE_WORDS, UpdateHappening, after
from medkiosk.daemon.board import Board
from medkiosk.daemon.sticks import StickDesk
from medkiosk.daemon.updatefeed import STALL_S, Feed, SpawnHelper, SpawnReader, ask_restart, spawn_reader
from medkiosk.ipc.types import Status, UpdateFound, UpdateStatus
from medkiosk.journal import Fact, Journal
from medkiosk.update import memory as remembered
from medkiosk.update.check import check_store
from medkiosk.update.errors import (
    ChangedUpdateError,
    NoApplianceError,
    NoHelperError,
    NothingWaitsError,
    NotNowError,
    NoUpdateError,
    UpdateBusyError,
    UpdateError,
)
from medkiosk.update.manifest import Manifest, parse_version
from medkiosk.update.memory import Memory
from medkiosk.vault.schema import USER_VERSION

_log = logging.getLogger(__name__)
_BOOT = Path("/proc/sys/kernel/random/boot_id")
_STOP_S = 50.0
_UNRECORDED = (NoUpdateError, NoHelperError, NotNowError, NoApplianceError)
"""Of these nothing is written down: no update was refused."""
_TAKEN_BACK = (
    "Version {gone} was installed and did not work; version {to} runs again, and nothing that was imported is"
    " affected. Tell whoever makes the updates."
)


def not_now(status: Status) -> str:
    """Why neither an update nor a restart may begin; empty where nothing speaks against it."""
    if any(device.state in BEING_READ for device in status.devices):
        return "a camera or card is being imported"
    if any(stick.state in STICK_BUSY for stick in status.sticks):
        return "a stick is being written to"
    if any(drive.state is DriveState.COPYING for drive in status.backups):
        return "a backup is being copied"
    return "pictures are being disposed of" if status.disposal else ""


class UpdateDesk:
    """What is installed, what is on a stick, how far it is; thread-safe.

    Args:
        version: file with the version that runs; there is none on a kiosk that was not installed from an
            image.
        place: file in which the kiosk remembers its versions.
        journal: takes the events.
        board: shows how far it is.
        sticks: lends the stick.
        helper: starts the helper that installs.
        reader: starts the process that reads the stick.
        stall_s: how long either may say nothing, seconds.
        boot: file with the kernel's id of this boot.
    """

    def __init__(
        self,
        version: Path,
        place: Path,
        journal: Journal,
        board: Board,
        sticks: StickDesk,
        helper: SpawnHelper,
        *,
        reader: SpawnReader = spawn_reader,
        stall_s: float = STALL_S,
        boot: Path = _BOOT,
    ) -> None:
        self._place = place
        self._journal = journal
        self._board = board
        self._sticks = sticks
        self._helper = helper
        self._reader = reader
        self._stall_s = stall_s
        self._boot = boot.read_text("ascii").strip() if boot.is_file() else ""
        self._running = _running(version)
        self._memory = Memory(version=self._running)
        self._changing = threading.Lock()
        self._thread: threading.Thread | None = None
        self._feed: Feed | None = None
        self._show(UpdateStatus(running=self._running))

    def start(self) -> None:
        """Notice whether another version runs than before; once, before anything else is asked."""
        if not self._running:
            return
        memory = remembered.decode(self._place.read_bytes()) if self._place.is_file() else None
        noticed = remembered.notice(memory, self._running, self._boot)
        events: list[Event] = []
        if noticed.booted:
            events.append(
                UpdateBooted(
                    at=self._journal.now(), actor=KIOSK, version=self._running, before=noticed.before
                )
            )
        if noticed.rolled_back:
            gone = noticed.rolled_back
            events.append(
                UpdateRolledBack(at=self._journal.now(), actor=KIOSK, version=gone, to=self._running)
            )
            self._happened(
                UpdateHappening.CAME_BACK,
                version=gone,
                detail=_TAKEN_BACK.format(gone=gone, to=self._running),
            )
        if events:
            _log.info("update: %s", ", ".join(event.name for event in events))
            self._journal.commit([Fact(event) for event in events])  # type: ignore[arg-type]
        self._memory = noticed.memory
        if noticed.memory != memory:
            self._remember(noticed.memory)
        if noticed.memory.waiting:
            self._happened(UpdateHappening.WAITS, version=noticed.memory.waiting)

    def stop(self) -> None:
        """Cut what is being copied; wait for what is being installed, which the helper does not leave half
        done.
        """
        with self._changing:
            thread, feed = self._thread, self._feed
        if feed is not None:
            feed.cut()
        if thread is not None:
            thread.join(_STOP_S)

    # What people ask

    def check(self, stick: str, actor: AccountId) -> UpdateFound:
        """Look at the newest update on a stick.

        Raises:
            UpdateError: there is none that may be installed here.
            KioskError: the stick cannot be looked at.
        """
        self._must_be_free()
        with self._sticks.reading(stick) as lent, self._feeding(lent.path) as feed:
            manifest = self._offered(feed, actor)
            return UpdateFound(
                stick=lent.name,
                running=self._running,
                version=manifest.version,
                manifest_sha256=feed.manifest_sha256,
                commit=manifest.commit,
                created=manifest.created,
                size=manifest.size,
                failed=manifest.version == self._memory.failed,
            )

    def apply(self, manifest_sha256: str, stick: str, actor: AccountId) -> UpdateStatus:
        """Begin to install the update that was looked at; the board says how far it is.

        Raises:
            NotNowError, UpdateBusyError, NoApplianceError: not begun.
        """
        self._must_be_free()
        if words := not_now(self._board.status):
            raise NotNowError(detail=words)
        with self._changing:
            if self._board.status.update.state in UPDATE_BUSY:
                raise UpdateBusyError
            self._set(UpdateHappening.BEGUN)
            self._thread = threading.Thread(
                target=self._run, args=(manifest_sha256, stick, actor), name="update", daemon=True
            )
            self._thread.start()
            return self._board.status.update

    def restart(self, actor: AccountId) -> UpdateStatus:
        """Start the machine again.

        Raises:
            NothingWaitsError, NotNowError: not now.
            NoHelperError: it cannot be done.
        """
        if not self._memory.waiting or self._board.status.update.state in UPDATE_BUSY:
            raise NothingWaitsError
        if words := not_now(self._board.status):
            raise NotNowError(detail=words)
        event = RestartAsked(at=self._journal.now(), actor=actor, version=self._memory.waiting)
        self._journal.commit([Fact(event)])
        ask_restart(self._helper)
        return self._board.status.update

    def _must_be_free(self) -> None:
        if not self._running:
            raise NoApplianceError
        if self._board.status.update.state in UPDATE_BUSY:
            raise UpdateBusyError

    # One update

    def _feeding(self, place: Path) -> contextlib.closing[Feed]:
        return contextlib.closing(Feed(place, self._reader, self._helper, stall_s=self._stall_s))

    def _offered(self, feed: Feed, actor: AccountId) -> Manifest:
        """Have an update checked; what is refused is written down."""
        try:
            manifest = feed.offer()
            check_store(manifest, USER_VERSION)
        except UpdateError as error:
            self._record_refused(feed, error, actor)
            raise
        return manifest

    def _record_refused(self, feed: Feed, error: UpdateError, actor: AccountId) -> None:
        if isinstance(error, _UNRECORDED):
            return
        event = UpdateRefused(
            at=self._journal.now(),
            actor=actor,
            version=feed.version,
            code=error.code,
            manifest_sha256=feed.manifest_sha256,
        )
        self._journal.commit([Fact(event)])

    def _run(self, manifest_sha256: str, stick: str, actor: AccountId) -> None:
        try:
            with self._sticks.reading(stick) as lent, self._feeding(lent.path) as feed:
                with self._changing:
                    self._feed = feed
                self._install(feed, manifest_sha256, actor)
        except KioskError as error:
            self._happened(UpdateHappening.STOPPED, detail=error.message, code=error.code)
        except Exception:  # noqa: BLE001 -- logged whole, said; whatever it was, it must not stay "copying"
            _log.exception("update")
            unknown = UpdateError()
            self._happened(UpdateHappening.STOPPED, detail=unknown.message, code=unknown.code)
        finally:
            with self._changing:
                self._feed = None

    def _install(self, feed: Feed, manifest_sha256: str, actor: AccountId) -> None:
        manifest = self._offered(feed, actor)
        if feed.manifest_sha256 != manifest_sha256:
            raise ChangedUpdateError
        self._say(version=manifest.version, bytes_total=manifest.size)
        try:
            feed.install(self._copied, self._installing)
        except UpdateError as error:
            self._record_refused(feed, error, actor)
            raise
        event = UpdateApplied(
            at=self._journal.now(),
            actor=actor,
            version=manifest.version,
            before=self._running,
            manifest_sha256=manifest_sha256,
            commit=manifest.commit,
        )
        self._journal.commit([Fact(event)])
        self._remember(
            Memory(
                version=self._running,
                waiting=manifest.version,
                manifest_sha256=manifest_sha256,
                boot=self._boot,
                failed=self._memory.failed,
            )
        )
        self._happened(UpdateHappening.INSTALLED, version=manifest.version)

    def _installing(self) -> None:
        """All of it came: from now on the slot that does not run is written; what waited there is gone."""
        if self._memory.waiting:
            self._remember(Memory(version=self._running, failed=self._memory.failed))
        self._happened(UpdateHappening.COPIED)

    def _remember(self, memory: Memory) -> None:
        durable.write_atomic(self._place, canon.encode(memory))
        self._memory = memory

    # The board

    def _copied(self, count: int) -> None:
        self._say(bytes_done=self._board.status.update.bytes_done + count)

    def _happened(self, happening: UpdateHappening, **values: object) -> None:
        with self._changing:
            self._set(happening, **values)

    def _set(self, happening: UpdateHappening, **values: object) -> None:
        shown = self._board.status.update
        if happening is UpdateHappening.BEGUN:
            shown = UpdateStatus(running=self._running, state=shown.state)
        state = after(shown.state, happening)
        self._show(msgspec.structs.replace(shown, state=state, words=UPDATE_WORDS[state], **values))

    def _say(self, **values: object) -> None:
        with self._changing:
            self._show(msgspec.structs.replace(self._board.status.update, **values))

    def _show(self, status: UpdateStatus) -> None:
        self._board.set(update=status)


def _running(version: Path) -> str:
    try:
        return str(parse_version(version.read_text("ascii").strip()))
    except (OSError, ValueError):
        return ""
