from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from medkiosk.core.photo import RedactCode
from medkiosk.redact.container.cr3 import EmbeddedPhoto, embedded_photo
from medkiosk.redact.errors import ContainerError, JpegError
from tests.redact.containers import box, cr3, directory, full
from tests.redact.jpegs import camera_jpeg, encode, photo, with_orientation
from tests.shared import shared

SIZE = (48, 32)
JPEG = encode(photo(*SIZE), subsampling="4:2:2")
SMALL = encode(photo(24, 16))


def read(data: bytes) -> EmbeddedPhoto:
    return embedded_photo(memoryview(data))


def code_of(data: bytes) -> RedactCode:
    try:
        read(data)
    except (ContainerError, JpegError) as error:
        return error.code
    raise AssertionError("not refused")


@pytest.mark.parametrize("short", [True, False])
@pytest.mark.parametrize("wide", [True, False])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_full_size_jpeg_and_how_it_is_turned(orientation: int, *, wide: bool, short: bool) -> None:
    data = cr3(JPEG, SIZE, orientation, short=short, wide=wide, preview=SMALL)
    found = read(data)
    assert bytes(found.jpeg) == JPEG
    assert (found.orientation, found.adobe_rgb) == (orientation, False)
    assert found.jpeg.obj is data


def test_the_file_decides_how_it_is_turned_not_the_jpeg_inside() -> None:
    for turned in (2, 6):
        assert read(cr3(with_orientation(JPEG, turned), SIZE, 8)).orientation == 8
    assert read(cr3(with_orientation(JPEG, 6), SIZE, ifd0=directory())).orientation == 1


def test_what_follows_the_end_of_the_jpeg_is_left_out() -> None:
    dressed = camera_jpeg(JPEG)
    found = read(cr3(dressed, SIZE))
    assert bytes(found.jpeg).endswith(b"\xff\xd9")
    assert dressed[len(found.jpeg) :].startswith(b"after the end")


@pytest.mark.parametrize(
    ("ifd0", "orientation"),
    [
        (directory((0x0112, 6), little=False), 6),
        (directory((0x010F, 1), (0x0112, 3)), 3),
        (directory((0x0112, 0)), 1),
        (directory((0x0112, 9)), 1),
        (directory(), 1),
        (b"", 1),
        (b"II*\0\xff\xff\xff\xff", 1),
        (b"II*\0\x08\0\0\0\xff\xff", 1),
        (directory((0x0112, 6)).replace(b"\x12\x01\x03\0", b"\x12\x01\x04\0"), 1),
    ],
)
def test_malformed_metadata_is_upright(ifd0: bytes, orientation: int) -> None:
    assert read(cr3(JPEG, SIZE, ifd0=ifd0)).orientation == orientation


@pytest.mark.parametrize(
    ("exif", "maker", "adobe"),
    [
        (1, 2, False),
        (2, 1, True),
        (0xFFFF, 2, True),
        (0xFFFF, 1, False),
        (0xFFFF, 7, None),
    ],
)
def test_the_colour_space(exif: int, maker: int, *, adobe: bool | None) -> None:
    data = cr3(JPEG, SIZE, exif=directory((0xA001, exif)), maker=directory((0x00B4, maker)))
    assert read(data).adobe_rgb is adobe


def test_without_metadata_it_is_upright_and_of_unknown_colours() -> None:
    data = cr3(JPEG, SIZE, 6)
    found = read(data.replace(bytes.fromhex("85c0b687"), b"none", 1))
    assert (found.orientation, found.adobe_rgb) == (1, None)


