"""What each role may do. The only place that says so; the daemon asks here at every call."""

from __future__ import annotations

from collections.abc import Iterable

from medkiosk.core.capability import Capability
from medkiosk.core.events import Role

_IN = frozenset({Capability.OWN_SESSION, Capability.LOGGED_IN})
_SEES = _IN | frozenset({Capability.SEE_CATALOGUE, Capability.SEE_REDACTED})

ROLES: dict[Role, frozenset[Capability]] = {
    Role.PHOTOGRAPHER: _SEES | {Capability.RECORD},
    # A clinician who treats the patients is the second person of a disposal: whoever decides about
    # retention does not destroy alone.
    # Whoever judges a mask may have to see what is under it. They are also who may be called to a patient
    # of another team at night.
    Role.REVIEWER: _SEES
    | {
        Capability.BREAK_GLASS,
        Capability.RECORD,
        Capability.REVIEW,
        Capability.DECIDE_CORRECTION,
        Capability.SEE_ORIGINAL,
        Capability.APPROVE_DISPOSAL,
    },
    Role.PRIVACY_OFFICER: _SEES
    | {
        Capability.REVIEW_GLASS,
        Capability.DECIDE_CORRECTION,
        Capability.ENROL_RECIPIENT,
        Capability.EXPORT,
        Capability.MANAGE_RETENTION,
        Capability.APPROVE_DISPOSAL,
        Capability.SEE_SETTINGS,
        Capability.DECIDE_SETTINGS,
        Capability.SEE_TRAINING,
    },
    # Neither of these sees a picture or a patient's name: one reads what others did, one lets people in.
    Role.AUDITOR: _IN
    | {
        Capability.REVIEW_GLASS,
        Capability.AUDIT,
        Capability.MANAGE_STORE,
        Capability.SEE_SETTINGS,
        Capability.SEE_TRAINING,
    },
    Role.ADMINISTRATOR: _IN
    | {
        Capability.MANAGE_ACCOUNTS,
        Capability.MANAGE_STORE,
        Capability.SEE_SETTINGS,
        Capability.PROPOSE_SETTINGS,
        Capability.MANAGE_GUIDE,
        Capability.UPDATE,
        Capability.SEE_TRAINING,
    },
    # No job: it widens what another role sees, and alone it shows nothing.
    Role.INTIMATE_PICTURES: _IN | {Capability.SEE_RESTRICTED},
}


def capabilities(roles: Iterable[Role]) -> frozenset[Capability]:
    """Return everything that the roles allow together; no role, no capability."""
    return frozenset().union(*(ROLES[role] for role in roles))
