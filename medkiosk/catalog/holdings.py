"""What the catalogue holds of each import, capture and encounter while it takes events; and their views."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from medkiosk.catalog.views import CaptureRow, ConsentView, EncounterView, ImportView
from medkiosk.core import events as ev
from medkiosk.core.ids import AccountId, CaptureId, EncounterId, ObjectId
from medkiosk.core.photo import ImageRole, MediaKind, RedactCode, ReviewState


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
    files: list[ev.OriginalSealed | ev.OriginalAgain | ev.FileFailed] = field(default_factory=list)


_RANK = {MediaKind.JPEG: 0, MediaKind.HEIF: 1, MediaKind.CR3: 2}


@dataclass(slots=True)
class Capture:
    """One shot; ``number`` is its place in import order, ``said`` the last word on what the frame is for."""

    number: int
    originals: tuple[ev.OriginalSealed, ...]
    state: ReviewState = ReviewState.WAITING
    encounter_id: EncounterId | None = None
    revisions: tuple[ev.Redacted, ...] = ()
    code: RedactCode | None = None
    approved: ev.Approved | None = None
    assigned_by: AccountId | None = None
    compared: tuple[int, str] = (0, "")
    said: ev.RoleGiven | None = None
    seen: ev.SlateSeen | None = None
    clocked: bool = False
    tried: dict[ObjectId, int] = field(default_factory=dict)
    """Files of which no derivative could be made, and how often."""

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


def best_of(files: Iterable[ev.OriginalSealed]) -> ev.OriginalSealed | None:
    """Of some files of one shot the one that its derivative is made of: JPEG, else HEIF, else RAW."""
    return min(
        (file for file in files if file.media in _RANK), key=lambda file: _RANK[file.media], default=None
    )


@dataclass(slots=True)
class Encounter:
    """One encounter."""

    created: ev.EncounterCreated
    captures: dict[CaptureId, Capture] = field(default_factory=dict)
    consents: list[ConsentView] = field(default_factory=list)


def row_of(capture: Capture) -> CaptureRow:
    """A capture's line in a list."""
    first = capture.originals[0]
    return CaptureRow(
        capture_id=first.capture_id,
        import_id=first.import_id,
        encounter_id=capture.encounter_id,
        name=first.file.rpartition(".")[0] or first.file,
        at=first.at,
        media=tuple(original.media for original in capture.originals),
        state=capture.state,
        revision=capture.revision,
        code=capture.code,
        findings=len(capture.revisions[-1].findings) if capture.revisions else 0,
        advice=next((r.quality.advice for r in capture.revisions if r.quality is not None), ()),
        role=capture.role,
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
        subject=created.subject,
        label=created.label,
        captures=len(encounter.captures),
        consents=tuple(encounter.consents),
    )
