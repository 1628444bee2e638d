"""Masks stay inside the picture, and what was found never vanishes from the record."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from medkiosk.console.masks import REVIEWER, Draft, grown, moved, scaled, step
from medkiosk.core.ids import AccountId
from medkiosk.core.photo import Box, Decision
from medkiosk.review.gate import why_not_change
from tests.console.state import FOUND, FULL

ME = AccountId("a" * 32)
sides = st.integers(min_value=1, max_value=9000)
amounts = st.integers(min_value=-20000, max_value=20000)


@st.composite
def boxes(draw: st.DrawFn) -> tuple[Box, int, int]:
    width, height = draw(sides), draw(sides)
    x, y = draw(st.integers(0, width - 1)), draw(st.integers(0, height - 1))
    return Box(x=x, y=y, w=draw(st.integers(1, width - x)), h=draw(st.integers(1, height - y))), width, height


@given(boxes(), amounts, amounts)
def test_every_change_stays_inside(made: tuple[Box, int, int], a: int, b: int) -> None:
    box, width, height = made
    for changed in (
        moved(box, a, b, width, height),
        grown(box, a, b, width, height),
        scaled(box, a, width, height),
    ):
        assert changed.x >= 0
        assert changed.y >= 0
        assert changed.w >= 1
        assert changed.h >= 1
        assert changed.x + changed.w <= width
        assert changed.y + changed.h <= height


@given(sides, sides, st.sampled_from([1, 2, 4]))
def test_a_step_is_whole_mcus_where_the_picture_is_large_enough(width: int, height: int, zoom: int) -> None:
    by = step(width, height, zoom)
    assert by >= 1
    assert by % 16 == 0 or by < 16


def draft() -> Draft:
    return Draft(FOUND, *FULL, ME)


def test_what_a_detector_found_is_kept_with_a_reason_but_never_deleted() -> None:
    changing = draft()
    changing.delete()
    assert changing.findings == FOUND
    changing.keep("a poster in the background")
    kept = changing.findings[0]
    assert (kept.decision, kept.reason, kept.reviewer) == (Decision.KEEP, "a poster in the background", ME)
    assert kept.detector == FOUND[0].detector
    assert changing.changed


def test_a_drawn_mask_is_added_chosen_moved_and_deleted() -> None:
    changing = draft()
    changing.add(0, 0)
    drawn = changing.finding
    assert drawn is not None
    assert (drawn.detector, drawn.decision, drawn.box.x, drawn.box.y) == (REVIEWER, Decision.MASK, 0, 0)
    changing.reshape(moved(drawn.box, 160, 32, *FULL))
    assert changing.findings[-1].box.x == 160
    changing.delete()
    assert changing.findings == FOUND
    assert not changing.changed


def test_undo_goes_back_step_by_step() -> None:
    changing = draft()
    changing.select(1)
    changing.reshape(Box(10, 10, 100, 100))
    changing.mask()
    assert changing.undo()
    assert changing.findings[1].box == Box(10, 10, 100, 100)
    assert changing.undo()
    assert changing.findings == FOUND
    assert not changing.undo()


def test_the_daemons_gate_takes_every_kind_of_change() -> None:
    changing = draft()
    changing.keep("not a face")
    changing.select(1)
    changing.reshape(scaled(FOUND[1].box, 64, *FULL))
    changing.add(*FULL)
    problems = why_not_change(changing.findings, width=FULL[0], height=FULL[1], reviewer=ME, before=FOUND)
    assert problems == ()
