"""An in-memory kiosk behind the real wire: the very `Api`, with made pictures, on a Unix socket.

The rules that a console can run into are here as in the daemon: sessions and roles, stale revisions, nothing
approved unseen or unassigned, all-or-nothing exports. Pictures are made of plain colours; a mask is black.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from medkiosk.access.roles import capabilities
from medkiosk.catalog.search import alternatives, line_of
from medkiosk.core.capability import Capability
from medkiosk.core.clock import rfc3339
from medkiosk.core.consent import Subject, Terms, Witness
from medkiosk.core.drives import DriveState
from medkiosk.core.errors import KioskError, NotAllowedError, NotFoundError
from medkiosk.core.events import EncounterCreated
from medkiosk.core.ids import (
    KIOSK,
    AccountId,
    CaptureId,
    ConsentId,
    DriveId,
    EncounterId,
    ImportId,
)
from medkiosk.core.photo import (
    NOT_CLINICAL,
    REVIEWABLE,
    Box,
    Category,
    Decision,
    Finding,
    ImageRole,
    ReviewState,
)
from medkiosk.core.slate import Slate, SlateKind, write_slate
from medkiosk.core.updates import UPDATE_WORDS, UpdateState
from medkiosk.ipc import types as t
from medkiosk.ipc.api import Api
from medkiosk.ipc.maintenancetypes import CheckReport, HeadWritten, WitnessesRead
from medkiosk.ipc.server import Server, bind
from medkiosk.ipc.wire import METHODS
from medkiosk.review.gate import why_not_change
from medkiosk.review.second import Said, why_not
from tests.console.accesses import Accesses
from tests.console.altered import Settings
from tests.console.audits import Audits
from tests.console.exports import Exports
from tests.console.identities import Identities
from tests.console.people import People
from tests.console.retention import Retention
from tests.console.sites import Sites
from tests.console.state import FULL, PASSPHRASE, Kiosk, Photo, drive, reduced
from tests.guide.inmemory import Guide

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


def _created(info: t.EncounterInfo) -> EncounterCreated:
    return EncounterCreated(
        at=info.at, actor=KIOSK, encounter_id=info.encounter_id, subject=info.subject, label=info.label
    )


class Service(Accesses, Retention, People, Exports, Identities, Audits, Settings, Sites, Guide):
    """One connection."""

    def __init__(self, kiosk: Kiosk) -> None:
        self._kiosk = kiosk
        self._session: t.Session | None = None
        self._locks = 0
        self._original: tuple[CaptureId, int] | None = None
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
        if info.state not in REVIEWABLE:
            problems.append(f"The picture is {info.state}; only a proposed one can be approved.")
        elif said := why_not(Said(info.approvers, info.asked_by), self._account_id):
            problems.append(said)
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
            second=photo.second,
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
        encounter = t.EncounterInfo(
            encounter_id=EncounterId(self._kiosk.new_id()),
            at=now(),
            subject=self.settled(subject, confirmed, reason),
            label=label,
            captures=0,
            consents=(),
            department=department,
            restricted=intimate,
            sites=sites,
        )
        if intimate:
            who = f"{chaperone.name}, {chaperone.role}" if chaperone else "declined"
            self._kiosk.calls.append(f"create_encounter: intimate; {who}")
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

    def find_encounters(self, text: str, offset: int = 0, limit: int = 500) -> t.Encounters:
        lines = {id_: line_of(_created(each)) for id_, each in self._kiosk.encounters.items()}
        found = tuple(
            self._encounter(id_)
            for id_, line in lines.items()
            if all(any(f" {word}" in line for word in words) for words in alternatives(text))
        )
        return t.Encounters(encounters=found[offset : offset + limit], total=len(found))

    def get_encounters(self, encounters: tuple[EncounterId, ...]) -> t.Encounters:
        found = tuple(self._encounter(id_) for id_ in encounters if id_ in self._kiosk.encounters)
        return t.Encounters(encounters=found, total=len(found))

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

    @property
    def _account_id(self) -> AccountId:
        return self._session.account_id if self._session else AccountId("")

    def change_masks(
        self, capture_id: CaptureId, revision: int, findings: tuple[Finding, ...]
    ) -> t.CaptureDetail:
        photo = self._photo(capture_id)
        if revision != photo.info.revision:
            raise StaleError
        account_id = self._account_id
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
        approvers = (*photo.info.approvers, self._account_id)
        state = ReviewState.NEEDS_SECOND if len(approvers) < photo.needed else ReviewState.APPROVED
        photo.info = msgspec.structs.replace(photo.info, state=state, approvers=approvers, asked_by=None)
        return self._detail(photo)

    def open_original(self, capture_id: CaptureId, revision: int, reason: str) -> t.OriginalOpened:
        self._kiosk.calls.append(f"open_original: {reason}")
        if self._photo(capture_id).info.revision != revision:
            raise StaleError
        self._original = (capture_id, revision)
        return t.OriginalOpened(
            capture_id=capture_id, revision=revision, seconds=self._kiosk.original_seconds
        )

    def close_original(self) -> t.Done:
        self._kiosk.calls.append("close_original")
        self._original = None
        return t.Done()

    def get_original(
        self, capture_id: CaptureId, revision: int, part: Box, width: int, height: int
    ) -> tuple[t.Picture, bytes]:
        if self._original != (capture_id, revision):
            raise WrongError(problems="The original is not open.")
        self._kiosk.calls.append("get_original")
        photo = self._photo(capture_id)
        width, height = reduced(part.w, part.h, width, height)
        shown = photo.shown
        whole = Box(part.x + shown.x, part.y + shown.y, part.w, part.h)
        pixels = self._kiosk.drawn(replace(photo, findings=()), whole, width, height)
        return t.Picture(
            capture_id=capture_id, revision=revision, width=width, height=height, attachment=len(pixels)
        ), pixels

    def prepare_preview(self, capture_id: CaptureId) -> t.Done:
        self._kiosk.calls.append(f"prepare_preview: {self._photo(capture_id).info.name}")
        return t.Done()

    def ask_second(self, capture_id: CaptureId, revision: int, reason: str) -> t.CaptureDetail:
        photo = self._photo(capture_id)
        if revision != photo.info.revision:
            raise StaleError
        photo.info = msgspec.structs.replace(
            photo.info, state=ReviewState.NEEDS_SECOND, approvers=(), asked_by=self._account_id
        )
        asker = self._session.display_name if self._session else ""
        photo.second = (f"{asker} asks: {reason}",)
        self._kiosk.calls.append(f"ask_second: {reason}")
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

    def accept_rollback(self, user: str, passphrase: str, reason: str, output: str = "") -> t.Session:
        self._kiosk.calls.append(f"accept_rollback: {user} {reason}")
        self._kiosk.alarm = ""
        return self.login(user, passphrase)

    def check_now(self) -> t.Done:
        self._kiosk.calls.append("check_now")
        return t.Done()

    def get_check(self) -> CheckReport:
        return self._kiosk.report

    def ask_setup(self) -> t.Done:
        self._kiosk.calls.append("ask_setup")
        return t.Done()

    def repair_now(self, without_drive: bool = False) -> t.Done:
        self._kiosk.calls.append("repair_now: without a drive" if without_drive else "repair_now")
        return t.Done()

    def write_head(self, stick: str = "") -> HeadWritten:
        return HeadWritten(folder="medkiosk-head-2026-11-23-00000000", size=40)

    def read_witnesses(self, stick: str = "") -> WitnessesRead:
        return self._kiosk.witnesses

    def get_ledger_head(self) -> t.LedgerHead:
        return LEDGER_HEAD

    def enrol_witness(self, vkey: str) -> t.LedgerHead:
        self._kiosk.calls.append(f"enrol_witness: {vkey}")
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

    def decommission(
        self, site: str, second_user: str, second_passphrase: str, second_output: str = ""
    ) -> t.Ended:
        self._kiosk.ended = (site, second_user, second_passphrase)
        return t.Ended(head=LEDGER_HEAD, header=True, keys=5, discarded=True, tpm=False)

    def list_usb(self) -> t.Usb:
        return self._kiosk.usb

    def enrol_keyboard(self, port: str) -> t.Usb:
        usb = self._kiosk.usb
        (found,) = (one for one in usb.strangers if one.port == port)
        strangers = tuple(one for one in usb.strangers if one is not found)
        self._kiosk.usb = t.Usb(keyboards=(*usb.keyboards, found), refused=(), strangers=strangers)
        self._kiosk.touch()
        return self._kiosk.usb

    def forget_keyboard(self, port: str) -> t.Usb:
        usb = self._kiosk.usb
        keyboards = tuple(one for one in usb.keyboards if one.port != port)
        self._kiosk.usb = t.Usb(keyboards=keyboards, refused=usb.refused, strangers=usb.strangers)
        return self._kiosk.usb

    def back_up_now(self, name: str = "") -> t.Done:
        self._kiosk.backups = tuple(
            msgspec.structs.replace(one, state=DriveState.COPYING) for one in self._kiosk.backups
        )
        self._kiosk.touch()
        return t.Done()

    def list_events(self, offset: int = 0, limit: int = 200) -> t.Events:
        return t.Events(events=(), total=0)

    def check_update(self, stick: str = "") -> t.UpdateFound:
        if self._kiosk.found is None:
            raise NotFoundError(what="update", id=stick)
        return self._kiosk.found

    def apply_update(self, manifest_sha256: str, stick: str = "") -> t.UpdateStatus:
        self._kiosk.calls.append(f"apply_update: {manifest_sha256[:8]} {stick}")
        return self._show_update(UpdateState.READY)

    def restart_for_update(self) -> t.UpdateStatus:
        self._kiosk.calls.append("restart_for_update")
        return self._show_update(UpdateState.READY)

    def _show_update(self, state: UpdateState) -> t.UpdateStatus:
        self._kiosk.update = t.UpdateStatus(
            running="0.0.1", state=state, version="0.0.2", words=UPDATE_WORDS[state]
        )
        self._kiosk.touch()
        return self._kiosk.update


def _absent(method: Callable[..., object]) -> Callable[..., object]:
    """What a screen asks that no test of the console needs: the answer is a refusal in words."""

    @functools.wraps(method)
    def refuse(self: Service, *_: object, **__: object) -> object:
        raise WrongError(problems=f"This kiosk of the tests does not do {method.__name__}.")

    return refuse


for _name in METHODS:
    if not hasattr(Service, _name):
        setattr(Service, _name, _absent(getattr(Api, _name)))
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
