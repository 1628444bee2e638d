"""Text: lines of every size and angle, how pieces become one line, and what must be left alone."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from medkiosk.core.photo import Box
from medkiosk.redact.detect.hit import Hit
from medkiosk.redact.detect.line import Line, join
from medkiosk.redact.detect.net import tiles
from medkiosk.redact.detect.text import TextDetector
from medkiosk.redact.kit import Kit
from medkiosk.redact.pixels import Pixels, View
from medkiosk.redact.region import Size, share_covered
from tests.redact.scenes import skin, with_mole, with_text


@pytest.fixture(scope="module")
def text(kit: Kit) -> TextDetector:
    assert kit.text is not None
    return kit.text


def bgr(image: Image.Image) -> Pixels:
    return np.ascontiguousarray(np.asarray(image)[:, :, ::-1])


def covered(label: Box, margin: int, hits: list[Hit]) -> float:
    inner = Box(label.x + margin, label.y + margin, label.w - 2 * margin, label.h - 2 * margin)
    return share_covered(inner, [hit.box for hit in hits])


@pytest.mark.parametrize("angle", [0, 90, 45])
def test_lines_of_every_size_and_angle_are_covered(text: TextDetector, angle: int) -> None:
    ground = skin(4000, 3000)
    labels = [
        (with_text(ground, "Ward 7B 04711", size, at, angle), size // 2)
        for size, at in ((20, (300, 200)), (48, (2600, 300)), (150, (700, 900)))
    ]
    hits = text.find(View.whole(bgr(ground)))
    assert [covered(*label, hits) > 0.95 for label in labels] == [True] * 3
    assert all(any(share_covered(hit.box, [label]) > 0.3 for label, _ in labels) for hit in hits)


def test_a_reduced_picture_gives_boxes_of_the_full_one(text: TextDetector) -> None:
    ground = skin(3400, 2200)
    label = with_text(ground, "Ward 7B 04711", 48, (2600, 300))
    half = View(bgr(ground.resize((1700, 1100), Image.Resampling.BOX)), Size(3400, 2200))
    assert covered(label, 24, text.find(half)) > 0.95


def test_few_letters_are_text(text: TextDetector) -> None:
    ground = skin(2400, 1600)
    words = ("JS", "7B", "1961", "MRN")
    labels = [(with_text(ground, word, 60, (200 + 500 * i, 700)), 30) for i, word in enumerate(words)]
    hits = text.find(View.whole(bgr(ground)))
    assert [covered(*label, hits) > 0.95 for label in labels] == [True] * 4


def test_small_labels_on_dark_cloth_are_text(text: TextDetector) -> None:
    """The label's own border is a stronger edge than its letters."""
    ground = Image.new("RGB", (4000, 2700), (14, 12, 16))
    words = ("Ewa Smith", "Ward 7B", "Rossi, P.", "1961")
    labels = [
        (with_text(ground, word, 28, (300 + 900 * i, 1100), 10 * i), 14) for i, word in enumerate(words)
    ]
    hits = text.find(View.whole(bgr(ground)))
    assert [covered(*label, hits) > 0.9 for label in labels] == [True] * 4


@pytest.mark.parametrize("colour", [(95, 60, 40), (150, 70, 60)])
def test_moles_are_left_alone(text: TextDetector, colour: tuple[int, int, int]) -> None:
    ground = skin(2400, 1600)
    for radius, at in ((30, (400, 400)), (60, (1000, 1100)), (150, (1800, 700))):
        with_mole(ground, radius, at, colour)
    assert text.find(View.whole(bgr(ground))) == []


def test_a_large_object_is_no_line(text: TextDetector) -> None:
    ground = skin(1200, 900)
    draw = ImageDraw.Draw(ground)
    draw.ellipse((250, 150, 850, 750), fill=(60, 40, 35))
    draw.ellipse((400, 300, 650, 500), fill=(190, 150, 130))
    assert text.find(View.whole(bgr(ground))) == []


