"""Whose the frames of an import are.

Stories are told in words, one a frame: ``f`` a picture, ``?`` a slate of another kiosk, ``O5A`` the slate
that opens, number 5, encounter A (``C`` closes). ``MEDKIOSK_EXAMPLES`` says how many random ones are told
(default 200 of each property).
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medkiosk.core.ids import CaptureId, EncounterId
from medkiosk.core.slate import ShownSlate, SlateKind
from medkiosk.ingest.slate import DOUBT_WORDS, RULES, Doubt, Edge, Filed, Frame, file_import

STORE = "store_00010001"
NOON = 1_795_000_000
EVERY_S = 100
"""Between two frames."""
EARLY_S = 10
"""A slate is on the screen so long before it is photographed."""

_many = settings(
    max_examples=int(os.environ.get("MEDKIOSK_EXAMPLES", "200")),
    deadline=None,
    derandomize="MEDKIOSK_EXAMPLES" not in os.environ,
)


def told(words: Sequence[str], folder: str = "DCIM/100CANON", begin: int = 1, offset: int = 0) -> list[Frame]:
    """The frames of a story; each slate was first shown a moment before its first frame.

    Args:
        words: one a frame.
        folder: where they lie.
        begin: the first frame's file number.
        offset: device time minus kiosk time, seconds.
    """
    first: dict[str, int] = {}
    frames: list[Frame] = []
    for at, word in enumerate(words):
        now = NOON + at * EVERY_S
        slates = word.split("+") if word not in {"f", "?"} else []
        for each in slates:
            first.setdefault(each, now - EARLY_S)
        name = f"IMG_{begin + at:04}.JPG"
        frames.append(
            Frame(
                CaptureId(f"{folder}/{name}"),
                STORE,
                folder,
                name,
                now + offset,
                frozenset(_slate(each, first[each]) for each in slates),
                foreign=word == "?",
                shown=now if slates else 0,
            )
        )
    return frames


def _slate(word: str, first: int) -> ShownSlate:
    kind = SlateKind.OPEN if word[0] == "O" else SlateKind.CLOSE
    return ShownSlate(int(word[1:-1]), EncounterId(word[-1]), kind, word, first)


def put(frame: Frame, folder: str, number: int) -> Frame:
    """The same frame at another place."""
    return replace(frame, folder=folder, file=f"IMG_{number:04}.JPG")


def whose(frames: Iterable[Frame], last: int, *, unclosed: bool = True) -> str:
    """File them, and say for each whose it is, or the doubt."""
    frames = list(frames)
    filed = file_import(frames, last=last, unclosed=unclosed)
    return " ".join(filed.owners.get(f.capture_id) or filed.quarantine[f.capture_id] for f in frames)


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


# Random days.

FOLDERS = ["DCIM/100CANON", "DCIM/101CANON", "DCIM/102CANON"]
STRAY = ["DCIM/101MSDCF", "OLD/100CANON", "OLD/DCIM/100CANON", "DCIM/100CANON/OLD", "DCIM/103WARDS", ""]


PHOTOGRAPHED = [
    words.split()
    for words in (
        *["", "f", "?", "slate", "slate f", "slate f", "slate f", "slate f f", "slate f f", "slate ?"],
        *["slate ? f", "slate slate f", "slate f slate", "slate f slate f", "slate ? slate f", "slate f ? f"],
        "slate f slate f f slate f",
    )
]
"""What may be photographed while one slate is on the screen."""


@st.composite
def sessions(draw: st.DrawFn) -> tuple[list[Frame], int]:
    """What a photographer did: slates in the order in which the kiosk showed them, frames, some foreign.

    A slate is photographed again where it came to mind, numbers go on or begin anew in a new folder, and now
    and then the photographer goes back to an earlier folder.
    """
    words: list[str] = []
    number = 0
    for _ in range(draw(st.integers(1, 6))):
        number += 1
        shown = draw(st.sampled_from("OOOC")) + str(number) + draw(st.sampled_from("ABC"))
        # Forgotten, once, or again.
        words += [shown if word == "slate" else word for word in draw(st.sampled_from(PHOTOGRAPHED))]
    return _placed(draw, told(words)), number


@st.composite
def anything(draw: st.DrawFn) -> tuple[list[Frame], int]:
    """Slates in any order, as on a card that somebody else wrote; a number is one slate's for ever."""
    known = [f"{draw(st.sampled_from('OC'))}{n}{draw(st.sampled_from('ABC'))}" for n in range(1, 6)]
    words = draw(st.lists(st.sampled_from([*known, "f", "f", "f", "?", "+".join(known[:2])]), max_size=14))
    return _placed(draw, told(words)), draw(st.integers(0, 6))


STEPS = [""] * 8 + ["next", "back"] * 2 + [f"stray {folder}" for folder in STRAY]


def _placed(draw: st.DrawFn, frames: list[Frame]) -> list[Frame]:
    """Put each frame where the camera was told to at that moment."""
    anew = draw(st.booleans())
    kinds = STEPS if draw(st.booleans()) else [""]
    steps = draw(st.lists(st.sampled_from(kinds), min_size=len(frames), max_size=len(frames)))
    counts = dict.fromkeys([*FOLDERS, *STRAY], draw(st.sampled_from([0, 500, 9996])))
    number, at, placed = counts[FOLDERS[0]], 0, list[Frame]()
    for frame, step in zip(frames, steps, strict=True):
        at = min(at + 1, len(FOLDERS) - 1) if step == "next" else max(at - 1, 0) if step == "back" else at
        folder = step.removeprefix("stray ") if step.startswith("stray") else FOLDERS[at]
        if anew:
            if step == "next" and not any(f.folder == folder for f in placed):
                counts[folder] = 0
            number = counts[folder]
        number = counts[folder] = number % 9999 + 1
        placed.append(put(frame, folder, number))
    return placed


