"""What crosses the socket. Clients use only these types and those of `medkiosk.core`."""

from __future__ import annotations

from medkiosk.core.consent import Subject, Terms
from medkiosk.core.events import Role
from medkiosk.core.ids import (
    AccountId,
    CaptureId,
    ConsentId,
    EncounterId,
    ImportId,
)
from medkiosk.core.photo import Box, Finding, ImageRole, MediaKind, RedactCode, ReviewState
from medkiosk.core.quality import Advice, Quality
from medkiosk.core.slate import SlateKind
from medkiosk.ipc.accesstypes import (
    AccessInfo,
    AccountInfo,
    Accounts,
    Glasses,
    GlassInfo,
    HiddenEncounter,
    HiddenEncounters,
    Member,
    OpenGlassInfo,
    Team,
)
from medkiosk.ipc.correctiontypes import (
    CorrectionInfo,
    CorrectionList,
    LeftInfo,
    ScanInfo,
    SimilarInfo,
    SubjectCheck,
)
from medkiosk.ipc.endtypes import Ended
from medkiosk.ipc.exporttypes import (
    Acknowledgements,
    Denial,
    ExportCheck,
    ExportInfo,
    ExportOptions,
    ExportResult,
    Exports,
    RecallInfo,
    RecallList,
    RecallResult,
    RecipientInfo,
    Recipients,
    RecipientSheet,
    StickInfo,
    Sticks,
)
from medkiosk.ipc.healthtypes import Health, HealthFinding
from medkiosk.ipc.importtypes import ImportInfo, Imports, KeptFile, KeptFiles, Receipt, ReceiptLine
from medkiosk.ipc.reviewtypes import OriginalOpened
from medkiosk.ipc.settingstypes import (
    KioskSettings,
    SettingChange,
    SettingInfo,
    SettingsDraft,
    SettingsProposal,
    SettingsStatus,
)
from medkiosk.ipc.sitetypes import OtherSites
from medkiosk.ipc.statustypes import DeviceStatus, PhotoAdvice, RedactionStatus, Status
from medkiosk.ipc.storetypes import (
    BackupStatus,
    DisposalInfo,
    DisposalList,
    DriveInfo,
    Drives,
    DueItem,
    DueList,
    HeldDisposal,
    HoldInfo,
    Holds,
    LedgerHead,
    RetentionInfo,
    ScrubStatus,
    Wire,
    WitnessInfo,
)
from medkiosk.ipc.updatetypes import UpdateFound, UpdateStatus
from medkiosk.ipc.usbtypes import KeyboardInfo, RefusedDevice, Usb
from medkiosk.ipc.worktypes import MOST_COUNTED, Work

__all__ = [
    "MOST_COUNTED",
    "AccessInfo",
    "AccountInfo",
    "Accounts",
    "Acknowledgements",
    "BackupStatus",
    "CorrectionInfo",
    "CorrectionList",
    "Denial",
    "DeviceStatus",
    "DisposalInfo",
    "DisposalList",
    "DriveInfo",
    "Drives",
    "DueItem",
    "DueList",
    "Ended",
    "ExportCheck",
    "ExportInfo",
    "ExportOptions",
    "ExportResult",
    "Exports",
    "GlassInfo",
    "Glasses",
    "Health",
    "HealthFinding",
    "HeldDisposal",
    "HiddenEncounter",
    "HiddenEncounters",
    "HoldInfo",
    "Holds",
    "ImportInfo",
    "Imports",
    "KeptFile",
    "KeptFiles",
    "KeyboardInfo",
    "KioskSettings",
    "LedgerHead",
    "LeftInfo",
    "Member",
    "OpenGlassInfo",
    "OriginalOpened",
    "PhotoAdvice",
    "RecallInfo",
    "RecallList",
    "RecallResult",
    "Receipt",
    "ReceiptLine",
    "RecipientInfo",
    "RecipientSheet",
    "Recipients",
    "RedactionStatus",
    "RefusedDevice",
    "RetentionInfo",
    "ScanInfo",
    "ScrubStatus",
    "SettingChange",
    "SettingInfo",
    "SettingsDraft",
    "SettingsProposal",
    "SettingsStatus",
    "SimilarInfo",
    "Status",
    "StickInfo",
    "Sticks",
    "SubjectCheck",
    "Team",
    "UpdateFound",
    "UpdateStatus",
    "Usb",
    "Wire",
    "WitnessInfo",
    "Work",
]
"""What is defined elsewhere; clients find every type here."""


