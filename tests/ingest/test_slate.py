"""Whose the frames of an import are, story by story."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest

from medkiosk.ingest.slate import DOUBT_WORDS, RULES, Doubt, Edge
from tests.ingest.telling import EARLY_S, EVERY_S, NOON, put, told, whose


@pytest.mark.parametrize(
    ("words", "last", "answer"),
    [
        ("O1A f f", 1, "A A A"),
        ("O1A f O2B f", 2, "A A B B"),
        ("O1A f C2A f", 2, "A A A after_close"),
        ("O1A f C2A O3B f C4B", 4, "A A A B B B"),
        # A picture that was forgotten before C1A was closed looks like one of B's.
        ("C1A f C2B", 2, "A after_close B"),
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
        ("O1A C2A f C2A f C3B", 3, "A A after_close A after_close B"),
    ],
)
def test_stories(words: str, last: int, answer: str) -> None:
    assert whose(told(words.split()), last) == answer


@pytest.mark.parametrize(
    ("words", "last", "answer"),
    [
        ("O1A f C2A O3B f C4B", 4, "A A A B B B"),
        # The second picture may be of somebody who had no slate.
        ("O1A f f", 1, "A not_closed not_closed"),
        ("O1A f f O2B f C3B", 3, "A not_closed not_closed B B B"),
        ("O1A f C2A f O3B f C4B", 4, "A A A after_close B B B"),
        # The same slate twice says that it is still A's turn.
        ("O1A f O1A f C2A", 2, "A A A A A"),
        # What is known of the slates says more than that none closes.
        ("O1A f O3B f C4B", 4, "A missing B B B"),
        ("O1A f", 2, "A missing"),
        ("O1A f C2B", 2, "A contradiction B"),
    ],
)
def test_stories_where_a_series_must_be_closed(words: str, last: int, answer: str) -> None:
    assert whose(told(words.split()), last, unclosed=False) == answer


def test_every_pair_of_ends_has_a_rule_and_every_doubt_its_words() -> None:
    before = [edge for edge in Edge if edge is not Edge.END]
    after = [edge for edge in Edge if edge is not Edge.START]
    assert set(RULES) == set(product(before, after))
    assert set(DOUBT_WORDS) == set(Doubt)


def test_the_order_is_that_of_the_camera_and_each_card_is_looked_at_alone() -> None:
    early, late = told(["O1A", "f"])
    assert whose([late, early], 1) == "A A"
    assert whose([early, replace(late, storage="store_00020001")], 1) == "A no_slate"


# What is not where this camera puts its pictures.


@pytest.mark.parametrize(
    ("folder", "file"),
    [
        ("DCIM/100CANON", "holiday.jpg"),
        ("DCIM/100CANON", "IMG_0009.TXT"),
        ("DCIM/100CANON", "IMG_0009 (1).JPG"),
        ("DCIM/100CANON", "\u0131MG_0009.JPG"),
        ("", "IMG_0009.JPG"),
        ("OLD/100CANON", "IMG_0009.JPG"),
        ("OLD/DCIM/100CANON", "IMG_0009.JPG"),
        ("DCIM/100CANON/OLD", "IMG_0009.JPG"),
        (".Trashes/501/100CANON", "IMG_0009.JPG"),
    ],
)
def test_a_file_in_another_place_is_nobodys(folder: str, file: str) -> None:
    opened, lost = told(["O1A", "f"])
    assert whose([opened, replace(lost, folder=folder, file=file)], 1) == "A no_place"


@pytest.mark.parametrize("folder", ["DCIM/101MSDCF", "DCIM/101_PANA"])
def test_another_cameras_folder_is_another_series(folder: str) -> None:
    opened, own, other = told(["O1A", "f", "f"])
    assert whose([opened, own, replace(other, folder=folder)], 1) == "A A no_slate"


@pytest.mark.parametrize("folder", ["DCIM/100MSDCF", "DCIM/100canon", "dcim/100CANON"])
def test_two_folders_with_one_number_are_in_no_order(folder: str) -> None:
    opened, own, other = told(["O1A", "f", "f"])
    assert whose([opened, own, replace(other, folder=folder)], 1) == "no_order no_order no_order"


def test_two_files_with_one_number_are_in_no_order() -> None:
    """IMG_ and _MG_ (Adobe RGB) count together."""
    opened, own, other = told(["O1A", "f", "f"])
    assert whose([opened, own, replace(other, file="_MG_0003.JPG")], 1) == "A A A"
    assert whose([opened, own, replace(other, file="_MG_0002.JPG")], 1) == "no_order no_order no_order"


# Numbers that begin anew.


@pytest.mark.parametrize(
    ("places", "answer"),
    [
        ([("100CANON", 9998), ("100CANON", 9999), ("101CANON", 1), ("101CANON", 2)], "A A A A"),
        ([("100CANON", 9998), ("100CANON", 9999), ("100CANON", 1), ("100CANON", 2)], "A A A A"),
        ([("100CANON", 40), ("100CANON", 41), ("101CANON", 1), ("101CANON", 2)], "A A A A"),
        ([("100CANON", 40), ("100CANON", 41), ("101CANON", 42), ("101CANON", 43)], "A A A A"),
        # One of the two at the turn is not there: the order is a guess.
        ([("100CANON", 9997), ("100CANON", 9998), ("100CANON", 1), ("100CANON", 2)], "no_order"),
        ([("100CANON", 9998), ("100CANON", 9999), ("100CANON", 2), ("100CANON", 3)], "no_order"),
        ([("100CANON", 9998), ("100CANON", 9999), ("101CANON", 2), ("101CANON", 3)], "no_order"),
        # A jump: another camera, or a card with pictures of its own.
        ([("100CANON", 1), ("100CANON", 2), ("100CANON", 4000), ("100CANON", 4001)], "no_order"),
        ([("100CANON", 40), ("100CANON", 41), ("101CANON", 30), ("101CANON", 31)], "no_order"),
    ],
)
def test_a_series_goes_on_where_the_order_is_certain(places: list[tuple[str, int]], answer: str) -> None:
    frames = told(["O1A", "f", "f", "f"])
    moved = [put(f, f"DCIM/{folder}", n) for f, (folder, n) in zip(frames, places, strict=True)]
    assert set(whose(moved, 1).split()) == set(answer.split())


@pytest.mark.parametrize("turn", [2, 3])
def test_what_came_before_9999_is_not_taken_for_what_comes_after_0001(turn: int) -> None:
    """Somebody's pictures up to 9999, then A's slate: by number alone they follow A's."""
    somebody, another, opened, own = told(["f", "f", "O1A", "f"])
    frames = [
        put(somebody, "DCIM/100CANON", 9996 + turn),
        put(another, "DCIM/100CANON", 9997 + turn),
        put(opened, "DCIM/100CANON", 1),
        put(own, "DCIM/100CANON", 2),
    ]
    answer = "before_first before_first A A" if turn == 2 else "no_order no_order no_order no_order"
    if turn == 3:  # 9999 was deleted
        frames[1] = put(another, "DCIM/100CANON", 9998)
        frames[0] = put(somebody, "DCIM/100CANON", 9997)
    assert whose(frames, 1) == answer


