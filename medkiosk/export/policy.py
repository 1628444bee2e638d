"""Whether one picture may leave now. Pure; every reason why not, in words, and nothing leaves with one.

What concerns the whole export, such as its recipient, is not asked here.
"""

from __future__ import annotations

from dataclasses import dataclass

from medkiosk.core.consent import Decision
from medkiosk.core.photo import NOT_CLINICAL, REDACT_WORDS, SHOWS_SLATE, ImageRole, RedactCode, ReviewState


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
        doubt: that somebody said it is another patient's, in words; empty where nobody did.
        second: why a second person must approve it first; empty where none must, or one has.
        slate: whether a slate of this kiosk was read in the frame, whatever its role is.
    """

    state: ReviewState
    role: ImageRole
    code: RedactCode | None
    latest: int
    approved: int
    assigned: bool
    second: str = ""
    doubt: str = ""
    slate: bool = False


def decide(facts: Facts, consent: Decision) -> tuple[str, ...]:
    """Return every reason why the capture may not leave; empty if it may.

    Args:
        facts: about the capture.
        consent: what consent says about leaving for the purpose and recipient of the export.
    """
    reasons = []
    if facts.role is not ImageRole.CLINICAL:
        reasons.append(f"{NOT_CLINICAL[facts.role]} Only clinical pictures leave.")
    elif facts.slate:  # approved in a store that is older than the rule that such a frame keeps its role
        reasons.append(SHOWS_SLATE)
    if facts.code is None:
        reasons.append("It has not been redacted.")
    elif facts.code is not RedactCode.OK:
        reasons.append(REDACT_WORDS[facts.code])
    if facts.state is not ReviewState.APPROVED:
        reasons.append(f"It is not approved ({facts.state}).")
    if facts.approved < 1 or facts.approved != facts.latest:
        reasons.append("Its latest revision is not the one that was approved.")
    if facts.second:
        reasons.append(facts.second)
    if facts.doubt:
        reasons.append(facts.doubt)
    if not facts.assigned:
        reasons.append("It belongs to no encounter, so no consent can cover it.")
    if not consent.allowed:
        reasons.append(consent.reason)
    return tuple(dict.fromkeys(reasons))
