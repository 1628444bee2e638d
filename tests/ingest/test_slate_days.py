"""Whose the frames of an import are, on random days.

``MEDKIOSK_EXAMPLES`` says how many are told (default 200 of each property).
"""

from __future__ import annotations

import os
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from medkiosk.core.ids import EncounterId
from medkiosk.ingest.slate import Doubt, Filed, Frame, file_import
from tests.ingest.telling import put, told

_many = settings(
    max_examples=int(os.environ.get("MEDKIOSK_EXAMPLES", "200")),
    deadline=None,
    derandomize="MEDKIOSK_EXAMPLES" not in os.environ,
)


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
