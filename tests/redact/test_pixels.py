"""A view is scaled, and looked at, once for all who ask."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medkiosk.redact.pixels import Pixels, View, scaled_to

_PICTURE = np.random.default_rng(4).integers(0, 256, (300, 451, 3), np.uint8)


@given(st.lists(st.integers(1, 900), min_size=1, max_size=4))
def test_scaling_does_not_depend_on_what_was_asked_before(sides: list[int]) -> None:
    view = View.whole(_PICTURE)
    for side in sides:
        got = view.scaled(side)
        assert max(got.shape[:2]) == side
        assert (got == scaled_to(_PICTURE, side)).all()


def test_a_size_is_scaled_once_for_each_way_of_shrinking() -> None:
    view = View.whole(_PICTURE)
    averaged, interpolated = view.scaled(280), view.scaled(280, cv2.INTER_LINEAR)
    assert view.scaled(280) is averaged
    assert view.scaled(280, cv2.INTER_LINEAR) is interpolated
    assert (averaged != interpolated).any()


@pytest.mark.parametrize("side", [60, 113, 226, 300, 440])
def test_scaling_down_is_averaging(side: int) -> None:
    got = scaled_to(_PICTURE, side)
    want = cv2.resize(_PICTURE, got.shape[1::-1], interpolation=cv2.INTER_AREA)
    # Halving a side of an odd length moves the picture by up to half a pixel.
    assert np.abs(cv2.blur(got, (9, 9)).astype(int) - cv2.blur(want, (9, 9)))[6:-6, 6:-6].mean() < 3


def test_what_was_worked_out_is_kept_for_this_picture_only() -> None:
    view, other = View.whole(_PICTURE), View.whole(_PICTURE)
    made: list[Pixels] = []

    def make() -> Pixels:
        made.append(_PICTURE.copy())
        return made[-1]

    assert view.once("copy", make) is view.once("copy", make) is made[0]
    assert other.once("copy", make) is made[1]