def test_a_line_at_an_angle_has_corners_at_that_angle(text: TextDetector) -> None:
    ground = skin(2000, 1500)
    label = with_text(ground, "Ward 7B 04711", 60, (600, 500), 30)
    (line,) = [line for line in text.lines(View.whole(bgr(ground))) if line.confidence >= 700]
    along, across = line.sides()
    angle = math.degrees(math.atan2(-along[1], along[0])) % 180
    assert angle == pytest.approx(30, abs=3)
    assert 50 < math.hypot(*across) < 160
    box = line.box(Size(2000, 1500))
    assert box is not None
    assert line.area < 0.7 * box.w * box.h
    assert share_covered(label, [box]) > 0.95


def rectangle(x: float, y: float, w: float, h: float, degrees: float = 0, confidence: int = 900) -> Line:
    """A rectangle around a middle."""
    turn = math.radians(degrees)
    along = np.array([math.cos(turn), math.sin(turn)]) * w / 2
    across = np.array([-math.sin(turn), math.cos(turn)]) * h / 2
    middle = np.array([x, y])
    corners = [
        middle - along - across,
        middle + along - across,
        middle + along + across,
        middle - along + across,
    ]
    return Line(np.array(corners, np.float32), confidence)


def spread(lines: list[Line]) -> NDArray[np.float32]:
    return np.concatenate([line.corners for line in lines])


@pytest.mark.parametrize("degrees", [0, 20, 45, 90, 170])
def test_two_halves_of_a_cut_line_are_one(degrees: float) -> None:
    turn = math.radians(degrees)
    half = rectangle(500, 500, 220, 30, degrees, 800)
    other = rectangle(500 + 200 * math.cos(turn), 500 + 200 * math.sin(turn), 220, 28, degrees + 2)
    (line,) = join([half, other])
    along, across = line.sides()
    assert line.confidence == 900
    assert math.hypot(*along) == pytest.approx(420, rel=0.02)
    assert math.hypot(*across) < 45


def test_lines_below_each_other_stay_apart() -> None:
    lines = [rectangle(500, 500 + 28 * i, 400, 30) for i in range(4)]
    assert len(join(lines)) == 4


def test_lines_that_cross_stay_apart() -> None:
    assert len(join([rectangle(500, 500, 400, 30), rectangle(500, 500, 400, 30, 60)])) == 2


def test_a_piece_inside_belongs_to_the_whole() -> None:
    whole, piece = rectangle(500, 500, 400, 40, 30, 700), rectangle(480, 490, 60, 30, 30, 950)
    (line,) = join([piece, whole])
    assert line.confidence == 950
    assert (line.corners == whole.corners).all()


@given(
    st.lists(
        st.builds(
            rectangle,
            st.integers(0, 800), st.integers(0, 600), st.integers(20, 500), st.integers(5, 60),
            st.integers(0, 180), st.integers(1, 1000),
        ),
        max_size=8,
    )
)  # fmt: skip
def test_joining_loses_no_pixel_of_a_line(lines: list[Line]) -> None:
    joined = join(lines)
    assert len(joined) <= len(lines)
    if lines:
        size = Size(4000, 4000)
        moved = [Line(line.corners + 1500, line.confidence) for line in joined]
        boxes = [box for line in moved if (box := line.box(size)) is not None]
        for line in lines:
            box = Line(line.corners + 1500, line.confidence).box(size)
            assert box is not None
            assert share_covered(box, boxes) > 0.9


@given(st.integers(1, 6000), st.sampled_from([384, 512, 640]), st.sampled_from([32, 48, 64]))
def test_tiles_cover_a_side_with_pieces_of_one_size(length: int, longest: int, overlap: int) -> None:
    pieces = tiles(length, longest, overlap)
    assert pieces[0].start == 0
    assert pieces[-1].stop == length
    assert len({piece.stop - piece.start for piece in pieces}) == 1
    assert pieces[0].stop <= longest
    for left, right in pairwise(pieces):
        assert left.stop - right.start >= overlap - 1


def test_a_camera_picture_is_six_tiles_of_one_size() -> None:
    assert [len(tiles(side, 512, 48)) for side in (1440, 960)] == [3, 2]
    assert {piece.stop - piece.start for side in (1440, 960) for piece in tiles(side, 512, 48)} == {512}
