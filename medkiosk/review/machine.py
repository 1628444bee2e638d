"""Where a capture stands on its way to leaving: every state, every event, every transition.

Rule: everything that affects the state is in this file. `docs/states.md` is drawn from `TRANSITIONS`.

An approval is of one revision. Whatever makes a new revision, by a person or by itself, takes the approval
away, and so do a word on what the frame is for and one that takes back what it shows; a rejected revision
cannot be approved later, only replaced by another one that somebody looks at.

Where two people must approve a picture, the first approval leaves it in need of the second; so does a
reviewer who asks for a second opinion. Who they are is not asked here (`medkiosk.review.second`).
A pair that is not in the table is not allowed, and changes nothing.
"""

from __future__ import annotations

from enum import StrEnum

from medkiosk.core.events import Approved, Redacted, RedactionFailed, Rejected, RoleGiven, SecondAsked
from medkiosk.core.ids import KIOSK
from medkiosk.core.photo import ReviewState as S
from medkiosk.core.siteevents import Reopened


class ReviewEvent(StrEnum):
    """What can happen to a capture here."""

    REDACTED = "redacted"  # by the kiosk itself
    FAILED = "failed"  # no derivative could be made
    MASKS_CHANGED = "masks changed"  # a reviewer's plan made a new revision
    FIRST_APPROVED = "approved by the first of two"
    APPROVED = "approved"
    SECOND_ASKED = "second opinion asked"
    REJECTED = "rejected"
    ROLE_GIVEN = "role given"  # somebody, or the kiosk, said what the frame is for
    REOPENED = "reopened"  # what it was known to show was taken back


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
        E.FIRST_APPROVED: S.NEEDS_SECOND,
        E.APPROVED: S.APPROVED,
        E.SECOND_ASKED: S.NEEDS_SECOND,
        E.REJECTED: S.REJECTED,
        E.FAILED: S.UNUSABLE,
        E.ROLE_GIVEN: S.PROPOSED,
        E.REOPENED: S.PROPOSED,
    },
    S.NEEDS_SECOND: {
        E.REDACTED: S.PROPOSED,
        E.MASKS_CHANGED: S.PROPOSED,
        E.FIRST_APPROVED: S.NEEDS_SECOND,  # where an opinion was asked of one that two must approve
        E.APPROVED: S.APPROVED,
        E.SECOND_ASKED: S.NEEDS_SECOND,
        E.REJECTED: S.REJECTED,
        E.FAILED: S.UNUSABLE,
        E.ROLE_GIVEN: S.PROPOSED,
        E.REOPENED: S.PROPOSED,
    },
    S.APPROVED: {
        E.REDACTED: S.PROPOSED,
        E.MASKS_CHANGED: S.PROPOSED,
        E.APPROVED: S.APPROVED,  # by another person, too: for a purpose that two must approve
        E.SECOND_ASKED: S.NEEDS_SECOND,
        E.REJECTED: S.REJECTED,
        E.FAILED: S.UNUSABLE,
        E.ROLE_GIVEN: S.PROPOSED,
        E.REOPENED: S.PROPOSED,
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

Reviewed = Redacted | RedactionFailed | Approved | SecondAsked | Rejected | RoleGiven | Reopened
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
            return E.FIRST_APPROVED if event.first else E.APPROVED
        case SecondAsked():
            return E.SECOND_ASKED
        case Rejected():
            return E.REJECTED
        case RoleGiven():
            return E.ROLE_GIVEN
        case Reopened():
            return E.REOPENED


def step(state: S, event: Reviewed) -> S | None:
    """Return the state after a recorded event, or None if the table does not allow it."""
    return next_state(state, classify(event))
