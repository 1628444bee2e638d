"""What the catalogue answers with: plain, frozen, ready to be put on the wire by the daemon."""

from __future__ import annotations

from dataclasses import dataclass

from medkiosk.core.consent import Subject, Terms
from medkiosk.core.events import (
    Approved,
    FileFailed,
    ImportFinished,
    OriginalAgain,
    OriginalSealed,
    Redacted,
    RoleGiven,
    SecondAsked,
)
from medkiosk.core.ids import AccountId, CaptureId, ConsentId, EncounterId, ImportId
from medkiosk.core.photo import ImageRole, MediaKind, RedactCode, ReviewState
from medkiosk.core.quality import Advice, Quality
from medkiosk.core.slate import ShownSlate, Slate


@dataclass(frozen=True)
class ImportView:
    """One import.

    Attributes:
        captures: that began in this import.
        assigned: of those, how many belong to an encounter now.
        failed: files that could not be read, so far or in the end.
    """

    import_id: ImportId
    at: str
    device_kind: str
    model: str
    serial: str
    captures: int
    assigned: int
    finished: bool
    failed: int


@dataclass(frozen=True)
class ReceiptPage:
    """Part of one import's receipt.

    Attributes:
        info: which import.
        on_device: how many files the device had.
        files: this page's files, in the order in which it was known what became of them.
        sealed: how many on all pages became objects of their own.
        copies: how many had bytes that were sealed before.
        total: how many ``files`` there are on all pages.
        finished: the end of the import; None while it goes on or where it was cut short.
        deleted: how many files were deleted from the device after it.
        kept: how many were to be and are still there.
        unclear: of how many nobody knows whether they are.
    """

    info: ImportView
    on_device: int
    files: tuple[OriginalSealed | OriginalAgain | FileFailed, ...]
    sealed: int
    copies: int
    total: int
    finished: ImportFinished | None
    deleted: int
    kept: int
    unclear: int


@dataclass(frozen=True)
class CaptureRow:
    """One capture in a list.

    Attributes:
        name: DCF name of the shot, e.g. ``IMG_0001``.
        at: when its first file was sealed.
        media: of each of its files, in the order in which they were sealed.
        revision: the latest; 0 while there is none.
        code: how the latest attempt at redaction went; None while there was none.
        findings: how many the latest revision has.
        advice: what there is to say to the photographer.
        role: what the frame is for.
        approvers: who approved the latest revision, and may not be the second to do so.
        asked_by: who wants somebody else's opinion; None where nobody does, or it was given.
        slate: whether a slate with a check of this kiosk was read in it, whatever its role is now.
    """

    capture_id: CaptureId
    import_id: ImportId
    encounter_id: EncounterId | None
    name: str
    at: str
    media: tuple[MediaKind, ...]
    state: ReviewState
    revision: int
    code: RedactCode | None
    findings: int
    advice: tuple[Advice, ...] = ()
    role: ImageRole = ImageRole.CLINICAL
    approvers: tuple[AccountId, ...] = ()
    asked_by: AccountId | None = None
    slate: bool = False


@dataclass(frozen=True)
class CapturePage:
    """Part of a list of captures, in import order; ``total`` counts all that match."""

    captures: tuple[CaptureRow, ...]
    total: int


@dataclass(frozen=True)
class CaptureView:
    """Everything about one capture.

    Attributes:
        originals: its files.
        revisions: its derivatives, oldest first; the last one is the latest.
        approved: the approval that is in force; None unless the state is approved.
        assigned_by: who said that it belongs to its encounter.
        compared: digest of the subject whose identifiers the text of the latest revision was compared with;
            empty where it was not.
        said: the last word on what the frame is for; None where nobody said any.
        leaf: ledger index of the entry that brought the latest revision; -1 where it is not known.
        asked: the second opinion that is wanted.
    """

    row: CaptureRow
    originals: tuple[OriginalSealed, ...]
    revisions: tuple[Redacted, ...]
    approved: Approved | None
    assigned_by: AccountId | None
    compared: str = ""
    said: RoleGiven | None = None
    leaf: int = -1
    asked: SecondAsked | None = None

    @property
    def latest(self) -> Redacted | None:
        """The latest revision."""
        return self.revisions[-1] if self.revisions else None

    @property
    def quality(self) -> Quality | None:
        """What there was to say to the photographer: of the automatic pass, which looked at the original."""
        return next((r.quality for r in self.revisions if r.quality is not None), None)


@dataclass(frozen=True)
class SeriesFrame:
    """One capture of an import, as far as it matters for whose it is.

    Attributes:
        original: its first file: where it was on the device.
        encounter_id: whose it is already; None where nobody said.
        slates: those that it shows and that the kiosk has shown.
        foreign: whether it shows one that it has not.
        marks: what its slates say.
        clocked: whether the device's clock was recorded for it.
    """

    original: OriginalSealed
    encounter_id: EncounterId | None
    slates: frozenset[ShownSlate]
    foreign: bool
    marks: tuple[Slate, ...]
    clocked: bool


@dataclass(frozen=True)
class Series:
    """The frames of an import.

    Attributes:
        frames: in import order.
        last: how many slates the kiosk had shown when the import ended.
        whole: whether it has ended and every frame was looked at.
    """

    frames: tuple[SeriesFrame, ...]
    last: int
    whole: bool


@dataclass(frozen=True, slots=True)
class ConsentView:
    """One recorded answer."""

    consent_id: ConsentId
    encounter_id: EncounterId
    at: str
    actor: AccountId
    terms: Terms


@dataclass(frozen=True)
class EncounterView:
    """One encounter, with its answers in the order in which they were recorded."""

    encounter_id: EncounterId
    at: str
    subject: Subject
    label: str
    captures: int
    consents: tuple[ConsentView, ...]


@dataclass(frozen=True)
class Problem:
    """An event that does not fit what came before it, and what was made of it.

    Attributes:
        subject: the capture or encounter whose event it is.
        missing: ids that it names and that nothing is known of.
    """

    at: str
    event: str
    words: str
    subject: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
