"""What one connection may ask, checked against the session that it carries.

`Service` has exactly the methods of `medkiosk.ipc.api.Api` (the server compares them at start). The areas
behind it (`records`, `reviewing`, `people`) hold the work; this file holds who may do it.
"""

from __future__ import annotations

from collections.abc import Iterator

from medkiosk.access.need import Action
from medkiosk.access.roles import capabilities
from medkiosk.core.capability import Capability
from medkiosk.core.consent import Subject, Terms, Witness
from medkiosk.core.errors import BadRequestError, KioskError, NotAllowedError
from medkiosk.core.events import Role
from medkiosk.core.ids import CaptureId, DriveId, EncounterId, ImportId
from medkiosk.core.photo import Box, Finding, ImageRole, ReviewState
from medkiosk.core.slate import SlateKind
from medkiosk.daemon import (
    circling,
    ending,
    needing,
    people,
    receipts,
    records,
    reviewing,
    slates,
    views,
    witness,
    work,
)
from medkiosk.daemon.accessservice import AccessService
from medkiosk.daemon.auditservice import AuditService
from medkiosk.daemon.comparing import Comparer
from medkiosk.daemon.correctionservice import CorrectionService
from medkiosk.daemon.exportservice import ExportService
from medkiosk.daemon.guideservice import GuideService
from medkiosk.daemon.keyring import Entered
from medkiosk.daemon.kiosk import Kiosk, Looks
from medkiosk.daemon.listing import ListService, page_size
from medkiosk.daemon.maintenanceservice import MaintenanceService
from medkiosk.daemon.retentionservice import RetentionService
from medkiosk.daemon.reviewservice import ReviewService
from medkiosk.daemon.settingsservice import SettingsService
from medkiosk.daemon.siteservice import SiteService
from medkiosk.daemon.updateservice import UpdateService
from medkiosk.daemon.usbservice import UsbService
from medkiosk.ipc import types as t
from medkiosk.redact.protocol import Window
from medkiosk.vault.slots import SALT_SIZE, Authenticator, token_salt

_WORDS = {
    Capability.OWN_SESSION: "log in first",
    Capability.LOGGED_IN: "log in first",
    Capability.SEE_CATALOGUE: "your role does not see the catalogue",
    Capability.SEE_REDACTED: "your role does not see pictures",
    Capability.BREAK_GLASS: "your role does not break the glass",
    Capability.REVIEW_GLASS: "your role does not look into broken glasses",
    Capability.SEE_ORIGINAL: "your role does not see originals",
    Capability.RECORD: "your role does not record encounters and consents",
    Capability.REVIEW: "your role does not review",
    Capability.DECIDE_CORRECTION: "your role does not decide about corrections",
    Capability.ENROL_RECIPIENT: "your role does not enrol recipients",
    Capability.EXPORT: "your role does not export",
    Capability.MANAGE_ACCOUNTS: "your role does not manage accounts",
    Capability.AUDIT: "your role does not read the audit trail",
    Capability.MANAGE_RETENTION: "your role does not decide about retention",
    Capability.APPROVE_DISPOSAL: "your role does not approve disposals",
    Capability.MANAGE_STORE: "your role does not look after backups and the ledger",
    Capability.SEE_SETTINGS: "your role does not see the settings",
    Capability.PROPOSE_SETTINGS: "only an administrator proposes other settings",
    Capability.MANAGE_GUIDE: "only an administrator takes pages of the guide",
    Capability.DECIDE_SETTINGS: "only a privacy officer decides about settings",
    Capability.UPDATE: "only an administrator installs updates",
    Capability.SEE_TRAINING: "your role does not see who passed which check",
}


