"""Events of keeping and disposal in a few words for the auditor; no patient's name or number. Pure."""

from __future__ import annotations

from medkiosk.core import lifecycle as life


def summary(event: life.AnyLifecycle) -> str:
    """One event, short."""
    match event:
        case life.RetentionSet():
            return f"encounter {event.encounter_id}: {event.retention} {event.until}".rstrip()
        case life.HoldPlaced():
            return f"hold {event.hold_id}: {_what(event.encounters, event.captures)}"
        case life.HoldLifted():
            return f"hold {event.hold_id}"
        case life.DisposalProposed():
            return f"disposal {event.disposal_id}: {_what(event.encounters, event.captures)}"
        case life.DisposalRefused() | life.DisposalApproved():
            return f"disposal {event.disposal_id}"
        case life.Disposed():
            return f"disposal {event.disposal_id}: {len(event.objects)} objects, {len(event.records)} records"
        case life.DisposalFinished():
            words = "the disk is told" if event.trimmed else "not trimmed: fstrim has to do it"
            return f"disposal {event.disposal_id}: {event.blobs} files removed; {words}"
        case life.EpochOpened():
            return f"epoch {event.epoch}: {event.reason}"
        case life.DriveEnrolled() | life.DriveForgotten():
            return f"drive {event.drive_id}"
        case life.BackupFinished():
            return f"drive {event.drive_id}: {event.objects} objects, ledger up to {event.ledger_size}"
        case life.CosignatureTaken():
            return f"{event.witness}: {event.size} entries"
        case life.WitnessEnrolled():
            return f"witness {event.witness}"
        case life.RollbackAccepted():
            return f"from {event.remembered} entries to {event.size}"
        case life.ClockWentBack():
            return f"behind {event.newest}"
        case life.ScrubFinished():
            return f"{event.objects} objects read, {event.damaged} damaged"
        case life.AccountClosed():
            return f"account {event.account_id}"
        case life.SlotChanged():
            return f"account {event.account_id}: {event.how}"
        case life.RecoveryChecked():
            return "two sheets were typed back" if event.typed else "nobody typed the sheets back"
        case life.RecoveryReplaced():
            return "the old sheets open nothing that is here"


def _what(encounters: tuple[str, ...], captures: tuple[str, ...]) -> str:
    return f"{len(encounters)} encounters, {len(captures)} captures"
