"""Makes events for the tests, with ids that can be read."""

from __future__ import annotations

from medkiosk.core import events as ev
from medkiosk.core import exportevents as out
from medkiosk.core.consent import (
    ConsentKind,
    ConsentMethod,
    Grantor,
    Purpose,
    Relationship,
    Subject,
    Terms,
)
from medkiosk.core.ids import (
    KIOSK,
    AccountId,
    CaptureId,
    ConsentId,
    EncounterId,
    ExportId,
    ImportId,
    ObjectId,
    RecipientId,
)
from medkiosk.core.photo import Box, Category, Decision, Finding, ImageRole, MediaKind, RedactCode

AT = "2026-05-01T09:00:00.000Z"
ANNA = AccountId("anna")
BERT = AccountId("bert")
FACE = Finding(
    category=Category.FACE,
    box=Box(1, 2, 3, 4),
    detector="centerface/1",
    model="00" * 32,
    confidence=900,
    decision=Decision.MASK,
)
TERMS = Terms(
    kind=ConsentKind.GRANT,
    purposes=(Purpose.CLINICAL_RECORD,),
    grantor=Grantor(name="Ada Example", relationship=Relationship.SELF),
    method=ConsentMethod.ORAL,
    language="en",
    starts=AT,
    expires="2027-05-01T09:00:00.000Z",
    text_version="en-1",
)


def started(import_id: str) -> ev.ImportStarted:
    return ev.ImportStarted(
        at=AT,
        actor=KIOSK,
        import_id=ImportId(import_id),
        device_kind="camera",
        model="Canon EOS R6",
        serial="1",
        files=1,
    )


def finished(import_id: str, failed: int = 0) -> ev.ImportFinished:
    return ev.ImportFinished(
        at=AT,
        actor=KIOSK,
        import_id=ImportId(import_id),
        files=1,
        bytes=9,
        already=0,
        failed=failed,
        safe=True,
    )


def sealed(
    import_id: str, capture: str, file: str, media: MediaKind = MediaKind.JPEG, object_id: str = ""
) -> ev.OriginalSealed:
    return ev.OriginalSealed(
        at=AT,
        actor=KIOSK,
        import_id=ImportId(import_id),
        capture_id=CaptureId(capture),
        object_id=ObjectId(object_id or f"{capture}/{file}"),
        storage="store_00010001",
        folder="/DCIM/100CANON",
        file=file,
        size=9,
        mtime=0,
        media=media,
    )


def failed_file(import_id: str, file: str) -> ev.FileFailed:
    return ev.FileFailed(
        at=AT,
        actor=KIOSK,
        import_id=ImportId(import_id),
        storage="store_00010001",
        folder="/DCIM/100CANON",
        file=file,
        size=9,
        code=1,
        words="gone",
    )


def deletion(
    import_id: str, kind: type[ev.FileDeleting | ev.FileDeleted | ev.FileKept | ev.FileUnclear], file: str
) -> ev.AnyEvent:
    more = {"words": "why"} if kind in (ev.FileKept, ev.FileUnclear) else {}
    return kind(
        at=AT,
        actor=KIOSK,
        import_id=ImportId(import_id),
        object_id=ObjectId("a/IMG_1.JPG"),
        storage="store_00010001",
        folder="/DCIM/100CANON",
        file=file,
        size=9,
        **more,
    )


def redacted(
    capture: str, revision: int = 1, actor: AccountId = KIOSK, findings: tuple[Finding, ...] = (FACE,)
) -> ev.Redacted:
    return ev.Redacted(
        at=AT,
        actor=actor,
        capture_id=CaptureId(capture),
        original_id=ObjectId("o"),
        derivative_id=ObjectId(f"{capture}/d{revision}"),
        preview_id=ObjectId(f"{capture}/p{revision}"),
        revision=revision,
        width=5472,
        height=3648,
        preview_width=1368,
        preview_height=912,
        code=RedactCode.OK,
        findings=findings,
        policy="p1",
    )


def not_redacted(capture: str, file: str, code: RedactCode = RedactCode.UNSUPPORTED) -> ev.RedactionFailed:
    return ev.RedactionFailed(
        at=AT,
        actor=KIOSK,
        capture_id=CaptureId(capture),
        original_id=ObjectId(f"{capture}/{file}"),
        media=MediaKind.CR3,
        code=code,
    )


def approved(
    capture: str, revision: int = 1, derivative: str = "", actor: AccountId = ANNA, *, first: bool = False
) -> ev.Approved:
    return ev.Approved(
        at=AT,
        actor=actor,
        capture_id=CaptureId(capture),
        revision=revision,
        derivative_id=ObjectId(derivative or f"{capture}/d{revision}"),
        first=first,
    )


def second_asked(capture: str, revision: int = 1, actor: AccountId = ANNA) -> ev.SecondAsked:
    return ev.SecondAsked(
        at=AT, actor=actor, capture_id=CaptureId(capture), revision=revision, reason="a tattoo?"
    )


def rejected(capture: str, revision: int = 1) -> ev.Rejected:
    return ev.Rejected(
        at=AT, actor=ANNA, capture_id=CaptureId(capture), revision=revision, reason="out of focus"
    )


def role(capture: str, role: ImageRole, reason: str = "") -> ev.RoleGiven:
    return ev.RoleGiven(at=AT, actor=ANNA, capture_id=CaptureId(capture), role=role, reason=reason)


def encounter(encounter_id: str) -> ev.EncounterCreated:
    return ev.EncounterCreated(
        at=AT,
        actor=ANNA,
        encounter_id=EncounterId(encounter_id),
        subject=Subject(mrn="123", issuer="hospital", name="Ada Example", birth_date="1990-01-01"),
        label="left hand",
    )


def consent(encounter_id: str, consent_id: str, terms: Terms = TERMS) -> ev.ConsentRecorded:
    return ev.ConsentRecorded(
        at=AT,
        actor=ANNA,
        consent_id=ConsentId(consent_id),
        encounter_id=EncounterId(encounter_id),
        terms=terms,
    )


def assigned(encounter_id: str, *captures: str) -> ev.Assigned:
    return ev.Assigned(
        at=AT,
        actor=ANNA,
        encounter_id=EncounterId(encounter_id),
        captures=tuple(CaptureId(capture) for capture in captures),
    )


def account(account_id: str, user: str) -> ev.AccountCreated:
    return ev.AccountCreated(
        at=AT,
        actor=ANNA,
        account_id=AccountId(account_id),
        user=user,
        display_name=user.title(),
        roles=(ev.Role.REVIEWER,),
    )


def recipient(recipient_id: str) -> out.RecipientEnrolled:
    return out.RecipientEnrolled(
        at=AT,
        actor=ANNA,
        recipient_id=RecipientId(recipient_id),
        display_name="Dr Far",
        organisation="Elsewhere",
        age_recipient="age1",
        expires="2027-05-01T09:00:00.000Z",
    )


def exported(export_id: str, *captures: str) -> out.Exported:
    return out.Exported(
        at=AT,
        actor=ANNA,
        export_id=ExportId(export_id),
        recipient_id=RecipientId("r"),
        purpose=Purpose.TEACHING_RESEARCH,
        captures=tuple(CaptureId(capture) for capture in captures),
        derivatives=tuple(ObjectId(f"{capture}/d1") for capture in captures),
        manifest_sha256="00" * 32,
    )
