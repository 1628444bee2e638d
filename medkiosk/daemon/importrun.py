"""One pass over one device's listing: what is new is read, sealed, made durable and acknowledged.

While a group of files is made durable, the next one is already being read and encrypted: at most one group
waits, so memory and the amount of unacknowledged work stay bounded.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

from medkiosk.core import config
from medkiosk.core.channel import Spawn
from medkiosk.core.events import FileFailed, ImportFinished, ImportStarted, OriginalSealed, RedactionFailed
from medkiosk.core.ids import KIOSK, CaptureId, ImportId, Random, new_id
from medkiosk.core.photo import MediaKind, RedactCode
from medkiosk.daemon.board import Board
from medkiosk.daemon.redactor import Job
from medkiosk.ingest.plan import CaptureIds, Group
from medkiosk.journal import Fact, Journal
from medkiosk.redact.media import sniff
from medkiosk.source import dcf
from medkiosk.source.client import SourceSession
from medkiosk.source.model import DeviceInfo, Entry, SourceError
from medkiosk.vault.errors import VaultFullError
from medkiosk.vault.schema import SeenRow
from medkiosk.vault.writer import PendingObject

_RESERVE = 64 << 20
_BEST_FIRST = ("JPG", "HIF", "CR3")
"""Of the files of one shot, what a derivative is made of (`medkiosk.catalog.fold` ranks them by content)."""
"""Bytes that stay free on the store's disk, so that the database and the ledger can always be written."""


class StoppedError(Exception):
    """The device was unplugged, or the daemon is leaving."""


class Watcher(Protocol):
    """Who is told how far a pass is."""

    def check_stop(self) -> None:
        """Raise StoppedError when the pass must end."""
        ...

    def progress(self, *, sealed: int = 0, already: int = 0, failed: int = 0, bytes_done: int = 0) -> None:
        """Add to the counts."""
        ...


@dataclass(frozen=True)
class Tools:
    """What every import uses."""

    journal: Journal
    board: Board
    random: Random
    settings: config.Ingest
    stall_s: float
    spawn: Spawn
    sealed: Callable[[Job], None]


@dataclass(frozen=True)
class Sealed:
    """One file that was read whole and sealed, not yet durable.

    ``hopeless`` is the reason why no derivative can come of its capture, `RedactCode.OK` otherwise;
    ``to_redact`` says that its capture's derivative is made of this file.
    """

    entry: Entry
    capture_id: CaptureId
    media: MediaKind
    hopeless: RedactCode
    to_redact: bool
    object: PendingObject
    seen: SeenRow


class ImportRun:
    """One pass over one listing."""

    def __init__(self, watcher: Watcher, tools: Tools, session: SourceSession, info: DeviceInfo) -> None:
        self._watcher = watcher
        self._tools = tools
        self._session = session
        self._info = info
        self._import_id = ImportId(new_id(tools.random))
        self._captures = CaptureIds(lambda: CaptureId(new_id(tools.random)))
        self._group: Group[Sealed] = Group(tools.settings.group_files, tools.settings.group_bytes)
        self._best: dict[str, str] = {}
        """Shot -> extension of the file that its derivative is made of."""
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
        for extension in reversed(_BEST_FIRST):
            same = (entry for entry in entries if dcf.media_extension(entry.name) == extension)
            self._best.update((_shot(entry), extension) for entry in same)
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
            self._watcher.progress(already=1, bytes_done=entry.size)
        if new or self._failures:
            self._begin(entries)
        try:
            for entry, tag in new:
                self._watcher.check_stop()
                self._seal(entry, tag)
                if self._group.full:
                    self._hand_over(durable)
            self._hand_over(durable)
            self._settle()
        except (SourceError, StoppedError):
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
                self._watcher.progress(bytes_done=len(chunk))
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
        # A RAW file next to its JPEG or HIF has a derivative: that one's.
        extension = dcf.media_extension(entry.name)
        sibling = extension is not None and self._best.get(shot, extension) != extension
        self._bytes += entry.size
        self._group.add(
            Sealed(
                entry=entry,
                capture_id=capture_id,
                media=media,
                hopeless=RedactCode.OK if sibling else code,
                to_redact=code is RedactCode.OK and not sibling,
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
        self._watcher.progress(failed=1)

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
        self._watcher.progress(sealed=len(group))
        for item in group:
            if item.to_redact:
                name = dcf.shot_name(item.entry.folder, item.entry.name)
                key = item.object.data_key
                self._tools.sealed(Job(item.capture_id, item.object.id, item.entry.size, key, name))
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


def _shot(entry: Entry) -> str:
    return entry.storage + "/" + dcf.capture_key(entry.folder, entry.name)
