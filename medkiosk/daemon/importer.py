"""Import one device: read, seal, make durable, acknowledge. One thread a device, one worker a session.

While a group of files is made durable, the next one is already being read and encrypted: at most one group
waits, so memory and the amount of unacknowledged work stay bounded.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

import msgspec

from medkiosk.core import config
from medkiosk.core.channel import Channel, Spawn
from medkiosk.core.device import DeviceState
from medkiosk.core.errors import KioskError
from medkiosk.core.events import FileFailed, ImportFinished, ImportStarted, OriginalSealed, RedactionFailed
from medkiosk.core.ids import KIOSK, CaptureId, ImportId, ObjectId, Random, new_id
from medkiosk.core.photo import MediaKind, RedactCode
from medkiosk.daemon.board import Board
from medkiosk.device.model import DeviceRef
from medkiosk.ingest.machine import Happening, next_state
from medkiosk.ingest.plan import CaptureIds, Group
from medkiosk.ipc.types import DeviceStatus
from medkiosk.journal import Fact, Journal
from medkiosk.redact.media import sniff
from medkiosk.source import dcf
from medkiosk.source.client import SourceSession
from medkiosk.source.model import DeviceInfo, Entry, SourceCode, SourceError
from medkiosk.vault.errors import VaultFullError
from medkiosk.vault.keys import DataKey
from medkiosk.vault.schema import SeenRow
from medkiosk.vault.writer import PendingObject

_log = logging.getLogger(__name__)
_SELDOM = 15
"""After the last quick retry, how many times longer the pauses are."""
_RESERVE = 64 << 20
"""Bytes that stay free on the store's disk, so that the database and the ledger can always be written."""


@dataclass(frozen=True)
class Sealed:
    """One file that was read whole and sealed, not yet durable.

    ``hopeless`` is the reason why no derivative can come of its capture, `RedactCode.OK` otherwise.
    """

    entry: Entry
    capture_id: CaptureId
    media: MediaKind
    hopeless: RedactCode
    object: PendingObject
    seen: SeenRow


@dataclass(frozen=True)
class Original:
    """An acknowledged JPEG, with the data key that redaction needs. Held in memory only."""

    capture_id: CaptureId
    object_id: ObjectId
    size: int
    key: DataKey = field(repr=False)


@dataclass(frozen=True)
class Tools:
    """What every import uses."""

    journal: Journal
    board: Board
    random: Random
    settings: config.Ingest
    stall_s: float
    spawn: Spawn
    sealed: Callable[[Original], None]


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
            except _StoppedError:
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
                run = _Run(self, self._tools, session, info)
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
        """Raise _StoppedError once the device was unplugged or the daemon is leaving."""
        if self._stop.is_set():
            raise _StoppedError

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


class _StoppedError(Exception):
    """The device was unplugged, or the daemon is leaving."""


class ImportFailedError(KioskError):
    """The import failed inside the kiosk. What was acknowledged is safe; keep the card as it is, and call the
    administrator if it does not go on by itself."""

    code = "import.internal"


