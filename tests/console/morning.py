"""A kiosk in the middle of a morning: every list has something in it. Every time in it is fixed."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
from PIL import Image

from medkiosk.console.masks import lesion
from medkiosk.core.consent import Purpose, Subject
from medkiosk.core.correctionevents import CorrectionState
from medkiosk.core.datause import DataUse
from medkiosk.core.drives import DriveState
from medkiosk.core.events import Role
from medkiosk.core.exportevents import RecipientMethod
from medkiosk.core.health import FINDINGS, HealthCode
from medkiosk.core.ids import (
    AccountId,
    CaptureId,
    CorrectionId,
    DisposalId,
    EncounterId,
    ExportId,
    GlassId,
    HoldId,
    RecipientId,
)
from medkiosk.core.lifecycle import RetentionClass
from medkiosk.core.photo import Box, Category
from medkiosk.core.quality import Advice, Quality
from medkiosk.core.sticks import StickState
from medkiosk.export.recall import WHY_WORDS, Why
from medkiosk.ipc import types as t
from medkiosk.ipc.exporttypes import ExportState
from medkiosk.ipc.maintenancetypes import CheckProblem, CheckReport
from tests.console import retention
from tests.console import state as scratch

CHECKOUT = Path(__file__).resolve().parents[2]
ASTRONAUT = CHECKOUT / ".cache" / "photos" / "astronaut.png"
AT = "2026-11-22T08:00:00.000Z"
ERIKA = Subject(mrn="7421093", issuer="Demo Hospital", name="Mustermann, Erika", birth_date="1984-08-12")
ERICA = Subject(mrn="77", issuer="Elsewhere", name="Mustermann, Erica", birth_date="1961-03-09")
NEW_VERSION = t.UpdateFound(
    stick="usb-sda1",
    running="0.0.1",
    version="0.0.2",
    manifest_sha256="ab" * 32,
    commit="c4f7096d0e5b",
    created="2026-11-18T08:00:00.000Z",
    size=700 << 20,
)


def filled(*, picture: bool = True) -> scratch.Kiosk:
    """The kiosk.

    Args:
        picture: with a real photograph where set-up has put it; else with bands of colour.
    """
    kiosk = scratch.Kiosk()
    kiosk.hire("rita", "Rita Reviewer", Role.REVIEWER, Role.PRIVACY_OFFICER)
    kiosk.hire("alma", "Alma Everybody", *Role)
    _outside(kiosk)
    kiosk.plug_in(4, name="IMG_01{:02d}")
    kiosk.plug_in(12)
    _judge(kiosk)
    _looked_after(kiosk)
    _kept(kiosk)
    _people(kiosk)
    if picture and ASTRONAUT.exists():
        _photograph(kiosk)
    return kiosk


def patients(kiosk: scratch.Kiosk) -> None:
    """Two patients with nearly the same name, and pictures that somebody says are the other one's."""
    first, second = EncounterId("e1" * 16), EncounterId("e2" * 16)
    for encounter_id, subject, label in ((first, ERICA, "right hand"), (second, ERIKA, "left forearm")):
        kiosk.encounters[encounter_id] = t.EncounterInfo(
            encounter_id=encounter_id, at=AT, subject=subject, label=label, captures=0, consents=()
        )
    moved = [photo for photo in kiosk.photos.values() if photo.info.name.startswith("IMG_01")]
    for photo in moved:
        photo.info = msgspec.structs.replace(photo.info, encounter_id=first)
    kiosk.left = (
        t.LeftInfo(
            recipient="Dr. Ana Sousa", at=AT, purpose=Purpose.TEACHING_RESEARCH, pictures=1, perhaps=False
        ),
    )
    correction = t.CorrectionInfo(
        correction_id=CorrectionId("c" * 32),
        at=AT,
        by="Pat Photographer",
        by_id=AccountId("9" * 32),
        reason="the slate was of the next patient",
        state=CorrectionState.PROPOSED,
        encounter_id=second,
        captures=tuple(photo.info.capture_id for photo in moved[:2]),
        names=tuple(photo.info.name for photo in moved[:2]),
        before=(ERICA,),
        after=ERIKA,
        approved=1,
        left=kiosk.left,
        needs=("Consent of the right patient, publication: no. Nobody was asked.",),
        obstacles=(),
    )
    kiosk.corrections = {correction.correction_id: correction}


