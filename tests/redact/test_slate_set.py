"""A part of the set of photographed slates: turned, tilted to 30 degrees, blurred, with a lamp over some.

The whole: ``make eval-slates``.
"""

from __future__ import annotations

from itertools import product

from medkiosk.redact.detect.slates import find_slates
from tests.eval.slates import SHARP, photograph, reaches_aim, shot_at

TILTS = (0, 10, 20, 30)
SHARPNESS = (SHARP + 0.5, 3.5, 5)
"""Not the very edge, at which half of them are read."""


def test_slates_that_are_sharp_enough_are_read_at_every_tilt() -> None:
    told: dict[tuple[float, float], bool] = {}
    for number, (tilt, sharpness) in enumerate(product(TILTS, SHARPNESS)):
        shot, text = shot_at(tilt, sharpness, number)
        read = find_slates(photograph(shot, text))
        assert set(read) <= {text}, "read something that is not there"
        told[tilt, sharpness] = bool(read)
    assert reaches_aim(list(told.values())), f"not read: {[at for at, read in told.items() if not read]}"