def test_a_preview_never_stands_in_for_the_photograph() -> None:
    whole = cr3(JPEG, SIZE, preview=SMALL)
    start = whole.index(JPEG)
    for length in (start - 8, start, start + 1, start + len(JPEG) // 2, len(whole) - 1):
        assert code_of(whole[:length]) is RedactCode.TRUNCATED
    assert code_of(cr3(SMALL, SIZE, preview=SMALL)) is RedactCode.TRUNCATED
    assert code_of(cr3(b"<absent>" * 10, SIZE, preview=SMALL)) is RedactCode.TRUNCATED
    assert code_of(cr3(b"", SIZE, preview=SMALL)) is RedactCode.TRUNCATED
    assert code_of(cr3(JPEG[:-40], SIZE)) is RedactCode.TRUNCATED


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (cr3(JPEG, SIZE, entry=box(b"HEVC", bytes(20))), RedactCode.UNSUPPORTED),
        (cr3(JPEG, SIZE, entry=full(b"CMP1", bytes(20))), RedactCode.TRUNCATED),
        (cr3(JPEG, SIZE, count=30), RedactCode.UNSUPPORTED),
        (cr3(JPEG, SIZE, count=0), RedactCode.TRUNCATED),
        (cr3(JPEG, SIZE, size_field=1 << 31), RedactCode.TRUNCATED),
        (cr3(JPEG, SIZE, size_field=0), RedactCode.TRUNCATED),
        (cr3(JPEG, (32, 48)), RedactCode.TRUNCATED),
        (cr3(encode(photo(*SIZE).convert("CMYK")), SIZE), RedactCode.CMYK),
        (box(b"ftyp", b"crx \0\0\0\1"), RedactCode.TRUNCATED),
        (box(b"ftyp", b"crx \0\0\0\1") + box(b"moov"), RedactCode.TRUNCATED),
        (box(b"ftyp", b"crx \0\0\0\1") + box(b"moov", box(b"free") * 2000), RedactCode.UNSUPPORTED),
        (box(b"ftyp", b"crx \0\0\0\1") + bytes(100), RedactCode.TRUNCATED),
    ],
)
def test_what_is_refused(data: bytes, code: RedactCode) -> None:
    assert code_of(data) is code


def test_a_sample_far_outside_is_truncated() -> None:
    data = cr3(JPEG, SIZE)
    at = data.index(b"co64") + 12
    for place in (len(data), 1 << 40, (1 << 64) - 1):
        assert code_of(data[:at] + struct.pack(">Q", place) + data[at + 8 :]) is RedactCode.TRUNCATED


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_mutations_are_read_or_refused(data: st.DataObject) -> None:
    whole = cr3(JPEG, SIZE, 6)
    head = len(whole) - len(JPEG)
    mutated = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 6))):
        mutated[data.draw(st.integers(0, head - 1))] = data.draw(st.integers(0, 255))
    try:
        found = read(bytes(mutated[: data.draw(st.integers(head, len(whole)))]))
    except (ContainerError, JpegError):
        return
    assert bytes(found.jpeg) == JPEG
    assert 1 <= found.orientation <= 8


@pytest.mark.parametrize("name", ["Canon-R6-pruned.CR3", "exiftool_CanonRaw.cr3"])
def test_real_files_without_their_picture_are_truncated(name: str) -> None:
    folder = shared("eval/formats")
    if folder is None:
        pytest.skip("the camera files are not there")
    data = (folder / name).read_bytes()
    with pytest.raises(ContainerError) as caught:
        read(data)
    assert caught.value.code is RedactCode.TRUNCATED


def test_a_real_file_with_a_picture_put_back() -> None:
    folder = shared("eval/formats")
    if folder is None:
        pytest.skip("the camera files are not there")
    data = (folder / "Canon-R6-pruned.CR3").read_bytes()
    at = data.index(b"co64") + 12
    start = int.from_bytes(data[at : at + 8], "big")
    sizes = data.index(b"stsz") + 16
    length = int.from_bytes(data[sizes : sizes + 4], "big")
    jpeg = encode(Image.new("RGB", (3408, 2272), (150, 120, 100)))
    gap = start - len(data) - 16
    mdat = struct.pack(">I4sQ", 1, b"mdat", 16 + gap + length) + bytes(gap)
    found = read(data + mdat + jpeg + bytes(length - len(jpeg)))
    assert bytes(found.jpeg) == jpeg
    assert (found.orientation, found.adobe_rgb) == (1, False)
