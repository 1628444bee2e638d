"""From the catalogue's views to what crosses the socket. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from medkiosk.catalog import views as v
from medkiosk.catalog.people import People
from medkiosk.core import events as ev
from medkiosk.core.photo import REDACT_WORDS, RedactCode
from medkiosk.daemon import lifecyclewords
from medkiosk.ipc import types as t

_WAITING = "This photograph has not been redacted yet; it is sealed and safe."


def account(event: ev.AccountCreated, people: People) -> t.AccountInfo:
    """One account."""
    return t.AccountInfo(
        account_id=event.account_id,
        user=event.user,
        display_name=event.display_name,
        roles=event.roles,
        closed=not people.is_open(event.account_id),
        must_change=event.account_id in people.to_change,
    )


def import_info(view: v.ImportView) -> t.ImportInfo:
    """One import."""
    return t.ImportInfo(
        import_id=view.import_id,
        at=view.at,
        device_kind=view.device_kind,
        model=view.model,
        serial=view.serial,
        captures=view.captures,
        assigned=view.assigned,
        finished=view.finished,
        failed=view.failed,
    )


def capture_info(row: v.CaptureRow) -> t.CaptureInfo:
    """One capture in a list."""
    return t.CaptureInfo(
        capture_id=row.capture_id,
        import_id=row.import_id,
        encounter_id=row.encounter_id,
        name=row.name,
        at=row.at,
        media=row.media,
        state=row.state,
        revision=row.revision,
        code=row.code,
        findings=row.findings,
        advice=row.advice,
        role=row.role,
    )


def capture_detail(view: v.CaptureView, problems: Sequence[str]) -> t.CaptureDetail:
    """One capture for review."""
    latest = view.latest
    code = view.row.code
    return t.CaptureDetail(
        info=capture_info(view.row),
        width=latest.width if latest else 0,
        height=latest.height if latest else 0,
        crop=latest.crop if latest else None,
        quality=view.quality,
        findings=latest.findings if latest else (),
        words=_WAITING if code is None else REDACT_WORDS[code],
        problems=tuple(problems),
    )


def consent_info(view: v.ConsentView) -> t.ConsentInfo:
    """One recorded answer."""
    return t.ConsentInfo(
        consent_id=view.consent_id, encounter_id=view.encounter_id, at=view.at, terms=view.terms
    )


def encounter_info(view: v.EncounterView) -> t.EncounterInfo:
    """One encounter."""
    return t.EncounterInfo(
        encounter_id=view.encounter_id,
        at=view.at,
        subject=view.subject,
        label=view.label,
        captures=view.captures,
        consents=tuple(map(consent_info, view.consents)),
    )


def recipient_info(event: ev.RecipientEnrolled) -> t.RecipientInfo:
    """One recipient."""
    return t.RecipientInfo(
        recipient_id=event.recipient_id,
        display_name=event.display_name,
        organisation=event.organisation,
        age_recipient=event.age_recipient,
        expires=event.expires,
    )


def summary(event: ev.AnyEvent) -> str:
    """One event in a few words for the auditor; no patient's name or number."""
    match event:
        case ev.ImportStarted():
            return f"{event.model} {event.serial}: {event.files} files"
        case ev.OriginalSealed():
            return f"capture {event.capture_id}: {event.media}, {event.size} bytes"
        case ev.OriginalAgain():
            return f"capture {event.capture_id}: the same bytes as object {event.object_id}"
        case ev.CameraClock():
            words = "; set" if event.corrected else ""
            return f"{event.model} {event.serial}: {event.offset_ms / 1000:+.1f} s against UTC{words}"
        case ev.FileDeleting():
            return f"object {event.object_id}, {event.size} bytes: about to be deleted from the device"
        case ev.FileDeleted():
            return f"object {event.object_id}, {event.size} bytes: deleted from the device"
        case ev.FileKept():
            return f"object {event.object_id}: not deleted from the device: {event.words}"
        case ev.FileUnclear():
            return f"object {event.object_id}: perhaps deleted from the device: {event.words}"
        case ev.FileFailed():
            return f"code {event.code}: {event.words}"
        case ev.ImportFinished():
            words = "safe to unplug" if event.safe else "not everything was read"
            return f"{event.files} files, {event.already} already there, {event.failed} failed: {words}"
        case ev.Redacted():
            return f"capture {event.capture_id} revision {event.revision}: {len(event.findings)} findings"
        case ev.RedactionFailed():
            return f"capture {event.capture_id}: {REDACT_WORDS[RedactCode(event.code)]}"
        case ev.AccountCreated():
            return f"account {event.account_id}: {', '.join(event.roles)}"
        case ev.Viewed():
            if event.capture_id is None:
                return str(event.what)
            return f"{event.what} of capture {event.capture_id} revision {event.revision}"
        case ev.Approved() | ev.Rejected() | ev.Compared():
            return f"capture {event.capture_id} revision {event.revision}"
        case ev.EncounterCreated():
            return f"encounter {event.encounter_id}"
        case ev.ConsentRecorded():
            return f"{event.terms.kind} for encounter {event.encounter_id}: {', '.join(event.terms.purposes)}"
        case ev.SlateShown():
            return f"{event.kind} slate of encounter {event.encounter_id}"
        case ev.SlateSeen():
            return f"capture {event.capture_id}: {len(event.slates)} of this kiosk, {event.foreign} foreign"
        case ev.SlateClock():
            return f"capture {event.capture_id}: the device's clock is {event.offset_s:+d} s off"
        case ev.RoleGiven():
            return f"capture {event.capture_id}: {event.role}"
        case ev.Assigned():
            return f"{len(event.captures)} captures to encounter {event.encounter_id}"
        case ev.Exported() | ev.ExportPrepared():
            return f"{len(event.captures)} captures to recipient {event.recipient_id} for {event.purpose}"
        case ev.ExportRefused():
            reasons = "; ".join(sorted(set(event.reasons)))
            return f"to recipient {event.recipient_id} for {event.purpose}: {reasons}"
        case ev.ExportFailed():
            return f"export {event.export_id}: {event.code}"
        case ev.RecipientEnrolled():
            return f"recipient {event.recipient_id}"
        case ev.LoggedOut():
            return event.reason
        case ev.KioskStarted():
            return f"medkiosk {event.version}; missing: {', '.join(event.missing) or 'nothing'}"
        case ev.LoggedIn() | ev.LoginFailed():
            return ""
        case _:
            return lifecyclewords.summary(event)
