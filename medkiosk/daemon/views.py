"""From the catalogue's views to what crosses the socket. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from medkiosk.catalog import views as v
from medkiosk.catalog.people import People
from medkiosk.core import accessevents as acc
from medkiosk.core import auditevents as aud
from medkiosk.core import correctionevents as cor
from medkiosk.core import endevents as end
from medkiosk.core import events as ev
from medkiosk.core import exportevents as out
from medkiosk.core import settingsevents as stg
from medkiosk.core import siteevents as site
from medkiosk.core import trainingevents as train
from medkiosk.core import updateevents as upd
from medkiosk.core import usbevents as usb
from medkiosk.core.ids import CaptureId
from medkiosk.core.photo import REDACT_WORDS, RedactCode
from medkiosk.daemon import accesswords, lifecyclewords
from medkiosk.ipc import types as t
from medkiosk.redact.answer import Preview

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
        departments=people.departments.get(event.account_id, ()),
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
        approvers=row.approvers,
        asked_by=row.asked_by,
    )


def capture_detail(
    view: v.CaptureView, problems: Sequence[str], second: Sequence[str] = ()
) -> t.CaptureDetail:
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
        second=tuple(second),
    )


def picture(capture_id: CaptureId, revision: int, drawn: Preview) -> tuple[t.Picture, bytes]:
    """What was drawn of a capture, and its pixels, which follow."""
    said = t.Picture(
        capture_id=capture_id,
        revision=revision,
        width=drawn.width,
        height=drawn.height,
        attachment=len(drawn.rgb),
    )
    return said, drawn.rgb


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


def summary(event: ev.AnyEvent) -> str:
    """One event in a few words for the auditor: nothing that `medkiosk.audit.words` hides."""
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
            by = f" by glass {event.glass}" if event.glass else ""
            return f"{event.what} of capture {event.capture_id} revision {event.revision}{by}"
        case ev.Approved() if event.first:
            return f"capture {event.capture_id} revision {event.revision}: the first of two"
        case ev.Approved() | ev.SecondAsked() | ev.Rejected() | ev.Compared():
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
        case site.Reopened():
            return f"capture {event.capture_id}"
        case ev.RoleGiven():
            return f"capture {event.capture_id}: {event.role}"
        case site.EncounterSites():
            return f"encounter {event.encounter_id}: {len(event.sites)} parts of the body"
        case site.CaptureSites():
            said = "as its encounter" if event.sites is None else f"{len(event.sites)} parts of the body"
            return f"capture {event.capture_id}: {said}"
        case ev.Assigned():
            return f"{len(event.captures)} captures to encounter {event.encounter_id}"
        case cor.CorrectionProposed():
            what = f"{len(event.captures)} captures to" if event.captures else "identity of"
            return f"correction {event.correction_id}: {what} encounter {event.encounter_id}"
        case cor.CorrectionDecided():
            return f"correction {event.correction_id}: {event.outcome}"
        case cor.SubjectCorrected():
            return f"encounter {event.encounter_id}, correction {event.correction_id}"
        case out.Exported() | out.ExportPrepared():
            return f"{len(event.captures)} captures to recipient {event.recipient_id} for {event.purpose}"
        case out.ExportRefused():
            reasons = "; ".join(sorted(set(event.reasons)))
            return f"to recipient {event.recipient_id} for {event.purpose}: {reasons}"
        case out.ExportFailed():
            return f"export {event.export_id}: {event.code}"
        case out.RecipientEnrolled() | out.RecipientRevoked():
            return f"recipient {event.recipient_id}"
        case out.ExportAcknowledged():
            return f"export {event.export_id}"
        case out.RecallWritten():
            return f"{len(event.exports)} exports to recipient {event.recipient_id}"
        case out.RecallConfirmed():
            return f"{len(event.recalls)} notices, recipient {event.recipient_id}"
        case out.RecallKept():
            return f"export {event.export_id}: {len(event.images)} pictures, {event.why}"
        case out.StickEnrolled():
            return f"stick {event.stick_id}"
        case upd.UpdateApplied():
            return f"version {event.version} over {event.before}, manifest {event.manifest_sha256[:16]}"
        case upd.UpdateRefused():
            return f"version {event.version or 'unknown'}: {event.code}"
        case upd.UpdateBooted():
            return f"version {event.version} runs; before {event.before}"
        case upd.UpdateRolledBack():
            return f"version {event.version} did not work; {event.to} runs"
        case upd.RestartAsked():
            return f"for version {event.version}"
        case aud.AuditRead():
            return _asked(event)
        case aud.AuditReported():
            return f"{event.form}, {event.rows} events of {event.size} entries, SHA-256 {event.sha256[:16]}"
        case end.Decommissioned():
            return f"the second person is {event.second}"
        case end.NotDecommissioned():
            return event.detail
        case usb.UsbRefused():
            more = f"; {event.uncounted} more before it" if event.uncounted else ""
            return f"{event.vendor}:{event.product}: {event.poses}{more}"
        case usb.KeyboardEnrolled() | usb.KeyboardForgotten():
            return f"{event.vendor}:{event.product} at {event.port}"
        case stg.SettingsProposed() | stg.SettingsDecided():
            said = event.outcome if isinstance(event, stg.SettingsDecided) else "proposed"
            return f"{said}: {', '.join(event.changed)}, SHA-256 {event.sha256[:16]}"
        case train.TrainingPassed() | train.TrainingFailed():
            return f"{event.module} {event.version}: {event.right} of {event.asked} right"
        case train.GuideTaken():
            taken = zip(event.pages, event.versions, strict=False)
            return ", ".join(f"{page} {version}" for page, version in taken) or "no pages any more"
        case ev.LoggedOut():
            return event.reason
        case ev.KioskStarted():
            settings = f"; settings {event.settings}" if event.settings is not msgspec.UNSET else ""
            return f"medkiosk {event.version}{settings}; missing: {', '.join(event.missing) or 'nothing'}"
        case ev.LoggedIn() | ev.LoginFailed():
            return ""
        case (
            acc.RolesChanged()
            | acc.DepartmentsSet()
            | acc.TeamChanged()
            | acc.EncounterRestricted()
            | acc.RestrictionLifted()
            | acc.GlassBroken()
            | acc.GlassEnded()
            | acc.GlassReviewed()
            | acc.PatientAskedFor()
            | acc.PatientsListed()
        ):
            return accesswords.summary(event)
        case _:
            return lifecyclewords.summary(event)


def _asked(event: aud.AuditRead) -> str:
    """What an auditor asked, in words; of a patient only that one was asked for."""
    parts = (
        f"entry {event.entry}" if event.entry is not None else "",
        "a patient" if event.person else "",
        f"account {event.account_id}" if event.account_id else "",
        f"capture {event.capture_id}" if event.capture_id else "",
        f"kinds {', '.join(event.categories)}" if event.categories else "",
        f"from {event.since}" if event.since else "",
        f"to {event.until}" if event.until else "",
        "words" if event.text else "",
    )
    return f"{'; '.join(filter(None, parts)) or 'everything'}; of {event.size} entries"
