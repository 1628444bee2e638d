"""An in-memory kiosk behind the real wire: the very `Api`, with made pictures, on a Unix socket.

The rules that a console can run into are here as in the daemon: sessions and roles, stale revisions, nothing
approved unseen or unassigned, all-or-nothing exports. Pictures are made of plain colours; a mask is black.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from medkiosk.access.roles import capabilities
from medkiosk.core.capability import Capability
from medkiosk.core.clock import rfc3339
from medkiosk.core.consent import ConsentKind, Purpose, Subject, Terms
from medkiosk.core.drives import DriveState
from medkiosk.core.errors import KioskError, NotAllowedError, NotFoundError
from medkiosk.core.ids import (
    AccountId,
    CaptureId,
    ConsentId,
    DriveId,
    EncounterId,
    ExportId,
    ImportId,
    RecipientId,
)
from medkiosk.core.photo import NOT_CLINICAL, Box, Category, Decision, Finding, ImageRole, ReviewState
from medkiosk.core.slate import Slate, SlateKind, write_slate
from medkiosk.ipc import types as t
from medkiosk.ipc.server import Server, bind
from medkiosk.review.gate import why_not_change
from tests.console.people import People
from tests.console.retention import Retention
from tests.console.state import FULL, PASSPHRASE, Kiosk, Photo, drive, reduced

MOST_DRAWN = 2048
"""Pixels of a side of the largest part that is drawn."""


class StaleError(KioskError):
    """There is a newer revision of this photo. Nothing was changed; look at it first."""

    code = "test.stale"


class UnseenError(KioskError):
    """You have not looked at this revision. Nothing was changed."""

    code = "test.unseen"


class WrongError(KioskError):
    """{problems} Nothing was changed."""

    code = "test.wrong"


class NamedError(KioskError):
    """The picture shows this patient's name. It is masked now; nothing was approved."""

    code = "review.named"


class SessionEndedError(KioskError):
    """Your session has ended: {reason}. Log in again."""

    code = "session.ended"


class NotReadyError(KioskError):
    """This cannot be approved: {reason} Nothing was changed."""

    code = "test.not_ready"


LEDGER_HEAD = t.LedgerHead(
    origin="scratch.medkiosk.invalid/ledger",
    size=20852163,
    root="0ac5186a91863e8e1d90c808014aa89bf5da8e3ee1d9f07630f0378f68f1ab62",
    at="2026-11-22T09:00:00.000Z",
    text="scratch.medkiosk.invalid/ledger 20852163 CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=",
    checkpoint="",
    witnesses=(
        t.WitnessInfo(
            name="auditor.example/w1",
            key_id="8d66cf3f",
            post_quantum=False,
            size=20000000,
            at="2026-11-21T09:00:00.000Z",
        ),
        t.WitnessInfo(name="notary.example", key_id="00000000", post_quantum=True, size=0, at=""),
    ),
)


def now() -> str:
    return rfc3339(datetime.now(UTC))


