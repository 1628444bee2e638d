"""Masks stay inside the picture, and what was found never vanishes from the record."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from medkiosk.console.masks import LESION_REASON, Draft, grown, moved, scaled, step
from medkiosk.core.ids import AccountId
from medkiosk.core.photo import REVIEWER, Box, Category, Decision, Finding
from medkiosk.review.gate import why_not_change
from tests.console.state import FOUND, FULL, HINTS

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


@given(sides, sides)
def test_a_step_is_whole_mcus_where_the_picture_is_large_enough(width: int, height: int) -> None:
    by = step(width, height)
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
    changing.add(0, 0, 342)
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
    changing.reshape(Box(1760, 1280, 100, 100))
    changing.mask()
    assert changing.undo()
    assert changing.findings[1].box == Box(1760, 1280, 100, 100)
    assert changing.undo()
    assert changing.findings == FOUND
    assert not changing.undo()


def test_the_daemons_gate_takes_every_kind_of_change() -> None:
    changing = draft()
    changing.keep("not a face")
    changing.select(1)
    changing.reshape(scaled(FOUND[1].box, 64, *FULL))
    changing.add(*FULL, 342)
    problems = why_not_change(changing.findings, width=FULL[0], height=FULL[1], reviewer=ME, before=FOUND)
    assert problems == ()


KEPT = (
    msgspec.structs.replace(FOUND[0], decision=Decision.KEEP, reason="a poster", reviewer="b" * 32),
    FOUND[1],
)


def test_a_kept_finding_that_is_given_another_box_is_a_mask() -> None:
    changing = Draft(KEPT, *FULL, ME)
    changing.reshape(grown(FOUND[0].box, 64, 0, *FULL))
    changed = changing.findings[0]
    assert (changed.decision, changed.reason, changed.reviewer) == (Decision.MASK, "", ME)
    changing.keep("a poster after all")
    assert changing.findings[0].box == FOUND[0].box, "what is kept is what was looked at"


def test_a_mask_moved_away_leaves_what_was_found_as_it_was() -> None:
    changing = draft()
    assert not changing.reshape(moved(FOUND[0].box, 16, 0, *FULL))
    assert changing.reshape(moved(FOUND[0].box, -900, 804, *FULL))
    assert changing.findings[:2] == FOUND
    own = changing.finding
    assert own is not None
    assert (own.detector, own.decision, own.category) == (REVIEWER, Decision.MASK, FOUND[0].category)
    assert changing.undo()
    assert changing.undo()
    assert changing.findings == FOUND


SUGGESTING = (*FOUND, *HINTS)


def test_suggestions_are_gone_through_and_decided_one_by_one() -> None:
    changing = Draft(SUGGESTING, *FULL, ME)
    assert changing.undecided == HINTS
    assert changing.select_undecided()
    assert changing.finding == HINTS[0]
    changing.mask()
    assert changing.select_undecided()
    assert changing.finding == HINTS[1]
    changing.keep("skin")
    assert changing.select_undecided()
    assert changing.finding == HINTS[2]
    changing.reshape(grown(HINTS[2].box, 32, 32, *FULL))
    assert not changing.select_undecided()
    assert [each.decision for each in changing.findings[2:]] == [
        Decision.MASK,
        Decision.KEEP,
        Decision.MASK,
    ]
    assert accepted(SUGGESTING, changing.findings)


def test_the_rest_of_a_kind_is_kept_as_one_change() -> None:
    changing = Draft(SUGGESTING, *FULL, ME)
    changing.keep_rest(Category.MARK, "skin, nothing identifying")
    assert changing.undecided == HINTS[:1]
    assert [each.reason for each in changing.findings[3:]] == ["skin, nothing identifying"] * 2
    assert accepted(SUGGESTING, changing.findings)
    changing.keep_rest(Category.MARK, "again")
    assert changing.undo()
    assert changing.findings == SUGGESTING
    assert not changing.undo(), "what changes nothing is no change"


def test_a_lesion_is_moved_and_cropped_to_but_never_masked() -> None:
    changing = draft()
    changing.add_lesion(600, 900, 300)
    lesion = changing.finding
    assert lesion is not None
    assert (lesion.category, lesion.decision, lesion.reason) == (
        Category.LESION,
        Decision.KEEP,
        LESION_REASON,
    )
    changing.reshape(scaled(lesion.box, 64, *FULL))
    changing.mask()
    changing.keep("other words")
    assert changing.finding == msgspec.structs.replace(lesion, box=scaled(lesion.box, 64, *FULL))
    changing.crop_to(crop=False)
    assert changing.findings[-1].decision is Decision.KEEP
    changing.crop_to(crop=True)
    assert changing.crop == scaled(lesion.box, 64, *FULL)
    assert accepted(FOUND, changing.findings)
    changing.add_lesion(2000, 900, 300)
    changing.crop_to(crop=True)
    assert sum(each.decision is Decision.CROP for each in changing.findings) == 1
    assert changing.crop == changing.findings[-1].box
    assert accepted(FOUND, changing.findings)
    changing.crop_to(crop=False)
    assert {each.decision for each in changing.findings[-2:]} == {Decision.KEEP}
    changing.delete()
    changing.delete()
    assert changing.findings == FOUND


def test_a_lesion_is_marked_where_one_is_suggested() -> None:
    changing = Draft(SUGGESTING, *FULL, ME)
    changing.select_undecided()
    changing.add_lesion(0, 0, 300)
    assert changing.finding is not None
    assert changing.finding.box == HINTS[0].box
    assert changing.undecided == HINTS
    changing.select(1)
    assert changing.select_lesion()
    assert changing.is_lesion
    assert not draft().select_lesion()


def accepted(before: tuple[Finding, ...], after: tuple[Finding, ...]) -> bool:
    """Whether the daemon's own gate takes a plan."""
    return not why_not_change(after, width=FULL[0], height=FULL[1], reviewer=ME, before=before)


keys = st.sampled_from(
    [
        "move",
        "grow",
        "scale",
        "keep",
        "keep_rest",
        "mask",
        "add",
        "delete",
        "undo",
        "next",
        "undecided",
        "lesion",
        "crop",
        "uncrop",
    ]
)


@given(st.sampled_from([FOUND, KEPT, SUGGESTING]), st.lists(st.tuples(keys, amounts, amounts), max_size=30))
def test_no_keys_make_a_plan_that_the_daemon_refuses(
    before: tuple[Finding, ...], pressed: list[tuple[str, int, int]]
) -> None:
    changing = Draft(before, *FULL, ME)
    for key, a, b in pressed:
        box = changing.finding.box if changing.finding else Box(0, 0, 1, 1)
        match key:
            case "move":
                changing.reshape(moved(box, a // 10, b // 10, *FULL))
            case "grow":
                changing.reshape(grown(box, a, b, *FULL))
            case "scale":
                changing.reshape(scaled(box, a // 10, *FULL))
            case "keep":
                changing.keep("not a face")
            case "keep_rest":
                changing.keep_rest(Category.MARK, "skin")
            case "mask":
                changing.mask()
            case "add":
                changing.add(abs(a) % FULL[0], abs(b) % FULL[1], 342)
            case "lesion":
                changing.add_lesion(abs(a) % FULL[0], abs(b) % FULL[1], 342)
            case "crop" | "uncrop":
                changing.crop_to(crop=key == "crop")
            case "delete":
                changing.delete()
            case "undo":
                changing.undo()
            case "undecided":
                changing.select_undecided()
            case _:
                changing.select(1)
        assert accepted(before, changing.findings)
