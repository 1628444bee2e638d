"""What the hint at marks on skin points at, and what it must leave alone."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from PIL import Image, ImageDraw

from medkiosk.core.photo import Box, Decision
from medkiosk.redact.detect.hit import Hit
from medkiosk.redact.detect.marks import MarkDetector
from medkiosk.redact.detectors import DETECTORS, DetectorId
from medkiosk.redact.pixels import Pixels, View
from medkiosk.redact.policy import default_text, parse_policy
from medkiosk.redact.region import Size, clip, iou
from tests.eval.mark_scenes import HEIGHT, TONES, WIDTH, scene
from tests.redact.scenes import skin

STAR = Box(420, 260, 180, 180)


@pytest.fixture(scope="module")
def detector() -> MarkDetector:
    return MarkDetector(parse_policy(default_text()).marks)


def with_star(ground: Image.Image, box: Box = STAR, ink: float = 0.3) -> Pixels:
    """A star tattooed on a picture: what is under it lets less light through."""
    points = []
    for corner in range(10):
        radius = (1.0, 0.45)[corner % 2] * box.w / 2
        angle = np.pi * (corner / 5 - 0.5)
        middle = (box.x + box.w / 2, box.y + box.h / 2)
        points.append((middle[0] + radius * np.cos(angle), middle[1] + radius * np.sin(angle)))
    layer = Image.new("L", ground.size, 0)
    ImageDraw.Draw(layer).line([*points, points[0], points[1]], fill=255, width=box.w // 12)
    share = np.asarray(layer, float)[..., None] / 255
    let_through = np.array([0.7, 0.95, 1.05]) * ink
    toned = np.asarray(ground, float) * (1 - share * (1 - let_through))
    return np.ascontiguousarray(toned.clip(0, 255).astype(np.uint8)[:, :, ::-1])


@functools.cache
def on_tone(tone: str) -> Image.Image:
    """Skin of a tone that fills the picture, without anything on it."""
    seeds = (seed for seed in range(900, 960))
    for seed in seeds:
        picture = scene(seed, None, tone, clutter=False)
        if picture.body == 0:
            return Image.fromarray(picture.pixels[:, :, ::-1])
    raise AssertionError("no close-up among the seeds")


def pointed_at(box: Box, hits: list[Hit]) -> bool:
    return any(iou(box, hit.box) > 0.4 for hit in hits)


@pytest.mark.parametrize("tone", list(TONES))
def test_a_bold_tattoo_is_pointed_at_on_every_tone(detector: MarkDetector, tone: str) -> None:
    hits = detector.find(View.whole(with_star(on_tone(tone))), (), ())
    assert pointed_at(STAR, hits)
    assert {hit.detector for hit in hits} == {DetectorId.MARKS}


@pytest.mark.parametrize("tone", list(TONES))
def test_plain_skin_has_no_marks(detector: MarkDetector, tone: str) -> None:
    ground = np.asarray(on_tone(tone))[:, :, ::-1]
    assert detector.find(View.whole(np.ascontiguousarray(ground)), (), ()) == []


def test_without_skin_nothing_is_suggested(detector: MarkDetector) -> None:
    cloth = Image.new("RGB", (WIDTH, HEIGHT), (40, 90, 150))
    assert detector.find(View.whole(with_star(cloth)), (), ()) == []
    assert detector.find(View.whole(np.full((64, 64, 3), 128, np.uint8)), (), ()) == []


def test_boxes_are_in_pixels_of_the_full_picture(detector: MarkDetector) -> None:
    view = View(with_star(skin(WIDTH, HEIGHT)), Size(4 * WIDTH, 4 * HEIGHT))
    hits = detector.find(view, (), ())
    assert pointed_at(Box(4 * STAR.x, 4 * STAR.y, 4 * STAR.w, 4 * STAR.h), hits)


@pytest.mark.parametrize("grown", [0, 60, -30])
def test_the_lesion_of_interest_is_never_suggested(detector: MarkDetector, grown: int) -> None:
    lesion = Box(STAR.x - grown, STAR.y - grown, STAR.w + 2 * grown, STAR.h + 2 * grown)
    view = View.whole(with_star(skin(WIDTH, HEIGHT)))
    assert not any(iou(hit.box, lesion) > 0 for hit in detector.find(view, [lesion], ()))


def test_what_is_masked_already_is_not_suggested_again(detector: MarkDetector) -> None:
    view = View.whole(with_star(skin(WIDTH, HEIGHT)))
    masks = [Box(STAR.x, STAR.y, STAR.w // 2, STAR.h), Box(STAR.x + STAR.w // 2, STAR.y, STAR.w, STAR.h)]
    assert not pointed_at(STAR, detector.find(view, (), masks))


def test_hints_are_few_and_the_surest_first(detector: MarkDetector) -> None:
    ground = skin(2 * WIDTH, 2 * HEIGHT)
    for row in range(4):
        for column in range(5):
            pixels = with_star(ground, Box(60 + 400 * column, 40 + 330 * row, 200, 200))
            ground = Image.fromarray(pixels[:, :, ::-1])
    hits = detector.find(View.whole(pixels), (), ())
    most = parse_policy(default_text()).marks.most
    assert len(hits) == most
    assert [hit.confidence for hit in hits] == sorted((hit.confidence for hit in hits), reverse=True)
    assert all(clip(hit.box, Size(2 * WIDTH, 2 * HEIGHT)) == hit.box for hit in hits)


def test_hints_are_suggestions() -> None:
    assert DETECTORS[DetectorId.MARKS].decision is Decision.SUGGEST