# A folder that was selected again in the camera's menu.


def test_going_back_to_an_earlier_folder_is_seen_by_the_numbers() -> None:
    a, a1, b, b1, late = told(["O1A", "f", "O2B", "f", "f"])
    frames = [
        put(a, "DCIM/100CANON", 1),
        put(a1, "DCIM/100CANON", 2),
        put(b, "DCIM/101CANON", 3),
        put(b1, "DCIM/101CANON", 4),
        put(late, "DCIM/100CANON", 5),  # B's, and by folder and number A's
    ]
    assert set(whose(frames, 2).split()) == {"no_order"}


def test_going_back_to_an_earlier_folder_is_seen_by_the_times_where_each_counts_for_itself() -> None:
    a, a1, b, b1, late = told(["O1A", "f", "O2B", "f", "f"])
    frames = [
        put(a, "DCIM/100CANON", 1),
        put(a1, "DCIM/100CANON", 2),
        put(b, "DCIM/101CANON", 1),
        put(b1, "DCIM/101CANON", 2),
        put(late, "DCIM/100CANON", 3),
    ]
    assert set(whose(frames, 2).split()) == {"no_order"}


@pytest.mark.parametrize("other", ["DCIM/101WARDS", "slot 2"])
def test_what_was_taken_after_a_slate_in_another_series_is_not_the_one_before_its(other: str) -> None:
    """B's slate is photographed into another folder or slot, then pictures and the slate into the first."""
    a, a1, b, b1, late, again, b2 = told(["O1A", "f", "O2B", "f", "f", "O2B", "f"])
    if other == "slot 2":
        b, b1 = replace(b, storage=other), replace(b1, storage=other)
    else:
        b, b1 = put(b, other, 3), put(b1, other, 4)
    assert whose([a, a1, b, b1, late, again, b2], 2) == "A A B B next_shown B B"


