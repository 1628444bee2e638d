"""What the worker threads tell the screens. Workers only post these; handlers own all state."""

from __future__ import annotations

from collections.abc import Callable

from textual.message import Message

from medkiosk.console.kept import Kept
from medkiosk.console.zoom import Size
from medkiosk.core.ids import CaptureId, ImportId
from medkiosk.core.photo import Box
from medkiosk.ipc import types as t


class StatusArrived(Message):
    """The daemon said how it is."""

    def __init__(self, status: t.Status) -> None:
        self.status = status
        super().__init__()


class WorkCounted(Message):
    """How much waits for whoever is logged in; None where nobody could say."""

    def __init__(self, work: t.Work | None) -> None:
        self.work = work
        super().__init__()


class LinkLost(Message):
    """The daemon does not answer; whatever session there was is over."""


class SessionLost(Message):
    """The session's connection broke; the daemon itself may still be there."""


class Refused(Message):
    """A request failed; ``words`` is the sentence for the person."""

    def __init__(self, words: str) -> None:
        self.words = words
        super().__init__()


class LoggedIn(Message):
    """A passphrase was accepted."""

    def __init__(self, session: t.Session) -> None:
        self.session = session
        super().__init__()


class TouchKey(Message):
    """A security key waits to be touched."""


class SessionOver(Message):
    """The daemon ended this session; ``words`` says why."""

    def __init__(self, words: str) -> None:
        self.words = words
        super().__init__()


class PassphraseChanged(Message):
    """The person has another passphrase."""


class AccountsLoaded(Message):
    """All accounts."""

    def __init__(self, accounts: tuple[t.AccountInfo, ...]) -> None:
        self.accounts = accounts
        super().__init__()


class AccountDone(Message):
    """Something was done to an account; ``words`` says what."""

    def __init__(self, words: str) -> None:
        self.words = words
        super().__init__()


class LoggedOut(Message):
    """The session was ended as asked."""


class KeptLoaded(Message):
    """A page of the files for which a card or camera is still needed."""

    def __init__(self, kept: Kept) -> None:
        self.kept = kept
        super().__init__()


class UsbLoaded(Message):
    """The keyboards and scanners, and what was done about one."""

    def __init__(self, usb: t.Usb, words: str = "") -> None:
        self.usb = usb
        self.words = words
        super().__init__()


class UpdateLooked(Message):
    """The update on a stick."""

    def __init__(self, found: t.UpdateFound) -> None:
        self.found = found
        super().__init__()


class UpdateBegun(Message):
    """What was asked for about an update has begun."""

    def __init__(self, words: str) -> None:
        self.words = words
        super().__init__()


class DrivesLoaded(Message):
    """All backup drives; ``words`` say what was done just before."""

    def __init__(self, drives: t.Drives, words: str = "") -> None:
        self.drives = drives
        self.words = words
        super().__init__()


class ReceiptLoaded(Message):
    """What became of the files of an import; the first page."""

    def __init__(self, receipt: t.Receipt) -> None:
        self.receipt = receipt
        super().__init__()


class CapturesLoaded(Message):
    """Captures of an import, of an encounter, or in a state; ``import_id`` where one import was asked for."""

    def __init__(self, captures: t.Captures, import_id: ImportId | None = None) -> None:
        self.captures = captures.captures
        self.total = captures.total
        self.import_id = import_id
        super().__init__()


class CapturesGathered(Message):
    """Every photo of an import; ``then`` goes on with what was asked for."""

    def __init__(
        self,
        captures: tuple[t.CaptureInfo, ...],
        import_id: ImportId,
        then: Callable[[tuple[t.CaptureInfo, ...]], None],
    ) -> None:
        self.captures = captures
        self.import_id = import_id
        self.then = then
        super().__init__()


class EncountersLoaded(Message):
    """All encounters."""

    def __init__(self, encounters: t.Encounters) -> None:
        self.encounters = encounters.encounters
        super().__init__()


class EncounterSaved(Message):
    """An encounter was created, or captures were assigned to it."""

    def __init__(self, encounter: t.EncounterInfo) -> None:
        self.encounter = encounter
        super().__init__()


class SlateLoaded(Message):
    """What the slate says now."""

    def __init__(self, slate: t.SlateShown) -> None:
        self.slate = slate
        super().__init__()


class QuarantineLoaded(Message):
    """The photos of an import that belong to nobody."""

    def __init__(self, quarantine: t.Quarantine) -> None:
        self.quarantine = quarantine
        super().__init__()


class ConsentSaved(Message):
    """An answer was recorded."""

    def __init__(self, consent: t.ConsentInfo) -> None:
        self.consent = consent
        super().__init__()


class CapturesListed(Message):
    """All captures that somebody goes through, one by one."""

    def __init__(self, captures: tuple[t.CaptureInfo, ...]) -> None:
        self.captures = captures
        super().__init__()


