from __future__ import annotations

import pytest

from medkiosk.core.device import HEADLINES, STATE_WORDS, DeviceState
from medkiosk.ingest.machine import (
    ACKNOWLEDGED,
    EXPENDABLE,
    TRANSITIONS,
    Happening,
    ImpossibleError,
    Outcome,
    acknowledged,
    expendable,
    next_state,
)


def test_every_state_has_words_and_a_way_out() -> None:
    for state in DeviceState:
        assert HEADLINES[state]
        assert STATE_WORDS[state]
        if state not in (DeviceState.GONE, DeviceState.LOST):
            assert Happening.UNPLUGGED in TRANSITIONS[state]


def test_safe_is_entered_by_one_happening_only() -> None:
    ways = {
        happening for row in TRANSITIONS.values() for happening, to in row.items() if to is DeviceState.SAFE
    }
    assert ways == {Happening.ALL_ACKNOWLEDGED}
    with pytest.raises(ImpossibleError):
        next_state(DeviceState.OPENING, Happening.ALL_ACKNOWLEDGED)


@pytest.mark.parametrize("outcome", Outcome)
def test_one_file_decides_for_the_whole_card(outcome: Outcome) -> None:
    counts = dict.fromkeys((Outcome.SEALED, Outcome.KNOWN, Outcome.COPY), 1000) | {outcome: 1}
    assert acknowledged(counts) is ACKNOWLEDGED[outcome]
    assert expendable(counts) is EXPENDABLE[outcome]
    assert acknowledged({outcome: 0})
    assert expendable({outcome: 0})


def test_a_card_is_never_given_up_for_a_file_that_is_not_acknowledged() -> None:
    assert set(ACKNOWLEDGED) == set(EXPENDABLE) == set(Outcome)
    assert all(ACKNOWLEDGED[outcome] for outcome in Outcome if EXPENDABLE[outcome])
    assert not EXPENDABLE[Outcome.DAMAGED]
