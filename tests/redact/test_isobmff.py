from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medkiosk.core.photo import RedactCode
from medkiosk.redact.container.isobmff import MAX_BOXES, boxes, child, complete, find, number
from medkiosk.redact.errors import ContainerError
from tests.redact.containers import box
from tests.shared import shared

FTYP = box(b"ftyp", b"heix\0\0\0\0mif1")


def code_of(data: bytes, *, file: bool = False) -> RedactCode:
    with pytest.raises(ContainerError) as caught:
        boxes(memoryview(data), file=file)
    return caught.value.code


def test_boxes_lie_side_by_side_and_are_views() -> None:
    data = FTYP + box(b"uuid", b"U" * 16, b"inside") + box(b"free") + box(b"mdat", b"abc", wide=True)
    found = boxes(memoryview(data))
    assert [b.type for b in found] == [b"ftyp", b"uuid", b"free", b"mdat"]
    assert (found[1].user, bytes(found[1].body)) == (b"U" * 16, b"inside")
    assert bytes(found[3].body) == b"abc"
    assert all(b.body.obj is data for b in found)
    assert find(found, b"uuid") is None
    assert find(found, b"uuid", b"U" * 16) is not None


def test_a_path_leads_down() -> None:
    data = memoryview(box(b"a\0\0\0", box(b"free"), box(b"b\0\0\0", box(b"c\0\0\0", b"deep"))))
    assert bytes(child(data, b"a\0\0\0", b"b\0\0\0", b"c\0\0\0")) == b"deep"
    with pytest.raises(ContainerError) as caught:
        child(data, b"a\0\0\0", b"x\0\0\0")
    assert caught.value.code is RedactCode.TRUNCATED


@pytest.mark.parametrize(
    "data",
    [
        FTYP[:-1],
        FTYP + b"\0",
        FTYP + bytes(7),
        struct.pack(">I4s", 7, b"free"),
        struct.pack(">I4sQ", 1, b"free", 15),
        struct.pack(">I4sQ", 1, b"free", 1 << 63) + bytes(100),
        struct.pack(">I4s", 1, b"free") + bytes(7),
        struct.pack(">I4s", 0xFFFFFFFF, b"free") + bytes(100),
        struct.pack(">I4s", 20, b"uuid") + bytes(12),
        struct.pack(">I4s", 0, b"mdat") + bytes(8),
    ],
)
def test_sizes_that_lie_are_truncated(data: bytes) -> None:
    assert code_of(data) is RedactCode.TRUNCATED


def test_only_the_file_may_have_a_box_to_its_end() -> None:
    data = FTYP + struct.pack(">I4s", 0, b"mdat") + b"to the end"
    assert bytes(boxes(memoryview(data), file=True)[1].body) == b"to the end"
    assert complete(memoryview(data))


def test_too_many_boxes_are_refused() -> None:
    assert len(boxes(memoryview(box(b"free") * MAX_BOXES))) == MAX_BOXES
    assert code_of(box(b"free") * (MAX_BOXES + 1)) is RedactCode.UNSUPPORTED


def test_a_thousand_levels_are_never_entered() -> None:
    data = b"end"
    for _ in range(1000):
        data = box(b"moov", data)
    assert [b.type for b in boxes(memoryview(data))] == [b"moov"]
    assert len(child(memoryview(data), *[b"moov"] * 5)) == len(data) - 40


def test_complete_wants_every_byte() -> None:
    data = FTYP + box(b"moov", b"x" * 30) + box(b"mdat", b"y" * 50)
    ends = {len(FTYP), len(FTYP) + 38, len(data)}
    assert {length for length in range(len(data) + 1) if complete(memoryview(data)[:length])} == ends
    assert not complete(memoryview(data + b"\0"))
    assert not complete(memoryview(data[len(FTYP) :]))


@pytest.mark.parametrize("name", ["Canon.HIF", "Sony.HIF", "Canon-R6-pruned.CR3", "exiftool_CanonRaw.cr3"])
def test_real_files_are_whole(name: str) -> None:
    folder = shared("eval/formats")
    if folder is None:
        pytest.skip("the camera files are not there")
    data = (folder / name).read_bytes()
    assert complete(memoryview(data))
    assert not complete(memoryview(data[:-1]))


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        found = boxes(memoryview(data), file=True)
    except ContainerError:
        assert not complete(memoryview(data))
        return
    assert sum(8 + len(b.body) for b in found) <= len(data)


def test_numbers_end_with_the_data() -> None:
    assert number(memoryview(b"\1\2\3"), 1, 2) == 0x0203
    for at, size in ((2, 2), (3, 1), (100, 4)):
        with pytest.raises(ContainerError):
            number(memoryview(b"\1\2\3"), at, size)
