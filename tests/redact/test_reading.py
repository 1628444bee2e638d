"""Reading: lines at their angle, either way up, and what of them names the subject."""

from __future__ import annotations

import itertools
import math
from pathlib import Path

import numpy as np
import pytest

from medkiosk.core.identifiers import Identifier, IdentifierKind
from medkiosk.core.photo import Box
from medkiosk.redact.detect.line import Line
from medkiosk.redact.detect.reading import Reader, level
from medkiosk.redact.detectors import DetectorId
from medkiosk.redact.errors import RefusedError
from medkiosk.redact.kit import Kit, pinned_model
from medkiosk.redact.pixels import Pixels, View
from medkiosk.redact.policy import ReadingPolicy, default_text, parse_policy
from medkiosk.redact.region import share_covered
from tests.redact.scenes import skin, with_text

_POLICY = parse_policy(default_text()).reading
_KNOWN = [
    Identifier(IdentifierKind.MRN, "00471193"),
    Identifier(IdentifierKind.NAME, "Anna Schmidt"),
    Identifier(IdentifierKind.BIRTH_DATE, "1961-07-04"),
]


@pytest.fixture(scope="module")
def model(models: Path) -> bytes:
    content = pinned_model(models, DetectorId.IDENTIFIERS)
    assert content is not None
    return content


@pytest.fixture(scope="module")
def reader(model: bytes) -> Reader:
    return Reader(model, _POLICY)


def around(box: Box, degrees: float, margin: float) -> Line:
    """The line on a label that was turned counter-clockwise: the label's middle, and its own size."""
    turn = math.radians(degrees)
    wide, high = abs(math.cos(turn)), abs(math.sin(turn))
    # A label of w by h turned by this angle fills w cos + h sin by w sin + h cos.
    w, h = (box.w * wide - box.h * high, box.h * wide - box.w * high)
    w, h = (x / (wide * wide - high * high) for x in (w, h))
    along = np.array([wide, -math.sin(turn) if math.cos(turn) > 0 else math.sin(turn)]) * (w - margin) / 2
    across = np.array([-along[1], along[0]]) * (h - margin) / (w - margin)
    middle = np.array([box.x + box.w / 2, box.y + box.h / 2])
    corners = [
        middle - along - across,
        middle + along - across,
        middle + along + across,
        middle - along + across,
    ]
    return Line(np.array(corners, np.float32), 900)


def grey(ground: object) -> Pixels:
    rgb = np.asarray(ground)
    return np.ascontiguousarray(rgb.mean(axis=2).astype(np.uint8))


@pytest.mark.parametrize("degrees", [0, 20, 180, 195, 340])
@pytest.mark.parametrize("size", [24, 80])
def test_a_line_is_read_at_its_angle(reader: Reader, degrees: int, size: int) -> None:
    ground = skin(1600, 1600)
    box = with_text(ground, "MRN 00471193", size, (300, 300), degrees)
    reading = reader.read(grey(ground), around(box, degrees, size / 3))
    assert reading.text.replace(" ", "") == "MRN00471193"
    assert reading.confidence > 800


def test_corners_may_go_round_either_way_and_start_anywhere() -> None:
    picture = np.zeros((200, 300), np.uint8)
    picture[90:100, 60:240] = np.linspace(50, 250, 180).astype(np.uint8)
    corners = np.array([[60, 90], [239, 90], [239, 99], [60, 99]], np.float32)
    strips = []
    for start, step in itertools.product(range(4), (1, -1)):
        line = Line(corners[[(start + step * i) % 4 for i in range(4)]], 900)
        strip = level(picture, line)
        assert strip.shape[1] > 15 * strip.shape[0]
        strips.append(strip[4, :, 0].astype(int))
    # Never mirrored: upright, or turned by half a turn.
    for row in strips:
        assert (np.diff(row) >= 0).all() or (np.diff(row) <= 0).all()


def test_text_that_names_the_subject_is_a_certain_hit(kit: Kit, reader: Reader) -> None:
    ground = skin(2400, 1600)
    named = [
        with_text(ground, words, 48, at)
        for words, at in (
            ("SCHMIDT, Anna", (200, 200)),
            ("4 Jul 1961", (1300, 700)),
            ("0047 1193", (300, 1200)),
        )
    ]
    other = with_text(ground, "5 cm scale", 48, (1500, 1300))
    assert kit.text is not None
    bgr = np.ascontiguousarray(np.asarray(ground)[:, :, ::-1])
    lines = kit.text.lines(View.whole(bgr))
    hits = reader.find_identifiers(grey(ground), lines, _KNOWN)
    boxes = [hit.box for hit in hits]
    assert {(hit.detector, hit.confidence) for hit in hits} == {(DetectorId.IDENTIFIERS, 1000)}
    assert [share_covered(box, boxes) > 0.4 for box in named] == [True] * 3
    assert share_covered(other, boxes) == 0
    assert reader.find_identifiers(bgr, lines, _KNOWN[:1])[0].box in boxes
    assert reader.find_identifiers(grey(ground), lines, []) == []


def test_lines_and_time_are_bounded(model: bytes) -> None:
    ground = skin(800, 600)
    box = with_text(ground, "SCHMIDT", 48, (200, 200))
    line = around(box, 0, 16)
    values = {name: getattr(_POLICY, name) for name in _POLICY.__struct_fields__}
    few = Reader(model, ReadingPolicy(**values | {"most_lines": 3}))
    assert len(few.find_identifiers(grey(ground), [line] * 3, _KNOWN)) == 3
    with pytest.raises(RefusedError, match="10 lines"):
        few.find_identifiers(grey(ground), [line] * 10, _KNOWN)
    ticks = itertools.count(0, _POLICY.seconds * 0.6)
    with pytest.raises(RefusedError, match="too long"):
        few.find_identifiers(grey(ground), [line] * 3, _KNOWN, clock=lambda: next(ticks))


def test_lines_outside_and_without_ink_say_nothing(reader: Reader) -> None:
    blank = np.full((200, 300), 128, np.uint8)
    away = Line(np.array([[900, 900], [990, 900], [990, 930], [900, 930]], np.float32), 900)
    tiny = Line(np.array([[10, 10], [11, 10], [11, 10.5], [10, 10.5]], np.float32), 900)
    assert reader.find_identifiers(blank, [away, tiny], _KNOWN) == []


def test_a_model_without_characters_is_refused(models: Path) -> None:
    detector = pinned_model(models, DetectorId.TEXT)
    assert detector is not None
    with pytest.raises(ValueError, match="characters"):
        Reader(detector, _POLICY)
