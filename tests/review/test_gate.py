from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medkiosk.core.ids import AccountId
from medkiosk.core.photo import (
    MOST_FINDINGS,
    REVIEWER,
    SHOWS_SLATE,
    Box,
    Category,
    Decision,
    Finding,
    ImageRole,
    RedactCode,
    ReviewState,
)
from medkiosk.review.gate import Candidate, why_not_approve, why_not_change
from medkiosk.review.second import Said

ANNA, BERT = AccountId("a" * 32), AccountId("b" * 32)
FACE = Finding(
    category=Category.FACE,
    box=Box(10, 20, 30, 40),
    detector="centerface/1",
    model="00" * 32,
    confidence=900,
    decision=Decision.MASK,
)
KEPT = msgspec.structs.replace(FACE, decision=Decision.KEEP, reviewer=ANNA, reason="a poster on the wall")
READY = Candidate(
    state=ReviewState.PROPOSED,
    code=RedactCode.OK,
    findings=(FACE, KEPT),
    latest=2,
    asked=2,
    seen=2,
    assigned=True,
    missing=(),
    role=ImageRole.CLINICAL,
    who=ANNA,
)
LESION = Finding(
    category=Category.LESION,
    box=Box(0, 0, 50, 50),
    detector=REVIEWER,
    model="",
    confidence=1000,
    decision=Decision.KEEP,
    reviewer=ANNA,
    reason="lesion of interest",
)
CROP = msgspec.structs.replace(LESION, decision=Decision.CROP)


def test_nothing_in_the_way() -> None:
    assert why_not_approve(READY) == ()


@pytest.mark.parametrize(
    ("candidate", "words"),
    [
        (replace(READY, state=ReviewState.WAITING), "not been redacted"),
        (replace(READY, code=None), "not been redacted"),
        (replace(READY, state=ReviewState.APPROVED), "is approved"),
        (replace(READY, state=ReviewState.REJECTED), "is rejected"),
        (replace(READY, state=ReviewState.UNUSABLE), "is unusable"),
        (replace(READY, missing=("ocr/5",)), "ocr/5"),
        (replace(READY, said=Said((ANNA,))), "somebody else"),
        (replace(READY, state=ReviewState.NEEDS_SECOND, said=Said((ANNA,))), "somebody else"),
        (
            replace(READY, state=ReviewState.NEEDS_SECOND, said=Said((), ANNA)),
            "You asked for a second opinion",
        ),
        (replace(READY, state=ReviewState.APPROVED, said=Said((BERT,))), "is approved"),
        (replace(READY, state=ReviewState.APPROVED, said=Said((ANNA,)), most=2), "somebody else"),
        (replace(READY, state=ReviewState.APPROVED, said=Said((ANNA, BERT)), most=2), "is approved"),
        (replace(READY, asked=1), "not the latest"),
        (replace(READY, asked=3), "not the latest"),
        (replace(READY, seen=1), "not looked at"),
        (replace(READY, seen=0), "not looked at"),
        (replace(READY, assigned=False), "no encounter"),
        (
            replace(READY, findings=(FACE, msgspec.structs.replace(FACE, decision=Decision.SUGGEST))),
            "undecided: 1",
        ),
    ],
)
def test_each_obstacle_alone_stops_it(candidate: Candidate, words: str) -> None:
    (reason,) = why_not_approve(candidate)
    assert words in reason


@pytest.mark.parametrize("code", [code for code in RedactCode if code is not RedactCode.OK])
def test_every_code_but_ok_stops_it(code: RedactCode) -> None:
    assert why_not_approve(replace(READY, code=code))


@pytest.mark.parametrize("role", [role for role in ImageRole if role is not ImageRole.CLINICAL])
@pytest.mark.parametrize("state", ReviewState)
def test_every_role_but_clinical_stops_it_and_says_what_the_frame_is(
    role: ImageRole, state: ReviewState
) -> None:
    reason, *_ = why_not_approve(replace(READY, role=role, state=state))
    assert reason.startswith("This frame ")
    assert reason.endswith("Only clinical pictures are approved.")


@pytest.mark.parametrize("role", ImageRole)
def test_a_slate_of_this_kiosk_stops_it_whatever_the_role_says(role: ImageRole) -> None:
    (reason,) = why_not_approve(replace(READY, role=role, slate=True))
    assert reason == SHOWS_SLATE or role is not ImageRole.CLINICAL


def test_a_hint_at_a_mark_needs_no_answer_and_any_other_suggestion_does() -> None:
    for category in set(Category) - {Category.LESION}:
        suggested = msgspec.structs.replace(FACE, category=category, decision=Decision.SUGGEST)
        reasons = why_not_approve(replace(READY, findings=(suggested,)))
        assert bool(reasons) == (category is not Category.MARK)


@pytest.mark.parametrize(
    "candidate",
    [
        replace(READY, state=ReviewState.NEEDS_SECOND, said=Said((BERT,))),
        replace(READY, state=ReviewState.NEEDS_SECOND, said=Said((), BERT)),
        replace(READY, state=ReviewState.NEEDS_SECOND, said=Said((BERT,), ANNA)),
        replace(READY, state=ReviewState.APPROVED, said=Said((BERT,)), most=2),
    ],
)
def test_another_person_may_be_the_second(candidate: Candidate) -> None:
    assert why_not_approve(candidate) == ()
    (reason,) = why_not_approve(replace(candidate, seen=0))
    assert "not looked at" in reason


def test_all_obstacles_are_named_at_once() -> None:
    assert len(why_not_approve(replace(READY, assigned=False, seen=0, missing=("ocr/5",)))) == 3


def change(*findings: Finding, before: tuple[Finding, ...] = ()) -> tuple[str, ...]:
    return why_not_change(findings, width=100, height=80, reviewer=ANNA, before=before)


