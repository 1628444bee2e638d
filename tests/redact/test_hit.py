"""How hits of the same thing become one."""

from __future__ import annotations

from medkiosk.core.photo import Box
from medkiosk.redact.detect.hit import Hit, merge
from medkiosk.redact.detectors import DetectorId


def test_merging_keeps_the_surest_and_covers_all() -> None:
    whole = Hit(DetectorId.TEXT, Box(0, 0, 100, 10), 700)
    part = Hit(DetectorId.TEXT, Box(5, 1, 40, 8), 900)
    other = Hit(DetectorId.TEXT, Box(0, 50, 20, 10), 800)
    assert merge([whole, part, other], 0.5) == [
        Hit(DetectorId.TEXT, Box(0, 0, 100, 10), 900),
        other,
    ]


def test_merging_goes_on_until_halves_are_one() -> None:
    line = [
        Hit(DetectorId.TEXT, Box(40, 0, 60, 10), 950),
        Hit(DetectorId.TEXT, Box(0, 0, 60, 10), 900),
        Hit(DetectorId.TEXT, Box(0, 0, 100, 10), 800),
    ]
    assert merge(line, 0.5) == [Hit(DetectorId.TEXT, Box(0, 0, 100, 10), 950)]
