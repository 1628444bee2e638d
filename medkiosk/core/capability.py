"""What a person may be allowed to do. Roles give capabilities (`medkiosk.access.roles`)."""

from __future__ import annotations

from enum import StrEnum


class Capability(StrEnum):
    """One permission, checked in the daemon at each call."""

    OWN_SESSION = "own_session"  # also while the passphrase must first be changed
    LOGGED_IN = "logged_in"
    SEE_CATALOGUE = "see_catalogue"
    SEE_REDACTED = "see_redacted"
    RECORD = "record"  # encounters, consents, assignments
    REVIEW = "review"
    ENROL_RECIPIENT = "enrol_recipient"
    EXPORT = "export"
    MANAGE_ACCOUNTS = "manage_accounts"
    AUDIT = "audit"
    MANAGE_RETENTION = "manage_retention"  # classes, holds, proposing a disposal
    APPROVE_DISPOSAL = "approve_disposal"  # the second person's word
    MANAGE_STORE = "manage_store"  # backup drives, checkpoints, cosignatures, scrub
