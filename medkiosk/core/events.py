"""Everything that can happen, one type each.

An event is sealed to the vault as a record; the ledger gets a leaf that names the record and the objects
and holds nothing personal. State is what `medkiosk.catalog` makes of the events in order: nothing is ever
edited, a correction is another event.

Events are kept from the garbage collector (``gc=False``; nothing frozen can be part of a cycle): a catalogue
holds hundreds of thousands of them, and walking them again and again takes longer than folding them.

Times are RFC 3339 UTC with milliseconds (`medkiosk.core.clock`). ``actor`` is an account id, or ``kiosk``.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from medkiosk.core import canon
from medkiosk.core.accessevents import AnyAccessEvent
from medkiosk.core.auditevents import AnyAuditEvent
from medkiosk.core.consent import Subject, Terms
from medkiosk.core.correctionevents import AnyCorrection
from medkiosk.core.endevents import AnyEndEvent
from medkiosk.core.event import Event
from medkiosk.core.exportevents import AnyExportEvent
from medkiosk.core.ids import (
    AccountId,
    CaptureId,
    ConsentId,
    CorrectionId,
    EncounterId,
    GlassId,
    ImportId,
    ObjectId,
)
from medkiosk.core.lifecycle import AnyLifecycle
from medkiosk.core.photo import Box, Finding, ImageRole, MediaKind, RedactCode
from medkiosk.core.quality import Quality
from medkiosk.core.role import Role as Role  # noqa: PLC0414 - events name it: whoever reads them finds it here
from medkiosk.core.settingsevents import AnySettingsEvent
from medkiosk.core.siteevents import AnySiteEvent
from medkiosk.core.slate import Slate, SlateKind
from medkiosk.core.trainingevents import AnyTrainingEvent
from medkiosk.core.updateevents import AnyUpdateEvent
from medkiosk.core.usbevents import AnyUsbEvent


class What(StrEnum):
    """What somebody looked at."""

    PREVIEW = "preview"
    DERIVATIVE = "derivative"  # parts of it at full size
    ORIGINAL = "original"
    AUDIT = "audit"


class KioskStarted(Event, frozen=True, tag="kiosk.started"):
    """The daemon reached READY.

    ``settings``: version of this kiosk's settings that is in force; left out where the image's values are.
    """

    version: str
    detectors: tuple[str, ...]
    missing: tuple[str, ...]
    settings: int | msgspec.UnsetType = msgspec.UNSET


class ImportStarted(Event, frozen=True, tag="import.started"):
    """A camera or card was plugged in and listed."""

    import_id: ImportId
    device_kind: str
    model: str
    serial: str
    files: int


class OriginalSealed(Event, frozen=True, tag="original.sealed", omit_defaults=True):
    """One file of a camera or card is sealed and verified.

    Attributes:
        storage: which slot, in the device's own words.
        folder: folder on the device, as text with undecodable bytes escaped.
        file: file name on the device, likewise.
        mtime: the device's raw modification time, seconds; not trusted, and never makes two files the same.
        media: what the first bytes say.
        damaged: it was read twice with the same bytes, and they end too early for a file of its kind, or are
            not built like one: it is sealed as it is, and the card may hold more of it.
    """

    import_id: ImportId
    capture_id: CaptureId
    object_id: ObjectId
    storage: str
    folder: str
    file: str
    size: int
    mtime: int
    media: MediaKind
    damaged: bool = False


class OriginalAgain(Event, frozen=True, tag="original.again", omit_defaults=True):
    """A file with the very bytes of one that is sealed: nothing is stored twice, the place is remembered.

    ``object_id`` is the object that holds the bytes; it was read back before this was said. ``damaged`` is
    that of `OriginalSealed`, for this place.
    """

    import_id: ImportId
    capture_id: CaptureId
    object_id: ObjectId
    storage: str
    folder: str
    file: str
    size: int
    mtime: int
    damaged: bool = False


class FileFailed(Event, frozen=True, tag="file.failed"):
    """One file could not be read from the device; the card still has it."""

    import_id: ImportId
    storage: str
    folder: str
    file: str
    size: int
    code: int
    words: str


class Gap(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """File numbers that are not on a device, though it has the ones before and after.

    ``storage`` and ``folder`` are those of the file after the gap; ``first`` to ``last`` are missing.
    """

    storage: str
    folder: str
    first: int
    last: int


class ImportFinished(Event, frozen=True, tag="import.finished", omit_defaults=True):
    """The import ended. ``safe`` says whether everything on the device is acknowledged.

    Attributes:
        copies: files whose bytes were sealed before, from another place.
        damaged: files that are sealed and end too early, or are not built like what they are called.
        expendable: whether the device was needed for no file any more. None in records from before it was
            written down.
    """

    import_id: ImportId
    files: int
    bytes: int
    already: int
    failed: int
    safe: bool
    copies: int = msgspec.field(default=0, name="again")  # what older records call it
    damaged: int = 0
    gaps: tuple[Gap, ...] = ()
    expendable: bool | None = None


class CameraClock(Event, frozen=True, tag="camera.clock"):
    """What a camera's clock showed when it was plugged in.

    Attributes:
        model, serial: which camera.
        camera: what it showed, ISO 8601 without a zone.
        kiosk: the kiosk's clock at that moment, RFC 3339 UTC.
        offset_ms: camera minus kiosk, the camera's time read as UTC.
        uncertainty_ms: how far off that may be: the time that asking took, and the camera's own resolution.
        corrected: whether the camera's clock was set afterwards, as the configuration says.
    """

    model: str
    serial: str
    camera: str
    kiosk: str
    offset_ms: int
    uncertainty_ms: int
    corrected: bool


class OnDevice(Event, frozen=True):
    """What every event of a deletion has: a file on a device, and the object that holds its bytes."""

    import_id: ImportId
    object_id: ObjectId
    storage: str
    folder: str
    file: str
    size: int


class FileDeleting(OnDevice, frozen=True, tag="file.deleting"):
    """One file is about to be deleted from a device.

    Of the same file `FileDeleted`, `FileKept` or `FileUnclear` follows. Where none does, the kiosk ended in
    between, and whether the file is still on the device is not known.
    """


class FileDeleted(OnDevice, frozen=True, tag="file.deleted"):
    """One file was deleted from a device: a new listing has it no more. Its object was read back before."""


class FileKept(OnDevice, frozen=True, tag="file.kept"):
    """One file was to be deleted from a device and a new listing still has it; ``words`` says why."""

    words: str


class FileUnclear(OnDevice, frozen=True, tag="file.unclear"):
    """One file was to be deleted, and no listing says what became of it; ``words`` says so."""

    words: str


class Redacted(Event, frozen=True, tag="redacted", omit_defaults=True):
    """A derivative was made and sealed; ``revision`` counts from 1 for each capture.

    ``actor`` is the kiosk for the automatic pass, an account for a reviewer's changed plan. ``width, height``
    are those of the whole upright picture, in which findings are measured; ``crop`` is the part of it that
    the derivative shows, None for all of it. ``quality`` is what there was to say to the photographer.
    Members with a default came later: they are left out where they are None, so that older records stay
    what they were.
    """

    capture_id: CaptureId
    original_id: ObjectId
    derivative_id: ObjectId
    preview_id: ObjectId
    revision: int
    width: int
    height: int
    preview_width: int
    preview_height: int
    code: RedactCode
    findings: tuple[Finding, ...]
    policy: str
    crop: Box | None = None
    quality: Quality | None = None

    @property
    def shown(self) -> Box:
        """What the derivative shows, in pixels of the whole picture; its size is the derivative's."""
        return self.crop or Box(0, 0, self.width, self.height)


