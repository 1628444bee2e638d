"""From a proposal to destroyed keys: every state, every event, every transition.

Rule: everything that affects the state of a disposal is in this file. `docs/states.md` is drawn from
`TRANSITIONS`. Nothing here happens by itself: between what is due and what is destroyed stand two people. A
pair that is not in the table is not allowed, and changes nothing.
"""

from __future__ import annotations

from enum import StrEnum

from medkiosk.core.ids import KIOSK
from medkiosk.core.lifecycle import (
    DisposalApproved,
    DisposalFinished,
    DisposalRefused,
    Disposed,
)
from medkiosk.core.lifecycle import DisposalState as S


class DisposalEvent(StrEnum):
    """What can happen to a disposal."""

    REFUSED = "refused"  # by the second person, or taken back by the first
    APPROVED = "approved"  # by a second person
    GIVEN_UP = "given up"  # by the kiosk, for what stands against it since the approval
    DESTROYED = "destroyed"  # the envelopes are gone, and the old device secret goes next
    FINISHED = "finished"  # the blobs are gone, too


E = DisposalEvent
INITIAL = S.PROPOSED

TRANSITIONS: dict[S, dict[E, S]] = {
    S.PROPOSED: {
        E.REFUSED: S.REFUSED,
        E.APPROVED: S.APPROVED,
    },
    # Before the first key is destroyed a hold, found at a restart, still stops it.
    S.APPROVED: {
        E.GIVEN_UP: S.REFUSED,
        E.DESTROYED: S.DESTROYING,
    },
    # One disposal of many is many such events, in one transaction.
    S.DESTROYING: {
        E.DESTROYED: S.DESTROYING,
        E.FINISHED: S.FINISHED,
    },
    S.FINISHED: {},
    S.REFUSED: {},
}

Step = DisposalRefused | DisposalApproved | Disposed | DisposalFinished
"""The recorded events that move a disposal."""

_LEADS_TO = {event: after for row in TRANSITIONS.values() for event, after in row.items()}


def next_state(state: S, event: DisposalEvent) -> S | None:
    """Return the state after ``event``, None if the table does not allow it; asked before it is recorded."""
    return TRANSITIONS[state].get(event)


def classify(event: Step) -> DisposalEvent:
    """Tell which event of the table a recorded event is."""
    match event:
        case DisposalRefused():
            return E.GIVEN_UP if event.actor == KIOSK else E.REFUSED
        case DisposalApproved():
            return E.APPROVED
        case Disposed():
            return E.DESTROYED
        case DisposalFinished():
            return E.FINISHED


def leads_to(event: Step) -> S:
    """Return where a recorded event leads: the same from every state that allows it.

    What was recorded was allowed when it was, and what was destroyed is gone even where the record of its
    approval can no longer be read.
    """
    return _LEADS_TO[classify(event)]


def is_over(state: S) -> bool:
    """Tell whether nothing can happen any more."""
    return not TRANSITIONS[state]
