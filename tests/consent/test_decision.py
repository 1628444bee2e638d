from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medkiosk.consent.decision import Action, may
from medkiosk.core.clock import rfc3339
from medkiosk.core.consent import ConsentKind as K
from medkiosk.core.consent import ConsentMethod, Decision, Grantor, Purpose, Relationship, Terms

NOW = datetime(2026, 5, 1, 9, 0, tzinfo=UTC)
TEACH, PUBLISH, CARE = Purpose.TEACHING_RESEARCH, Purpose.PUBLICATION, Purpose.CLINICAL_RECORD


def day(n: int) -> str:
    """The moment n days from now."""
    return rfc3339(NOW + timedelta(days=n))


def answer(
    kind: K = K.GRANT,
    starts: str = day(-10),
    expires: str = day(10),
    purposes: tuple[Purpose, ...] = (TEACH,),
    by: Relationship = Relationship.SELF,
) -> Terms:
    return Terms(
        kind=kind,
        purposes=purposes,
        grantor=Grantor(name="Ada Example", relationship=by),
        method=ConsentMethod.SIGNED_FORM,
        language="en",
        starts=starts,
        expires=expires if kind is K.GRANT else "",
        text_version="en-1",
    )


def decide(*consents: Terms, purpose: Purpose = TEACH, now: datetime = NOW) -> Decision:
    return may(Action.EXPORT, consents, purpose, now)


ALLOWED: dict[str, list[Terms]] = {
    "a grant": [answer()],
    "from this very moment": [answer(starts=day(0))],
    "one of several purposes": [answer(purposes=(CARE, TEACH))],
    "an expired one and a valid one": [answer(expires=day(-1)), answer(starts=day(-1))],
    "a refusal, and a change of mind": [answer(K.REFUSAL, day(-5)), answer(starts=day(-4))],
    "a withdrawal, and a new grant": [answer(), answer(K.WITHDRAWAL, day(-5)), answer(starts=day(-4))],
    "a refusal of something else": [answer(), answer(K.REFUSAL, day(-1), purposes=(PUBLISH,))],
    "a withdrawal of something else": [answer(), answer(K.WITHDRAWAL, day(-1), purposes=(PUBLISH,))],
    "a proxy's": [answer(by=Relationship.PROXY)],
}


@pytest.mark.parametrize("name", ALLOWED)
def test_allowed(name: str) -> None:
    decision = decide(*ALLOWED[name])
    assert decision.allowed, decision.reason
    assert "counts until 2026-05-11" in decision.reason


DENIED: dict[str, tuple[list[Terms], str]] = {
    "nothing recorded": ([], "No consent for teaching and research is recorded."),
    "only another purpose": ([answer(purposes=(CARE, PUBLISH))], "is recorded"),
    "over since yesterday": ([answer(expires=day(-1))], "over now"),
    "over from this very moment": ([answer(expires=day(0))], "over now"),
    "not yet": ([answer(starts=day(1))], "still to come"),
    "no end": ([answer(expires="")], "over now"),
    "an end nobody can read": ([answer(expires="next year")], "over now"),
    "a start nobody can read": ([answer(starts="yesterday")], "over now"),
    "refused": ([answer(K.REFUSAL)], "was refused"),
    "refused, and a grant of the same moment": ([answer(K.REFUSAL), answer()], "was refused"),
    "granted, then refused": ([answer(), answer(K.REFUSAL, day(-5))], "was refused"),
    "granted, then withdrawn": ([answer(), answer(K.WITHDRAWAL, day(-5))], "was withdrawn"),
    "withdrawn at the same moment": ([answer(), answer(K.WITHDRAWAL)], "was withdrawn"),
    "withdrawn while the clock ran behind": ([answer(), answer(K.WITHDRAWAL, day(-9999))], "was withdrawn"),
    "withdrawn while the clock ran ahead": (
        [answer(), answer(K.WITHDRAWAL, day(999)), answer(starts=day(-1))],
        "was withdrawn",
    ),
    "withdrawn at a time nobody can read": ([answer(), answer(K.WITHDRAWAL, "?")], "was withdrawn"),
    "two grants, both withdrawn": ([answer(), answer(), answer(K.WITHDRAWAL, day(-1))], "was withdrawn"),
    "one of several purposes refused": (
        [answer(purposes=(CARE, TEACH)), answer(K.REFUSAL, day(-1), purposes=(PUBLISH, TEACH))],
        "was refused",
    ),
    "decided by a clinician": ([answer(by=Relationship.CLINICIAN)], "is recorded"),
}


@pytest.mark.parametrize("name", DENIED)
def test_denied_with_the_reason(name: str) -> None:
    consents, words = DENIED[name]
    decision = decide(*consents)
    assert not decision.allowed
    assert words in decision.reason


@pytest.mark.parametrize("purpose", Purpose)
def test_each_purpose_is_asked_by_itself(purpose: Purpose) -> None:
    for granted in Purpose:
        assert decide(answer(purposes=(granted,)), purpose=purpose).allowed == (granted is purpose)


def test_best_interests_cover_care() -> None:
    assert decide(answer(purposes=(CARE,), by=Relationship.CLINICIAN), purpose=CARE).allowed


def test_nobody_is_named_in_a_reason() -> None:
    for consents in [*ALLOWED.values(), *(consents for consents, _ in DENIED.values())]:
        assert "Ada" not in decide(*consents).reason


TIMES = st.integers(-4, 4).map(day) | st.just("") | st.just("?")
PURPOSES = st.lists(st.sampled_from(Purpose), min_size=1, max_size=3, unique=True).map(tuple)
BY = st.sampled_from(Relationship)
ANSWERS = st.builds(answer, st.sampled_from(K), TIMES, TIMES, PURPOSES, BY)
OBJECTIONS = st.builds(answer, st.sampled_from([K.REFUSAL, K.WITHDRAWAL]), TIMES, purposes=PURPOSES, by=BY)


@given(st.lists(ANSWERS, max_size=6), OBJECTIONS, st.integers(0, 6), st.sampled_from(Purpose))
def test_adding_a_refusal_or_withdrawal_never_allows_more(
    consents: list[Terms], objection: Terms, place: int, purpose: Purpose
) -> None:
    more = [*consents[:place], objection, *consents[place:]]
    assert decide(*consents, purpose=purpose).allowed or not decide(*more, purpose=purpose).allowed


@given(st.lists(ANSWERS, max_size=6), OBJECTIONS)
def test_a_refusal_or_withdrawal_recorded_last_stops_what_it_covers(
    consents: list[Terms], objection: Terms
) -> None:
    for purpose in objection.purposes:
        assert not decide(*consents, objection, purpose=purpose).allowed


@given(st.lists(ANSWERS, max_size=6), st.sampled_from(Purpose))
def test_every_decision_has_a_reason(consents: list[Terms], purpose: Purpose) -> None:
    assert decide(*consents, purpose=purpose).reason.endswith(".")