class CaptureLoaded(Message):
    """One capture, and its picture where it was asked for and there is one; else maybe ``words`` why not.

    ``encounter`` is the one that it belongs to.
    """

    def __init__(
        self,
        detail: t.CaptureDetail,
        picture: tuple[t.Picture, bytes] | None,
        words: str = "",
        *,
        encounter: t.EncounterInfo | None = None,
    ) -> None:
        self.detail = detail
        self.encounter = encounter
        self.picture = picture
        self.words = words
        super().__init__()


class PartLoaded(Message):
    """A part of a photo, drawn at most in ``size``; or ``words`` why not, and no picture.

    ``original``: of the original, and not of what would leave.
    """

    def __init__(
        self,
        part: Box,
        size: Size,
        picture: tuple[t.Picture, bytes] | None,
        words: str = "",
        *,
        original: bool = False,
    ) -> None:
        self.part = part
        self.original = original
        self.size = size
        self.picture = picture
        self.words = words
        super().__init__()


class Prepared(Message):
    """The daemon has the next photo ready."""


class OriginalOpened(Message):
    """The original may be looked at for a while."""

    def __init__(self, opened: t.OriginalOpened) -> None:
        self.opened = opened
        super().__init__()


class OriginalClosed(Message):
    """The daemon draws nothing more of the original."""


class Decided(Message):
    """A capture was approved or rejected."""

    def __init__(self, detail: t.CaptureDetail) -> None:
        self.detail = detail
        super().__init__()


class RoleSaved(Message):
    """It was recorded what a frame is for."""

    def __init__(self, detail: t.CaptureDetail) -> None:
        self.detail = detail
        super().__init__()


class LedgerLoaded(Message):
    """The ledger's newest head."""

    def __init__(self, head: t.LedgerHead) -> None:
        self.head = head
        super().__init__()


class KeptFor(Message):
    """How long what is chosen is kept; ``then`` goes on with what was asked for."""

    def __init__(self, kept: tuple[t.RetentionInfo, ...], then: Callable[[], None]) -> None:
        self.kept = kept
        self.then = then
        super().__init__()


class KeepingDone(Message):
    """A hold, a class or a proposal is recorded; ``words`` says what."""

    def __init__(self, words: str) -> None:
        self.words = words
        super().__init__()


class RetentionLoaded(Message):
    """What is due, held and decided; ``words`` says what was done."""

    def __init__(
        self,
        due: tuple[t.DueItem, ...],
        holds: tuple[t.HoldInfo, ...],
        disposals: tuple[t.DisposalInfo, ...],
        words: str,
    ) -> None:
        self.due = due
        self.holds = holds
        self.disposals = disposals
        self.words = words
        super().__init__()


class RecipientsLoaded(Message):
    """Who may receive exports."""

    def __init__(self, recipients: t.Recipients) -> None:
        self.recipients = recipients.recipients
        super().__init__()


class ExportChecked(Message):
    """What an export would do; ``names`` are those of the captures asked about, ``asked`` the question."""

    def __init__(self, check: t.ExportCheck, names: dict[CaptureId, str], asked: int) -> None:
        self.check = check
        self.names = names
        self.asked = asked
        super().__init__()


class RecipientDone(Message):
    """Somebody was enrolled or revoked; ``words`` says who."""

    def __init__(self, words: str) -> None:
        self.words = words
        super().__init__()


class SheetLoaded(Message):
    """What recipients compare with."""

    def __init__(self, sheet: t.RecipientSheet) -> None:
        self.sheet = sheet
        super().__init__()


class ExportsLoaded(Message):
    """What left, newest first, as far as it was asked for; ``total`` counts all."""

    def __init__(self, page: t.Exports) -> None:
        self.exports = page.exports
        self.total = page.total
        super().__init__()


class RecallLoaded(Message):
    """What left and must be destroyed."""

    def __init__(self, recall: t.RecallList) -> None:
        self.lines = recall.lines
        super().__init__()


class RecallWritten(Message):
    """A notice is on the stick."""

    def __init__(self, result: t.RecallResult) -> None:
        self.result = result
        super().__init__()


class AcknowledgementsRead(Message):
    """What came back on a stick."""

    def __init__(self, found: t.Acknowledgements) -> None:
        self.found = found
        super().__init__()


class Exported(Message):
    """A bundle was written, read back and verified."""

    def __init__(self, result: t.ExportResult) -> None:
        self.result = result
        super().__init__()


class SubjectLooked(Message):
    """What is known of the patient on the form."""

    def __init__(self, looked: t.SubjectCheck) -> None:
        self.looked = looked
        super().__init__()


class ScanRead(Message):
    """Whose wristband was scanned; ``text`` is what was typed into the field for it, or empty."""

    def __init__(self, scan: t.ScanInfo, text: str = "") -> None:
        self.scan = scan
        self.text = text
        super().__init__()


class CorrectionSaved(Message):
    """A correction was proposed or decided."""

    def __init__(self, correction: t.CorrectionInfo) -> None:
        self.correction = correction
        super().__init__()