class _Run:
    """One pass over one listing."""

    def __init__(self, importer: Importer, tools: Tools, session: SourceSession, info: DeviceInfo) -> None:
        self._importer = importer
        self._tools = tools
        self._session = session
        self._info = info
        self._import_id = ImportId(new_id(tools.random))
        self._captures = CaptureIds(lambda: CaptureId(new_id(tools.random)))
        self._group: Group[Sealed] = Group(tools.settings.group_files, tools.settings.group_bytes)
        self._with_jpeg: frozenset[str] = frozenset()
        self._pending: Future[None] | None = None
        self._failures: list[FileFailed] = []
        self._bytes = 0
        self._already = 0
        self._began = False

    def all(self, entries: list[Entry], durable: ThreadPoolExecutor) -> None:
        """Seal every file that is not acknowledged yet.

        Raises:
            SourceError: the device is gone. What was sealed before is acknowledged all the same.
        """
        self._with_jpeg = frozenset(
            _shot(entry) for entry in entries if dcf.media_extension(entry.name) == "JPG"
        )
        new: list[tuple[Entry, bytes]] = []
        for entry in entries:
            tag = self._tag(entry)
            if tag is None:
                continue
            row = self._tools.journal.vault.seen(tag)
            if row is None:
                new.append((entry, tag))
                continue
            self._captures.known(_shot(entry), CaptureId(row.group_id))
            self._already += 1
            self._importer.progress(already=1, bytes_done=entry.size)
        if new or self._failures:
            self._begin(entries)
        try:
            for entry, tag in new:
                self._importer.check_stop()
                self._seal(entry, tag)
                if self._group.full:
                    self._hand_over(durable)
            self._hand_over(durable)
            self._settle()
        except (SourceError, _StoppedError):
            # The device is gone: what was read whole becomes durable all the same.
            self._hand_over(durable)
            self._settle()
            raise
        finally:
            for item in self._group.take():
                self._tools.journal.vault.discard(item.object)

    def finish(self, entries: list[Entry]) -> int:
        """Write the end of the import into the ledger; return how many files failed.

        Raises:
            JournalStoppedError: what counts as seen may not be in the ledger yet, so nothing is safe.
        """
        self._tools.journal.check()
        failed = len(self._failures)
        if self._began:
            end = ImportFinished(
                at=self._tools.journal.now(),
                actor=KIOSK,
                import_id=self._import_id,
                files=len(entries),
                bytes=self._bytes,
                already=self._already,
                failed=failed,
                safe=failed == 0,
            )
            self._tools.journal.commit([*map(Fact, self._failures), Fact(end)])
        return failed

    def _begin(self, entries: list[Entry]) -> None:
        self._began = True
        self._tools.journal.commit(
            [
                Fact(
                    ImportStarted(
                        at=self._tools.journal.now(),
                        actor=KIOSK,
                        import_id=self._import_id,
                        device_kind=self._info.kind,
                        model=self._info.model,
                        serial=self._info.serial,
                        files=len(entries),
                    )
                )
            ]
        )

    def _tag(self, entry: Entry) -> bytes | None:
        """The keyed name under which this very file is remembered; None if its head can't be read.

        Over the device, the path, the size and the first 64 KiB (a JPEG's EXIF and thumbnail, a CR3's
        metadata): a formatted card that repeats a name and even a size gives another tag.
        """
        try:
            head = self._session.head(entry.index) if entry.size else b""
        except SourceError as error:
            self._fail(entry, error)
            return None
        return self._tools.journal.vault.tag(
            b"file/1",
            self._info.serial.encode(),
            entry.storage.encode(),
            entry.folder.encode(),
            entry.name.encode(),
            entry.size.to_bytes(8, "big"),
            hashlib.sha256(head).digest(),
        )

    def _seal(self, entry: Entry, tag: bytes) -> None:
        vault = self._tools.journal.vault
        if shutil.disk_usage(vault.root).free < entry.size + _RESERVE:
            raise VaultFullError
        writer = vault.start("original")
        head = b""
        try:
            for chunk in self._session.read(entry.index):
                if not head:
                    head = chunk[:64]
                writer.write(chunk)
                self._importer.progress(bytes_done=len(chunk))
            sealed = writer.finish()
        except SourceError as error:
            writer.abort()
            self._fail(entry, error)
            return
        except BaseException:
            writer.abort()
            raise
        content = vault.tag(b"content/1", sealed.plain_sha256)
        shot = _shot(entry)
        capture_id = self._captures.of(shot)
        media, code = sniff(head)
        # A RAW file next to its JPEG has a derivative: the JPEG's.
        sibling = shot in self._with_jpeg and dcf.media_extension(entry.name) not in ("JPG", None)
        self._bytes += entry.size
        self._group.add(
            Sealed(
                entry=entry,
                capture_id=capture_id,
                media=media,
                hopeless=RedactCode.OK if sibling else code,
                object=sealed,
                seen=SeenRow(tag=tag, content=content, object_id=sealed.id, group_id=capture_id),
            ),
            entry.size,
        )

    def _fail(self, entry: Entry, error: SourceError) -> None:
        if error.ends_session:
            raise error
        self._failures.append(
            FileFailed(
                at=self._tools.journal.now(),
                actor=KIOSK,
                import_id=self._import_id,
                storage=entry.storage,
                folder=entry.folder,
                file=entry.name,
                size=entry.size,
                code=int(error.reason),
                words=error.message,
            )
        )
        self._importer.progress(failed=1)

    def _hand_over(self, durable: ThreadPoolExecutor) -> None:
        self._settle()
        group = self._group.take()
        if group:
            self._pending = durable.submit(self._acknowledge, group)

    def _settle(self) -> None:
        pending, self._pending = self._pending, None
        if pending is not None:
            pending.result()

    def _acknowledge(self, group: list[Sealed]) -> None:
        now = self._tools.journal.now()
        self._tools.journal.commit([fact for item in group for fact in self._facts(item, now)])
        self._importer.progress(sealed=len(group))
        for item in group:
            if item.media is MediaKind.JPEG:
                self._tools.sealed(
                    Original(item.capture_id, item.object.id, item.entry.size, item.object.data_key)
                )
            else:
                item.object.data_key.wipe()

    def _facts(self, item: Sealed, now: str) -> Sequence[Fact]:
        sealed = OriginalSealed(
            at=now,
            actor=KIOSK,
            import_id=self._import_id,
            capture_id=item.capture_id,
            object_id=item.object.id,
            storage=item.entry.storage,
            folder=item.entry.folder,
            file=item.entry.name,
            size=item.entry.size,
            mtime=item.entry.mtime,
            media=item.media,
        )
        facts = [Fact(sealed, objects=(item.object,), seen=(item.seen,))]
        if item.hopeless is not RedactCode.OK:
            failed = RedactionFailed(
                at=now,
                actor=KIOSK,
                capture_id=item.capture_id,
                original_id=item.object.id,
                media=item.media,
                code=item.hopeless,
            )
            facts.append(Fact(failed))
        return facts


def _place(entry: Entry) -> tuple[str, str, str, int]:
    return entry.storage, entry.folder, entry.name, entry.size


def _shot(entry: Entry) -> str:
    return entry.storage + "/" + dcf.capture_key(entry.folder, entry.name)
