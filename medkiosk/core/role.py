"""What an account may be (`medkiosk.access.roles` says what each role may do)."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """What an account may do; an account may have several roles."""

    PHOTOGRAPHER = "photographer"
    REVIEWER = "reviewer"
    PRIVACY_OFFICER = "privacy_officer"
    AUDITOR = "auditor"
    ADMINISTRATOR = "administrator"
    INTIMATE_PICTURES = "intimate_pictures"
    """Adds the right to see restricted pictures to what another role sees; no job by itself."""