def test_a_sound_plan_passes() -> None:
    assert change() == ()
    assert change(FACE, KEPT, before=(FACE,)) == ()
    assert change(*[FACE] * MOST_FINDINGS) == ()


@pytest.mark.parametrize(
    ("finding", "words"),
    [
        (msgspec.structs.replace(KEPT, reason="  "), "needs a reason"),
        (msgspec.structs.replace(KEPT, reviewer=""), "who decided"),
        (msgspec.structs.replace(KEPT, reviewer=BERT), "somebody else's name"),
        (msgspec.structs.replace(FACE, confidence=1001), "confidence"),
        (msgspec.structs.replace(FACE, confidence=-1), "confidence"),
        (msgspec.structs.replace(FACE, detector=""), "names no detector"),
        (msgspec.structs.replace(KEPT, reason="x" * 501), "longer than 500"),
    ],
)
def test_each_fault_alone_stops_it(finding: Finding, words: str) -> None:
    (reason,) = change(FACE, finding, before=(FACE,))
    assert reason.startswith("Finding 2: ")
    assert words in reason


@pytest.mark.parametrize("plan", [(FACE, LESION), (FACE, CROP), (FACE, LESION, CROP)])
def test_a_lesion_is_marked_where_nothing_was_found(plan: tuple[Finding, ...]) -> None:
    assert why_not_change(plan, width=100, height=100, reviewer=ANNA, before=(FACE,)) == ()


@pytest.mark.parametrize(
    ("finding", "words"),
    [
        (msgspec.structs.replace(LESION, decision=Decision.MASK), "marked by a person, and kept"),
        (msgspec.structs.replace(LESION, decision=Decision.SUGGEST), "marked by a person, and kept"),
        (msgspec.structs.replace(LESION, detector="skin-anomaly/1"), "marked by a person"),
        (msgspec.structs.replace(CROP, category=Category.OTHER), "lesion of interest only"),
        (msgspec.structs.replace(CROP, reviewer=""), "the name of who"),
        (msgspec.structs.replace(CROP, box=Box(60, 0, 50, 50)), "not inside"),
    ],
)
def test_a_lesion_that_makes_no_sense_is_refused(finding: Finding, words: str) -> None:
    reasons = why_not_change((FACE, finding), width=100, height=100, reviewer=ANNA, before=(FACE,))
    assert reasons
    assert words in reasons[0]


def test_a_picture_is_cropped_once() -> None:
    twice = (FACE, CROP, msgspec.structs.replace(CROP, box=Box(1, 1, 9, 9)))
    reasons = why_not_change(twice, width=100, height=100, reviewer=ANNA, before=(FACE,))
    assert reasons == ("A picture can be cropped to one part only.",)


def test_too_many_findings_are_refused_unseen() -> None:
    (reason,) = change(*[msgspec.structs.replace(FACE, confidence=-1)] * (MOST_FINDINGS + 1))
    assert "501" in reason


def test_another_reviewers_earlier_decision_may_stay_as_it_is() -> None:
    berts = msgspec.structs.replace(KEPT, reviewer=BERT)
    assert change(berts, before=(berts,)) == ()
    assert change(msgspec.structs.replace(berts, reason="other words"), before=(berts,))


SIDE = st.integers(-3, 103) | st.integers(-(2**53), 2**53)


@given(st.builds(Box, SIDE, SIDE, SIDE, SIDE))
def test_boxes_pass_exactly_when_all_their_pixels_are_in_the_picture(box: Box) -> None:
    inside = box.w >= 1 and box.h >= 1 and 0 <= box.x <= 100 - box.w and 0 <= box.y <= 80 - box.h
    assert (change(msgspec.structs.replace(FACE, box=box)) == ()) == inside


ELSEWHERE = Box(60, 50, 10, 10)


def test_only_what_was_found_can_be_kept_exactly_where_it_was_found() -> None:
    for wrong in (
        msgspec.structs.replace(KEPT, box=Box(0, 0, 100, 80)),
        msgspec.structs.replace(KEPT, category=Category.TEXT),
    ):
        (reason,) = change(FACE, wrong, before=(FACE,))
        assert "only what was found can be kept" in reason


def test_what_a_detector_found_cannot_just_be_left_out() -> None:
    (reason,) = change(before=(FACE,))
    assert "neither masked nor kept" in reason
    moved_away = msgspec.structs.replace(FACE, box=ELSEWHERE, detector=REVIEWER)
    assert change(moved_away, before=(FACE,)) != ()
    adjusted = msgspec.structs.replace(FACE, box=Box(FACE.box.x + 1, FACE.box.y, FACE.box.w, FACE.box.h))
    assert change(adjusted, before=(FACE,)) == ()
    assert change(KEPT, before=(FACE,)) == ()


def test_what_a_person_drew_can_be_taken_away_again() -> None:
    drawn = msgspec.structs.replace(FACE, detector=REVIEWER, model="", box=ELSEWHERE)
    assert change(FACE, before=(FACE, drawn)) == ()


@pytest.mark.parametrize(
    ("mask", "answered"),
    [
        (Box(10, 20, 30, 40), True),
        (Box(10, 20, 30, 28), True),
        (Box(10, 20, 30, 27), False),
        (Box(39, 59, 9, 9), False),
    ],
)
def test_a_suggestion_is_answered_by_a_mask_over_most_of_it(mask: Box, answered: bool) -> None:
    suggested = msgspec.structs.replace(FACE, decision=Decision.SUGGEST)
    moved = msgspec.structs.replace(FACE, box=mask)
    reasons = why_not_change((moved,), width=100, height=100, reviewer=ANNA, before=(suggested,))
    assert (reasons == ()) is answered
