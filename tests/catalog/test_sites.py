"""What pictures show, as the catalogue holds it."""

from __future__ import annotations

import pytest

from medkiosk.catalog.disposed import forget
from medkiosk.catalog.fold import Catalog, fold
from medkiosk.core.bodysite import FACE, HAND, NECK
from medkiosk.core.events import AnyEvent, decode
from medkiosk.core.ids import CaptureId, EncounterId
from medkiosk.core.photo import ReviewState
from medkiosk.core.siteevents import CaptureSites, EncounterSites, Reopened
from medkiosk.review.machine import step
from tests.catalog import story as s

ONE, TWO = CaptureId("one"), CaptureId("two")
HERE = EncounterId("e")
BEGIN: list[AnyEvent] = [
    s.started("i"),
    s.sealed("i", ONE, "IMG_0001.JPG"),
    s.sealed("i", TWO, "IMG_0002.JPG"),
    s.encounter(HERE),
    s.encounter("f"),
    s.assigned(HERE, ONE, TWO),
]


def about_all(*sites: str) -> EncounterSites:
    return EncounterSites(at=s.AT, actor=s.ANNA, encounter_id=HERE, sites=sites)


def about(capture_id: CaptureId, sites: tuple[str, ...] | None) -> CaptureSites:
    return CaptureSites(at=s.AT, actor=s.ANNA, capture_id=capture_id, sites=sites)


def shown(*events: AnyEvent) -> list[tuple[str, ...]]:
    catalog = fold(step, [*BEGIN, *events])
    assert not catalog.problems
    found = [catalog.capture(each) for each in (ONE, TWO)]
    return [catalog.sites.of(v.row.capture_id, v.row.encounter_id) for v in found if v is not None]


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([], [(), ()]),
        ([about_all(FACE)], [(FACE,), (FACE,)]),
        ([about_all(FACE), about_all(HAND)], [(HAND,), (HAND,)]),
        ([about_all(FACE), about_all()], [(), ()]),
        ([about_all(FACE), about(ONE, (HAND, NECK))], [(HAND, NECK), (FACE,)]),
        ([about(ONE, (HAND,)), about_all(FACE)], [(HAND,), (FACE,)]),
        ([about_all(FACE), about(ONE, ())], [(), (FACE,)]),
        ([about_all(FACE), about(ONE, (HAND,)), about(ONE, None)], [(FACE,), (FACE,)]),
        ([about_all(FACE), s.assigned("f", ONE)], [(), (FACE,)]),
        ([about(ONE, (HAND,)), s.assigned("f", ONE)], [(HAND,), ()]),
    ],
)
def test_a_picture_shows_what_was_said_of_it_or_of_its_encounter(
    events: list[AnyEvent], expected: list[tuple[str, ...]]
) -> None:
    assert shown(*events) == expected


def test_what_must_be_looked_at_again_is_told() -> None:
    catalog = fold(step, [*BEGIN, about_all(FACE), about(ONE, (HAND,))])
    both = tuple(catalog.held.captures.values())

    def ids(event: EncounterSites | CaptureSites) -> list[str]:
        captures = both if isinstance(event, EncounterSites) else (catalog.held.captures[event.capture_id],)
        return [each.capture_id for each in catalog.sites.looked_otherwise(event, captures)]

    assert ids(about_all(FACE, NECK)) == []
    assert ids(about_all(NECK)) == [TWO], "of the other one something else was said"
    assert ids(about_all()) == [TWO]
    assert ids(about(ONE, (FACE,))) == [ONE]
    assert ids(about(ONE, None)) == [ONE]
    assert ids(about(ONE, ())) == [ONE]
    assert ids(about(ONE, (FACE, HAND))) == []
    assert ids(about(TWO, (FACE, HAND))) == []
    assert ids(about(TWO, None)) == []
    assert ids(about(TWO, (NECK,))) == [TWO]
    catalog.apply(about(TWO, ()))
    assert ids(about(TWO, (NECK,))) == [TWO], "the first word: nobody looked with it in mind"
    assert ids(about(TWO, None)) == [TWO]
    catalog.apply(about_all())
    catalog.apply(about(TWO, None))
    assert ids(about_all(FACE)) == [TWO]


def test_an_approval_ends_when_it_is_said_to_be_reopened() -> None:
    approved = [*BEGIN, s.redacted(ONE), s.approved(ONE)]
    catalog = fold(step, approved)
    reopened = Reopened(at=s.AT, actor=s.ANNA, capture_id=ONE)
    assert catalog.why_not(reopened) == ""
    catalog.apply(reopened)
    view = catalog.capture(ONE)
    assert view is not None
    assert (view.row.state, view.approved, view.row.approvers) == (ReviewState.PROPOSED, None, ())
    assert "not possible" in catalog.why_not(Reopened(at=s.AT, actor=s.ANNA, capture_id=TWO))
    assert catalog.why_not(s.approved(ONE)) == ""


@pytest.mark.parametrize(
    "event",
    [
        EncounterSites(at=s.AT, actor=s.ANNA, encounter_id=EncounterId("x"), sites=(FACE,)),
        CaptureSites(at=s.AT, actor=s.ANNA, capture_id=CaptureId("x"), sites=(FACE,)),
        Reopened(at=s.AT, actor=s.ANNA, capture_id=CaptureId("x")),
    ],
)
def test_what_is_unknown_is_a_problem_and_not_held(event: AnyEvent) -> None:
    catalog = fold(step, [*BEGIN, event])
    assert "unknown" in catalog.problems[0].words
    assert not catalog.sites.encounters
    assert not catalog.sites.captures


def test_what_is_disposed_of_is_forgotten_and_its_records_are_found() -> None:
    catalog = Catalog(step)
    for seq, event in enumerate([*BEGIN, about_all(FACE), about(ONE, (HAND,))], 1):
        catalog.apply(event, seq)
    assert 7 in catalog.records_of([], [HERE])
    assert 8 in catalog.records_of([ONE])
    forget(catalog.held, [ONE, TWO], [HERE], [])
    assert not catalog.sites.encounters
    assert not catalog.sites.captures


def test_as_its_encounter_is_not_the_same_as_not_known() -> None:
    old = b'{"actor":"anna","at":"%s","capture_id":"one","sites":%%s,"type":"capture.sites"}' % s.AT.encode()
    assert decode(old % b"null") == about(ONE, None)
    assert decode(old % b"[]") == about(ONE, ())
