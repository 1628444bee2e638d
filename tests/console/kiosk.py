"""An in-memory kiosk behind the real wire: the very `Api`, with made pictures, on a Unix socket.

The rules that a console can run into are here as in the daemon: sessions and roles, stale revisions, nothing
approved unseen or unassigned, all-or-nothing exports. Pictures are made of plain colours; a mask is black.
"""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import numpy as np

from medkiosk.access.roles import capabilities
from medkiosk.core.capability import Capability
from medkiosk.core.clock import rfc3339
from medkiosk.core.consent import ConsentKind, Purpose, Subject, Terms
from medkiosk.core.device import HEADLINES, DeviceState
from medkiosk.core.errors import KioskError, NotAllowedError, NotFoundError
from medkiosk.core.events import Role
from medkiosk.core.ids import (
    AccountId,
    CaptureId,
    ConsentId,
    EncounterId,
    ExportId,
    ImportId,
    RecipientId,
)
from medkiosk.core.photo import Box, Category, Decision, Finding, MediaKind, RedactCode, ReviewState
from medkiosk.ipc import types as t
from medkiosk.ipc.server import Server, bind

PASSPHRASE = "correct horse battery"
FULL = (2736, 1824)
PREVIEW = (912, 608)


class StaleError(KioskError):
    """There is a newer revision of this photo. Nothing was changed; look at it first."""

    code = "test.stale"


class UnseenError(KioskError):
    """You have not looked at this revision. Nothing was changed."""

    code = "test.unseen"


class NotReadyError(KioskError):
    """This cannot be approved: {reason} Nothing was changed."""

    code = "test.not_ready"


def finding(category: Category, box: tuple[int, int, int, int], confidence: int = 980) -> Finding:
    """What a detector found."""
    return Finding(
        category=category,
        box=Box(*box),
        detector="centerface/1" if category is Category.FACE else "ppocr/5",
        model="",
        confidence=confidence,
        decision=Decision.MASK,
    )


FOUND = (
    finding(Category.FACE, (900, 260, 640, 760)),
    finding(Category.TEXT, (1760, 1280, 480, 96), 710),
)


@dataclass
class Photo:
    """One capture and its revisions."""

    info: t.CaptureInfo
    findings: tuple[Finding, ...] = FOUND
    words: str = ""


@dataclass
class Kiosk:
    """Everything that the daemon would remember. ``changed`` guards all of it and tells of changes."""

    accounts: dict[str, tuple[AccountId, str, tuple[Role, ...]]] = field(default_factory=dict)
    imports: list[t.ImportInfo] = field(default_factory=list)
    photos: dict[CaptureId, Photo] = field(default_factory=dict)
    encounters: dict[EncounterId, t.EncounterInfo] = field(default_factory=dict)
    recipients: list[t.RecipientInfo] = field(default_factory=list)
    devices: tuple[t.DeviceStatus, ...] = ()
    missing: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    logged_in: int = 0
    calls: list[str] = field(default_factory=list)
    scene: np.ndarray[tuple[int, ...], np.dtype[np.uint8]] | None = None
    serial: int = 0
    leaving: bool = False
    changed: threading.Condition = field(default_factory=threading.Condition)
    _ids: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def new_id(self) -> str:
        return f"{next(self._ids):032x}"

    def hire(self, user: str, name: str, *roles: Role) -> AccountId:
        account_id = AccountId(self.new_id())
        self.accounts[user] = (account_id, name, roles)
        return account_id

    def touch(self) -> None:
        """Something changed: every watcher gets the new status."""
        with self.changed:
            self.serial += 1
            self.changed.notify_all()

    def plug_in(self, photos: int, *, model: str = "Canon EOS R6", name: str = "IMG_{:04d}") -> ImportId:
        """A camera came, and everything on it is imported and redacted."""
        import_id = ImportId(self.new_id())
        for number in range(1, photos + 1):
            capture_id = CaptureId(self.new_id())
            self.photos[capture_id] = Photo(
                t.CaptureInfo(
                    capture_id=capture_id,
                    import_id=import_id,
                    encounter_id=None,
                    name=name.format(number),
                    at="2026-11-22T08:30:00.000Z",
                    media=(MediaKind.JPEG,),
                    state=ReviewState.PROPOSED,
                    revision=1,
                    code=RedactCode.OK,
                    findings=len(FOUND),
                )
            )
        self.imports.insert(
            0,
            t.ImportInfo(
                import_id=import_id,
                at="2026-11-22T08:31:00.000Z",
                device_kind="camera",
                model=model,
                serial="013021001234",
                captures=photos,
                assigned=0,
                finished=True,
                failed=0,
            ),
        )
        self.devices = (device(DeviceState.SAFE, photos, photos, model),)
        self.touch()
        return import_id

    def status(self) -> t.Status:
        states = [each.state for each in self.devices]
        headline = HEADLINES[states[0]] if states else "PLUG IN A CAMERA"
        return t.Status(
            serial=self.serial,
            version="0",
            headline=headline,
            devices=self.devices,
            redaction=t.RedactionStatus(
                waiting=0,
                done=len(self.photos),
                failed=0,
                deferred=0,
                detectors=("face",),
                missing=self.missing,
            ),
            unlocked=self.logged_in > 0,
            objects=2 * len(self.photos),
            ledger_size=0,
            problems=self.problems,
        )

    def picture(self, photo: Photo) -> bytes:
        """A scene with the masked boxes black."""
        width, height = PREVIEW
        if self.scene is None:
            across = np.linspace(40, 220, width, dtype=np.uint8)[None, :]
            down = np.linspace(200, 60, height, dtype=np.uint8)[:, None]
            blue = np.full((height, width), 130, dtype=np.uint8)
            rgb = np.stack([across + 0 * down, down + 0 * across, blue], axis=2)
        else:
            rgb = self.scene.copy()
        for each in photo.findings:
            if each.decision is Decision.MASK:
                box = each.box
                x0, y0 = box.x * width // FULL[0], box.y * height // FULL[1]
                x1, y1 = (box.x + box.w) * width // FULL[0], (box.y + box.h) * height // FULL[1]
                rgb[y0:y1, x0:x1] = 0
        return rgb.tobytes()


