"""What the catalogue holds of each import, capture and encounter while it takes events; and their views."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import msgspec

from medkiosk.catalog.views import CaptureRow, ConsentView, EncounterView, ImportView
from medkiosk.core import events as ev
from medkiosk.core.consent import Subject
from medkiosk.core.ids import AccountId, CaptureId, EncounterId, ImportId, ObjectId
from medkiosk.core.photo import ImageRole, MediaKind, RedactCode, ReviewState

FileEvent = ev.OriginalSealed | ev.OriginalAgain | ev.FileFailed
"""What became of one file of a device."""

_RANK = {MediaKind.JPEG: 0, MediaKind.HEIF: 1, MediaKind.CR3: 2}


class Detail(msgspec.Struct, array_like=True, gc=False):
    """Everything about one shot but its place and state; `medkiosk.catalog.packed` keeps it small.

    Attributes:
        leaves: ledger index of the entry that brought each revision; -1 where it is not known.
        said: the last word on what the frame is for.
        tried: files of which no derivative could be made, and how often.
        records: ``seq`` of the records that speak of it.
        votes: the approvals of the latest revision that are in force, one a person, oldest first.
        asked: who wants a second opinion, until another person gave one.
    """

    originals: tuple[ev.OriginalSealed, ...]
    revisions: tuple[ev.Redacted, ...] = ()
    leaves: tuple[int, ...] = ()
    code: RedactCode | None = None
    approved: ev.Approved | None = None
    assigned_by: AccountId | None = None
    compared: tuple[int, str] = (0, "")
    said: ev.RoleGiven | None = None
    seen: ev.SlateSeen | None = None
    clocked: bool = False
    tried: dict[ObjectId, int] = {}
    records: tuple[int, ...] = ()
    votes: tuple[ev.Approved, ...] = ()
    asked: ev.SecondAsked | None = None

    @property
    def role(self) -> ImageRole:
        """What the frame is for."""
        return self.said.role if self.said else ImageRole.CLINICAL

    @property
    def revision(self) -> int:
        """The latest; 0 while there is none."""
        return self.revisions[-1].revision if self.revisions else 0

    @property
    def to_redact(self) -> ev.OriginalSealed:
        """The file that derivatives are made of: the JPEG, else the HEIF, the RAW, the first one."""
        return best_of(self.originals) or self.originals[0]

    @property
    def objects(self) -> tuple[ObjectId, ...]:
        """All sealed objects: its files, and derivative and preview of every revision."""
        files = tuple(file.object_id for file in self.originals)
        return files + tuple(id_ for r in self.revisions for id_ in (r.derivative_id, r.preview_id))


class Capture(msgspec.Struct, gc=False):
    """One shot, as far as lists look for it; the rest is packed.

    Attributes:
        number: its place in import order; never given to another one.
        import_id: of the import that its first file came with.
        packed: its `Detail`; empty while ``detail`` is open.
    """

    capture_id: CaptureId
    number: int
    import_id: ImportId
    state: ReviewState = ReviewState.WAITING
    encounter_id: EncounterId | None = None
    packed: bytes = b""
    detail: Detail | None = None


_INDEX_BITS = 16


class Files:
    """What became of each file of one import, in the order in which it was known, in eight bytes a file.

    A sealed file is a capture's number and the file's place among its originals; the others, which are few,
    are kept as they came.
    """

    def __init__(self, places: bytes = b"", others: Iterable[ev.OriginalAgain | ev.FileFailed] = ()) -> None:
        self._places = array("q", places)
        self.others = list(others)

    def __len__(self) -> int:
        return len(self._places)

    @property
    def places(self) -> bytes:
        """Packed, for this machine's byte order."""
        return self._places.tobytes()

    @property
    def sealed(self) -> int:
        """How many became objects of their own."""
        return len(self._places) - len(self.others)

    @property
    def copies(self) -> int:
        """How many had bytes that were sealed before."""
        return sum(isinstance(other, ev.OriginalAgain) for other in self.others)

    def add_sealed(self, number: int, place: int) -> None:
        """The next file is original ``place`` of capture ``number``."""
        self._places.append(number << _INDEX_BITS | place)

    def add(self, event: ev.OriginalAgain | ev.FileFailed) -> None:
        """The next file is no object of its own."""
        self._places.append(~len(self.others))
        self.others.append(event)

    def drop(self, numbers: set[int], captures: set[CaptureId]) -> None:
        """Forget the files of captures that are gone, by their numbers, and copies of them by their ids."""
        left, others = array("q"), self.others
        self.others = []
        for place in self._places:
            if place >= 0:
                if place >> _INDEX_BITS not in numbers:
                    left.append(place)
            elif not (isinstance(other := others[~place], ev.OriginalAgain) and other.capture_id in captures):
                left.append(~len(self.others))
                self.others.append(other)
        self._places = left

    def page(
        self, start: int, stop: int, original: Callable[[int, int], ev.OriginalSealed]
    ) -> Iterator[FileEvent]:
        """Yield some of them; ``original`` gives an original by number and place."""
        for place in self._places[start:stop]:
            if place < 0:
                yield self.others[~place]
            else:
                yield original(place >> _INDEX_BITS, place & (1 << _INDEX_BITS) - 1)


