"""A proposal stands only as it was made, a hold follows pictures, and a last visit counts when it is gone."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medkiosk.catalog.fold import Catalog, fold
from medkiosk.catalog.views import EncounterView
from medkiosk.consent.decision import Action, Question, may
from medkiosk.core import events as ev
from medkiosk.core import lifecycle as life
from medkiosk.core.consent import ConsentKind, Purpose, Subject, subject_key
from medkiosk.core.ids import KIOSK, CaptureId, ConsentId, DisposalId, EncounterId, HoldId
from medkiosk.core.lifecycle import RetentionClass
from medkiosk.daemon.duebook import (
    clock_warning,
    is_complete,
    judge_all,
    look,
    seen_of,
    standing_of,
    unprotected,
    verdicts_of,
    why_not_now,
    why_not_propose,
)
from medkiosk.retention.scope import goes
from medkiosk.review.machine import step
from tests.catalog import story
from tests.catalog.story import ANNA, TERMS

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
AT = "2026-11-22T09:00:00.000Z"
E = [EncounterId(f"e{number}") for number in range(4)]
C = [CaptureId(f"c{number}") for number in range(5)]


class Desk:
    """A catalogue, the events that made it, and what is decided at it."""

    def __init__(self) -> None:
        self.events: list[ev.AnyEvent] = []
        self.catalog = Catalog(step)

    def say(self, *events: ev.AnyEvent) -> None:
        for event in events:
            self.events.append(event)
            self.catalog.apply(event)

    def visit(self, encounter_id: EncounterId, day: str, mrn: str = "7", issuer: str = "H") -> None:
        subject = Subject(mrn=mrn, issuer=issuer, name="X", birth_date="1950-01-01")
        at = f"{day}T09:00:00.000Z"
        self.say(ev.EncounterCreated(at=at, actor=ANNA, encounter_id=encounter_id, subject=subject, label=""))

    def pictures(self) -> None:
        self.say(story.started("i"))
        for number, capture_id in enumerate(C):
            self.say(story.sealed("i", capture_id, f"IMG_{number:04d}.JPG"))

    def assign(self, encounter_id: EncounterId, *captures: CaptureId) -> None:
        self.say(
            ev.Assigned(at=AT, actor=ANNA, encounter_id=encounter_id, captures=captures, reason="r"),
        )

    def hold(self, *encounters: EncounterId, captures: tuple[CaptureId, ...] = (), name: str = "h") -> None:
        self.say(
            life.HoldPlaced(
                at=AT, actor=ANNA, hold_id=HoldId(name), encounters=encounters, captures=captures,
                reason="r", authority="a",
            )
        )  # fmt: skip

    def lift(self, name: str = "h") -> None:
        self.say(life.HoldLifted(at=AT, actor=ANNA, hold_id=HoldId(name), reason="r"))

    def propose(
        self, *encounters: EncounterId, captures: tuple[CaptureId, ...] = ()
    ) -> life.DisposalProposed:
        book = look(self.catalog, NOW)
        whole = (*captures, *(id_ for each in encounters for id_ in book.captures(each)))
        event = life.DisposalProposed(
            at=AT, actor=ANNA, disposal_id=DisposalId(f"d{len(self.events)}"), encounters=encounters,
            captures=whole, reason="r", authority="a", early=True,
            standing=standing_of(book, encounters, whole), seen=seen_of(book, encounters),
        )  # fmt: skip
        self.say(event)
        return event

    def dispose(self, proposed: life.DisposalProposed) -> None:
        self.say(
            life.Disposed(
                at=AT, actor=KIOSK, disposal_id=proposed.disposal_id, encounters=proposed.encounters,
                captures=proposed.captures, objects=(), records=(),
            )
        )  # fmt: skip
        captures, encounters = frozenset(proposed.captures), frozenset(proposed.encounters)
        self.events = [event for event in self.events if not goes(event, captures, encounters)]

    def restarted(self) -> Catalog:
        """As a kiosk reads it that starts again, from the records that are left."""
        return fold(step, self.events)

    def why_not(self, proposed: life.DisposalProposed) -> list[str]:
        return why_not_now(look(self.catalog, NOW), proposed, "")


@pytest.fixture
def desk() -> Desk:
    desk = Desk()
    desk.visit(E[0], "2026-06-01", "7")
    desk.visit(E[1], "2026-06-02", "8")
    desk.pictures()
    desk.assign(E[0], C[0], C[1])
    desk.assign(E[1], C[2], C[3])
    return desk


def test_what_stands_as_it_was_proposed_may_go(desk: Desk) -> None:
    assert desk.why_not(desk.propose(E[0], captures=(C[2], C[4]))) == []


def test_a_picture_that_was_moved_stops_it(desk: Desk) -> None:
    proposed = desk.propose(E[0])
    desk.assign(E[1], C[0])
    assert "has changed" in desk.why_not(proposed)[0]
    desk.assign(E[0], C[0])
    assert desk.why_not(proposed) == []


@pytest.mark.parametrize("capture_id", [C[2], C[4]], ids=["of another encounter", "of none"])
def test_a_single_picture_that_was_moved_stops_it(desk: Desk, capture_id: CaptureId) -> None:
    proposed = desk.propose(captures=(capture_id,))
    assert desk.why_not(proposed) == []
    desk.assign(E[0], capture_id)
    assert desk.why_not(proposed)


def test_a_picture_that_came_stops_it(desk: Desk) -> None:
    proposed = desk.propose(E[0])
    desk.assign(E[0], C[4])
    assert desk.why_not(proposed)


@pytest.mark.parametrize("of", [(), (E[0],)], ids=["a picture", "the encounter"])
def test_another_class_stops_it(desk: Desk, of: tuple[EncounterId, ...]) -> None:
    proposed = desk.propose(*of, captures=() if of else (C[0],))
    desk.say(
        life.RetentionSet(
            at=AT, actor=ANNA, encounter_id=E[0], retention=RetentionClass.PERMANENT, until="", reason="r"
        )
    )
    assert desk.why_not(proposed)
    assert desk.why_not(desk.propose(*of, captures=() if of else (C[0],))) == [], "decided in full knowledge"


def test_another_due_day_stops_it(desk: Desk) -> None:
    proposed = desk.propose(E[0])
    desk.visit(E[2], "2026-11-22", "7")
    assert desk.why_not(proposed)


def test_a_proposal_that_does_not_say_what_it_was_decided_on_goes_nowhere(desk: Desk) -> None:
    proposed = msgspec.structs.replace(desk.propose(E[0]), standing=())
    assert not is_complete(look(desk.catalog, NOW), proposed)


# Holds


def test_a_hold_follows_the_pictures_of_an_encounter(desk: Desk) -> None:
    desk.hold(E[0])
    desk.assign(E[0], C[4])
    desk.assign(E[1], C[0], C[4])
    for capture_id in (C[0], C[1], C[4]):
        assert "hold" in desk.why_not(desk.propose(captures=(capture_id,)))[0]
    assert "hold" in desk.why_not(desk.propose(E[1]))[0], "a held picture is in it"
    assert desk.why_not(desk.propose(captures=(C[2],))) == []
    assert desk.restarted().keeping.bound == desk.catalog.keeping.bound
    desk.lift()
    assert desk.why_not(desk.propose(captures=(C[0],))) == []
    assert desk.catalog.keeping.bound == {}


MOVES = st.lists(
    st.one_of(
        st.tuples(st.just("move"), st.sampled_from(E), st.sampled_from(C)),
        st.tuples(st.just("hold"), st.sampled_from(E), st.sampled_from(["h1", "h2"])),
        st.tuples(st.just("hold picture"), st.sampled_from(C), st.sampled_from(["h1", "h2"])),
        st.tuples(st.just("lift"), st.none(), st.sampled_from(["h1", "h2"])),
    ),
    max_size=20,
)


@given(MOVES)
def test_moving_never_frees_what_a_hold_covered(moves: list[tuple[str, EncounterId, CaptureId]]) -> None:
    desk = Desk()
    for encounter_id in E:
        desk.visit(encounter_id, "2000-01-01", encounter_id)
    desk.pictures()
    covered: dict[str, set[str]] = {}
    where: dict[str, str] = {}
    holds: dict[str, str] = {}
    for what, first, second in moves:
        if what == "move":
            desk.assign(first, second)
            where[second] = first
        elif what == "lift" and second in holds:
            desk.lift(second)
            del holds[second], covered[second]
        elif what.startswith("hold") and second not in holds:
            if what == "hold":
                desk.hold(first, name=second)
            else:
                desk.hold(captures=(CaptureId(first),), name=second)
            holds[second], covered[second] = first, {first}
        for hold, held_by in holds.items():
            covered[hold] |= {each for each, place in where.items() if place == held_by}
        book = look(desk.catalog, NOW)
        held = set().union(*covered.values())
        for capture_id in C:
            assert bool(book.of_capture(capture_id).holds) == (
                capture_id in held or where.get(capture_id) in held
            )
        for encounter_id in E:
            its = {each for each, place in where.items() if place == encounter_id}
            assert bool(book.of_encounter(book.encounters[encounter_id]).holds) == bool(
                held & {encounter_id, *its}
            )
    assert desk.restarted().keeping.bound == desk.catalog.keeping.bound


# Who is one person, and when they were last seen


@pytest.mark.parametrize("mrn", ["8 ", " 8", "\uff18", "8\u00a0"])
def test_a_number_typed_in_another_way_is_the_same_person(mrn: str) -> None:
    desk = Desk()
    desk.visit(E[0], "2010-01-01", "8", "Demo Hospital")
    assert look(desk.catalog, NOW).of_encounter(look(desk.catalog, NOW).encounters[E[0]]).due
    desk.visit(E[1], "2026-06-01", mrn, "demo  HOSPITAL ")
    book = look(desk.catalog, NOW)
    assert not book.of_encounter(book.encounters[E[0]]).due
    # Nor does a refusal depend on it.
    no = msgspec.structs.replace(TERMS, kind=ConsentKind.REFUSAL, expires="")
    desk.say(
        ev.ConsentRecorded(
            at=AT, actor=ANNA, consent_id=ConsentId("n"), encounter_id=E[1], terms=no
        )
    )  # fmt: skip
    assert desk.catalog.answers(E[0]) == (no,)
    answers = desk.catalog.answers(E[0])
    assert not may(Action.EXPORT, Question(), answers, Purpose.CLINICAL_RECORD, None, NOW).allowed


def test_a_refusal_under_another_spelling_must_not_go_alone() -> None:
    desk = Desk()
    desk.visit(E[0], "2026-06-01", "8")
    desk.visit(E[1], "2026-06-01", "8 ")
    for number, (encounter_id, kind) in enumerate(
        [(E[0], ConsentKind.GRANT), (E[1], ConsentKind.WITHDRAWAL)]
    ):
        terms = msgspec.structs.replace(
            TERMS,
            kind=kind,
            starts="2026-06-01T00:00:00.000Z",
            expires="2030-01-01T00:00:00.000Z" if kind is ConsentKind.GRANT else "",
        )
        desk.say(
            ev.ConsentRecorded(
                at=f"2026-06-0{number + 1}T00:00:00.000Z", actor=ANNA, consent_id=ConsentId(str(number)),
                encounter_id=encounter_id, terms=terms,
            )
        )  # fmt: skip
    assert unprotected(look(desk.catalog, NOW), desk.propose(E[1]))


@given(st.text(max_size=12))
def test_a_key_of_a_key_is_itself(text: str) -> None:
    subject = Subject(mrn=text, issuer=text, name="", birth_date="")
    issuer, mrn = subject_key(subject)
    assert subject_key(Subject(mrn=mrn, issuer=issuer, name="n", birth_date="")) == (issuer, mrn)


def test_other_numbers_are_other_persons() -> None:
    numbers = ["8", "08", "8 1", "81", "8a", "9"]
    keys = {subject_key(Subject(mrn=mrn, issuer="H", name="", birth_date="")) for mrn in numbers}
    assert len(keys) == len(numbers)


def test_a_last_visit_counts_when_it_is_gone() -> None:
    desk = Desk()
    desk.visit(E[0], "2010-01-01")
    desk.visit(E[1], "2018-11-21")
    desk.visit(E[2], "2026-06-01")
    desk.visit(E[3], "2010-01-01", "another")
    desk.dispose(desk.propose(E[2]))
    desk.dispose(desk.propose(E[1]))
    for catalog in (desk.catalog, desk.restarted()):
        book = look(catalog, NOW)
        assert set(book.encounters) == {E[0], E[3]}
        assert str(book.term(book.encounters[E[0]]).due) == "2034-06-02"
        assert book.of_encounter(book.encounters[E[3]]).due
        assert catalog.keeping.last == {E[0]: "2026-06-01"}
    said = msgspec.json.encode([event for event in desk.events if isinstance(event, life.DisposalProposed)])
    assert b'"7"' not in said, "no number stays"
    desk.dispose(desk.propose(E[0]))
    assert desk.catalog.keeping.last == desk.restarted().keeping.last == {}


# What the second person reads


def test_every_verdict_is_there(desk: Desk) -> None:
    proposed = desk.propose(E[0], captures=(C[2], C[4]))
    names = [name for name, _ in verdicts_of(look(desk.catalog, NOW), proposed)]
    assert names == ["X, 2026-06-01, 2 pictures", "picture IMG_0002", "picture IMG_0004"]


def test_a_clock_far_ahead_of_the_last_picture_is_told(desk: Desk) -> None:
    assert clock_warning(look(Catalog(step), NOW)) == ""
    taken = desk.catalog.captures().captures[-1].at
    last = datetime.fromisoformat(taken)
    assert clock_warning(look(desk.catalog, last)) == ""
    warning = clock_warning(look(desk.catalog, last.replace(year=last.year + 23)))
    assert f"says {last.year + 23}" in warning
    assert f"is of {taken[:10]}" in warning


class CountingCatalog(Catalog):
    """Counts how often somebody looks at every encounter."""

    looked = 0

    def encounters(self) -> tuple[EncounterView, ...]:
        self.looked += 1
        return super().encounters()


def test_a_page_of_disposals_looks_at_every_encounter_once(desk: Desk) -> None:
    proposals = [desk.propose(E[0]), desk.propose(E[1]), desk.propose(captures=(C[4],))]
    catalog = CountingCatalog(step)
    for event in desk.events:
        catalog.apply(event)
    judged = judge_all(catalog, catalog.keeping.disposals.values(), NOW)
    assert catalog.looked == 1
    assert [len(each.found) for each in judged] == [1, 1, 1]
    for proposal in proposals:
        catalog.apply(life.DisposalRefused(at=AT, actor=ANNA, disposal_id=proposal.disposal_id, reason="r"))
    judged = judge_all(catalog, catalog.keeping.disposals.values(), NOW)
    assert catalog.looked == 1
    assert not any(each.found for each in judged)


def test_damage_stops_what_nothing_else_does(desk: Desk) -> None:
    proposed = desk.propose(E[0])
    book = look(desk.catalog, NOW)
    verdicts = [verdict for _, verdict in verdicts_of(book, proposed)]
    assert why_not_propose(book, proposed, verdicts, "") == []
    assert why_not_propose(book, proposed, verdicts, "A record is unreadable.") == ["A record is unreadable."]
    assert why_not_now(book, proposed, "A record is unreadable.") == ["A record is unreadable."]
