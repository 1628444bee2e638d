"""The words for three metres."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medkiosk.console.widgets.bigwords import large
from medkiosk.core.device import HEADLINES
from medkiosk.core.sticks import STICK_WORDS

OTHERS = ("NO ANSWER", "PLUG IN A CAMERA OR CARD", "CAMERA: SAFE TO UNPLUG", "CARD: SAFE TO UNPLUG")


@pytest.mark.parametrize("words", sorted({*HEADLINES.values(), *filter(None, STICK_WORDS.values()), *OTHERS}))
def test_every_headline_is_large_on_the_smallest_screen(words: str) -> None:
    rows = large(words, 78, 11)
    assert rows is not None
    assert len(rows) <= 11
    assert max(map(len, rows)) <= 78
    assert any("#" in row for row in rows)


@given(st.text(alphabet="ABC XYZ.?", max_size=30), st.integers(0, 200), st.integers(0, 60))
def test_what_is_drawn_fits(words: str, width: int, height: int) -> None:
    rows = large(words, width, height)
    if rows is not None:
        assert len(rows) <= height
        assert all(len(row) <= width for row in rows)


def test_more_room_makes_larger_letters() -> None:
    small, wide = large("SAFE TO UNPLUG", 78, 11), large("SAFE TO UNPLUG", 190, 40)
    assert small is not None
    assert wide is not None
    assert len(wide) > 2 * len(small)


def test_unknown_letters_are_left_to_plain_words() -> None:
    assert large("SICHER ABZIEHÈN", 200, 60) is None
