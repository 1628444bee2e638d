from __future__ import annotations

from itertools import product

import pytest

from medkiosk.core.events import Approved, Redacted, RedactionFailed, Rejected, RoleGiven, SecondAsked
from medkiosk.core.ids import KIOSK, AccountId, CaptureId, ObjectId
from medkiosk.core.photo import ImageRole, MediaKind, RedactCode
from medkiosk.core.photo import ReviewState as S
from medkiosk.core.siteevents import Reopened
from medkiosk.review.machine import INITIAL, TRANSITIONS, Reviewed, classify, next_state, step
from medkiosk.review.machine import ReviewEvent as E
from tests.docs import states

AT = "2026-05-01T09:00:00.000Z"
ANNA = AccountId("a" * 32)
CAPTURE = CaptureId("c" * 32)


def redacted(actor: AccountId) -> Redacted:
    return Redacted(
        at=AT,
        actor=actor,
        capture_id=CAPTURE,
        original_id=ObjectId("0" * 32),
        derivative_id=ObjectId("1" * 32),
        preview_id=ObjectId("2" * 32),
        revision=1,
        width=10,
        height=10,
        preview_width=5,
        preview_height=5,
        code=RedactCode.OK,
        findings=(),
        policy="p1",
    )


FAILED = RedactionFailed(
    at=AT,
    actor=KIOSK,
    capture_id=CAPTURE,
    original_id=ObjectId("0" * 32),
    media=MediaKind.OTHER,
    code=RedactCode.NOT_A_PHOTO,
)
APPROVED = Approved(at=AT, actor=ANNA, capture_id=CAPTURE, revision=1, derivative_id=ObjectId("1" * 32))
REJECTED = Rejected(at=AT, actor=ANNA, capture_id=CAPTURE, revision=1, reason="blurred")
FIRST = Approved(
    at=AT, actor=ANNA, capture_id=CAPTURE, revision=1, derivative_id=ObjectId("1" * 32), first=True
)
ASKED = SecondAsked(at=AT, actor=ANNA, capture_id=CAPTURE, revision=1, reason="is that a tattoo?")
SLATE = RoleGiven(at=AT, actor=KIOSK, capture_id=CAPTURE, role=ImageRole.SLATE)


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (redacted(KIOSK), E.REDACTED),
        (redacted(ANNA), E.MASKS_CHANGED),
        (FAILED, E.FAILED),
        (APPROVED, E.APPROVED),
        (FIRST, E.FIRST_APPROVED),
        (Reopened(at=AT, actor=ANNA, capture_id=CAPTURE), E.REOPENED),
        (ASKED, E.SECOND_ASKED),
        (REJECTED, E.REJECTED),
        (SLATE, E.ROLE_GIVEN),
    ],
)
def test_recorded_events_are_events_of_the_table(event: Reviewed, expected: E) -> None:
    assert classify(event) is expected
    assert step(S.PROPOSED, event) is next_state(S.PROPOSED, expected)


def test_every_state_is_in_the_table_and_can_be_reached() -> None:
    reached = {INITIAL}
    while more := {after for state in reached for after in TRANSITIONS[state].values()} - reached:
        reached |= more
    assert reached == set(S) == set(TRANSITIONS)


def test_only_an_approval_of_a_picture_that_somebody_may_judge_approves() -> None:
    ways = {(s, e) for s, e in product(S, E) if next_state(s, e) is S.APPROVED}
    assert ways == {(s, E.APPROVED) for s in (S.PROPOSED, S.NEEDS_SECOND, S.APPROVED)}


def test_only_a_first_approval_or_a_question_leaves_it_to_a_second_person() -> None:
    ways = {(s, e) for s, e in product(S, E) if next_state(s, e) is S.NEEDS_SECOND}
    asked = {(s, E.SECOND_ASKED) for s in (S.PROPOSED, S.NEEDS_SECOND, S.APPROVED)}
    assert ways == asked | {(s, E.FIRST_APPROVED) for s in (S.PROPOSED, S.NEEDS_SECOND)}


def test_what_needs_a_second_person_can_do_all_that_a_proposed_picture_can() -> None:
    for event in E:
        assert next_state(S.NEEDS_SECOND, event) is next_state(S.PROPOSED, event)


@pytest.mark.parametrize("event", [e for e in E if e not in (E.APPROVED, E.FIRST_APPROVED)])
def test_whatever_happens_to_an_approved_picture_takes_the_approval_away(event: E) -> None:
    assert next_state(S.APPROVED, event) not in (None, S.APPROVED)


@pytest.mark.parametrize(("state", "event"), list(product(S, (E.REDACTED, E.FAILED, E.ROLE_GIVEN))))
def test_what_the_kiosk_does_by_itself_is_possible_at_any_time(state: S, event: E) -> None:
    # But that what a person rejected is not proposed again by itself.
    possible = (state, event) != (S.REJECTED, E.REDACTED)
    assert (next_state(state, event) is not None) is possible


def test_page_is_what_the_tables_say() -> None:
    assert states.PAGE.read_text(encoding="utf-8") == states.page()