class Session(Wire, frozen=True):
    """Who is logged in on this connection. The session ends with the connection."""

    account_id: AccountId
    display_name: str
    roles: tuple[Role, ...]
    must_change: bool = False
    """An administrator gave the passphrase: nothing works but changing it."""
    user: str = ""
    """The user name, as it counts."""


class Challenge(Wire, frozen=True):
    """What to ask a security key: its credential's id and the salt, in hexadecimal digits.

    ``verified``: with its PIN.
    """

    credential: str
    salt: str
    verified: bool


class NewAuthenticator(Wire, frozen=True):
    """The salt, in hexadecimal digits, for a security key whose credential is not made yet."""

    salt: str


class RecoverySheets(Wire, frozen=True):
    """New recovery words, a mnemonic a sheet: shown once, and worth nothing until they were typed back."""

    sheets: tuple[str, ...]


class CaptureInfo(Wire, frozen=True):
    """One capture in a list. ``name`` is the shot's DCF name.

    ``approvers`` approved the latest revision; ``asked_by`` wants somebody else's opinion. Neither
    can be the second person.
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


class Captures(Wire, frozen=True):
    """A page of captures, in import order; ``total`` counts all that match."""

    captures: tuple[CaptureInfo, ...]
    total: int


class CaptureDetail(Wire, frozen=True):
    """Everything needed to review one capture.

    ``width, height`` are those of the whole upright picture, in which the boxes of the findings are measured;
    ``crop`` is the part of it that the derivative shows, None for all of it. ``quality`` is for the
    photographer.
    ``words`` is the one sentence for ``info.code``. ``problems`` says why it can't be approved now.
    ``second`` says who approved it or asked for a second opinion, and why two must look; empty where one
    is enough.
    """

    info: CaptureInfo
    width: int
    height: int
    findings: tuple[Finding, ...]
    words: str
    problems: tuple[str, ...]
    crop: Box | None = None
    quality: Quality | None = None
    second: tuple[str, ...] = ()


class Picture(Wire, frozen=True):
    """Raw RGB, 8 bits a channel, rows top to bottom without padding; ``attachment`` bytes follow."""

    capture_id: CaptureId
    revision: int
    width: int
    height: int
    attachment: int


class ConsentInfo(Wire, frozen=True):
    """One recorded answer."""

    consent_id: ConsentId
    encounter_id: EncounterId
    at: str
    terms: Terms


class EncounterInfo(Wire, frozen=True):
    """One encounter with its consents.

    ``restricted``: its pictures are intimate. ``hidden``: so name, date of birth, label, answers, sites are
    left out for whoever asks. ``sites``: what its pictures show, but ``otherwise``; none: not known.
    ``limited``: an answer that counts for it, also one from another encounter, is limited to sites.
    """

    encounter_id: EncounterId
    at: str
    subject: Subject
    label: str
    captures: int
    consents: tuple[ConsentInfo, ...]
    department: str = ""
    restricted: bool = False
    hidden: bool = False
    sites: tuple[str, ...] = ()
    otherwise: tuple[OtherSites, ...] = ()
    limited: bool = False


class Encounters(Wire, frozen=True):
    """A page of encounters, newest first; ``total`` counts all."""

    encounters: tuple[EncounterInfo, ...]
    total: int


class SlateShown(Wire, frozen=True):
    """A slate to be shown as a QR code, and photographed; ``at`` is the kiosk's time in it."""

    encounter_id: EncounterId
    kind: SlateKind
    at: str
    text: str


class InQuarantine(Wire, frozen=True):
    """A capture that belongs to nobody, and why."""

    capture_id: CaptureId
    reason: str


class Quarantine(Wire, frozen=True):
    """The captures of an import that belong to nobody. ``whole`` says whether all of it was looked at."""

    import_id: ImportId
    whole: bool
    frames: tuple[InQuarantine, ...]


class EventLine(Wire, frozen=True):
    """One line of the audit view."""

    index: int
    at: str
    actor: str
    type: str
    summary: str


class Events(Wire, frozen=True):
    """A page of the audit view, oldest first."""

    events: tuple[EventLine, ...]
    total: int


class Done(Wire, frozen=True):
    """It was done, and there is nothing more to say."""
