"""One file from the device into a sealed object that is not yet durable, read once or twice."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass

from medkiosk.core import dcf
from medkiosk.core.photo import MediaKind, RedactCode
from medkiosk.daemon.importtools import Counts, Tools, Watcher
from medkiosk.ingest.shot import Dated
from medkiosk.redact.media import SNIFF_BYTES, sniff
from medkiosk.source.client import SourceSession
from medkiosk.source.model import HEAD_BYTES, DeviceInfo, Entry, Shape, SourceCode, SourceError
from medkiosk.vault.errors import VaultFullError
from medkiosk.vault.writer import PendingObject

_RESERVE = 64 << 20
"""Bytes that stay free on the store's disk, so that the database and the ledger can always be written."""


@dataclass(frozen=True)
class Looked:
    """One listed file whose head was read.

    ``tag`` is the keyed name under which this very file is remembered, ``damaged`` the one under which it is
    if it is sealed and looks cut off; ``beginning`` is the SHA-256 of the head; ``dated`` names its shot.
    """

    entry: Entry
    tag: bytes
    damaged: bytes
    beginning: bytes
    dated: Dated | None


@dataclass(frozen=True)
class Sealed:
    """One file that was read whole and sealed, not yet durable.

    Attributes:
        content: the keyed name of its bytes; of an empty file, of its place: nothing is no copy of nothing.
        media: what its first bytes say.
        code: whether a derivative can come of it.
        shape: how its own structure compares with its length. Where that is doubtful, it was read twice with
            the same bytes.
    """

    looked: Looked
    object: PendingObject
    content: bytes
    media: MediaKind
    code: RedactCode
    shape: Shape

    @property
    def damaged(self) -> bool:
        """Whether the card may hold more of it than it gave."""
        return self.shape.is_damaged


class FileReader:
    """Reads the files of one session.

    Args:
        watcher: told of the bytes.
        tools: the vault and the settings.
        session: the device.
        info: which device that is.
    """

    def __init__(self, watcher: Watcher, tools: Tools, session: SourceSession, info: DeviceInfo) -> None:
        self._watcher = watcher
        self._vault = tools.journal.vault
        self._twice = tools.settings.verify == "twice"
        self._session = session
        self._info = info

    def look(self, entry: Entry) -> Looked:
        """Read a file's head and name it.

        The tag is over the device, the path, the size, the listed time and the first 64 KiB (a JPEG's EXIF
        and thumbnail, a CR3's metadata). The time makes no two files the same: another time only means that
        the file is read whole, and then its content says whether it is known (ADR 0005).

        Raises:
            SourceError: the head can't be read, or there is none: a camera records nothing without bytes.
        """
        if entry.failure is not None:
            raise SourceError(entry.failure)
        if not entry.size and dcf.media_extension(entry.name) is not None:
            raise SourceError(SourceCode.EMPTY)
        head = self._session.head(entry.index) if entry.size else b""
        beginning = hashlib.sha256(head).digest()
        tag = self._vault.tag(
            b"file/2",
            self._info.serial.encode(),
            entry.storage.encode(),
            entry.folder.encode(),
            entry.name.encode(),
            entry.size.to_bytes(8, "big"),
            entry.mtime.to_bytes(8, "big", signed=True),
            beginning,
        )
        dated = Dated.of(entry.folder, dcf.shot_name(entry.folder, entry.name), head)
        return Looked(entry, tag, self._vault.tag(b"damaged/1", tag), beginning, dated)

    def seal(self, looked: Looked) -> Sealed:
        """Read a file whole and seal it; with ``verify = "twice"``, read it again and compare.

        A file that does not end where its own structure does is read again in any case: if the card gives
        the same bytes twice, it holds them like this, and it is sealed like this. A file that two readings
        gave different bytes of is read anew, once: a cable that shook does not cost a photograph, and one
        that goes on shaking is found.

        Raises:
            SourceError: it could not be read, never gave the same bytes twice (`SourceCode.DIFFERS`), or does
                not begin with what was looked at (`SourceCode.CHANGED`): it would be remembered as another.
            KioskError: the disk is full or failing.
        """
        for _ in range(2):
            sealed = self._once(looked)
            if not (self._twice or sealed.shape.is_doubtful):
                return sealed
            kept = False
            try:
                kept = self._reread(looked.entry) == sealed.object.plain_sha256
            finally:
                if not kept:  # also where the second reading came to no end
                    self._vault.discard(sealed.object)
            if kept:
                return sealed
            self._watcher.progress(Counts(bytes_done=-looked.entry.size))
        self._watcher.progress(Counts(bytes_done=looked.entry.size))
        raise SourceError(SourceCode.DIFFERS)

    def _once(self, looked: Looked) -> Sealed:
        entry = looked.entry
        if shutil.disk_usage(self._vault.root).free < entry.size + _RESERVE:
            raise VaultFullError
        writer = self._vault.start("original")
        head = bytearray()
        try:
            for chunk in self._session.read(entry.index):
                if len(head) < HEAD_BYTES:
                    head += chunk[: HEAD_BYTES - len(head)]
                writer.write(chunk)
                self._watcher.progress(Counts(bytes_done=len(chunk), bytes_read=len(chunk)))
            if hashlib.sha256(head).digest() != looked.beginning:
                raise SourceError(SourceCode.CHANGED)
            pending = writer.finish()
        except BaseException:
            writer.abort()
            raise
        media, code = sniff(bytes(head[:SNIFF_BYTES]))
        what = (b"content/1", pending.plain_sha256) if entry.size else (b"empty/1", looked.tag)
        return Sealed(looked, pending, self._vault.tag(*what), media, code, self._session.shape)

    def _reread(self, entry: Entry) -> bytes:
        digest = hashlib.sha256()
        for chunk in self._session.read(entry.index):
            digest.update(chunk)
            self._watcher.progress(Counts(bytes_read=len(chunk)))
        return digest.digest()
