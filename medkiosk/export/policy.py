"""Whether one capture may leave now. Pure; every reason why not, in words, and nothing leaves with one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from medkiosk.core.clock import parse_rfc3339
from medkiosk.core.consent import Decision
from medkiosk.core.events import RecipientEnrolled
from medkiosk.core.photo import NOT_CLINICAL, REDACT_WORDS, ImageRole, RedactCode, ReviewState


@dataclass(frozen=True)
class Facts:
    """What the policy must know about a capture.

    Attributes:
        state: where its review stands.
        role: what the frame is for.
        code: how its latest redaction went; None while there is none.
        latest: its latest revision; 0 while there is none.
        approved: the revision that is approved; 0 if none is.
        assigned: whether it belongs to an encounter.
    """

    state: ReviewState
    role: ImageRole
    code: RedactCode | None
    latest: int
    approved: int
    assigned: bool


def decide(facts: Facts, consent: Decision, recipient: RecipientEnrolled, now: datetime) -> tuple[str, ...]:
    """Return every reason why the capture may not leave; empty if it may.

    Args:
        facts: about the capture.
        consent: what consent says about leaving for this purpose, decided at ``now``.
        recipient: who is to get it.
        now: aware time.
    """
    reasons = []
    if facts.role is not ImageRole.CLINICAL:
        reasons.append(f"{NOT_CLINICAL[facts.role]} Only clinical pictures leave.")
    if facts.code is None:
        reasons.append("It has not been redacted.")
    elif facts.code is not RedactCode.OK:
        reasons.append(REDACT_WORDS[facts.code])
    if facts.state is not ReviewState.APPROVED:
        reasons.append(f"It is not approved ({facts.state}).")
    if facts.approved < 1 or facts.approved != facts.latest:
        reasons.append("Its latest revision is not the one that was approved.")
    if not facts.assigned:
        reasons.append("It belongs to no encounter, so no consent can cover it.")
    if not consent.allowed:
        reasons.append(consent.reason)
    if not _in_force(recipient, now):
        reasons.append("The recipient may not receive pictures any more; enrol them again.")
    return tuple(reasons)


def _in_force(recipient: RecipientEnrolled, now: datetime) -> bool:
    try:
        return now < parse_rfc3339(recipient.expires)
    except ValueError:
        return False
