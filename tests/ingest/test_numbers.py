from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medkiosk.core import canon
from medkiosk.core.dcf import MOST_MISSING
from medkiosk.core.events import Gap
from medkiosk.ingest.numbers import gap_words, gaps, recordable

Place = tuple[str, str, str]


def places(*numbers: int, folder: str = "100CANON", storage: str = "card") -> list[Place]:
    return [(storage, f"DCIM/{folder}", f"IMG_{number:04d}.JPG") for number in numbers]


def found(files: list[Place]) -> list[tuple[int, int]]:
    return [(gap.first, gap.last) for gap in gaps(files)]


@pytest.mark.parametrize(
    ("files", "missing"),
    [
        pytest.param([], [], id="an empty card"),
        pytest.param(places(4321), [], id="a formatted card goes on counting: no beginning is missing"),
        pytest.param(places(1, 2, 3), [], id="whole"),
        pytest.param(places(3, 1, 2), [], id="in any order"),
        pytest.param(places(1, 2, 4), [(3, 3)], id="one is missing"),
        pytest.param(places(1, 5, 6, 9), [(2, 4), (7, 8)], id="two gaps"),
        pytest.param(places(98, 99) + places(100, 101, folder="101CANON"), [], id="a folder after 100 files"),
        pytest.param(places(98, 99) + places(103, folder="101CANON"), [(100, 102)], id="across the folders"),
        pytest.param(places(9998, 9999) + places(1, 2, folder="101CANON"), [], id="9999, then 0001"),
        pytest.param(places(9998, 9999, 1, 2), [], id="9999, then 0001, in one folder"),
        pytest.param(places(9997, 9999, 1, 3), [(9998, 9998), (2, 2)], id="gaps on both sides of 9999"),
        pytest.param(places(50, 51) + places(1, 2, folder="101CANON"), [], id="numbers set anew"),
        pytest.param(places(1, 1 + MOST_MISSING + 1), [(2, 1000)], id="the longest gap"),
        pytest.param(places(1, 1 + MOST_MISSING + 2), [], id="longer: another series"),
        pytest.param(places(1, 2) + places(4, storage="other"), [], id="each storage for itself"),
        pytest.param(
            [("card", "DCIM/100CANON", "IMG_0001.JPG"), ("card", "DCIM/100CANON", "_MG_0002.CR3")],
            [],
            id="Adobe RGB begins with another character and counts on",
        ),
        pytest.param(
            [("card", "DCIM/100CANON", "IMG_0001.CR3"), ("card", "DCIM/100CANON", "IMG_0001.JPG")],
            [],
            id="two files of one shot",
        ),
        pytest.param(
            [("card", "holiday", "IMG_0001.JPG"), ("card", "holiday", "IMG_0009.JPG")], [], id="no DCF"
        ),
        pytest.param([("card", "DCIM/100CANON", "IMG_0000.JPG")], [], id="0000 is no number"),
        pytest.param(
            places(1, 2) + places(4, folder="101MSDCF"), [], id="each camera's folders for themselves"
        ),
        pytest.param(
            [*places(1, 3), ("card", "OLD/DCIM/100CANON", "IMG_0002.JPG")],
            [(2, 2)],
            id="a copy elsewhere on the card fills no gap",
        ),
    ],
)
def test_what_is_missing(files: list[Place], missing: list[tuple[int, int]]) -> None:
    assert found(files) == missing


@given(st.sets(st.integers(1, 900), min_size=2))
def test_files_and_gaps_together_are_the_whole_range(numbers: set[int]) -> None:
    listed = gaps(places(*numbers))
    missing = {number for gap in listed for number in range(gap.first, gap.last + 1)}
    assert not missing & numbers
    assert missing | numbers == set(range(min(numbers), max(numbers) + 1))


@given(st.lists(st.tuples(st.text(max_size=6), st.text(max_size=20), st.text(max_size=14)), max_size=20))
def test_no_name_makes_it_fail(untrusted: list[Place]) -> None:
    gap_words(gaps(untrusted))


def test_words_name_a_few() -> None:
    many = tuple(Gap(storage="card", folder="f", first=n, last=n) for n in range(10, 30, 2))
    assert gap_words(()) == ""
    assert "0010, 0012, 0014, 0016, 0018 and 5 more" in gap_words(many)


def test_an_event_holds_no_more_gaps_than_a_record_has_room_for() -> None:
    """A storage's name comes from the device; each of these characters takes six bytes in the event."""
    plain = tuple(Gap(storage="card", folder="DCIM/100CANON", first=n, last=n) for n in range(1, 500))
    long = tuple(Gap(storage="\x01" * 255, folder="DCIM/100CANON", first=n, last=n) for n in range(1, 500))
    assert recordable(plain) == plain[:200]
    kept = recordable(long)
    assert kept == long[: len(kept)]
    assert 64 * 1024 < len(canon.encode(kept)) < 132 * 1024
