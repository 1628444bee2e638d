"""Where a capture stands on its way to leaving: every state, every event, every transition.

Rule: everything that affects the state is in this file. `docs/states.md` is drawn from `TRANSITIONS`.

An approval is of one revision. Whatever makes a new revision, by a person or by itself, takes the approval
away, and so does a word on what the frame is for; a rejected revision cannot be approved later, only replaced
by another one that somebody looks at.
A pair that is not in the table is not allowed, and changes nothing.
"""

from __future__ import annotations

from enum import StrEnum

from medkiosk.core.events import Approved, Redacted, RedactionFailed, Rejected, RoleGiven
from medkiosk.core.ids import KIOSK
from medkiosk.core.photo import ReviewState as S


class ReviewEvent(StrEnum):
    """What can happen to a capture here."""

    REDACTED = "redacted"  # by the kiosk itself
    FAILED = "failed"  # no derivative could be made
    MASKS_CHANGED = "masks changed"  # a reviewer's plan made a new revision
    APPROVED = "approved"
    REJECTED = "rejected"
    ROLE_GIVEN = "role given"  # somebody, or the kiosk, said what the frame is for


E = ReviewEvent
INITIAL = S.WAITING

TRANSITIONS: dict[S, dict[E, S]] = {
    S.WAITING: {
        E.REDACTED: S.PROPOSED,
        E.FAILED: S.UNUSABLE,
        E.ROLE_GIVEN: S.WAITING,
    },
    S.PROPOSED: {
        E.REDACTED: S.PROPOSED,
        E.MASKS_CHANGED: S.PROPOSED,
        E.APPROVED: S.APPROVED,
        E.REJECTED: S.REJECTED,
        E.FAILED: S.UNUSABLE,
        E.ROLE_GIVEN: S.PROPOSED,
    },
    S.APPROVED: {
        E.REDACTED: S.PROPOSED,
        E.MASKS_CHANGED: S.PROPOSED,
        E.REJECTED: S.REJECTED,
        E.FAILED: S.UNUSABLE,
        E.ROLE_GIVEN: S.PROPOSED,
    },
    # Only a person can take a rejection back.
    S.REJECTED: {
        E.MASKS_CHANGED: S.PROPOSED,
        E.FAILED: S.UNUSABLE,
        E.ROLE_GIVEN: S.REJECTED,
    },
    # A detector that was missing may be there today.
    S.UNUSABLE: {
        E.REDACTED: S.PROPOSED,
        E.FAILED: S.UNUSABLE,
        E.ROLE_GIVEN: S.UNUSABLE,
    },
}

Reviewed = Redacted | RedactionFailed | Approved | Rejected | RoleGiven
"""The recorded events that move a capture here."""


def next_state(state: S, event: ReviewEvent) -> S | None:
    """Return the state after ``event``, or None if the table does not allow it."""
    return TRANSITIONS[state].get(event)


def classify(event: Reviewed) -> ReviewEvent:
    """Tell which event of the table a recorded event is."""
    match event:
        case Redacted():
            return E.REDACTED if event.actor == KIOSK else E.MASKS_CHANGED
        case RedactionFailed():
            return E.FAILED
        case Approved():
            return E.APPROVED
        case Rejected():
            return E.REJECTED
        case RoleGiven():
            return E.ROLE_GIVEN


def step(state: S, event: Reviewed) -> S | None:
    """Return the state after a recorded event, or None if the table does not allow it."""
    return next_state(state, classify(event))
