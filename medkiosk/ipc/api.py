"""The one definition of what clients may ask of the daemon.

`Api` is a protocol class: its methods are the interface ``org.medkiosk.Kiosk``. The server checks at start
that the implementation has exactly these signatures (`medkiosk.ipc.server.bind`); the client is made from
the same class (`medkiosk.ipc.client.connect`). On the wire it is varlink: see `medkiosk.ipc.wire`.

Rules:
- A method returns a `Wire` struct, an iterator of them (a stream: the client asks with ``more``; it goes
  on until one side closes the connection), or
  ``tuple[Struct, bytes]`` where the struct has an ``attachment`` field: so many raw bytes follow the reply.
- ``needs`` names the capability that the session's roles must give; None needs no login.
- ``secret`` parameters are never written to a log or an error.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from medkiosk.core.capability import Capability
from medkiosk.core.consent import Subject, Terms, Witness
from medkiosk.core.events import Role
from medkiosk.core.ids import CaptureId, DriveId, EncounterId, ImportId
from medkiosk.core.photo import Box, Finding, ImageRole, ReviewState
from medkiosk.core.slate import SlateKind
from medkiosk.ipc import types as t
from medkiosk.ipc.accessapi import AccessApi
from medkiosk.ipc.auditapi import AuditApi
from medkiosk.ipc.correctionapi import CorrectionApi
from medkiosk.ipc.endapi import EndApi
from medkiosk.ipc.exportapi import ExportApi
from medkiosk.ipc.findapi import FindApi
from medkiosk.ipc.guideapi import GuideApi
from medkiosk.ipc.maintenanceapi import MaintenanceApi
from medkiosk.ipc.marking import method
from medkiosk.ipc.retentionapi import RetentionApi
from medkiosk.ipc.reviewapi import ReviewApi
from medkiosk.ipc.settingsapi import SettingsApi
from medkiosk.ipc.siteapi import SiteApi
from medkiosk.ipc.updateapi import UpdateApi
from medkiosk.ipc.usbapi import UsbApi

INTERFACE = "org.medkiosk.Kiosk"
MAX_ATTACHMENT = 64 << 20
"""Most bytes that may follow a reply: a 4096x4096 preview."""
MAX_MESSAGE = 1 << 20
"""Longest request, bytes before the NUL."""


class Api(
    FindApi,
    ReviewApi,
    ExportApi,
    UsbApi,
    UpdateApi,
    GuideApi,
    MaintenanceApi,
    AuditApi,
    CorrectionApi,
    RetentionApi,
    AccessApi,
    EndApi,
    SettingsApi,
    SiteApi,
    Protocol,
):
    """Everything a client can ask; what is about one subject has a class of its own, as `ExportApi`."""

    @method(needs=None)
    def get_status(self) -> t.Status:
        """What is plugged in, how far it is, what is missing."""
        ...

    @method(needs=None)
    def watch_status(self) -> Iterator[t.Status]:
        """The status now, and again at every change."""
        ...

    @method(needs=None)
    def get_work(self) -> t.Work:
        """How much waits for whoever is logged in; numbers only, of what they may see and do.

        Screens ask it by themselves: it does not count as somebody being there.

        Raises:
            NotAllowedError: nobody is logged in on this connection.
        """
        ...

    @method(needs=None, secret=("user",))
    def login_challenge(self, user: str) -> t.Challenge:
        """What to ask the user's security key before a login; a decoy for whoever has none, or is nobody."""
        ...

    @method(needs=None, secret=("user", "passphrase", "output"))
    def login(self, user: str, passphrase: str, output: str = "") -> t.Session:
        """Open the vault with a user's passphrase; the session lasts as long as this connection.

        ``output``, here and below: what their security key said to `login_challenge`, in hexadecimal digits.
        """
        ...

    @method(needs=Capability.OWN_SESSION)
    def logout(self) -> t.Done:
        """End the session; the last one to leave locks the vault."""
        ...

    @method(needs=None)
    def lock(self) -> t.Done:
        """End every session and lock the vault, for whoever leaves the kiosk or puts it to sleep."""
        ...

    @method(needs=Capability.OWN_SESSION, secret=("old", "new", "output"))
    def change_passphrase(self, old: str, new: str, output: str = "") -> t.Done:
        """Give oneself another passphrase."""
        ...

    @method(needs=Capability.LOGGED_IN)
    def prepare_authenticator(self) -> t.NewAuthenticator:
        """What to ask a new security key of one's own."""
        ...

    @method(needs=Capability.LOGGED_IN, secret=("passphrase", "output"))
    def add_authenticator(self, passphrase: str, credential: str, verified: bool, output: str) -> t.Done:
        """From now on, log in with passphrase and security key together; the passphrase alone opens nothing.

        ``credential`` is the id that the key made, in hexadecimal digits; ``verified``: it was asked with its
        PIN; ``output`` is what it said to `prepare_authenticator`.
        """
        ...

    @method(needs=Capability.LOGGED_IN, secret=("passphrase", "output"))
    def remove_authenticator(self, passphrase: str, output: str) -> t.Done:
        """Log in with the passphrase alone again; who lost the key needs an administrator instead."""
        ...

    @method(needs=None, secret=("user", "passphrase", "reason", "output"))
    def accept_rollback(self, user: str, passphrase: str, reason: str, output: str = "") -> t.Session:
        """Log in and let an older copy of the store go on, because the newest one is lost; it is logged."""
        ...

    @method(needs=Capability.MANAGE_STORE)
    def get_ledger_head(self) -> t.LedgerHead:
        """The ledger's newest head, to be kept elsewhere, and what each witness last saw."""
        ...

    @method(needs=Capability.MANAGE_STORE)
    def enrol_witness(self, vkey: str) -> t.LedgerHead:
        """Let somebody else sign that they saw this ledger."""
        ...

    @method(needs=Capability.MANAGE_STORE)
    def take_cosigned(self, checkpoint: str) -> t.LedgerHead:
        """Hold a checkpoint that witnesses signed: no head that contradicts it is ever signed."""
        ...

    @method(needs=Capability.MANAGE_ACCOUNTS, secret=("user", "display_name", "passphrase"))
    def create_account(
        self, user: str, display_name: str, roles: tuple[Role, ...], passphrase: str
    ) -> t.AccountInfo:
        """Add a user with a key slot of their own."""
        ...

    @method(needs=Capability.MANAGE_ACCOUNTS)
    def list_accounts(self) -> t.Accounts:
        """All accounts."""
        ...

    @method(needs=Capability.MANAGE_ACCOUNTS, secret=("user", "passphrase"))
    def reset_passphrase(self, user: str, passphrase: str) -> t.Done:
        """Give somebody who forgot it a passphrase that they must change at their next login."""
        ...

    @method(needs=Capability.MANAGE_ACCOUNTS, secret=("user", "reason"))
    def close_account(self, user: str, reason: str) -> t.Done:
        """Take somebody's key away and end their sessions; their name stays taken."""
        ...

    @method(needs=Capability.MANAGE_ACCOUNTS, secret=("second_user", "second_passphrase", "second_output"))
    def prepare_recovery(
        self, second_user: str, second_passphrase: str, second_output: str = ""
    ) -> t.RecoverySheets:
        """Make new recovery sheets, worth nothing yet; a second person agrees with their passphrase.

        That is another administrator or a privacy officer.
        """
        ...

    @method(needs=Capability.MANAGE_ACCOUNTS, secret=("typed",))
    def replace_recovery(self, typed: tuple[str, ...]) -> t.Done:
        """Put the prepared sheets in place of the old ones; two of them are typed back."""
        ...

    @method(needs=Capability.SEE_CATALOGUE)
    def list_imports(self, offset: int = 0, limit: int = 500) -> t.Imports:
        """Imports, newest first."""
        ...

    @method(needs=None)
    def list_kept(self, key: str, offset: int = 0, limit: int = 500) -> t.KeptFiles:
        """The files for which a plugged-in device is still needed, with nothing personal about them."""
        ...

    @method(needs=Capability.SEE_CATALOGUE)
    def get_receipt(self, import_id: ImportId, offset: int = 0, limit: int = 200) -> t.Receipt:
        """What became of each file of one import, as the ledger holds it."""
        ...

    @method(needs=Capability.SEE_CATALOGUE)
    def list_captures(
        self,
        import_id: ImportId | None = None,
        encounter_id: EncounterId | None = None,
        state: ReviewState | None = None,
        offset: int = 0,
        limit: int = 500,
    ) -> t.Captures:
        """Captures that match every filter given, in import order."""
        ...

    @method(needs=Capability.SEE_CATALOGUE)
    def get_capture(self, capture_id: CaptureId) -> t.CaptureDetail:
        """One capture with its findings."""
        ...

    @method(needs=Capability.SEE_REDACTED)
    def get_preview(self, capture_id: CaptureId) -> tuple[t.Picture, bytes]:
        """The redacted picture as it would leave, scaled down; the look is logged."""
        ...

    @method(needs=Capability.SEE_REDACTED)
    def get_part(
        self, capture_id: CaptureId, revision: int, part: Box, width: int, height: int
    ) -> tuple[t.Picture, bytes]:
        """A part of the redacted picture at its full resolution, reduced to fit into width x height.

        ``part`` is in the derivative's own pixels. The first such look at a revision is logged.
        """
        ...

    @method(needs=Capability.RECORD, secret=("subject", "label", "reason", "chaperone", "sites"))
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
        """Begin an encounter with a subject.

        ``confirmed`` is the token of `check_subject`, by which somebody says that they looked at what it
        found; ``reason`` why the typed name or birth date is right where another is known. ``intimate``: few
        see its pictures, from the first moment on; ``chaperone`` as in `restrict`, ``sites`` as in
        `say_sites`.
        """
        ...

    @method(needs=Capability.SEE_CATALOGUE)
    def list_encounters(self, offset: int = 0, limit: int = 500) -> t.Encounters:
        """Encounters, newest first."""
        ...

    @method(needs=Capability.RECORD)
    def show_slate(self, encounter_id: EncounterId, kind: SlateKind) -> t.SlateShown:
        """What the slate of this encounter says now; asked again every few seconds while it is shown."""
        ...

    @method(needs=Capability.SEE_CATALOGUE)
    def list_quarantine(self, import_id: ImportId) -> t.Quarantine:
        """The captures of an import that belong to nobody, each with the reason."""
        ...

    @method(needs=Capability.RECORD, secret=("terms",))
    def record_consent(self, encounter_id: EncounterId, terms: Terms) -> t.ConsentInfo:
        """Record a grant, a refusal or a withdrawal."""
        ...

    @method(needs=Capability.RECORD, secret=("reason",))
    def assign(
        self, encounter_id: EncounterId, captures: tuple[CaptureId, ...], reason: str = ""
    ) -> t.EncounterInfo:
        """Say that captures belong to an encounter. Moving one that has an encounter needs a reason.

        Only within one patient: from one to another takes two people (`propose_correction`).
        """
        ...

    @method(needs=Capability.RECORD, secret=("reason",))
    def give_role(self, capture_id: CaptureId, role: ImageRole, reason: str = "") -> t.CaptureDetail:
        """Say what a frame is for. Only a clinical one is ever approved or exported.

        An approval is taken away, whatever the role. Making a frame clinical again needs a reason.
        """
        ...

    @method(needs=Capability.REVIEW)
    def change_masks(
        self, capture_id: CaptureId, revision: int, findings: tuple[Finding, ...]
    ) -> t.CaptureDetail:
        """Redact again with exactly these findings; gives a new revision.

        ``revision`` is the one the reviewer looked at; if there is a newer one, nothing is done.
        """
        ...

    @method(needs=Capability.REVIEW)
    def approve(self, capture_id: CaptureId, revision: int) -> t.CaptureDetail:
        """Approve exactly this revision; this session must have looked at it."""
        ...

    @method(needs=Capability.REVIEW, secret=("reason",))
    def reject(self, capture_id: CaptureId, revision: int, reason: str) -> t.CaptureDetail:
        """Refuse this revision."""
        ...

    @method(needs=Capability.MANAGE_STORE)
    def scrub_now(self) -> t.Done:
        """Begin to read all sealed files again; the status says how far it is."""
        ...

    @method(needs=Capability.MANAGE_STORE)
    def list_drives(self) -> t.Drives:
        """Backup drives: when they were last complete, and what was disposed of that they still hold."""
        ...

    @method(needs=Capability.MANAGE_STORE, secret=("label",))
    def enrol_drive(self, label: str, name: str = "") -> t.Drives:
        """Make the empty disk at a place a backup drive; its first run begins by itself."""
        ...

    @method(needs=Capability.MANAGE_STORE, secret=("reason",))
    def forget_drive(self, drive_id: DriveId, reason: str) -> t.Drives:
        """Expect a drive no longer; the history keeps what it held."""
        ...

    @method(needs=Capability.MANAGE_STORE)
    def back_up_now(self, name: str = "") -> t.Done:
        """Begin a run on the drive at a place; the status says how far it is. Ciphertext only."""
        ...

    @method(needs=Capability.AUDIT)
    def list_events(self, offset: int = 0, limit: int = 200) -> t.Events:
        """What happened; reading it is itself logged."""
        ...
