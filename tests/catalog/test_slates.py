"""Slates in the catalogue: numbered as they were shown, found in frames, forgotten where a person says so."""

from __future__ import annotations

from medkiosk.catalog.fold import Catalog, fold
from medkiosk.core import events as ev
from medkiosk.core.clock import parse_rfc3339
from medkiosk.core.ids import KIOSK, CaptureId, EncounterId, ImportId
from medkiosk.core.photo import ImageRole
from medkiosk.core.slate import ShownSlate, Slate, SlateKind
from medkiosk.review.machine import step
from tests.catalog import story as s

OPEN, CLOSE = SlateKind.OPEN, SlateKind.CLOSE
A, B = "aa" * 16, "bb" * 16
FIRST = int(parse_rfc3339(s.AT).timestamp())


def shown(encounter: str, token: str, kind: SlateKind = OPEN) -> ev.SlateShown:
    return ev.SlateShown(at=s.AT, actor=s.ANNA, encounter_id=EncounterId(encounter), token=token, kind=kind)


def seen(capture: str, *slates: Slate, foreign: int = 0) -> ev.SlateSeen:
    return ev.SlateSeen(at=s.AT, actor=KIOSK, capture_id=CaptureId(capture), slates=slates, foreign=foreign)


BEGIN = (
    s.encounter("e"),
    shown("e", A),
    s.started("i"),
    s.sealed("i", "c", "IMG_0001.JPG"),
    s.sealed("i", "d", "IMG_0002.JPG"),
)


def made(*events: ev.AnyEvent) -> Catalog:
    catalog = fold(step, (*BEGIN, *events))
    assert catalog.problems == ()
    return catalog


def test_slates_are_numbered_in_the_order_in_which_they_were_shown() -> None:
    catalog = made(shown("e", B, CLOSE))
    assert catalog.slates.count == 2
    assert catalog.slates.last == ShownSlate(2, EncounterId("e"), CLOSE, B, FIRST)


def test_a_slate_of_nobody_or_one_shown_twice_is_noted() -> None:
    catalog = fold(step, (*BEGIN, shown("e", A), shown("z", B)))
    assert [p.words for p in catalog.problems] == ["this slate was shown before", "unknown encounter"]
    assert catalog.slates.count == 2, "the numbers of those that follow stay what they were"


def test_the_series_of_an_import_says_what_each_frame_shows() -> None:
    catalog = made(seen("c", Slate(OPEN, A, 9)), s.role("c", ImageRole.SLATE))
    first, second = catalog.series(ImportId("i")).frames
    assert (first.slates, first.foreign) == (
        frozenset([ShownSlate(1, EncounterId("e"), OPEN, A, FIRST)]),
        False,
    )
    assert (second.slates, second.foreign) == (frozenset(), False)


def test_what_the_records_do_not_know_or_know_otherwise_is_foreign() -> None:
    for slate in (Slate(OPEN, B, 9), Slate(CLOSE, A, 9)):
        frame = made(seen("c", slate), s.role("c", ImageRole.SLATE)).series(ImportId("i")).frames[0]
        assert (frame.slates, frame.foreign) == (frozenset(), True)
    frame = made(seen("c", foreign=1), s.role("c", ImageRole.SLATE)).series(ImportId("i")).frames[0]
    assert frame.foreign


def test_a_frame_that_a_person_made_clinical_again_is_no_slate() -> None:
    back = s.role("c", ImageRole.CLINICAL, "it shows the hand")
    catalog = made(seen("c", Slate(OPEN, A, 9)), s.role("c", ImageRole.SLATE), back)
    frame = catalog.series(ImportId("i")).frames[0]
    assert (frame.slates, frame.foreign) == (frozenset(), False)


def test_only_a_slate_with_a_good_check_is_remembered_of_a_frame_whatever_its_role_becomes() -> None:
    back = s.role("c", ImageRole.CLINICAL, "it shows the hand")
    slate = s.role("c", ImageRole.SLATE)
    for events, remembered in (
        ((seen("c", Slate(OPEN, A, 9)), slate), True),
        ((seen("c", Slate(OPEN, A, 9)), slate, back), True),
        ((seen("c", Slate(OPEN, B, 9), foreign=1), slate, back), True),
        ((seen("c", foreign=1), slate, back), False),
        ((slate, back), False),
    ):
        view = made(*events).capture(CaptureId("c"))
        assert view is not None
        assert view.row.slate is remembered


def test_an_import_is_whole_when_it_has_ended_and_every_frame_was_looked_at() -> None:
    import_id = ImportId("i")
    assert not made().series(import_id).whole
    assert not made(s.finished("i"), s.redacted("c")).series(import_id).whole
    assert not made(s.redacted("c"), s.redacted("d")).series(import_id).whole
    catalog = made(s.redacted("c"), s.redacted("d"), s.finished("i"), shown("e", B))
    series = catalog.series(import_id)
    assert (series.whole, series.last) == (True, 1)
    assert not catalog.series(ImportId("nowhere")).whole


def test_imports_that_slates_can_say_something_about() -> None:
    looked = (s.redacted("c"), s.redacted("d"))
    ended = (seen("c", foreign=1), s.finished("i"), *looked)
    assert made().imports_to_file() == made(s.finished("i"), *looked).imports_to_file() == ()
    assert made(seen("c", foreign=1), *looked).imports_to_file() == ()
    assert made(*ended[:-1]).imports_to_file() == ()
    assert made(*ended).imports_to_file() == made(*ended, s.assigned("e", "c")).imports_to_file() == ("i",)
    assert made(*ended, s.assigned("e", "c", "d")).imports_to_file() == ()


def test_only_the_imports_that_were_asked_for_are_looked_at() -> None:
    catalog = made(seen("c", foreign=1), s.finished("i"), s.redacted("c"), s.redacted("d"))
    assert catalog.import_of(CaptureId("d")) == "i"
    assert catalog.import_of(CaptureId("nobody")) is None
    assert catalog.imports_to_file([ImportId("i"), ImportId("nowhere")]) == ("i",)
    assert catalog.imports_to_file([]) == ()
