"""Two approvers and second opinions, as the catalogue adds them up."""

from __future__ import annotations

from medkiosk.catalog.fold import fold
from medkiosk.catalog.views import CaptureView
from medkiosk.core.events import AnyEvent
from medkiosk.core.ids import KIOSK, CaptureId
from medkiosk.core.photo import ReviewState
from medkiosk.review.machine import step
from tests.catalog import story as s

SEEN = (s.started("i"), s.sealed("i", "c", "IMG_1.JPG"), s.redacted("c"))


def after(*events: AnyEvent) -> CaptureView:
    made = fold(step, [*SEEN, *events])
    assert not made.problems
    view = made.capture(CaptureId("c"))
    assert view is not None
    return view


def test_the_first_of_two_leaves_it_to_another_person() -> None:
    once = after(s.approved("c", first=True))
    assert once.row.state is ReviewState.NEEDS_SECOND
    assert once.row.approvers == (s.ANNA,)
    assert once.approved is None
    twice = after(s.approved("c", first=True), s.approved("c", actor=s.BERT))
    assert twice.row.state is ReviewState.APPROVED
    assert twice.row.approvers == (s.ANNA, s.BERT)
    assert twice.approved == s.approved("c", actor=s.BERT)


def test_a_second_person_can_approve_what_is_approved() -> None:
    view = after(s.approved("c"), s.approved("c", actor=s.BERT))
    assert (view.row.state, view.row.approvers) == (ReviewState.APPROVED, (s.ANNA, s.BERT))


def test_a_question_takes_approvals_away_and_stands_until_another_person_answered() -> None:
    asked = after(s.approved("c"), s.second_asked("c", actor=s.BERT))
    assert asked.row.state is ReviewState.NEEDS_SECOND
    assert asked.approved is None
    assert asked.row.approvers == ()
    assert asked.row.asked_by == s.BERT
    # A new revision does not answer it, whoever made it.
    for actor in (s.BERT, KIOSK):
        again = after(s.second_asked("c", actor=s.BERT), s.redacted("c", 2, actor))
        assert (again.row.state, again.row.asked_by) == (ReviewState.PROPOSED, s.BERT)
    answered = after(s.second_asked("c", actor=s.BERT), s.approved("c"))
    assert (answered.row.state, answered.row.asked_by) == (ReviewState.APPROVED, None)
    refused = after(s.second_asked("c", actor=s.BERT), s.rejected("c"))
    assert refused.row.asked_by is None


def test_a_new_revision_or_another_patient_needs_both_people_again() -> None:
    for event in (
        s.redacted("c", 2, s.BERT),
        s.redacted("c", 2, KIOSK),
        s.second_asked("c", actor=s.BERT),
    ):
        view = after(s.approved("c", first=True), event)
        assert view.row.approvers == ()
    moved = after(
        s.encounter("e"),
        s.encounter("f"),
        s.assigned("e", "c"),
        s.approved("c", first=True),
        s.assigned("f", "c"),
    )
    assert (moved.row.state, moved.row.approvers) == (ReviewState.PROPOSED, ())