# Times.


def test_a_slate_that_is_photographed_again_because_it_was_blurred() -> None:
    """The first photograph of B's slate cannot be read: what comes after it must not become A's."""
    frames = told(["O1A", "f", "O2B", "f", "O2B", "f"])
    assert whose(frames, 2) == "A A B B B B"
    blurred = replace(frames[2], slates=frozenset(), shown=0)
    assert whose([*frames[:2], blurred, *frames[3:]], 2) == "A A next_shown next_shown B B"


@pytest.mark.parametrize(("before_s", "answer"), [(5, "A next_shown B"), (6, "A A B")])
@pytest.mark.parametrize("older_s", [(0, 0), (2, 0), (0, 2)])  # of the time in each slate
def test_a_frame_counts_until_five_seconds_before_the_next_slate(
    before_s: int, answer: str, older_s: tuple[int, int]
) -> None:
    a, a1, b = told(["O1A", "f", "O2B"])
    a, b = (replace(each, shown=each.shown - older) for each, older in zip((a, b), older_s, strict=True))
    first = NOON + 2 * EVERY_S - EARLY_S
    assert whose([a, replace(a1, taken=first - before_s), b], 2) == answer


def test_the_same_for_a_closing_slate() -> None:
    frames = told(["O1A", "f", "C2A", "f", "C2A"])
    blurred = replace(frames[2], slates=frozenset(), shown=0)
    assert whose([*frames[:2], blurred, *frames[3:]], 2) == "A A next_shown next_shown A"


@pytest.mark.parametrize("offset", [-7200, 3600, 40])
def test_the_cameras_clock_may_be_wrong(offset: int) -> None:
    assert whose(told(["O1A", "f", "O2B", "f"], offset=offset), 2) == "A A B B"
    frames = told(["O1A", "f", "O2B", "f", "O2B"], offset=offset)
    blurred = replace(frames[2], slates=frozenset(), shown=0)
    assert whose([*frames[:2], blurred, *frames[3:]], 2) == "A A next_shown next_shown B"


def test_a_clock_that_was_set_between_two_slates_tells_nothing() -> None:
    a, a1, b, b1 = told(["O1A", "f", "O2B", "f"])
    ahead = [replace(each, taken=each.taken + 3600) for each in (b, b1)]
    assert whose([a, a1, *ahead], 2) == "A clock B B"
    back = [replace(each, taken=each.taken - 3600) for each in (b, b1)]
    assert set(whose([a, a1, *back], 2).split()) == {"no_order"}


def test_a_photograph_of_an_old_photograph_of_a_slate_opens_nothing() -> None:
    a, a1, b, b1 = told(["O1A", "f", "O2B", "f"])
    old = replace(a, shown=a.shown - 86_400)
    assert whose([old, a1, b, b1], 2) == "A clock B B"


def test_a_copied_card_has_the_times_of_the_copying() -> None:
    frames = [replace(each, taken=NOON + 90_000) for each in told(["O1A", "f", "O2B", "f"])]
    assert whose(frames, 2) == "A clock B B"


@pytest.mark.parametrize("taken", [0, -1])
def test_a_device_that_gives_no_time_gives_no_order(taken: int) -> None:
    opened, own = told(["O1A", "f"])
    assert whose([opened, replace(own, taken=taken)], 1) == "no_order no_order"


@pytest.mark.parametrize(("back", "answer"), [(2, "A A A"), (3, "no_order no_order no_order")])
def test_times_may_go_back_by_what_fat_rounds(back: int, answer: str) -> None:
    a, b, c = told(["O1A", "f", "f"])
    assert whose([a, b, replace(c, taken=b.taken - back)], 1) == answer
