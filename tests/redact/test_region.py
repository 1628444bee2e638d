from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from medkiosk.core.photo import Box, Category
from medkiosk.redact.plan import make_plan
from medkiosk.redact.region import Size, clip, contains, grow, iou, pad, share_covered, union_area

SIDE = 80
boxes = st.builds(
    Box, st.integers(-20, SIDE), st.integers(-20, SIDE), st.integers(1, SIDE), st.integers(1, SIDE)
)
inside = boxes.map(lambda box: clip(box, Size(SIDE, SIDE))).filter(lambda box: box is not None)
mcus = st.sampled_from([Size(8, 8), Size(16, 8), Size(8, 16), Size(16, 16)])


def painted(*some: Box) -> np.ndarray:
    canvas = np.zeros((SIDE, SIDE), bool)
    for box in some:
        canvas[max(box.y, 0) : box.y + box.h, max(box.x, 0) : box.x + box.w] = True
    return canvas


@given(boxes, mcus)
def test_growing_covers_the_box_with_whole_mcus_and_no_more(box: Box, mcu: Size) -> None:
    grown = grow(box, mcu, Size(SIDE, SIDE))
    clipped = clip(box, Size(SIDE, SIDE))
    if clipped is None:
        assert grown is None
        return
    assert grown is not None
    assert contains(grown, clipped)
    assert grown.x % mcu.width == 0
    assert grown.y % mcu.height == 0
    assert grown.w < clipped.w + 2 * mcu.width
    assert grown.h < clipped.h + 2 * mcu.height
    assert (grown.x + grown.w) % mcu.width == 0 or grown.x + grown.w == SIDE


@given(st.lists(inside, max_size=6))
def test_union_area_counts_each_pixel_once(some: list[Box]) -> None:
    assert union_area(some) == painted(*some).sum()


@given(inside, st.lists(inside, max_size=5))
def test_share_covered_is_the_share_of_pixels(box: Box, by: list[Box]) -> None:
    share = (painted(box) & painted(*by)).sum() / painted(box).sum()
    assert abs(share_covered(box, by) - share) < 1e-9


@given(inside, inside)
def test_iou_is_the_ratio_of_pixels(a: Box, b: Box) -> None:
    ratio = (painted(a) & painted(b)).sum() / (painted(a) | painted(b)).sum()
    assert abs(iou(a, b) - ratio) < 1e-9


def test_padding_adds_to_every_side() -> None:
    assert pad(Box(100, 100, 50, 11), 200) == Box(90, 97, 70, 17)


wishes = st.lists(st.tuples(st.sampled_from(list(Category)), boxes), max_size=8)


@given(wishes, mcus, st.randoms())
def test_a_plan_is_canonical(wanted: list[tuple[Category, Box]], mcu: Size, random: object) -> None:
    image = Size(SIDE, 77)
    plan = make_plan(wanted, mcu, image)
    shuffled = list(wanted)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert make_plan(shuffled, mcu, image) == plan
    assert make_plan(plan, mcu, image) == plan
    for category, box in wanted:
        clipped = clip(box, image)
        if clipped is not None:
            assert any(mask.category == category and contains(mask.box, clipped) for mask in plan)
