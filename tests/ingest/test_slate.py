"""Whose the frames of an import are."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medkiosk.core.ids import CaptureId, EncounterId
from medkiosk.core.slate import ShownSlate, SlateKind
from medkiosk.ingest.slate import DOUBT_WORDS, RULES, Doubt, Edge, Filed, Frame, file_import, place_of

STORE = "store_00010001"


def slate(word: str) -> ShownSlate:
    """``O5A``: opens, number 5, encounter A."""
    kind = SlateKind.OPEN if word[0] == "O" else SlateKind.CLOSE
    return ShownSlate(int(word[1:-1]), EncounterId(word[-1]), kind, word)


def frame(number: int, word: str, storage: str = STORE) -> Frame:
    """A frame called after its place: ``f``; ``?`` for a foreign slate; else one or more slates."""
    return Frame(
        CaptureId(f"{storage}/{number}"),
        storage,
        "DCIM/100CANON",
        f"IMG_{number:04}.JPG",
        frozenset(slate(each) for each in word.split("+")) if word not in {"f", "?"} else frozenset(),
        foreign=word == "?",
    )


def story(words: str, last: int) -> str:
    """File a story, and say for each frame whose it is, or the first letters of the doubt."""
    frames = [frame(number, word) for number, word in enumerate(words.split(), 1)]
    filed = file_import(frames, last=last)
    told = [
        filed.owners[f.capture_id] if f.capture_id in filed.owners else filed.quarantine[f.capture_id]
        for f in frames
    ]
    return " ".join(told)


@pytest.mark.parametrize(
    ("words", "last", "told"),
    [
        ("O1A f f", 1, "A A A"),
        ("O1A f O2B f", 2, "A A B B"),
        ("O1A f C2A f", 2, "A A A after_close"),
        ("O1A f C2A O3B f C4B", 4, "A A A B B B"),
        ("C1A f C2B", 2, "A B B"),
        ("f O1A", 1, "before_first A"),
        ("f C1A", 1, "before_first A"),
        ("f f", 0, "no_slate no_slate"),
        ("f f", 3, "no_slate no_slate"),
        ("O1A f C2B f", 2, "A contradiction B after_close"),
        # The slate in between was shown, and is not there.
        ("O1A f O3B f", 3, "A missing B B"),
        ("O1A f", 2, "A missing"),
        ("O1A f C3A", 3, "A missing A"),
        ("O2A f O1B f", 2, "A out_of_order B missing"),
        ("O1A f ? f O2B f", 2, "A foreign foreign foreign B B"),
        ("O1A f O2B+O3C f", 3, "A foreign foreign foreign"),
        # The same slate twice.
        ("O1A f O1A f", 1, "A A A A"),
        ("O1A C2A f C2A f C3B", 3, "A A after_close A B B"),
    ],
)
def test_stories(words: str, last: int, told: str) -> None:
    assert story(words, last) == told


def test_every_pair_of_ends_has_a_rule_and_every_doubt_its_words() -> None:
    before = [edge for edge in Edge if edge is not Edge.END]
    after = [edge for edge in Edge if edge is not Edge.START]
    assert set(RULES) == set(product(before, after))
    assert set(DOUBT_WORDS) == set(Doubt)


def test_the_order_is_that_of_the_camera_and_each_card_is_looked_at_alone() -> None:
    late, early = frame(2, "f"), frame(1, "O1A")
    assert file_import([late, early], last=1).owners == {late.capture_id: "A", early.capture_id: "A"}
    other = frame(2, "f", "store_00020001")
    assert file_import([early, other], last=1).quarantine == {other.capture_id: Doubt.NO_SLATE}


def test_a_series_goes_on_in_the_next_folder() -> None:
    before = Frame(CaptureId("a"), STORE, "DCIM/100CANON", "IMG_9999.JPG", frozenset([slate("O1A")]))
    after = Frame(CaptureId("b"), STORE, "DCIM/101CANON", "IMG_0001.JPG")
    assert set(file_import([after, before], last=1).owners) == {"a", "b"}


@pytest.mark.parametrize(("folder", "file"), [("DCIM/100CANON", "holiday.jpg"), ("", "IMG_0001.JPG")])
def test_a_file_without_a_number_is_nobodys(folder: str, file: str) -> None:
    lost = Frame(CaptureId("x"), STORE, folder, file)
    assert place_of(lost) is None
    assert file_import([frame(1, "O1A"), lost], last=1).quarantine == {"x": Doubt.NO_PLACE}


@st.composite
def sessions(draw: st.DrawFn) -> tuple[list[str], int]:
    """What a photographer did: slates in the order in which the kiosk showed them, frames, some foreign."""
    words: list[str] = []
    number = 0
    for _ in range(draw(st.integers(0, 8))):
        number += 1
        shown = draw(st.sampled_from("OC")) + str(number) + draw(st.sampled_from("ABC"))
        words += [shown] * draw(st.integers(0, 2))  # forgotten, once, or twice
        words += draw(st.lists(st.sampled_from(["f", "f", "f", "?"]), max_size=3))
    return draw(st.just(words)), number


@st.composite
def anything(draw: st.DrawFn) -> tuple[list[str], int]:
    """Slates in any order, as on a card that somebody else wrote; a number is one slate's for ever."""
    known = [f"{draw(st.sampled_from('OC'))}{n}{draw(st.sampled_from('ABC'))}" for n in range(1, 6)]
    words = draw(st.lists(st.sampled_from([*known, "f", "f", "f", "?", "+".join(known[:2])]), max_size=14))
    return words, draw(st.integers(0, 6))