def _owners_and_doubts(filed: Filed) -> int:
    assert not set(filed.owners) & set(filed.quarantine)
    return len(filed.owners) + len(filed.quarantine)


@_many
@given(st.one_of(sessions(), anything()))
def test_each_frame_has_one_owner_or_one_reason(session: tuple[list[Frame], int]) -> None:
    frames, last = session
    filed = file_import(frames, last=last)
    assert _owners_and_doubts(filed) == len(frames)
    assert {f.capture_id for f in frames} == {*filed.owners, *filed.quarantine}


@_many
@given(st.one_of(sessions(), anything()))
def test_only_what_this_camera_put_beside_a_slate_is_filed_by_it(session: tuple[list[Frame], int]) -> None:
    frames, last = session
    filed = file_import(frames, last=last)
    slates = {(f.folder[-5:], slate.encounter_id) for f in frames for slate in f.slates}
    for frame in frames:
        owner = filed.owners.get(frame.capture_id)
        if owner is not None:
            assert frame.folder in {*FOLDERS, "DCIM/101MSDCF", "DCIM/103WARDS"}
            assert (frame.folder[-5:], owner) in slates


@_many
@given(sessions(), st.data())
def test_however_few_slates_are_read_a_frame_is_filed_under_the_last_photographed_one_or_not_at_all(
    session: tuple[list[Frame], int], data: st.DataObject
) -> None:
    """Whatever folders and numbers say: the truth is the order in which the frames were taken."""
    frames, last = session
    slates = [at for at, frame in enumerate(frames) if frame.slates]
    unread = {at for at in slates if data.draw(st.integers(0, 2)) == 0}
    filed = file_import(
        [replace(f, slates=frozenset(), shown=0) if at in unread else f for at, f in enumerate(frames)],
        last=last,
        unclosed=data.draw(st.booleans()),
    )
    now: set[EncounterId] = set()
    for frame in frames:
        now = {slate.encounter_id for slate in frame.slates} or now
        if frame.foreign and frame.folder in FOLDERS:
            now = set()
        owner = filed.owners.get(frame.capture_id)
        assert owner is None or owner in now


@_many
@given(st.one_of(sessions(), anything()), st.data())
def test_without_one_slate_no_frame_moves_to_another_encounter(
    session: tuple[list[Frame], int], data: st.DataObject
) -> None:
    """A slate that cannot be read is a frame like any other."""
    frames, last = session
    slates = [at for at, frame in enumerate(frames) if frame.slates]
    if not slates:
        return
    before = file_import(frames, last=last)
    gone = data.draw(st.sampled_from(slates))
    unread = replace(frames[gone], slates=frozenset(), shown=0)
    after = file_import([*frames[:gone], unread, *frames[gone + 1 :]], last=last)
    for capture_id, owner in after.owners.items():
        # The slate's own picture may: in an order that no kiosk showed. It shows no patient.
        assert capture_id == unread.capture_id or before.owners.get(capture_id, owner) == owner


@_many
@given(st.lists(st.tuples(st.sampled_from(["both", "opening", "none"]), st.integers(0, 3)), max_size=6))
def test_a_patient_without_a_slate_is_nobodys_where_a_series_must_be_closed(
    patients: list[tuple[str, int]],
) -> None:
    """Whoever forgot which slate: a frame is its own patient's or in quarantine."""
    words: list[str] = []
    truth: list[str | None] = []
    number = 0
    for letter, (slates, pictures) in zip("ABCDEF", patients, strict=False):
        own = ["f"] * pictures
        if slates != "none":
            number += 1
            own.insert(0, f"O{number}{letter}")
        if slates == "both":
            number += 1
            own.append(f"C{number}{letter}")
        words += own
        truth += [None if slates == "none" else letter] * len(own)
    frames = told(words)
    filed = file_import(frames, last=number)
    for frame, patient in zip(frames, truth, strict=True):
        assert filed.owners.get(frame.capture_id) in (None, patient)


@_many
@given(st.one_of(sessions(), anything()))
def test_less_is_filed_where_a_series_must_be_closed_and_nothing_else(
    session: tuple[list[Frame], int],
) -> None:
    frames, last = session
    wide = file_import(frames, last=last, unclosed=True).owners
    strict = file_import(frames, last=last).owners
    assert strict.items() <= wide.items()
    assert {f.capture_id for f in frames if f.slates} & set(wide) <= set(strict)


@_many
@given(sessions(), st.data())
def test_without_one_slate_frames_only_go_to_quarantine(
    session: tuple[list[Frame], int], data: st.DataObject
) -> None:
    frames, last = session
    slates = [at for at, frame in enumerate(frames) if frame.slates]
    if not slates or Doubt.NO_ORDER in (before := file_import(frames, last=last)).quarantine.values():
        return  # a frame that is taken away may take a contradiction of the numbers away
    gone = data.draw(st.sampled_from(slates))
    after = file_import([*frames[:gone], *frames[gone + 1 :]], last=last)
    for capture_id, owner in after.owners.items():
        assert before.owners[capture_id] == owner
