"""What counts as left over: masks hide, keeping excuses the same thing only, and a name is never excused."""

from __future__ import annotations

import pytest

from medkiosk.core.photo import Box, Category
from medkiosk.redact.detect.hit import Hit
from medkiosk.redact.detectors import DetectorId
from medkiosk.redact.residual import Area, uncovered

FACE = Hit(DetectorId.FACES, Box(100, 100, 100, 100), 900)
LINE = Hit(DetectorId.TEXT, Box(100, 300, 400, 40), 900)


def left(hit: Hit, masks: tuple[Box, ...] = (), kept: tuple[Area, ...] = ()) -> bool:
    return uncovered([hit], masks, kept, 700) == [hit]


@pytest.mark.parametrize(
    ("mask", "is_left"),
    [
        (Box(100, 100, 100, 100), False),
        (Box(0, 0, 1000, 1000), False),
        (Box(100, 100, 100, 70), False),
        (Box(100, 100, 100, 69), True),
        (Box(300, 300, 50, 50), True),
    ],
)
def test_a_mask_hides_what_lies_under_it(mask: Box, is_left: bool) -> None:
    assert left(FACE, (mask,)) is is_left


def test_two_masks_hide_together() -> None:
    assert not left(FACE, (Box(100, 100, 50, 100), Box(150, 100, 50, 100)))


@pytest.mark.parametrize(
    ("kept", "is_left"),
    [
        ((Category.FACE, Box(80, 80, 140, 140)), False),  # as it was found, with its padding
        ((Category.TEXT, Box(80, 80, 140, 140)), True),  # other words are no excuse
        ((Category.FACE, Box(0, 0, 1000, 1000)), True),  # nor a wall on which a face was suspected
        ((Category.FACE, Box(100, 100, 100, 30)), True),
    ],
)
def test_keeping_excuses_the_same_thing_only(kept: Area, is_left: bool) -> None:
    assert left(FACE, kept=(kept,)) is is_left


def test_what_names_the_person_is_never_kept() -> None:
    name = LINE._replace(detector=DetectorId.IDENTIFIERS)
    kept = ((Category.TEXT, LINE.box),)
    assert not left(LINE, kept=kept)
    assert left(name, kept=kept)
    assert not left(name, (name.box,), kept)
