"""Whatever was answered before: what forbids, narrows or cannot be read never lets more leave."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from medkiosk.consent.decision import Action, Question, Recipient, may, protects
from medkiosk.core.bodysite import FACE, HEAD
from medkiosk.core.clock import rfc3339
from medkiosk.core.consent import (
    Assent,
    Capacity,
    Code,
    Decision,
    Faces,
    Purpose,
    Relationship,
    Scope,
    Terms,
)
from medkiosk.core.consent import ConsentKind as K
from medkiosk.daemon.consenting import not_before
from tests.consent.answers import ADULT, ARM, CHILD, DR_FAR, LEFT, LEG, NOW, RIGHT, answer, day

TIMES = st.integers(-4, 4).map(day) | st.just("") | st.just("?")
PURPOSES = st.lists(st.sampled_from(Purpose), min_size=1, max_size=3, unique=True).map(tuple)
BY = st.sampled_from(Relationship)
SOME_SITES = [ARM, LEG, LEFT, RIGHT, FACE, HEAD, "73211009"]
SITES = st.lists(st.sampled_from(SOME_SITES), max_size=2, unique=True).map(tuple)
KNOWN = st.lists(st.sampled_from(SOME_SITES), min_size=1, max_size=2, unique=True).map(tuple)
NAMES = st.lists(st.sampled_from(["Far Hospital", "Near Hospital", "f" * 32]), max_size=2, unique=True).map(
    tuple
)
SCOPES = st.none() | st.builds(Scope, SITES, st.sampled_from(Faces), NAMES)
MORE = st.fixed_dictionaries(
    {
        "scope": SCOPES,
        "use": st.sampled_from(["", "Journal", "Poster"]),
        "capacity": st.none() | st.sampled_from(Capacity),
        "assent": st.none() | st.sampled_from(Assent),
    }
)


def build(
    kind: K, starts: str, expires: str, purposes: tuple[Purpose, ...], by: Relationship, more: dict[str, Any]
) -> Terms:
    return answer(kind, starts, expires, purposes, by, **more)


# Half of what is drawn is plain, so that grants that count are common.
PLAIN = st.builds(answer, st.just(K.GRANT), st.just(day(-3)), st.just(day(3)), PURPOSES)
ANSWERS = PLAIN | st.builds(build, st.sampled_from(K), TIMES, TIMES, PURPOSES, BY, MORE)
OBJECTIONS = st.builds(build, st.sampled_from([K.REFUSAL, K.WITHDRAWAL]), TIMES, TIMES, PURPOSES, BY, MORE)
BORN = st.sampled_from(["", ADULT, CHILD, "2008-05-01"])
QUESTIONS = st.builds(
    Question,
    BORN,
    st.booleans(),
    SITES.map(frozenset),
    st.sampled_from(["", "Journal"]),
    after_death=st.booleans(),
)
TO = st.none() | st.sampled_from([DR_FAR, Recipient("a" * 32, "Near Hospital")])
ASKED = st.tuples(QUESTIONS, st.sampled_from(Purpose), TO)
Asked = tuple[Question, Purpose, Recipient | None]


def ask(consents: list[Terms], asked: Asked, now: datetime = NOW, mistaken: Collection[int] = ()) -> Decision:
    question, purpose, to = asked
    return may(Action.EXPORT, question, consents, purpose, to, now, mistaken)


@given(st.lists(ANSWERS, max_size=6), OBJECTIONS, st.integers(0, 6), ASKED)
def test_adding_a_refusal_or_withdrawal_never_allows_more(
    consents: list[Terms], objection: Terms, place: int, asked: Asked
) -> None:
    more = [*consents[:place], objection, *consents[place:]]
    assert ask(consents, asked).allowed or not ask(more, asked).allowed


@given(st.lists(ANSWERS, min_size=1, max_size=6), st.data(), ASKED)
def test_a_form_that_turns_out_to_be_another_patients_never_allows_more(
    consents: list[Terms], data: st.DataObject, asked: Asked
) -> None:
    places = st.sets(st.integers(0, len(consents) - 1))
    few, more = data.draw(places), data.draw(places)
    one, two = ask(consents, asked, mistaken=few), ask(consents, asked, mistaken=few | more)
    assert one.allowed or not two.allowed
    assert not set(two.deciding) & (few | more) or not two.allowed, "such a grant decides for nothing"


@given(st.lists(ANSWERS, max_size=5), OBJECTIONS, st.integers(0, 5), st.data(), ASKED)
def test_a_no_on_another_patients_form_still_never_allows_more(
    consents: list[Terms], objection: Terms, place: int, data: st.DataObject, asked: Asked
) -> None:
    place = min(place, len(consents))
    more = [*consents[:place], objection, *consents[place:]]
    mistaken = data.draw(st.sets(st.integers(0, len(more) - 1)))
    without = {each - (each > place) for each in mistaken if each != place}
    before, after = ask(consents, asked, mistaken=without), ask(more, asked, mistaken=mistaken)
    assert before.allowed or not after.allowed
    assert ask(more, asked, mistaken=mistaken - {place}).allowed == after.allowed, "it counts as before"


@given(st.lists(ANSWERS, max_size=6), OBJECTIONS, ASKED)
def test_a_whole_refusal_or_withdrawal_recorded_last_stops_what_it_covers(
    consents: list[Terms], objection: Terms, asked: Asked
) -> None:
    whole = msgspec.structs.replace(objection, scope=None, use="")
    assert asked[1] not in whole.purposes or not ask([*consents, whole], asked).allowed


@given(st.lists(ANSWERS, min_size=1, max_size=5), st.data(), ASKED)
def test_narrowing_a_grant_never_allows_more(
    consents: list[Terms], data: st.DataObject, asked: Asked
) -> None:
    place = data.draw(st.integers(0, len(consents) - 1))
    wide = msgspec.structs.replace(consents[place], kind=K.GRANT)
    scope = wide.scope or Scope()
    faces = data.draw(
        st.sampled_from([each for each in FROM_WIDE if FROM_WIDE.index(each) >= FROM_WIDE.index(scope.faces)])
    )
    narrow = msgspec.structs.replace(
        scope,
        faces=faces,
        body_sites=scope.body_sites[:1] or data.draw(SITES),
        recipients=scope.recipients[:1] or data.draw(NAMES),
    )
    before = [*consents[:place], wide, *consents[place + 1 :]]
    after = [*consents[:place], msgspec.structs.replace(wide, scope=narrow), *consents[place + 1 :]]
    assert ask(before, asked).allowed or not ask(after, asked).allowed


@given(st.lists(ANSWERS, max_size=5), KNOWN, SITES, ASKED)
def test_more_that_a_picture_is_known_to_show_never_allows_more(
    consents: list[Terms], known: tuple[str, ...], more: tuple[str, ...], asked: Asked
) -> None:
    question, purpose, to = asked
    one, two = (replace(question, body_sites=frozenset(each)) for each in (known, (*known, *more)))
    assert ask(consents, (one, purpose, to)).allowed or not ask(consents, (two, purpose, to)).allowed


FROM_WIDE = [Faces.MAY_SHOW, Faces.AS_READ, Faces.NEVER]


@given(
    st.lists(ANSWERS, max_size=5), ANSWERS, st.integers(0, 5), st.sampled_from(["starts", "expires"]), ASKED
)
def test_an_answer_that_cannot_be_read_never_allows_more(
    consents: list[Terms], other: Terms, place: int, what: str, asked: Asked
) -> None:
    unreadable = msgspec.structs.replace(other, **{what: "?"})
    more = [*consents[:place], unreadable, *consents[place:]]
    assert ask(consents, asked).allowed or not ask(more, asked).allowed


@given(st.lists(ANSWERS, max_size=5), ANSWERS, st.integers(0, 5), ASKED)
def test_an_answer_about_something_else_changes_nothing(
    consents: list[Terms], other: Terms, place: int, asked: Asked
) -> None:
    purposes = tuple(each for each in other.purposes if each is not asked[1])
    more = [*consents[:place], msgspec.structs.replace(other, purposes=purposes), *consents[place:]]
    one, two = ask(consents, asked), ask(more, asked)
    assert replace_places(one) == replace_places(two)
    assert len(one.deciding) == len(two.deciding)


def replace_places(decision: Decision) -> Decision:
    return msgspec.structs.replace(decision, deciding=())


@given(st.lists(ANSWERS, max_size=5), ASKED, st.lists(st.integers(-9, 9), min_size=2, max_size=2))
def test_no_time_brings_back_what_was_refused_or_withdrawn(
    consents: list[Terms], asked: Asked, days: list[int]
) -> None:
    one, two = (ask(consents, asked, NOW + timedelta(days=days_)) for days_ in days)
    assert (one.code in {Code.REFUSED, Code.WITHDRAWN}) == (two.code in {Code.REFUSED, Code.WITHDRAWN})


@given(st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)), st.integers(-99, 99))  # noqa: DTZ001
def test_a_clock_that_was_moved_back_does_not_move_the_time_by_which_is_decided(
    at: datetime, days: int
) -> None:
    now = at.replace(tzinfo=UTC, microsecond=0)
    newest = rfc3339(now + timedelta(days=days))
    assert not_before(now, newest) == max(now, now + timedelta(days=days))
    assert not_before(now, "") == now


@given(st.lists(ANSWERS, max_size=6), ASKED)
def test_every_decision_has_a_reason_and_names_nobody(consents: list[Terms], asked: Asked) -> None:
    decision = ask(consents, asked)
    assert decision.reason.endswith(".")
    assert "Ada" not in decision.reason
    assert all(0 <= place < len(consents) for place in decision.deciding)
    assert decision.deciding or decision.code is Code.NOT_ASKED
    assert not (decision.allowed and decision.recall)


@given(st.lists(ANSWERS, min_size=1, max_size=5), st.data(), ASKED)
def test_what_does_not_protect_may_go(consents: list[Terms], data: st.DataObject, asked: Asked) -> None:
    goes = data.draw(st.sets(st.integers(0, len(consents) - 1), min_size=1))
    left = [each for place, each in enumerate(consents) if place not in goes]
    if not protects(consents, goes, NOW):
        assert ask(consents, asked).allowed or not ask(left, asked).allowed
