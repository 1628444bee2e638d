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
    assert shots.of("slot1/DCIM/100CANON/IMG_0001") == shots.of("slot2/DCIM/100CANON/IMG_0001") == dated
    assert shots.best("slot1/DCIM/100CANON/IMG_0001") == "JPG"
    assert shots.extensions("slot1/DCIM/100CANON/IMG_0001") == {"WAV", "CR3", "JPG"}
    assert shots.of("slot2/DCIM/100CANON/IMG_0002") != dated
    assert shots.best("elsewhere") is None


def test_the_first_capture_of_a_shot_is_the_one_it_keeps() -> None:
    made = iter("abc")
    captures: CaptureIds[str] = CaptureIds(lambda: CaptureId(next(made)))
    captures.known("one", CaptureId("known"))
    captures.known("one", CaptureId("later"))
    assert captures.of("one") == "known"
    assert not captures.has("two")
    assert captures.of("two") == captures.of("two") == "a"