class Service(
    MaintenanceService,
    ListService,
    ReviewService,
    ExportService,
    UsbService,
    UpdateService,
    GuideService,
    AuditService,
    CorrectionService,
    RetentionService,
    AccessService,
    SettingsService,
    SiteService,
):
    """One connection's face of the kiosk; for each part of `Api` it has a part that answers.

    Args:
        kiosk: what all connections share.
        comparer: looks for the person's name in a picture before it is approved.
    """

    def __init__(self, kiosk: Kiosk, comparer: Comparer) -> None:
        super().__init__(kiosk)
        self._comparer = comparer
        self._looks = Looks()
        self._salt = b""
        """Of a security key that is about to be added."""

    # The session

    def check(self, needs: Capability | None) -> None:
        """Raise NotAllowedError unless this session's roles give the capability."""
        if needs is None:
            return
        account = self._who
        self._kiosk.sessions.present(self._living)
        if needs is Capability.OWN_SESSION:
            return
        if people.must_change(self._kiosk, account):
            raise NotAllowedError(
                reason="an administrator gave you this passphrase: first choose another, that only you know"
            )
        if needs not in capabilities(account.roles):
            raise NotAllowedError(reason=_WORDS[needs])

    def close(self) -> None:
        """The connection ended."""
        self._leave("the connection ended")

    def _leave(self, reason: str) -> None:
        self._looks, self._salt = Looks(), b""
        super()._leave(reason)

    def get_status(self) -> t.Status:
        """See `Api.get_status`."""
        return self._kiosk.board.status

    def watch_status(self) -> Iterator[t.Status]:
        """See `Api.watch_status`."""
        return self._kiosk.board.watch()

    def get_work(self) -> t.Work:
        """See `Api.get_work`."""
        session = self._living
        if people.must_change(self._kiosk, session.account):
            return t.Work()  # there is one thing to do
        return work.waiting(self._kiosk, session)

    def login_challenge(self, user: str) -> t.Challenge:
        """See `Api.login_challenge`."""
        asked = self._kiosk.journal.vault.challenge(user)
        return t.Challenge(credential=asked.credential.hex(), salt=asked.salt.hex(), verified=asked.verified)

    def login(self, user: str, passphrase: str, output: str = "") -> t.Session:
        """See `Api.login`."""
        self._leave("another login on the same connection")
        said = _unhex(output)
        return self._enter(self._kiosk.keyring.login(user, passphrase, said), passphrase, said)

    def accept_rollback(self, user: str, passphrase: str, reason: str, output: str = "") -> t.Session:
        """See `Api.accept_rollback`."""
        self._leave("another login on the same connection")
        said = _unhex(output)
        entered = witness.accept_rollback(self._kiosk, user, passphrase, said, reason)
        return self._enter(entered, passphrase, said)

    def _enter(self, entered: Entered, passphrase: str, output: bytes) -> t.Session:
        account = entered.account
        self._session = self._kiosk.sessions.begin(account)
        try:
            self._kiosk.keyring.confirm(entered)
        except KioskError as error:
            self._leave(error.code)
            raise
        people.strengthen(self._kiosk, account, passphrase, output)
        return t.Session(
            account_id=account.account_id,
            display_name=account.display_name,
            roles=account.roles,
            must_change=people.must_change(self._kiosk, account),
            user=account.user,
        )

    def logout(self) -> t.Done:
        """See `Api.logout`."""
        self._leave("logout")
        return t.Done()

    def lock(self) -> t.Done:
        """See `Api.lock`."""
        self._kiosk.sessions.end_all("the kiosk was locked")
        return t.Done()

    # People

    def change_passphrase(self, old: str, new: str, output: str = "") -> t.Done:
        """See `Api.change_passphrase`."""
        people.change_passphrase(self._kiosk, self._who, old, new, _unhex(output))
        return self._end_others("the passphrase was changed elsewhere")

    def prepare_authenticator(self) -> t.NewAuthenticator:
        """See `Api.prepare_authenticator`."""
        self._salt = self._kiosk.random(SALT_SIZE)
        return t.NewAuthenticator(salt=token_salt(self._salt).hex())

    def add_authenticator(self, passphrase: str, credential: str, verified: bool, output: str) -> t.Done:
        """See `Api.add_authenticator`."""
        made = Authenticator(_unhex(credential), verified, self._salt, _unhex(output))
        people.add_authenticator(self._kiosk, self._who, passphrase, made)
        self._salt = b""
        return self._end_others("a security key was added elsewhere")

    def remove_authenticator(self, passphrase: str, output: str) -> t.Done:
        """See `Api.remove_authenticator`."""
        people.remove_authenticator(self._kiosk, self._who, passphrase, _unhex(output))
        return self._end_others("the security key was removed elsewhere")

    def _end_others(self, reason: str) -> t.Done:
        self._kiosk.sessions.end_all(reason, of=self._who.account_id, but=self._session)
        return t.Done()

    def reset_passphrase(self, user: str, passphrase: str) -> t.Done:
        """See `Api.reset_passphrase`."""
        people.reset_passphrase(self._kiosk, self._who, user, passphrase)
        return t.Done()

    def close_account(self, user: str, reason: str) -> t.Done:
        """See `Api.close_account`."""
        people.close_account(self._kiosk, self._who, user, reason)
        return t.Done()

    def prepare_recovery(
        self, second_user: str, second_passphrase: str, second_output: str = ""
    ) -> t.RecoverySheets:
        """See `Api.prepare_recovery`."""
        return self._kiosk.sheets.prepare(
            self._kiosk.keyring,
            self._who,
            second_user=second_user,
            second_passphrase=second_passphrase,
            second_output=_unhex(second_output),
        )

    def replace_recovery(self, typed: tuple[str, ...]) -> t.Done:
        """See `Api.replace_recovery`."""
        self._kiosk.sheets.replace(
            self._kiosk.keyring, self._kiosk.journal, self._kiosk.keys, self._who, typed
        )
        return t.Done()

    def decommission(
        self, site: str, second_user: str, second_passphrase: str, second_output: str = ""
    ) -> t.Ended:
        """See `Api.decommission`."""
        second = (second_user, second_passphrase, _unhex(second_output))
        return ending.decommission(self._kiosk, self._who, site=site, second=second)

    def create_account(
        self, user: str, display_name: str, roles: tuple[Role, ...], passphrase: str
    ) -> t.AccountInfo:
        """See `Api.create_account`."""
        return people.create_account(self._kiosk, self._who, user, display_name, roles, passphrase)

    def list_accounts(self) -> t.Accounts:
        """See `Api.list_accounts`."""
        with self._kiosk.reading() as catalog:
            return t.Accounts(
                accounts=tuple(views.account(each, catalog.people) for each in catalog.accounts())
            )

    # The ledger

    def get_ledger_head(self) -> t.LedgerHead:
        """See `Api.get_ledger_head`."""
        return witness.view(self._kiosk)

    def enrol_witness(self, vkey: str) -> t.LedgerHead:
        """See `Api.enrol_witness`."""
        return witness.enrol(self._kiosk, self._who, vkey)

    def take_cosigned(self, checkpoint: str) -> t.LedgerHead:
        """See `Api.take_cosigned`."""
        return witness.take(self._kiosk, self._who, checkpoint)

    # The catalogue

    def list_kept(self, key: str, offset: int = 0, limit: int = 500) -> t.KeptFiles:
        """See `Api.list_kept`."""
        kept = self._kiosk.board.kept(key)
        return t.KeptFiles(files=kept[max(offset, 0) :][: page_size(limit)], total=len(kept))

    def get_receipt(self, import_id: ImportId, offset: int = 0, limit: int = 200) -> t.Receipt:
        """See `Api.get_receipt`."""
        return receipts.receipt(self._kiosk, import_id, offset, min(page_size(limit), 200))

    def list_captures(
        self,
        import_id: ImportId | None = None,
        encounter_id: EncounterId | None = None,
        state: ReviewState | None = None,
        offset: int = 0,
        limit: int = 500,
    ) -> t.Captures:
        """See `Api.list_captures`."""
        with self._kiosk.reading() as catalog:
            keep = needing.sees(self._kiosk, self._living)
            page = catalog.captures(import_id, encounter_id, state, offset, page_size(limit), keep)
        return t.Captures(captures=tuple(map(views.capture_info, page.captures)), total=page.total)

    def get_capture(self, capture_id: CaptureId) -> t.CaptureDetail:
        """See `Api.get_capture`."""
        self._need(Action.LIST, capture_id)
        return reviewing.detail(self._kiosk, self._who, self._looks, capture_id)

    def get_preview(self, capture_id: CaptureId) -> tuple[t.Picture, bytes]:
        """See `Api.get_preview`."""
        glass = self._need(Action.SEE, capture_id)
        shown = reviewing.preview(self._kiosk, self._who, self._looks, capture_id, glass)
        if Capability.REVIEW in capabilities(self._who.roles):
            self._comparer.ahead(capture_id)
        return shown

    def get_part(
        self, capture_id: CaptureId, revision: int, part: Box, width: int, height: int
    ) -> tuple[t.Picture, bytes]:
        """See `Api.get_part`."""
        glass = self._need(Action.SEE, capture_id)
        window = Window(part, width, height)
        return reviewing.part(self._kiosk, self._who, self._looks, capture_id, revision, window, glass)

    # Encounters and consents

    def create_encounter(
        self,
        subject: Subject,
        label: str,
        department: str = "",
        confirmed: str = "",
        reason: str = "",
        intimate: bool = False,
        chaperone: Witness | None = None,
        sites: tuple[str, ...] = (),
    ) -> t.EncounterInfo:
        """See `Api.create_encounter`."""
        made = records.create_encounter(
            self._kiosk,
            self._living,
            subject,
            label,
            department,
            confirmed,
            reason,
            intimate=intimate,
            chaperone=chaperone,
            sites=sites,
        )
        return circling.seen_by(self._kiosk, self._living, made.encounter_id)

    def show_slate(self, encounter_id: EncounterId, kind: SlateKind) -> t.SlateShown:
        """See `Api.show_slate`."""
        self._kiosk.sessions.polled(self._living)  # a slate left on the screen is nobody at the kiosk
        self._need(Action.RECORD, encounter_id)
        return slates.show(self._kiosk, self._who, encounter_id, kind)

    def list_quarantine(self, import_id: ImportId) -> t.Quarantine:
        """See `Api.list_quarantine`."""
        self._need(Action.LIST, import_id)  # as of a picture that belongs to nobody: that is all there is
        return slates.quarantine(self._kiosk, import_id)

    def record_consent(self, encounter_id: EncounterId, terms: Terms) -> t.ConsentInfo:
        """See `Api.record_consent`."""
        self._need(Action.RECORD, encounter_id, *((terms.form,) if terms.form else ()))
        return records.record_consent(self._kiosk, self._who, encounter_id, terms)

    def assign(
        self, encounter_id: EncounterId, captures: tuple[CaptureId, ...], reason: str = ""
    ) -> t.EncounterInfo:
        """See `Api.assign`."""
        self._need(Action.RECORD, encounter_id, *captures)
        records.assign(self._kiosk, self._who, encounter_id, captures, reason)
        return circling.seen_by(self._kiosk, self._living, encounter_id)

    def give_role(self, capture_id: CaptureId, role: ImageRole, reason: str = "") -> t.CaptureDetail:
        """See `Api.give_role`."""
        self._need(Action.RECORD, capture_id)
        return reviewing.give_role(self._kiosk, self._who, self._looks, capture_id, role, reason)

    # Review

    def change_masks(
        self, capture_id: CaptureId, revision: int, findings: tuple[Finding, ...]
    ) -> t.CaptureDetail:
        """See `Api.change_masks`."""
        self._need(Action.REVIEW, capture_id)
        return reviewing.change_masks(self._kiosk, self._who, self._looks, capture_id, revision, findings)

    def approve(self, capture_id: CaptureId, revision: int) -> t.CaptureDetail:
        """See `Api.approve`."""
        self._need(Action.REVIEW, capture_id)
        return reviewing.approve(self._kiosk, self._who, self._looks, self._comparer, capture_id, revision)

    def reject(self, capture_id: CaptureId, revision: int, reason: str) -> t.CaptureDetail:
        """See `Api.reject`."""
        self._need(Action.REVIEW, capture_id)
        return reviewing.reject(self._kiosk, self._who, self._looks, capture_id, revision, reason)

    # Backup drives

    def scrub_now(self) -> t.Done:
        """See `Api.scrub_now`."""
        self._kiosk.scrubber.now()
        return t.Done()

    def list_drives(self) -> t.Drives:
        """See `Api.list_drives`."""
        return self._kiosk.drives.drives()

    def enrol_drive(self, label: str, name: str = "") -> t.Drives:
        """See `Api.enrol_drive`."""
        self._kiosk.backups.enrol(name, label, self._who.account_id)
        return self._kiosk.drives.drives()

    def forget_drive(self, drive_id: DriveId, reason: str) -> t.Drives:
        """See `Api.forget_drive`."""
        return self._kiosk.drives.forget(self._who, drive_id, reason)

    def back_up_now(self, name: str = "") -> t.Done:
        """See `Api.back_up_now`."""
        self._kiosk.backups.run_now(name)
        return t.Done()

    # Audit

    def list_events(self, offset: int = 0, limit: int = 200) -> t.Events:
        """See `Api.list_events`."""
        return people.list_events(self._kiosk, self._who, offset, page_size(limit))


def _unhex(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError as error:
        raise BadRequestError(detail="what a security key says is written in hexadecimal digits") from error