class RedactionFailed(Event, frozen=True, tag="redaction.failed"):
    """No derivative could be made of this file; it is sealed and cannot be exported."""

    capture_id: CaptureId
    original_id: ObjectId
    media: MediaKind
    code: RedactCode


class AccountCreated(Event, frozen=True, tag="account.created"):
    """Somebody may log in from now on."""

    account_id: AccountId
    user: str
    display_name: str
    roles: tuple[Role, ...]


class LoggedIn(Event, frozen=True, tag="login.accepted"):
    """A passphrase opened the vault."""


class LoginFailed(Event, frozen=True, tag="login.refused"):
    """A passphrase did not open the vault."""

    user: str


class LoggedOut(Event, frozen=True, tag="logout"):
    """A session ended."""

    reason: str


class EncounterCreated(Event, frozen=True, tag="encounter.created", omit_defaults=True):
    """A subject is seen: captures and consents belong to an encounter.

    Attributes:
        reason: why this name or birth date is right where another was known of this number.
        unlike: encounters of similar patients that were shown and said to be of somebody else.
        department: whose patient it is, as the configuration writes it; empty where none was said.
    """

    encounter_id: EncounterId
    subject: Subject
    label: str
    reason: str = ""
    unlike: tuple[EncounterId, ...] = ()
    department: str = ""


