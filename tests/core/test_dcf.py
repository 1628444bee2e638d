"""Where a file stands by its name, and which files are one shot."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medkiosk.core.dcf import DcfPlace, capture_key, in_order, media_extension, public_name, shot_name


@pytest.mark.parametrize(
    ("name", "extension"),
    [
        ("IMG_0001.JPG", "JPG"),
        ("img_0001.cr3", "CR3"),
        ("IMG_0001.HIF", "HIF"),
        ("MVI_0002.MP4", "MP4"),
        ("IMG_0001", None),
        ("JPG", None),
        ("notes.txt", None),
        ("x.JPG.exe", None),
    ],
)
def test_media_extension(name: str, extension: str | None) -> None:
    assert media_extension(name) == extension


def test_a_place_is_read_in_either_case() -> None:
    place = DcfPlace("CANON", 100, 12, "IMG_0012")
    assert DcfPlace.of("DCIM/100CANON", "IMG_0012.CR3") == place
    assert DcfPlace.of("dcim/100canon", "img_0012.jpg") == place
    assert shot_name("DCIM/100CANON", "IMG_0012.CR3") == "IMG_0012"


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("", "IMG_0001.JPG"),
        ("100CANON", "IMG_0001.JPG"),
        ("OLD/100CANON", "IMG_0001.JPG"),
        ("OLD/DCIM/100CANON", "IMG_0001.JPG"),
        ("DCIM/100CANON/OLD", "IMG_0001.JPG"),
        (".Trashes/501/DCIM/100CANON", "IMG_0001.JPG"),
        ("DCIM/099CANON", "IMG_0001.JPG"),
        ("DCIM/100CANON2", "IMG_0001.JPG"),
        ("DCIM/100CANON\n", "IMG_0001.JPG"),
        ("DCIM/100CAN ON", "IMG_0001.JPG"),
        ("DC\u0131M/100CANON", "IMG_0001.JPG"),  # a dotless i, whose capital is I
        ("DCIM/100CANON", "\u0131MG_0001.JPG"),
        ("DCIM/100CANON", "IMG_\u0660\u0660\u0660\u0661.JPG"),  # digits of another script
        ("DCIM/100CANON", "IMG_0000.JPG"),
        ("DCIM/100CANON", "IMG_0001"),
        ("DCIM/100CANON", "IMG_0001.TXT"),
        ("DCIM/100CANON", "IMG_0001 (1).JPG"),
        ("DCIM/100CANON", "IMG_0001.JPG.JPG"),
        ("DCIM/100CANON", "IMG_0001.JPG\n"),
        ("DCIM/100CANON", "IMG_00001.JPG"),
        ("DCIM/100MSDCF", "DSC00009.ARW"),
    ],
)
def test_what_no_camera_put_there_has_no_place(folder: str, name: str) -> None:
    assert DcfPlace.of(folder, name) is None
    assert shot_name(folder, name) == ""


def test_files_of_one_shot_are_one_capture() -> None:
    names = ("IMG_0001.CR3", "IMG_0001.JPG", "img_0001.hif", "IMG_0001.WAV")
    assert len({capture_key("DCIM/100CANON", name) for name in names}) == 1
    assert len({capture_key("sorted by hand/may", name) for name in names}) == 1


@pytest.mark.parametrize(
    "other",
    [
        ("DCIM/100CANON", "IMG_0002.JPG"),
        ("DCIM/101CANON", "IMG_0001.JPG"),
        ("DCIM/100CANON", "MVI_0001.MP4"),
        ("DCIM/100CANON", "IMG_0001.TXT"),
        ("DCIM/100CANON", "IMG_00001.JPG"),
        ("DCIM/100CANON", "../IMG_0001.JPG"),
        ("DCIM/100CANON", "\u0131MG_0001.JPG"),
    ],
)
def test_other_files_are_other_captures(other: tuple[str, str]) -> None:
    assert capture_key(*other) != capture_key("DCIM/100CANON", "IMG_0001.JPG")


@pytest.mark.parametrize("name", ["IMG_0000.JPG", "holiday.JPG", "IMG-0001.JPG"])
def test_names_that_are_not_dcf_stand_alone(name: str) -> None:
    assert capture_key("DCIM/100CANON", name) != capture_key("DCIM/100CANON", name.replace("JPG", "CR3"))


@given(st.text(max_size=20), st.text(max_size=20))
def test_no_name_makes_it_fail(folder: str, name: str) -> None:
    assert (DcfPlace.of(folder, name) is None) == (shot_name(folder, name) == "")


@pytest.mark.parametrize(
    ("numbers", "ordered"),
    [
        ([7], [7]),
        ([1, 2, 5], [1, 2, 5]),
        ([1, 2, 9998, 9999], [9998, 9999, 1, 2]),
        ([1, 2, 9998], [1, 2, 9998]),
        ([2, 9998, 9999], [2, 9998, 9999]),
    ],
)
def test_the_order_within_a_folder(numbers: list[int], ordered: list[int]) -> None:
    assert in_order(numbers) == ordered


@given(st.sets(st.integers(1, 9999), min_size=1))
def test_ordering_loses_nothing(numbers: set[int]) -> None:
    assert sorted(in_order(sorted(numbers))) == sorted(numbers)


@pytest.mark.parametrize("name", ["MAIE1962.JPG", "10234567.JPG", "BE3B0001.JPG"])
def test_only_what_a_camera_names_by_itself_is_shown_to_everybody(name: str) -> None:
    assert shot_name("DCIM/100CANON", name)
    assert public_name("DCIM/100CANON", name) == ""
    assert public_name("DCIM/100CANON", "_MG_0012.JPG") == "_MG_0012"