def device(state: DeviceState, files: int, known: int, model: str = "Canon EOS R6") -> t.DeviceStatus:
    """A camera with files of 9 MB."""
    return t.DeviceStatus(
        key="usb:1",
        kind="camera",
        model=model,
        serial="013021001234",
        state=state,
        files=files,
        sealed=known,
        already=0,
        failed=0,
        bytes_total=files * 9_000_000,
        bytes_done=known * 9_000_000,
        detail="",
    )


def now() -> str:
    return rfc3339(datetime.now(UTC))


class Service:
    """One connection."""

    def __init__(self, kiosk: Kiosk) -> None:
        self._kiosk = kiosk
        self._session: t.Session | None = None
        self._seen: set[tuple[CaptureId, int]] = set()

    def check(self, needs: Capability | None) -> None:
        if needs is None:
            return
        if self._session is None:
            raise NotAllowedError(reason="nobody is logged in")
        if needs not in capabilities(self._session.roles):
            raise NotAllowedError(reason=f"none of your roles gives {needs}")

    def close(self) -> None:
        if self._session is not None:
            self._session = None
            self._kiosk.logged_in -= 1
            self._kiosk.touch()

    def get_status(self) -> t.Status:
        return self._kiosk.status()

    def watch_status(self) -> Iterator[t.Status]:
        kiosk, last = self._kiosk, -1
        while not kiosk.leaving:
            with kiosk.changed:
                kiosk.changed.wait_for(lambda: kiosk.leaving or kiosk.serial != last)  # noqa: B023
                last = kiosk.serial
            if not kiosk.leaving:
                yield kiosk.status()

    def login(self, user: str, passphrase: str) -> t.Session:
        account = self._kiosk.accounts.get(user)
        if account is None or passphrase != PASSPHRASE:
            raise NotAllowedError(reason="the user or the passphrase is wrong")
        self._session = t.Session(account_id=account[0], display_name=account[1], roles=account[2])
        self._kiosk.logged_in += 1
        self._kiosk.touch()
        return self._session

    def logout(self) -> t.Done:
        self.close()
        return t.Done()

    def create_account(
        self, user: str, display_name: str, roles: tuple[Role, ...], passphrase: str
    ) -> t.AccountInfo:
        account_id = self._kiosk.hire(user, display_name, *roles)
        return t.AccountInfo(account_id=account_id, user=user, display_name=display_name, roles=roles)

    def list_accounts(self) -> t.Accounts:
        entries = self._kiosk.accounts.items()
        return t.Accounts(
            accounts=tuple(
                t.AccountInfo(account_id=id_, user=user, display_name=name, roles=roles)
                for user, (id_, name, roles) in entries
            )
        )

    def list_imports(self) -> t.Imports:
        assigned = [photo.info.import_id for photo in self._kiosk.photos.values() if photo.info.encounter_id]
        return t.Imports(
            imports=tuple(
                msgspec.structs.replace(each, assigned=assigned.count(each.import_id))
                for each in self._kiosk.imports
            )
        )

    def list_captures(
        self,
        import_id: ImportId | None = None,
        encounter_id: EncounterId | None = None,
        state: ReviewState | None = None,
        offset: int = 0,
        limit: int = 500,
    ) -> t.Captures:
        found = [
            photo.info
            for photo in self._kiosk.photos.values()
            if import_id in (None, photo.info.import_id)
            and encounter_id in (None, photo.info.encounter_id)
            and state in (None, photo.info.state)
        ]
        return t.Captures(captures=tuple(found[offset : offset + limit]), total=len(found))

    def _photo(self, capture_id: CaptureId) -> Photo:
        photo = self._kiosk.photos.get(capture_id)
        if photo is None:
            raise NotFoundError(what="capture", id=capture_id)
        return photo

    def _problems(self, photo: Photo) -> tuple[str, ...]:
        info = photo.info
        problems = []
        if self._kiosk.missing:
            problems.append(f"Detectors are missing on this kiosk: {', '.join(self._kiosk.missing)}.")
        if info.state is not ReviewState.PROPOSED:
            problems.append(f"The picture is {info.state}; only a proposed one can be approved.")
        if (info.capture_id, info.revision) not in self._seen:
            problems.append("You have not looked at this revision yet.")
        if info.encounter_id is None:
            problems.append("The picture belongs to no encounter yet; assign it first.")
        return tuple(problems)

    def _detail(self, photo: Photo) -> t.CaptureDetail:
        usable = photo.info.state is not ReviewState.UNUSABLE
        return t.CaptureDetail(
            info=photo.info,
            width=FULL[0] if usable else 0,
            height=FULL[1] if usable else 0,
            findings=photo.findings if usable else (),
            words=photo.words,
            problems=self._problems(photo),
        )

    def get_capture(self, capture_id: CaptureId) -> t.CaptureDetail:
        return self._detail(self._photo(capture_id))

    def get_preview(self, capture_id: CaptureId) -> tuple[t.Picture, bytes]:
        photo = self._photo(capture_id)
        self._kiosk.calls.append("get_preview")
        self._seen.add((capture_id, photo.info.revision))
        pixels = self._kiosk.picture(photo)
        width, height = PREVIEW
        return t.Picture(
            capture_id=capture_id,
            revision=photo.info.revision,
            width=width,
            height=height,
            attachment=len(pixels),
        ), pixels

    def create_encounter(self, subject: Subject, label: str) -> t.EncounterInfo:
        encounter = t.EncounterInfo(
            encounter_id=EncounterId(self._kiosk.new_id()),
            at=now(),
            subject=subject,
            label=label,
            captures=0,
            consents=(),
        )
        self._kiosk.encounters = {encounter.encounter_id: encounter, **self._kiosk.encounters}
        return encounter

    def _encounter(self, encounter_id: EncounterId) -> t.EncounterInfo:
        encounter = self._kiosk.encounters.get(encounter_id)
        if encounter is None:
            raise NotFoundError(what="encounter", id=encounter_id)
        captures = sum(each.info.encounter_id == encounter_id for each in self._kiosk.photos.values())
        return msgspec.structs.replace(encounter, captures=captures)

    def list_encounters(self) -> t.Encounters:
        return t.Encounters(encounters=tuple(self._encounter(each) for each in self._kiosk.encounters))

    def record_consent(self, encounter_id: EncounterId, terms: Terms) -> t.ConsentInfo:
        encounter = self._encounter(encounter_id)
        consent = t.ConsentInfo(
            consent_id=ConsentId(self._kiosk.new_id()), encounter_id=encounter_id, at=now(), terms=terms
        )
        self._kiosk.encounters[encounter_id] = msgspec.structs.replace(
            encounter, consents=(*encounter.consents, consent)
        )
        return consent

    def assign(
        self, encounter_id: EncounterId, captures: tuple[CaptureId, ...], reason: str = ""
    ) -> t.EncounterInfo:
        photos = [self._photo(each) for each in captures]
        if any(each.info.encounter_id for each in photos) and not reason:
            raise NotAllowedError(reason="moving a photo to another encounter needs a reason")
        for photo in photos:
            photo.info = msgspec.structs.replace(photo.info, encounter_id=encounter_id)
        return self._encounter(encounter_id)

    def change_masks(
        self, capture_id: CaptureId, revision: int, findings: tuple[Finding, ...]
    ) -> t.CaptureDetail:
        photo = self._photo(capture_id)
        if revision != photo.info.revision:
            raise StaleError
        photo.findings = findings
        photo.info = msgspec.structs.replace(
            photo.info, revision=revision + 1, state=ReviewState.PROPOSED, findings=len(findings)
        )
        return self._detail(photo)

    def approve(self, capture_id: CaptureId, revision: int) -> t.CaptureDetail:
        photo = self._photo(capture_id)
        if revision != photo.info.revision:
            raise StaleError
        if (capture_id, revision) not in self._seen:
            raise UnseenError
        if problems := self._problems(photo):
            raise NotReadyError(reason=problems[0])
        photo.info = msgspec.structs.replace(photo.info, state=ReviewState.APPROVED)
        return self._detail(photo)

    def reject(self, capture_id: CaptureId, revision: int, reason: str) -> t.CaptureDetail:
        photo = self._photo(capture_id)
        if revision != photo.info.revision:
            raise StaleError
        photo.info = msgspec.structs.replace(photo.info, state=ReviewState.REJECTED)
        self._kiosk.calls.append(f"reject: {reason}")
        return self._detail(photo)

    def enrol_recipient(
        self, display_name: str, organisation: str, age_recipient: str, expires: str
    ) -> t.RecipientInfo:
        recipient = t.RecipientInfo(
            recipient_id=RecipientId(self._kiosk.new_id()),
            display_name=display_name,
            organisation=organisation,
            age_recipient=age_recipient,
            expires=expires,
        )
        self._kiosk.recipients.append(recipient)
        return recipient

    def list_recipients(self) -> t.Recipients:
        return t.Recipients(recipients=tuple(self._kiosk.recipients))

    def check_export(
        self, recipient_id: RecipientId, purpose: Purpose, captures: tuple[CaptureId, ...]
    ) -> t.ExportCheck:
        denials = []
        for capture_id in captures:
            encounter_id = self._photo(capture_id).info.encounter_id
            consents = self._encounter(encounter_id).consents if encounter_id else ()
            granted = any(
                purpose in each.terms.purposes and each.terms.kind is ConsentKind.GRANT for each in consents
            )
            if not granted:
                denials.append(
                    t.Denial(capture_id=capture_id, reason=f"No consent covers {purpose} for this patient.")
                )
        denied = {each.capture_id for each in denials}
        allowed = tuple(each for each in captures if each not in denied)
        return t.ExportCheck(allowed=allowed, denials=tuple(denials))

    def export(
        self, recipient_id: RecipientId, purpose: Purpose, captures: tuple[CaptureId, ...], stick: str = ""
    ) -> t.ExportResult:
        if self.check_export(recipient_id, purpose, captures).denials:
            raise NotAllowedError(reason="the rules deny it")
        return t.ExportResult(
            export_id=ExportId(self._kiosk.new_id()),
            folder="medkiosk-export-2026-11-22-0001",
            images=len(captures),
            bytes=len(captures) * 8_000_000,
            manifest_sha256="5f" * 32,
            signer="SHA256:tests0000000000000000000000000000000000000000",
        )

    def list_events(self, offset: int = 0, limit: int = 200) -> t.Events:
        return t.Events(events=(), total=0)


bind(Service)


class RunningKiosk:
    """A kiosk on its socket, which can be stopped and started again like the daemon.

    What was recorded stays, sessions do not.
    """

    def __init__(self, path: Path, kiosk: Kiosk | None = None) -> None:
        self.path = path
        self.kiosk = kiosk or Kiosk()
        self._server: Server | None = None

    def start(self) -> None:
        self.kiosk.leaving = False
        self._server = Server(self.path, lambda: Service(self.kiosk), allowed={os.geteuid()})

    def stop(self) -> None:
        if self._server is not None:
            self.kiosk.leaving = True
            self.kiosk.touch()
            self._server.close()
            self._server = None