DeletionEvent = ev.FileDeleting | ev.FileDeleted | ev.FileKept | ev.FileUnclear
"""What is known of the deletion of one file of a device."""


class Deletions(msgspec.Struct, array_like=True):
    """What became of the files that were to be deleted from a device.

    Attributes:
        deleted: how many a listing had no more.
        kept: places of those that a listing still had.
        unclear: places of those of which nobody knows: no answer, or the kiosk ended in between.
    """

    deleted: int = 0
    kept: set[tuple[str, str, str]] = msgspec.field(default_factory=set)
    unclear: set[tuple[str, str, str]] = msgspec.field(default_factory=set)

    def __bool__(self) -> bool:
        """Whether there was any."""
        return bool(self.deleted or self.kept or self.unclear)

    def take(self, event: DeletionEvent) -> None:
        """The next event of a deletion; a file that was kept may be asked for again."""
        at = (event.storage, event.folder, event.file)
        self.kept.discard(at)
        self.unclear.discard(at)
        match event:
            case ev.FileDeleted():
                self.deleted += 1
            case ev.FileKept():
                self.kept.add(at)
            case ev.FileDeleting() | ev.FileUnclear():
                self.unclear.add(at)


@dataclass(slots=True)
class Import:
    """One import.

    ``failing`` are the places of files that could not be read so far, ``slates`` how many slates the kiosk
    had shown when it ended, ``slated`` says whether one of its frames shows one.
    """

    started: ev.ImportStarted
    captures: list[Capture] = field(default_factory=list)
    assigned: int = 0
    failing: set[tuple[str, str, str]] = field(default_factory=set)
    finished: ev.ImportFinished | None = None
    slates: int = 0
    slated: bool = False
    files: Files = field(default_factory=Files)
    deletions: Deletions = field(default_factory=Deletions)


def best_of(files: Iterable[ev.OriginalSealed]) -> ev.OriginalSealed | None:
    """Of some files of one shot the one that its derivative is made of: JPEG, else HEIF, else RAW."""
    return min(
        (file for file in files if file.media in _RANK), key=lambda file: _RANK[file.media], default=None
    )


@dataclass(slots=True)
class Encounter:
    """One encounter; ``records`` are the ``seq`` of the records that speak of it.

    The subject in ``created`` is the last word on who was seen: what was written down first, or what two
    people put in its place.
    """

    created: ev.EncounterCreated
    captures: dict[CaptureId, Capture] = field(default_factory=dict)
    consents: list[ConsentView] = field(default_factory=list)
    records: tuple[int, ...] = ()

    @property
    def subject(self) -> Subject:
        """Who was seen."""
        return self.created.subject


def row_of(capture: Capture, detail: Detail) -> CaptureRow:
    """A capture's line in a list."""
    first = detail.originals[0]
    return CaptureRow(
        capture_id=capture.capture_id,
        import_id=capture.import_id,
        encounter_id=capture.encounter_id,
        name=first.file.rpartition(".")[0] or first.file,
        at=first.at,
        media=tuple(original.media for original in detail.originals),
        state=capture.state,
        revision=detail.revision,
        code=detail.code,
        findings=len(detail.revisions[-1].findings) if detail.revisions else 0,
        advice=next((r.quality.advice for r in detail.revisions if r.quality is not None), ()),
        role=detail.role,
        approvers=tuple(vote.actor for vote in detail.votes),
        asked_by=detail.asked.actor if detail.asked else None,
        slate=detail.seen is not None and bool(detail.seen.slates),
    )


def import_view(import_: Import) -> ImportView:
    """An import, as it is asked for."""
    started, finished = import_.started, import_.finished
    return ImportView(
        import_id=started.import_id,
        at=started.at,
        device_kind=started.device_kind,
        model=started.model,
        serial=started.serial,
        captures=len(import_.captures),
        assigned=import_.assigned,
        finished=finished is not None,
        failed=finished.failed if finished else len(import_.failing),
    )


def encounter_view(encounter: Encounter) -> EncounterView:
    """An encounter, as it is asked for."""
    created = encounter.created
    return EncounterView(
        encounter_id=created.encounter_id,
        at=created.at,
        subject=encounter.subject,
        label=created.label,
        captures=len(encounter.captures),
        consents=tuple(encounter.consents),
    )
