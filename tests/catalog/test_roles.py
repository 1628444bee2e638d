"""What a frame is for: one word supersedes another, and only a clinical frame is or stays approved."""

from __future__ import annotations

import pytest

from medkiosk.catalog.fold import Catalog, fold
from medkiosk.catalog.views import CaptureView
from medkiosk.core import canon
from medkiosk.core.events import AnyEvent, RoleGiven, decode
from medkiosk.core.ids import CaptureId
from medkiosk.core.photo import NOT_CLINICAL, ImageRole, ReviewState
from medkiosk.review.machine import step
from tests.catalog import story as s

BEGIN = (s.started("i"), s.sealed("i", "c", "IMG_0001.JPG"))
OTHERS = [role for role in ImageRole if role is not ImageRole.CLINICAL]


def folded(*events: AnyEvent) -> tuple[Catalog, CaptureView]:
    made = fold(step, events)
    view = made.capture(CaptureId("c"))
    assert view is not None
    return made, view


def test_a_frame_of_which_nothing_was_said_is_clinical() -> None:
    _, view = folded(*BEGIN)
    assert (view.row.role, view.said) == (ImageRole.CLINICAL, None)


@pytest.mark.parametrize("role", OTHERS)
def test_a_role_takes_the_approval_away_and_no_other_can_be_given(role: ImageRole) -> None:
    approved = (*BEGIN, s.redacted("c"), s.encounter("e"), s.assigned("e", "c"), s.approved("c"))
    _, view = folded(*approved)
    assert view.row.state is ReviewState.APPROVED

    made, view = folded(*approved, s.role("c", role))
    assert (view.row.role, view.row.state, view.approved) == (role, ReviewState.PROPOSED, None)
    assert view.said == s.role("c", role)
    assert "never approved" in made.why_not(s.approved("c"))

    made, view = folded(*approved, s.role("c", role), s.approved("c"))
    assert (view.row.state, view.approved) == (ReviewState.PROPOSED, None)
    assert [problem.event for problem in made.problems] == ["review.approved"]


def test_a_frame_that_is_clinical_again_is_not_approved_again_by_itself() -> None:
    back = s.role("c", ImageRole.CLINICAL, "it shows the hand")
    made, view = folded(*BEGIN, s.redacted("c"), s.approved("c"), s.role("c", ImageRole.SLATE), back)
    assert (view.row.role, view.row.state, view.approved) == (
        ImageRole.CLINICAL,
        ReviewState.PROPOSED,
        None,
    )
    assert made.why_not(s.approved("c")) == ""
    assert made.problems == ()


def test_a_role_is_kept_over_a_new_revision_and_does_not_bring_a_rejected_picture_back() -> None:
    _, view = folded(*BEGIN, s.role("c", ImageRole.SLATE), s.redacted("c"))
    assert (view.row.role, view.row.state) == (ImageRole.SLATE, ReviewState.PROPOSED)
    _, view = folded(*BEGIN, s.redacted("c"), s.rejected("c"), s.role("c", ImageRole.CLOCK))
    assert view.row.state is ReviewState.REJECTED


def test_a_role_of_an_unknown_capture_is_noted() -> None:
    made, _ = folded(*BEGIN, s.role("z", ImageRole.SLATE))
    assert [problem.words for problem in made.problems] == ["unknown capture"]
    assert made.why_not(s.role("z", ImageRole.SLATE)) == "unknown capture"


def test_a_role_is_recorded_without_a_reason_that_was_not_given() -> None:
    event = RoleGiven(at=s.AT, actor=s.ANNA, capture_id=CaptureId("c"), role=ImageRole.SLATE)
    assert b"reason" not in canon.encode(event)
    assert decode(canon.encode(event)) == event


def test_every_role_but_clinical_has_a_sentence() -> None:
    assert list(NOT_CLINICAL) == OTHERS