class ConsentRecorded(Event, frozen=True, tag="consent.recorded"):
    """A grant, a refusal or a withdrawal."""

    consent_id: ConsentId
    encounter_id: EncounterId
    terms: Terms


class Assigned(Event, frozen=True, tag="capture.assigned"):
    """Captures belong to an encounter. A later one supersedes, and says why.

    ``correction_id``: what two people decided, where they were another patient's before.
    """

    encounter_id: EncounterId
    captures: tuple[CaptureId, ...]
    reason: str = ""
    correction_id: CorrectionId | msgspec.UnsetType = msgspec.UNSET


class RoleGiven(Event, frozen=True, tag="capture.role_given", omit_defaults=True):
    """Somebody, or the kiosk, said what a frame is for. A later word supersedes; nothing said is clinical.

    ``reason`` is given where a frame becomes clinical again: only then can it leave.
    """

    capture_id: CaptureId
    role: ImageRole
    reason: str = ""


class SlateShown(Event, frozen=True, tag="slate.shown"):
    """A new slate is about to be shown; its number is its place among these events (docs/slate.md)."""

    encounter_id: EncounterId
    token: str
    kind: SlateKind


class SlateSeen(Event, frozen=True, tag="slate.seen"):
    """A frame shows slates of this kiosk, and ``foreign`` codes that look like slates and are not of it."""

    capture_id: CaptureId
    slates: tuple[Slate, ...]
    foreign: int


class SlateClock(Event, frozen=True, tag="slate.clock"):
    """How far a device's clock was from the kiosk's when it took a slate.

    Attributes:
        capture_id: the slate's frame.
        shown: kiosk time that the slate showed, RFC 3339 UTC.
        mtime: the device's raw time of the file, seconds; some devices give wall-clock time.
        offset_s: device minus kiosk, seconds.
    """

    capture_id: CaptureId
    shown: str
    mtime: int
    offset_s: int


class Viewed(Event, frozen=True, tag="viewed"):
    """Somebody looked.

    Attributes:
        capture_id: at what; null: at the audit.
        revision: at which, and 0 at no revision.
        glass: the broken glass without which they might not have.
    """

    what: What
    capture_id: CaptureId | None = None
    revision: int = 0
    reason: str = ""
    glass: GlassId | msgspec.UnsetType = msgspec.UNSET


class Approved(Event, frozen=True, tag="review.approved", omit_defaults=True):
    """A reviewer saw exactly this revision and approved it.

    ``first``: another person must approve it, too, before it counts as approved.
    """

    capture_id: CaptureId
    revision: int
    derivative_id: ObjectId
    first: bool = False


class SecondAsked(Event, frozen=True, tag="review.second_asked"):
    """A reviewer wants somebody else to look at this revision and decide; an approval is gone with it.

    It stands until another person approved some revision, or the picture is rejected.
    """

    capture_id: CaptureId
    revision: int
    reason: str


class Compared(Event, frozen=True, tag="redaction.compared"):
    """The text of this revision's picture was compared with what is known of its subject.

    Nothing that is not masked names them; else a new revision with more masks would follow instead.
    ``subject`` is `medkiosk.core.consent.subject_digest` of what was known then.
    """

    capture_id: CaptureId
    revision: int
    subject: str


class Rejected(Event, frozen=True, tag="review.rejected"):
    """A reviewer refused this revision."""

    capture_id: CaptureId
    revision: int
    reason: str


AnyEvent = (
    KioskStarted
    | ImportStarted
    | OriginalSealed
    | OriginalAgain
    | FileFailed
    | ImportFinished
    | CameraClock
    | FileDeleted
    | FileDeleting
    | FileKept
    | FileUnclear
    | Redacted
    | RedactionFailed
    | AccountCreated
    | LoggedIn
    | LoginFailed
    | LoggedOut
    | EncounterCreated
    | ConsentRecorded
    | Assigned
    | RoleGiven
    | SlateShown
    | SlateSeen
    | SlateClock
    | Viewed
    | Compared
    | Approved
    | SecondAsked
    | Rejected
    | AnyExportEvent
    | AnyUsbEvent
    | AnyUpdateEvent
    | AnyCorrection
    | AnyEndEvent
    | AnyTrainingEvent
    | AnyAuditEvent
    | AnyAccessEvent
    | AnySettingsEvent
    | AnySiteEvent
    | AnyLifecycle
)


def decode(payload: bytes) -> AnyEvent:
    """Read the payload of an event record.

    Raises:
        ValueError: not canonical, or no event of this version.
    """
    event: AnyEvent = canon.decode(payload, AnyEvent)  # type: ignore[arg-type]
    return event
