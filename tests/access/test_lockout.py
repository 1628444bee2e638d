from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from medkiosk.access.lockout import (
    FORGOTTEN,
    LONGEST,
    MOST_NAMES,
    Lockout,
    delay,
    failed,
    settle,
    succeeded,
    wait,
)
from medkiosk.core import canon

NOW = datetime(2026, 5, 1, 9, 0, tzinfo=UTC)


def fail(state: Lockout, tag: str, times: int, now: datetime = NOW) -> Lockout:
    for _ in range(times):
        state = failed(state, tag, now)
    return state


def test_delays_are_these() -> None:
    seconds = [delay(n).total_seconds() for n in range(13)]
    assert seconds == [0, 0, 0, 0, 5, 10, 20, 40, 80, 160, 320, 640, 900]


@given(st.integers(0, 10**9))
def test_delay_never_shrinks_and_ends_at_the_longest(failures: int) -> None:
    assert delay(failures) <= delay(failures + 1) <= LONGEST


def test_wait_counts_down_to_zero() -> None:
    state = fail(Lockout(), "a", 5)
    assert wait(state, "a", NOW) == timedelta(seconds=10)
    assert wait(state, "a", NOW + timedelta(seconds=4)) == timedelta(seconds=6)
    assert wait(state, "a", NOW + timedelta(seconds=11)) == timedelta(0)


def test_names_wait_apart() -> None:
    assert wait(fail(Lockout(), "a", 9), "b", NOW) == timedelta(0)


def test_success_forgets_only_that_name() -> None:
    state = succeeded(fail(fail(Lockout(), "a", 5), "b", 5), "a")
    assert wait(state, "a", NOW) == timedelta(0)
    assert wait(state, "b", NOW) > timedelta(0)


def test_survives_being_written_and_read() -> None:
    state = fail(fail(Lockout(), "a", 7), "b", 2)
    again = canon.decode(canon.encode(state), Lockout)
    assert again == state
    assert wait(again, "a", NOW) == timedelta(seconds=40)


def test_a_day_without_failure_is_a_new_start() -> None:
    state = fail(Lockout(), "a", 9)
    assert settle(state, NOW + FORGOTTEN - timedelta(seconds=1)) == state
    assert settle(state, NOW + FORGOTTEN) == Lockout()


def test_clock_set_back_does_not_lock_for_long_and_forgives_nothing() -> None:
    earlier = NOW - timedelta(days=365)
    state = settle(fail(Lockout(), "a", 9), earlier)
    assert wait(state, "a", earlier) == delay(9)
    assert wait(state, "a", earlier + delay(9)) == timedelta(0)


def test_made_up_names_do_not_push_out_a_guessed_one() -> None:
    state = fail(Lockout(), "victim", 8)
    for n in range(2 * MOST_NAMES):
        state = failed(state, f"made-up-{n}", NOW + timedelta(seconds=n))
    assert len(state.names) == MOST_NAMES
    assert state.names["victim"].failures == 8
