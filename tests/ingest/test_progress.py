from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medkiosk.ingest.progress import WINDOW_S, Pace, doing_words, left_words

MB = 1_000_000


def steady(rate: int, seconds: float, step: float = 0.1) -> tuple[Pace, float]:
    pace, now = Pace(0.0), 0.0
    while now < seconds:
        now += step
        pace.read(round(rate * step), now)
    return pace, now


def test_a_steady_device_has_its_rate_and_its_end() -> None:
    pace, now = steady(20 * MB, 30)
    assert pace.rate(now) == pytest.approx(20 * MB, rel=0.03)
    assert pace.left(200 * MB, now) == pytest.approx(10, abs=1)


def test_nothing_is_said_before_there_is_something_to_say() -> None:
    pace = Pace(0.0)
    pace.read(50 * MB, 0.2)
    assert pace.rate(0.2) == 0
    assert pace.left(MB, 0.2) is None
    assert pace.left(0, 0.2) == 0


def test_a_device_that_gets_slower_shows_within_the_window() -> None:
    pace, now = steady(20 * MB, 30)
    for _ in range(int(WINDOW_S * 10) + 5):
        now += 0.1
        pace.read(MB // 10, now)
    assert pace.rate(now) == pytest.approx(MB, rel=0.1)


def test_a_device_that_stopped_has_ever_more_time_left() -> None:
    pace, now = steady(20 * MB, 12)
    first, second = pace.left(100 * MB, now + 5), pace.left(100 * MB, now + 30)
    assert first is not None
    assert second is not None
    assert first < second


@given(st.lists(st.tuples(st.integers(0, 1 << 40), st.floats(0, 1000)), max_size=50), st.integers(0, 1 << 50))
def test_no_pace_is_negative_and_none_fails(reads: list[tuple[int, float]], remaining: int) -> None:
    pace, now = Pace(0.0), 0.0
    for count, wait in reads:
        now += wait
        pace.read(count, now)
    assert pace.rate(now) >= 0
    left = pace.left(remaining, now)
    assert left is None or left >= 0
    doing_words(1, 2, 3, remaining, pace.rate(now), left)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, ""),
        (0, "a few seconds left"),
        (11, "about 20 seconds left"),
        (89, "about 90 seconds left"),
        (150, "about 2 minutes left"),
        (5400, "about 2 hours left"),
    ],
)
def test_time_left_in_words(seconds: int | None, words: str) -> None:
    assert left_words(seconds) == words


def test_the_whole_line() -> None:
    assert doing_words(7, 20, 61 * MB, 180 * MB, 24 * MB, 5) == (
        "file 7 of 20, 61 MB of 180 MB, 24 MB a second, a few seconds left"
    )
    assert doing_words(21, 20, 5, 5, 0, None) == "file 20 of 20, 5 bytes of 5 bytes"
