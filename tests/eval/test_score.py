"""The scoring itself, against what can be worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from medkiosk.core.photo import Category
from tests.eval.codes import Code, can_be_read, draw, drawn
from tests.eval.score import Ellipse, Found, Outline, Tally, Truth, iou, judge, share_under

FACE, TEXT = Category.FACE, Category.TEXT


def face(*box: float, category: Category = FACE) -> Found:
    x0, y0, x1, y1 = box
    return Found.rectangle(category, x0, y0, x1, y1)


def truth(*box: float, category: Category = FACE) -> Truth:
    x0, y0, x1, y1 = box
    return Truth(category, Outline.box(x0, y0, x1, y1), {"all": ""})


def test_iou() -> None:
    assert iou((0, 0, 10, 10), (0, 0, 10, 10)) == 1
    assert iou((0, 0, 10, 10), (5, 0, 15, 10)) == pytest.approx(50 / 150)
    assert iou((0, 0, 10, 10), (10, 0, 20, 10)) == 0


def test_masks_that_overlap_count_once() -> None:
    box = Outline.box(0, 0, 100, 100)
    left, middle = Outline.box(0, 0, 50, 100), Outline.box(25, 0, 75, 100)
    assert share_under(box, [left]) == pytest.approx(0.5, abs=0.01)
    assert share_under(box, [left, middle]) == pytest.approx(0.75, abs=0.01)
    assert share_under(box, []) == 0


def test_an_ellipse_leaves_the_corners_of_its_box() -> None:
    box = Outline.box(0, 0, 80, 100)
    assert share_under(box, [Ellipse.within(0, 0, 80, 100)]) == pytest.approx(math.pi / 4, abs=0.01)
    # Grown by 30 % on every side it still does not reach them, and the head inside is covered.
    grown = Ellipse.within(-24, -30, 104, 130)
    assert share_under(Outline.box(0, 0, 80, 100), [grown]) == 1
    assert share_under(Outline.box(-10, -10, 90, 110), [grown]) < 1
    assert share_under(Ellipse.within(0, 0, 80, 100), [box]) == 1


def test_a_turned_ellipse_is_wider() -> None:
    x0, y0, x1, y1 = Ellipse(0, 0, 10, 20, 90).bounds()
    assert (x0, y0, x1, y1) == pytest.approx((-20, -10, 20, 10))
    x0, _, x1, _ = Ellipse(0, 0, 10, 20, 45).bounds()
    assert x1 - x0 == pytest.approx(2 * math.sqrt((10**2 + 20**2) / 2))


def test_an_outline_need_not_be_convex() -> None:
    corner = Outline(((0, 0), (100, 0), (100, 100), (50, 100), (50, 50), (0, 50)))
    assert share_under(corner, [Outline.box(0, 50, 50, 100)]) == pytest.approx(0, abs=0.02)
    assert share_under(corner, [Outline.box(0, 0, 100, 50)]) == pytest.approx(2 / 3, abs=0.02)


def test_one_box_serves_one_truth_but_hides_both() -> None:
    score = judge([truth(0, 0, 10, 10), truth(10, 0, 20, 10)], [face(0, 0, 20, 10)])
    assert sorted(verdict.recalled for verdict in score.verdicts) == [False, True]
    assert [verdict.covered for verdict in score.verdicts] == [1, 1]
    assert score.false == ()


def test_another_category_hides_but_does_not_recall() -> None:
    score = judge([truth(0, 0, 10, 10)], [face(0, 0, 10, 10, category=TEXT)])
    assert not score.verdicts[0].recalled
    assert score.verdicts[0].covered == 1
    assert score.verdicts[0].own_covered == 0
    assert score.false == ()


def test_the_better_of_two_boxes_counts() -> None:
    grown = Found(FACE, Ellipse.within(-50, -50, 60, 60), ((0, 0, 10, 10), (-50, -50, 60, 60)))
    assert judge([truth(0, 0, 10, 10)], [grown]).verdicts[0].iou == 1


def test_what_belongs_to_no_truth_is_false() -> None:
    elsewhere, part = face(50, 50, 60, 60), face(0, 0, 3, 3)
    assert judge([truth(0, 0, 10, 10)], [elsewhere, part]).false == (elsewhere,)
    assert judge([], [elsewhere, part]).false == (elsewhere, part)


def test_a_tally_counts_at_the_thresholds() -> None:
    tally = Tally()
    for box in ((0, 0, 10, 10), (0, 0, 10, 9), (0, 0, 10, 3.5), (0, 0, 10, 2)):
        tally.add_verdict(judge([truth(0, 0, 10, 10)], [face(*box)]).verdicts[0])
    assert (tally.truths, tally.recalled, tally.covered, tally.touched) == (4, 3, 2, 3)


@pytest.mark.parametrize(
    ("code", "readable"),
    [
        (Code("QR", "MRN 00471193", 3, blur=0.4, angle=33), True),
        (Code("QR", "MRN 00471193", 3, blur=1.5), False),
        (Code("Data Matrix", "MRN 00471193", 5, tilt=50), True),
        (Code("Code 128", "MRN00471193", 2.5, angle=71, inverted=True), True),
        (Code("Code 128", "MRN00471193", 4, damage="one side covered"), False),
    ],
)
def test_what_a_phone_could_read(code: Code, *, readable: bool) -> None:
    patch = draw(0, code)
    grey = np.ascontiguousarray(patch.pixels[:, :, 1])
    assert can_be_read(grey, Outline(patch.outline), code) is readable


def test_codes_are_the_same_every_time_and_of_every_kind() -> None:
    first, again = (list(drawn(5, 28)) for _ in range(2))
    assert [picture.name for picture in first] == [picture.name for picture in again]
    smallest = first[-1].render()
    assert np.array_equal(smallest.pixels, again[-1].render().pixels)
    assert all(truth.tags["legibility"] in {"readable", "beyond reading"} for truth in smallest.truths)