class Service(Retention, People):
    """One connection."""

    def __init__(self, kiosk: Kiosk) -> None:
        self._kiosk = kiosk
        self._session: t.Session | None = None
        self._locks = 0
        self._seen: set[tuple[CaptureId, int]] = set()

    def check(self, needs: Capability | None) -> None:
        if needs is None:
            return
        if self._session is None:
            raise NotAllowedError(reason="nobody is logged in")
        if self._locks != self._kiosk.locks:
            raise SessionEndedError(reason="the kiosk was locked")
        if needs not in capabilities(self._session.roles):
            raise NotAllowedError(reason=f"none of your roles gives {needs}")

    def close(self) -> None:
        if self._session is not None:
            self._session = None
            self._kiosk.logged_in -= self._locks == self._kiosk.locks
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

    def login(self, user: str, passphrase: str, output: str = "") -> t.Session:
        account = self._kiosk.accounts.get(user)
        if account is None or passphrase != PASSPHRASE:
            raise NotAllowedError(reason="the user or the passphrase is wrong")
        self._locks = self._kiosk.locks
        self._session = t.Session(
            account_id=account[0],
            display_name=account[1],
            roles=account[2],
            must_change=user in self._kiosk.given,
        )
        self._kiosk.logged_in += 1
        self._kiosk.touch()
        return self._session

    def lock(self) -> t.Done:
        self._kiosk.locks += 1
        self._kiosk.logged_in = 0
        self._kiosk.touch()
        return t.Done()

    def logout(self) -> t.Done:
        self.close()
        return t.Done()

    def list_imports(self, offset: int = 0, limit: int = 500) -> t.Imports:
        assigned = [photo.info.import_id for photo in self._kiosk.photos.values() if photo.info.encounter_id]
        found = tuple(
            msgspec.structs.replace(each, assigned=assigned.count(each.import_id))
            for each in self._kiosk.imports
        )
        return t.Imports(imports=found[offset : offset + limit], total=len(found))

    def list_kept(self, key: str, offset: int = 0, limit: int = 500) -> t.KeptFiles:
        kept = self._kiosk.kept.get(key, ())
        return t.KeptFiles(files=kept[offset : offset + limit], total=len(kept))

    def get_receipt(self, import_id: ImportId, offset: int = 0, limit: int = 200) -> t.Receipt:
        [info] = [each for each in self._kiosk.imports if each.import_id == import_id]
        lines = tuple(
            t.ReceiptLine(
                place=f"card/DCIM/100CANON/{photo.info.name}.JPG",
                size=1 << 20,
                outcome="sealed",
                commitment="0" * 64,
            )
            for photo in self._kiosk.photos.values()
            if photo.info.import_id == import_id
        )
        return t.Receipt(
            info=info,
            on_device=len(lines),
            bytes=len(lines) << 20,
            sealed=len(lines),
            already=0,
            copies=0,
            damaged=0,
            failed=info.failed,
            safe=info.failed == 0,
            expendable=info.failed == 0,
            gaps=("card/DCIM/100CANON: 0004 to 0006",),
            lines=lines[offset : offset + limit],
            total=len(lines),
        )

    def list_captures(
        self,
        import_id: ImportId | None = None,
        encounter_id: EncounterId | None = None,
        state: ReviewState | None = None,
        offset: int = 0,
        limit: int = 500,
    ) -> t.Captures:
        self._kiosk.answers.wait(30)
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
        if info.role is not ImageRole.CLINICAL:
            problems.append(f"{NOT_CLINICAL[info.role]} Only clinical pictures are approved.")
        if self._kiosk.missing:
            problems.append(f"Detectors are missing on this kiosk: {', '.join(self._kiosk.missing)}.")
        if info.state is not ReviewState.PROPOSED:
            problems.append(f"The picture is {info.state}; only a proposed one can be approved.")
        if (info.capture_id, info.revision) not in self._seen:
            problems.append("You have not looked at this revision yet.")
        if info.encounter_id is None:
            problems.append("The picture belongs to no encounter yet; assign it first.")
        undecided = sum(
            each.decision is Decision.SUGGEST and each.category is not Category.MARK
            for each in photo.findings
        )
        if undecided:
            problems.append(f"Suggestions left undecided: {undecided}. Mask or keep each.")
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
            crop=photo.crop,
            quality=photo.quality,
        )

    def get_capture(self, capture_id: CaptureId) -> t.CaptureDetail:
        return self._detail(self._photo(capture_id))

    def get_preview(self, capture_id: CaptureId) -> tuple[t.Picture, bytes]:
        photo = self._photo(capture_id)
        self._kiosk.calls.append("get_preview")
        self._seen.add((capture_id, photo.info.revision))
        pixels = self._kiosk.picture(photo)
        width, height = photo.preview_size
        return t.Picture(
            capture_id=capture_id,
            revision=photo.info.revision,
            width=width,
            height=height,
            attachment=len(pixels),
        ), pixels

    def get_part(
        self, capture_id: CaptureId, revision: int, part: Box, width: int, height: int
    ) -> tuple[t.Picture, bytes]:
        self._kiosk.parts.append(part)
        self._kiosk.part_answers.wait(30)
        photo = self._photo(capture_id)
        if revision != photo.info.revision:
            raise StaleError
        shown = photo.shown
        inside = part.x >= 0 and part.y >= 0 and part.x + part.w <= shown.w and part.y + part.h <= shown.h
        if not (inside and part.w > 0 and part.h > 0 and 0 < max(width, height) <= MOST_DRAWN):
            raise WrongError(problems="The picture has no such part.")
        width, height = reduced(part.w, part.h, width, height)
        pixels = self._kiosk.drawn(photo, part, width, height)
        return t.Picture(
            capture_id=capture_id, revision=revision, width=width, height=height, attachment=len(pixels)
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

    def list_encounters(self, offset: int = 0, limit: int = 500) -> t.Encounters:
        found = tuple(self._encounter(each) for each in self._kiosk.encounters)
        return t.Encounters(encounters=found[offset : offset + limit], total=len(found))

    def show_slate(self, encounter_id: EncounterId, kind: SlateKind) -> t.SlateShown:
        self._kiosk.calls.append(f"show_slate: {kind}")
        moment = datetime.now(UTC)
        text = write_slate(Slate(kind, encounter_id, int(moment.timestamp())), bytes(32))
        return t.SlateShown(encounter_id=encounter_id, kind=kind, at=rfc3339(moment), text=text)

    def list_quarantine(self, import_id: ImportId) -> t.Quarantine:
        return t.Quarantine(
            import_id=import_id,
            whole=True,
            frames=tuple(
                t.InQuarantine(capture_id=id_, reason="No slate was photographed in this import.")
                for id_, photo in self._kiosk.photos.items()
                if photo.info.import_id == import_id and photo.info.encounter_id is None
            ),
        )

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
        account_id = self._session.account_id if self._session else AccountId("")
        problems = why_not_change(
            findings, width=FULL[0], height=FULL[1], reviewer=account_id, before=photo.findings
        )
        if problems:
            raise WrongError(problems=" ".join(problems))
        photo.findings = findings
        photo.info = msgspec.structs.replace(
            photo.info, revision=revision + 1, state=ReviewState.PROPOSED, findings=len(findings)
        )
        return self._detail(photo)

    def approve(self, capture_id: CaptureId, revision: int) -> t.CaptureDetail:
        self._kiosk.answers.wait(30)
        photo = self._photo(capture_id)
        if revision != photo.info.revision:
            raise StaleError
        if (capture_id, revision) not in self._seen:
            raise UnseenError
        if problems := self._problems(photo):
            raise NotReadyError(reason=problems[0])
        if photo.named is not None:
            photo.findings, photo.named = (*photo.findings, photo.named), None
            photo.info = msgspec.structs.replace(photo.info, revision=revision + 1)
            raise NamedError
        photo.info = msgspec.structs.replace(photo.info, state=ReviewState.APPROVED)
        return self._detail(photo)

    def reject(self, capture_id: CaptureId, revision: int, reason: str) -> t.CaptureDetail:
        photo = self._photo(capture_id)
        if revision != photo.info.revision:
            raise StaleError
        photo.info = msgspec.structs.replace(photo.info, state=ReviewState.REJECTED)
        self._kiosk.calls.append(f"reject: {reason}")
        return self._detail(photo)

    def give_role(self, capture_id: CaptureId, role: ImageRole, reason: str = "") -> t.CaptureDetail:
        photo = self._photo(capture_id)
        approved = photo.info.state is ReviewState.APPROVED
        state = ReviewState.PROPOSED if approved else photo.info.state
        photo.info = msgspec.structs.replace(photo.info, role=role, state=state)
        self._kiosk.calls.append(f"give_role: {role} {reason}".strip())
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

    def accept_rollback(self, user: str, passphrase: str, reason: str, output: str = "") -> t.Session:
        return self.login(user, passphrase)

    def get_ledger_head(self) -> t.LedgerHead:
        return LEDGER_HEAD

    def enrol_witness(self, vkey: str) -> t.LedgerHead:
        return LEDGER_HEAD

    def take_cosigned(self, checkpoint: str) -> t.LedgerHead:
        return LEDGER_HEAD

    def scrub_now(self) -> t.Done:
        return t.Done()

    def list_drives(self) -> t.Drives:
        return self._kiosk.drives

    def enrol_drive(self, label: str, name: str = "") -> t.Drives:
        self._kiosk.drives = t.Drives(
            drives=(*self._kiosk.drives.drives, drive(label)), places=self._kiosk.drives.places
        )
        return self._kiosk.drives

    def forget_drive(self, drive_id: DriveId, reason: str) -> t.Drives:
        self._kiosk.drives = t.Drives(
            drives=tuple(
                msgspec.structs.replace(one, forgotten=reason) if one.drive_id == drive_id else one
                for one in self._kiosk.drives.drives
            ),
            places=self._kiosk.drives.places,
        )
        return self._kiosk.drives

    def back_up_now(self, name: str = "") -> t.Done:
        self._kiosk.backups = tuple(
            msgspec.structs.replace(one, state=DriveState.COPYING) for one in self._kiosk.backups
        )
        self._kiosk.touch()
        return t.Done()

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

    def detail(self, photo: Photo) -> t.CaptureDetail:
        """What a connection without a session would be told of a photo."""
        return Service(self.kiosk)._detail(photo)