def _filed(words: list[str], last: int, *, without: int = -1) -> Filed:
    frames = [frame(number, word) for number, word in enumerate(words)]
    return file_import([f for n, f in enumerate(frames) if n != without], last=last)


@given(st.one_of(sessions(), anything()))
def test_each_frame_has_one_owner_or_one_reason(session: tuple[list[str], int]) -> None:
    words, last = session
    filed = _filed(words, last)
    assert not set(filed.owners) & set(filed.quarantine)
    assert len(filed.owners) + len(filed.quarantine) == len(words)


@settings(max_examples=1000, deadline=None)
@given(st.one_of(sessions(), anything()), st.data())
def test_without_one_slate_no_frame_moves_to_another_encounter(
    session: tuple[list[str], int], data: st.DataObject
) -> None:
    words, last = session
    slates = [place for place, word in enumerate(words) if word not in {"f", "?"}]
    if not slates:
        return
    before = _filed(words, last)
    after = _filed(words, last, without=data.draw(st.sampled_from(slates)))
    for capture_id, owner in after.owners.items():
        assert before.owners.get(capture_id, owner) == owner


@settings(max_examples=1000, deadline=None)
@given(sessions(), st.data())
def test_without_one_slate_frames_only_go_to_quarantine(
    session: tuple[list[str], int], data: st.DataObject
) -> None:
    words, last = session
    slates = [place for place, word in enumerate(words) if word not in {"f", "?"}]
    if not slates:
        return
    before = _filed(words, last)
    after = _filed(words, last, without=data.draw(st.sampled_from(slates)))
    for capture_id, owner in after.owners.items():
        assert before.owners[capture_id] == owner


@given(anything(), st.data())
def test_without_a_frame_the_others_stay_where_they_were(
    session: tuple[list[str], int], data: st.DataObject
) -> None:
    words, last = session
    plain = [place for place, word in enumerate(words) if word == "f"]
    if not plain:
        return
    gone = data.draw(st.sampled_from(plain))
    before, after = _filed(words, last), _filed(words, last, without=gone)
    assert {**after.owners, **after.quarantine}.items() <= {**before.owners, **before.quarantine}.items()
