"""Sealed files become facts: what is new, what is sealed already, and which capture it belongs to.

All of it is decided under the journal's lock, in the moment of the commit: a camera and its card that are
read at the same time by two threads give one object, not two. Only what was stored before is read back ahead
of that, since it takes as long as the files are large.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from medkiosk.core import dcf
from medkiosk.core.events import OriginalAgain, OriginalSealed, RedactionFailed
from medkiosk.core.ids import KIOSK, CaptureId, ImportId, ObjectId
from medkiosk.core.photo import RedactCode
from medkiosk.daemon.importfile import Looked, Sealed
from medkiosk.daemon.importtools import Counts, Tools, Watcher, shot_place
from medkiosk.daemon.redactor import Job
from medkiosk.ingest.plan import CaptureIds
from medkiosk.ingest.shot import BEST_FIRST, Dated, Shot, Shots
from medkiosk.journal import Fact
from medkiosk.source.model import SHAPE_WORDS, Entry
from medkiosk.vault.schema import SeenRow


@dataclass(frozen=True)
class _New:
    """A file that becomes an object of its own."""

    sealed: Sealed
    capture_id: CaptureId
    hopeless: RedactCode
    """Why no derivative can come of its capture; OK where one can, or comes of another file."""
    to_redact: bool


class Committer:
    """Acknowledges groups of one pass, one after the other.

    Args:
        watcher: told of what is acknowledged.
        tools: the journal and the redaction queue.
        import_id: which import.
        shots: the shots of the listing.
        captures: the captures that are known so far.

    Attributes:
        objects: what holds the files of the listing in the vault.
        copies: how many files had bytes that were sealed before.
        damaged: the files that are sealed and look cut off, with words.
    """

    def __init__(
        self,
        watcher: Watcher,
        tools: Tools,
        import_id: ImportId,
        shots: Shots,
        captures: CaptureIds[Shot],
    ) -> None:
        self._watcher = watcher
        self._tools = tools
        self._vault = tools.journal.vault
        self._import_id = import_id
        self._shots = shots
        self._captures = captures
        self.objects: set[str] = set()
        self.copies = 0
        self.damaged: list[tuple[Entry, str]] = []

    def acknowledge(self, group: Sequence[Sealed]) -> None:
        """Make a group durable and known; when this returns, each of its files is acknowledged.

        Raises:
            JournalStoppedError: the ledger could not be written; nothing of the group is acknowledged.
            KioskError: the disk is full or failing; nothing of the group happened.
        """
        try:
            stored, here, new = self._commit(group)
        except BaseException:
            for item in group:  # also the copies, which the journal was never given
                self._vault.discard(item.object)
            raise
        copies = [item for item, _ in stored] + here
        for item in copies:
            self._vault.discard(item.object)
        self.objects.update(made.sealed.object.id for made in new.values())
        self.objects.update(known.object_id for _, known in stored)
        damaged = [(item.looked.entry, SHAPE_WORDS[item.shape]) for item in group if item.damaged]
        self.copies += len(copies)
        self.damaged += damaged
        self._watcher.progress(Counts(sealed=len(new), copies=len(copies), damaged=len(damaged)))
        for made in new.values():
            self._queue(made)

    def _commit(
        self, group: Sequence[Sealed]
    ) -> tuple[list[tuple[Sealed, SeenRow]], list[Sealed], dict[bytes, _New]]:
        """Commit a group; return the copies of stored objects, those within the group, and what is new."""
        journal = self._tools.journal
        whole: dict[str, bool] = {}
        for item in group:
            self._stored(item.content, whole)
        with journal.lock:
            stored, here, fresh = self._divide(group, whole)
            for item, known in stored:
                self._captures.known(self._shot(item.looked), CaptureId(known.group_id))
            new = {item.content: self._assigned(item) for item in fresh}
            now = journal.now()
            facts = [fact for item in new.values() for fact in self._facts(item, now)]
            facts += [self._copy(item, known.object_id, known.group_id, now) for item, known in stored]
            for item in here:
                first = new[item.content]
                self._captures.known(self._shot(item.looked), first.capture_id)
                facts.append(self._copy(item, first.sealed.object.id, first.capture_id, now))
            journal.commit(facts)
        return stored, here, new

    def _stored(self, content: bytes, whole: dict[str, bool]) -> SeenRow | None:
        """What is known of these bytes; None also where their object does not read back as it was sealed.

        ``whole`` remembers what was read back: asked again under the lock, it reads only what has come since.
        """
        known = self._vault.seen_content(content)
        if known is None or self._vault.disposed(known.object_id):
            return None
        if known.object_id not in whole:
            whole[known.object_id] = self._vault.intact(known.object_id)
        return known if whole[known.object_id] else None

    def _divide(
        self, group: Sequence[Sealed], whole: dict[str, bool]
    ) -> tuple[list[tuple[Sealed, SeenRow]], list[Sealed], list[Sealed]]:
        """Part the files whose bytes are in the store from copies within the group and from new ones.

        A stored object counts only after its sealed bytes were read back: if they are damaged, the file is
        stored anew, and the photograph is whole again.
        """
        stored: list[tuple[Sealed, SeenRow]] = []
        here: list[Sealed] = []
        fresh: dict[bytes, Sealed] = {}
        for item in group:
            if item.content in fresh:
                here.append(item)
                continue
            known = self._stored(item.content, whole)
            if known is None:
                fresh[item.content] = item
            else:
                stored.append((item, known))
        return stored, here, list(fresh.values())

    def _shot(self, looked: Looked) -> Shot:
        return self._shots.of(shot_place(looked.entry), looked.dated)

    def _assigned(self, sealed: Sealed) -> _New:
        """Give a new file its capture, and say whether that capture's derivative is made of it."""
        entry, shot = sealed.looked.entry, self._shot(sealed.looked)
        extension = dcf.media_extension(entry.name)
        elsewhere = self._elsewhere(sealed.looked.dated, extension)
        if elsewhere and not self._captures.has(shot):
            self._captures.known(shot, next(iter(elsewhere.values())))
        # A RAW file next to its JPEG or HIF has a derivative: that one's.
        sibling = extension is not None and self._shots.best(shot_place(entry), sealed.looked.dated) not in (
            None,
            extension,
        )
        here = self._captures.of(shot)
        # A file that is not in this listing may have given a derivative: the catalogue decides, at a login.
        absent = elsewhere.keys() - self._shots.extensions(shot_place(entry), sealed.looked.dated)
        waits = any(elsewhere[other] == here for other in absent)
        return _New(
            sealed,
            here,
            hopeless=RedactCode.OK if sibling else sealed.code,
            to_redact=sealed.code is RedactCode.OK and not sibling and not waits,
        )

    def _elsewhere(self, dated: Dated | None, extension: str | None) -> dict[str, CaptureId]:
        """By extension, the captures of files of this shot that were acknowledged before, on any device.

        None where a file with this very extension was: then this is another picture, or one that was worked
        on, and it is a capture of its own. So is what comes later of a shot that was disposed of.
        """
        if dated is None or not dated.body or extension is None:  # clocks that were reset agree
            return {}
        found: dict[str, CaptureId] = {}
        for other in dict.fromkeys((*BEST_FIRST, extension)):
            row = self._vault.seen(self._vault.tag(b"shot/2", *dated.parts(other)))
            if row is not None and not self._vault.disposed(row.object_id):
                found[other] = CaptureId(row.group_id)
        return {} if extension in found else found

    def _facts(self, item: _New, now: str) -> Sequence[Fact]:
        sealed, looked = item.sealed, item.sealed.looked
        entry = looked.entry
        event = OriginalSealed(
            at=now,
            actor=KIOSK,
            import_id=self._import_id,
            capture_id=item.capture_id,
            object_id=sealed.object.id,
            storage=entry.storage,
            folder=entry.folder,
            file=entry.name,
            size=entry.size,
            mtime=entry.mtime,
            media=sealed.media,
            damaged=sealed.damaged,
        )
        row = SeenRow(_tag(sealed), sealed.content, sealed.object.id, item.capture_id)
        seen = [row]
        extension = dcf.media_extension(entry.name)
        if looked.dated is not None and looked.dated.body and extension is not None:
            seen.append(row._replace(tag=self._vault.tag(b"shot/2", *looked.dated.parts(extension))))
        facts = [Fact(event, objects=(sealed.object,), seen=seen)]
        if item.hopeless is not RedactCode.OK:
            failed = RedactionFailed(
                at=now,
                actor=KIOSK,
                capture_id=item.capture_id,
                original_id=sealed.object.id,
                media=sealed.media,
                code=item.hopeless,
            )
            facts.append(Fact(failed))
        return facts

    def _copy(self, item: Sealed, object_id: str, group_id: str, now: str) -> Fact:
        entry = item.looked.entry
        event = OriginalAgain(
            at=now,
            actor=KIOSK,
            import_id=self._import_id,
            capture_id=CaptureId(group_id),
            object_id=ObjectId(object_id),
            storage=entry.storage,
            folder=entry.folder,
            file=entry.name,
            size=entry.size,
            mtime=entry.mtime,
            damaged=item.damaged,
        )
        return Fact(event, seen=(SeenRow(_tag(item), item.content, object_id, group_id),))

    def _queue(self, item: _New) -> None:
        entry, object_ = item.sealed.looked.entry, item.sealed.object
        if not item.to_redact:
            object_.data_key.wipe()
            return
        name = dcf.public_name(entry.folder, entry.name)
        self._tools.sealed(Job(item.capture_id, object_.id, entry.size, object_.data_key, name))


def _tag(sealed: Sealed) -> bytes:
    return sealed.looked.damaged if sealed.damaged else sealed.looked.tag