def _photograph(kiosk: scratch.Kiosk) -> None:
    """The astronaut of scikit-image (public domain, NASA), with marks where they belong."""
    width, height = scratch.FULL
    image = Image.open(ASTRONAUT).convert("RGB")
    image = image.crop((0, 0, image.width, image.width * height // width))
    kiosk.scene = np.asarray(image.resize((width, height), Image.Resampling.LANCZOS))
    marks = (
        scratch.finding(Category.FACE, (975, 255, 520, 660)),
        scratch.suggested(Category.FACE, (1500, 560, 250, 300), 620),
        scratch.suggested(Category.MARK, (1340, 1380, 330, 300), 410),
        scratch.finding(Category.TEXT, (2200, 1095, 190, 110), 810),
        lesion(Box(560, 1250, 420, 400), next(iter(kiosk.accounts.values()))[0]),
    )
    for photo in kiosk.photos.values():
        photo.findings = marks
        photo.info = msgspec.structs.replace(photo.info, findings=len(marks))


def _outside(kiosk: scratch.Kiosk) -> None:
    """Who receives pictures, what left for them, and what they are to destroy."""
    ana = t.RecipientInfo(
        recipient_id=RecipientId(kiosk.new_id()),
        display_name="Dr. Ana Sousa",
        organisation="University Hospital, Dermatology",
        age_recipient="age1example",
        expires="2027-10-01T00:00:00.000Z",
        purposes=(Purpose.CLINICAL_RECORD, Purpose.TEACHING_RESEARCH),
        heard=True,
    )
    ben = msgspec.structs.replace(
        ana,
        recipient_id=RecipientId(kiosk.new_id()),
        display_name="Example Journal of Demonstrations",
        organisation="",
        method=RecipientMethod.PASSPHRASE,
        age_recipient="",
        purposes=(Purpose.PUBLICATION,),
        heard=False,
    )
    gone = msgspec.structs.replace(
        ana,
        recipient_id=RecipientId(kiosk.new_id()),
        display_name="Dr. Carl Lind",
        organisation="County Hospital",
        revoked="left the hospital; the laptop is lost",
        why_not="The recipient was revoked.",
    )
    kiosk.recipients += [ana, ben, gone]
    read = t.ExportInfo(
        export_id=ExportId("3f9a1c7e" * 4),
        recipient_id=ana.recipient_id,
        recipient=ana.display_name,
        at="2026-10-14T08:00:00.000Z",
        purpose=Purpose.TEACHING_RESEARCH,
        images=12,
        state=ExportState.ACKNOWLEDGED,
        data_use=DataUse(),
        by="A. Sousa, dermatology",
        acknowledged_at="2026-10-21T08:00:00.000Z",
        words="Outside: its recipient opened it.",
    )
    written = msgspec.structs.replace(
        read,
        export_id=ExportId("8b02d6e4" * 4),
        recipient_id=ben.recipient_id,
        recipient=ben.display_name,
        at="2026-11-02T08:00:00.000Z",
        purpose=Purpose.PUBLICATION,
        images=2,
        state=ExportState.WRITTEN,
        by="",
        acknowledged_at="",
        words="Outside: written and read back.",
    )
    lost = msgspec.structs.replace(
        written,
        export_id=ExportId("c41f7a90" * 4),
        recipient_id=gone.recipient_id,
        recipient=gone.display_name,
        at="2026-11-16T08:00:00.000Z",
        purpose=Purpose.CLINICAL_RECORD,
        images=7,
        state=ExportState.PREPARED,
        perhaps=True,
        words="MAY BE OUTSIDE: it was begun, and it is not known that it was finished.",
    )
    full = msgspec.structs.replace(
        lost,
        export_id=ExportId("57e3b8d2" * 4),
        recipient_id=ana.recipient_id,
        recipient=ana.display_name,
        at="2026-11-17T08:00:00.000Z",
        state=ExportState.FAILED,
        code="export.stick_full",
        perhaps=False,
        words="Not outside: it failed, and what was written of it was removed.",
    )
    kiosk.exported = [full, lost, written, read]
    kiosk.recall = (
        _recalled(
            read, "withdrawn", 3, told="2026-11-10T08:00:00.000Z", confirmed="2026-11-20T08:00:00.000Z"
        ),
        _recalled(written, "scope", 1, told="2026-11-21T08:00:00.000Z"),
        _recalled(lost, "wrong_subject", 7),
    )
    kiosk.sticks = (
        t.StickInfo(name="usb-sda1", state=StickState.READY, words="STICK READY", detail="", free=31 << 30),
    )


def _recalled(
    sent: t.ExportInfo, why: str, images: int, *, told: str = "", confirmed: str = ""
) -> t.RecallInfo:
    return t.RecallInfo(
        export_id=sent.export_id,
        recipient_id=sent.recipient_id,
        recipient=sent.recipient,
        at=sent.at,
        purpose=sent.purpose,
        why=why,
        words=WHY_WORDS[Why(why)],
        images=("11" * 16,) * images,
        captures=(CaptureId("22" * 16),) * images,
        perhaps=sent.perhaps,
        told=told,
        confirmed=confirmed,
    )


def _judge(kiosk: scratch.Kiosk) -> None:
    """Some photos of the newest import should be taken again."""
    newest = [each for each in kiosk.photos.values() if each.info.import_id == kiosk.imports[0].import_id]
    for place, advice in (
        (0, (Advice.GLARE,)),
        (4, (Advice.NO_SCALE,)),
        (7, (Advice.NOT_SHARP, Advice.CAST)),
    ):
        kiosk.judge(newest[place], Quality(500, 900, 0, 12, 40, None, 0, advice))


def _looked_after(kiosk: scratch.Kiosk) -> None:
    """Drives, health, the last check, an update on the stick, keyboards."""
    held = t.HeldDisposal(disposal_id=DisposalId("8" * 32), at="2026-11-21T08:00:00.000Z")
    blue = msgspec.structs.replace(scratch.drive("Blue disk, safe of the ward"), plugged_in="left")
    kiosk.drives = t.Drives(drives=(blue, scratch.drive("Red disk, cellar", 2, held)), places=("left",))
    kiosk.backups = (scratch.backup(DriveState.COMPLETE),)
    kiosk.health = t.Health(
        findings=tuple(
            t.HealthFinding(
                code=code, level=known.level, words=known.words.format(megabytes=2000), todo=known.todo
            )
            for code in (HealthCode.BATTERY, HealthCode.JOURNAL)
            for known in (FINDINGS[code],)
        ),
        at=AT,
        days_left=400,
        backed_up="2026-11-20T18:00:00.000Z",
        scrubbed="2026-11-19T03:00:00.000Z",
        witnessed="2026-11-01T09:00:00.000Z",
    )
    kiosk.report = CheckReport(
        finished=AT,
        objects=12,
        records=30,
        ledger_size=40,
        bytes=5_000_000,
        problems=(
            CheckProblem(
                code="object.blob_changed",
                subject="ab" * 16,
                sentence="The sealed file is not what was sealed. A backup drive puts it back.",
            ),
        ),
        more=2,
    )
    kiosk.update = t.UpdateStatus(running="0.0.1")
    kiosk.found = NEW_VERSION
    kiosk.usb = t.Usb(
        keyboards=(
            t.KeyboardInfo(
                vendor="046d", product="c31c", name="Keyboard K120", port="pci-1", serial="", there=True
            ),
        ),
        refused=(),
        strangers=(
            t.KeyboardInfo(
                vendor="05e0", product="1200", name="Bar Code Scanner", port="pci-2", serial="S7", there=True
            ),
        ),
    )


def _kept(kiosk: scratch.Kiosk) -> None:
    """What is due, held, and proposed; files that a card is still needed for."""
    kiosk.due = tuple(
        t.DueItem(
            encounter_id=EncounterId(f"{number:x}" * 32),
            subject=Subject(mrn=f"742{number}", issuer="Demo Hospital", name=name, birth_date="1950-01-01"),
            label="knee",
            captures=number,
            retention=RetentionClass.ADULT,
            due="2026-01-01",
            words="Due since 2026-01-01. Kept for 8 years, as adult records are.",
            held=(HoldId("7" * 32),) if number == 3 else (),
        )
        for number, name in ((2, "Example, Ada"), (3, "Beispiel, Bruno"))
    )
    kiosk.holds = (
        t.HoldInfo(
            hold_id=HoldId("7" * 32),
            at=AT,
            by="Olga Officer",
            encounters=(EncounterId("3" * 32),),
            captures=(),
            reason="a claim was announced",
            authority="legal department",
        ),
    )
    kiosk.disposals = (retention.PROPOSED,)
    kiosk.kept = {
        "usb:1": tuple(
            t.KeptFile(name=f"IMG_{number:04}", words="It is cut off on the card.") for number in range(3, 9)
        )
    }


def _people(kiosk: scratch.Kiosk) -> None:
    """A glass that was broken, departments, what one must have learnt."""
    kiosk.glasses = [
        t.GlassInfo(
            glass_id=GlassId("f" * 32),
            encounter_id=EncounterId("e" * 32),
            by="Otto Tester",
            at="2026-11-21T22:00:00.000Z",
            until="2026-11-21T23:00:00.000Z",
            reason="bleeding at night, nobody of the team is here",
            ended="",
            looks=3,
            read_by="",
            read_at="",
            justified=False,
            words="",
        )
    ]
    kiosk.departments = ("Dermatology", "Eyes")
    kiosk.works = {"rita": ("Dermatology",)}
    kiosk.hidden = {EncounterId("d" * 32): "900"}
    kiosk.demanded = ("privacy",)
