"""From a proposal that pictures are another patient's to its end: every state, event and transition.

Rule: everything that affects the state of a correction is in this file. `docs/states.md` is drawn from
`TRANSITIONS`. A pair that is not in the table is not allowed, and changes nothing.
"""

from __future__ import annotations

from medkiosk.core.correctionevents import CorrectionState as S
from medkiosk.core.correctionevents import Outcome

INITIAL = S.PROPOSED

TRANSITIONS: dict[S, dict[Outcome, S]] = {
    S.PROPOSED: {
        Outcome.APPROVED: S.DONE,
        Outcome.REFUSED: S.REFUSED,
        Outcome.TAKEN_BACK: S.TAKEN_BACK,
    },
    # What was done is undone by another correction, which takes two people as well.
    S.DONE: {},
    S.REFUSED: {},
    S.TAKEN_BACK: {},
}


def next_state(state: S, outcome: Outcome) -> S | None:
    """Return the state after ``outcome``, None if the table does not allow it."""
    return TRANSITIONS[state].get(outcome)


def by_whom(
    outcome: Outcome,
    *,
    proposer: bool,
    own: str = "you proposed this correction; a second person decides about it",
    others: str = "only whoever proposed a correction takes it back; refuse it instead",
) -> str:
    """Say why this person may not decide so about what was proposed; empty where they may.

    Args:
        outcome: what they want.
        proposer: whether they proposed it.
        own: said to who would decide about their own.
        others: said to who would take somebody else's back.
    """
    if proposer and outcome is not Outcome.TAKEN_BACK:
        return own
    if not proposer and outcome is Outcome.TAKEN_BACK:
        return others
    return ""
