from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medkiosk.core.ids import CaptureId
from medkiosk.ingest.plan import CaptureIds
from medkiosk.ingest.shot import Dated, Shots, moment

AT = b"2026:05:01 09:00:00"


@pytest.mark.parametrize(
    ("head", "found"),
    [
        (b"", b""),
        (b"Exif\0\0" + AT + b"\0" + AT + b"\0", AT),
        (AT + b"\0" + b"2026:05:01 09:00:01\0", b""),  # two moments
        (b"0000:00:00 00:00:00\0", b""),  # a clock that was never set
        (b"2026:13:01 09:00:00\0", b""),
        (b"12026:05:01 09:00:00\0", b""),  # digits around it: something else
        (b"2026:05:01\0", b""),  # GPS has dates alone
    ],
)
def test_the_moment_in_the_first_bytes(head: bytes, found: bytes) -> None:
    assert moment(head) == found


@given(st.binary(max_size=300))
def test_any_bytes_give_one_moment_or_none(untrusted: bytes) -> None:
    assert len(moment(untrusted)) in (0, 19)


def test_a_dated_shot_needs_a_name_of_a_camera() -> None:
    assert Dated.of("DCIM/100CANON", "", AT) is None
    assert Dated.of("DCIM/100CANON", "IMG_0001", b"") is None
    assert Dated.of("DCIM/100CANON", "IMG_0001", AT) == Dated.of("x/DCIM/100canon", "IMG_0001", AT)


def test_files_without_a_date_follow_their_neighbour() -> None:
    shots = Shots()
    dated = Dated.of("DCIM/100CANON", "IMG_0001", AT)
    shots.add("slot1/DCIM/100CANON/IMG_0001", None, "WAV")
    shots.add("slot1/DCIM/100CANON/IMG_0001", dated, "CR3")
    shots.add("slot2/DCIM/100CANON/IMG_0001", dated, "JPG")
    shots.add("slot2/DCIM/100CANON/IMG_0002", None, "JPG")
    one, two = "slot1/DCIM/100CANON/IMG_0001", "slot2/DCIM/100CANON/IMG_0001"
    assert shots.of(one, None) == shots.of(one, dated) == shots.of(two, dated) == dated
    assert shots.best(one, None) == "JPG"
    assert shots.extensions(one, dated) == {"WAV", "CR3", "JPG"}
    assert shots.of("slot2/DCIM/100CANON/IMG_0002", None) != dated
    assert shots.best("elsewhere", None) is None


@pytest.mark.parametrize("head", [b"2026:05:01 09:00:01\x00111111111111\0", AT + b"\x00222222222222\0"])
def test_files_of_one_name_that_disagree_are_of_two_shots(head: bytes) -> None:
    place = "card/DCIM/100CANON/IMG_0001"
    first = Dated.of("DCIM/100CANON", "IMG_0001", AT + b"\x00111111111111\0")
    other = Dated.of("DCIM/100CANON", "IMG_0001", head)
    shots = Shots()
    for dated, extension in ((first, "JPG"), (other, "CR3"), (None, "WAV")):
        shots.add(place, dated, extension)
    assert len({shots.of(place, dated) for dated in (first, other, None)}) == 3
    assert shots.best(place, other) == "CR3"  # it has a derivative of its own
    assert shots.best(place, first) == "JPG"


def test_a_file_that_does_not_name_its_camera_is_of_the_shot_beside_it() -> None:
    shots = Shots()
    named = Dated.of("DCIM/100CANON", "IMG_0001", AT + b"\x00111111111111\0")
    unnamed = Dated.of("DCIM/100CANON", "IMG_0001", AT)
    shots.add("place", unnamed, "JPG")
    shots.add("place", named, "CR3")
    assert shots.of("place", unnamed) == shots.of("place", named) == named


def test_the_first_capture_of_a_shot_is_the_one_it_keeps() -> None:
    made = iter("abc")
    captures: CaptureIds[str] = CaptureIds(lambda: CaptureId(next(made)))
    captures.known("one", CaptureId("known"))
    captures.known("one", CaptureId("later"))
    assert captures.of("one") == "known"
    assert not captures.has("two")
    assert captures.of("two") == captures.of("two") == "a"
