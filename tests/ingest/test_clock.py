from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medkiosk.ingest.clock import drift_words, offset

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC).timestamp()


def test_a_camera_in_another_zone_is_right_if_its_utc_is() -> None:
    off = offset("2026-05-01T14:00:00", int(NOON), NOON, 0.2, zone_s=0)
    assert off.display_ms == pytest.approx(7_200_400, abs=1)
    assert off.drift_ms == pytest.approx(400, abs=1)
    assert off.uncertainty_ms == 600


def test_a_camera_without_utc_is_compared_with_the_clock_on_the_wall() -> None:
    off = offset("2026-05-01T14:03:00", None, NOON, 0.0, zone_s=7200)
    assert off.drift_ms == pytest.approx(180_500, abs=1)


@given(st.integers(-(10**6), 10**6), st.floats(0, 30), st.floats(0, 1))
def test_the_true_offset_is_within_the_uncertainty(ahead: int, took: float, answered: float) -> None:
    """Whenever in between the camera looked at its clock."""
    shown = int(NOON + took * answered + ahead)  # whole seconds
    wall = datetime.fromtimestamp(shown, UTC).replace(tzinfo=None).isoformat()
    off = offset(wall, shown, NOON, took, zone_s=0)
    assert abs(off.drift_ms - ahead * 1000) <= off.uncertainty_ms + 2
    assert off.drift_ms == off.display_ms


@pytest.mark.parametrize(
    ("drift_ms", "words"),
    [
        (60_000, ""),
        (-60_000, ""),
        (61_000, "The camera's clock is 61 seconds ahead. Set it in the camera's menu."),
        (-250_000, "The camera's clock is about 4 minutes behind. Set it in the camera's menu."),
        (3 * 3600_000, "The camera's clock is about 3 hours ahead. Set it in the camera's menu."),
        (-400 * 86400_000, "The camera's clock is about 400 days behind. Set it in the camera's menu."),
    ],
)
def test_drift_in_words(drift_ms: int, words: str) -> None:
    assert drift_words(drift_ms, 60) == words


def test_what_is_no_time_is_refused() -> None:
    with pytest.raises(ValueError, match="Invalid"):
        offset("yesterday", None, NOON, 0, zone_s=0)
