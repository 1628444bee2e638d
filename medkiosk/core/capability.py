"""What a person may be allowed to do. Roles give capabilities (`medkiosk.access.roles`)."""

from __future__ import annotations

from enum import StrEnum


class Capability(StrEnum):
    """One permission, checked in the daemon at each call."""

    OWN_SESSION = "own_session"  # also while the passphrase must first be changed
    LOGGED_IN = "logged_in"
    SEE_CATALOGUE = "see_catalogue"
    SEE_REDACTED = "see_redacted"
    SEE_RESTRICTED = "see_restricted"  # intimate pictures, too, of whatever else one sees
    BREAK_GLASS = "break_glass"  # open what is another team's, with a reason, for a while
    REVIEW_GLASS = "review_glass"  # say whether that was justified
    SEE_ORIGINAL = "see_original"  # not redacted, for a while and with a reason
    RECORD = "record"  # encounters, consents, assignments
    REVIEW = "review"
    DECIDE_CORRECTION = "decide_correction"  # as a second person: pictures are another patient's
    ENROL_RECIPIENT = "enrol_recipient"
    EXPORT = "export"
    MANAGE_ACCOUNTS = "manage_accounts"
    AUDIT = "audit"
    MANAGE_RETENTION = "manage_retention"  # classes, holds, proposing a disposal
    APPROVE_DISPOSAL = "approve_disposal"  # the second person's word
    MANAGE_STORE = "manage_store"  # backup drives, checkpoints, cosignatures, scrub
    SEE_SETTINGS = "see_settings"  # of the kiosk, and what was proposed
    PROPOSE_SETTINGS = "propose_settings"
    DECIDE_SETTINGS = "decide_settings"  # as a second person
    UPDATE = "update"  # another version of the appliance
    MANAGE_GUIDE = "manage_guide"  # the department's pages of the guide
    SEE_TRAINING = "see_training"  # who passed which check of the guide
