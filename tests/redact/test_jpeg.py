from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medkiosk.core.photo import RedactCode
from medkiosk.redact.errors import JpegError
from medkiosk.redact.jpeg.header import parse
from medkiosk.redact.jpeg.structure import JFIF, flaw
from tests.redact.jpegs import camera_jpeg, encode, exif_segment, photo, segment, with_orientation

PLAIN = b"\xff\xd8" + JFIF + encode(photo(40, 24), subsampling="4:2:2")[20:]
"""With our own header, as a derivative has it."""


def code_of(data: bytes) -> RedactCode:
    with pytest.raises(JpegError) as caught:
        parse(data)
    return caught.value.code


def test_reads_what_a_camera_writes() -> None:
    header = parse(camera_jpeg(PLAIN, 6))
    assert (header.width, header.height, header.sof) == (40, 24, 0xC0)
    assert [(c.h, c.v) for c in header.components] == [(2, 1), (1, 1), (1, 1)]
    assert header.orientation == 6
    assert camera_jpeg(PLAIN, 6)[header.end :].startswith(b"after the end")


@pytest.mark.parametrize("little", [True, False])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_in_either_byte_order(orientation: int, *, little: bool) -> None:
    data = PLAIN[:2] + exif_segment(orientation, b"", little=little) + PLAIN[2:]
    assert parse(data).orientation == orientation


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_orientation_that_makes_no_sense_is_upright(orientation: int) -> None:
    assert parse(with_orientation(PLAIN, orientation)).orientation == 1


@pytest.mark.parametrize("length", [2, 3, 20, 300, len(PLAIN) // 2, len(PLAIN) - 1])
def test_every_cut_is_truncated(length: int) -> None:
    assert code_of(PLAIN[:length]) is RedactCode.TRUNCATED


def parse_segments(data: bytes, marker: int) -> list[bytes]:
    found, at = [], data.find(bytes([0xFF, marker]))
    while at >= 0:
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        found.append(data[at : at + 2 + length])
        at = data.find(bytes([0xFF, marker]), at + 2 + length)
    return found


def frame(data: bytes) -> bytes:
    return parse_segments(data, 0xC0)[0]


def ycck() -> bytes:
    """CMYK as printers' programs store it: four components, Adobe transform 2."""
    return patched(b"Adobe", 11, 2, encode(photo(16, 16).convert("CMYK")))


def patched(marker: bytes, offset: int, value: int, data: bytes = PLAIN) -> bytes:
    changed = bytearray(data)
    changed[data.index(marker) + offset] = value
    return bytes(changed)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (patched(b"\xff\xc0", 4, 12), RedactCode.CODING),  # 12 bits a sample
        (patched(b"\xff\xc0", 1, 0xC3), RedactCode.CODING),  # lossless
        (patched(b"\xff\xc0", 1, 0xC5), RedactCode.CODING),  # differential, in a hierarchical file
        (patched(b"\xff\xc0", 1, 0xC9), RedactCode.CODING),  # arithmetic
        (
            PLAIN[:2] + segment(0xDE, PLAIN[PLAIN.index(b"\xff\xc0") + 4 :][:15]) + PLAIN[2:],
            RedactCode.CODING,
        ),
        (PLAIN[:2] + frame(PLAIN) + PLAIN[2:], RedactCode.CODING),  # two frames
        (encode(photo(16, 16).convert("CMYK")), RedactCode.CMYK),
        (ycck(), RedactCode.CMYK),
        (patched(b"\xff\xc0", 14, 0x31), RedactCode.UNSUPPORTED),  # 3 chroma samples where luma has 2
        (patched(b"\xff\xc0", 11, 0x14), RedactCode.UNSUPPORTED),  # 4:4:1
        (
            patched(b"\xff\xc0", 11, 0x41, patched(b"\xff\xc0", 17, 0x21)),
            RedactCode.UNSUPPORTED,
        ),  # uneven chroma
        (PLAIN[:2] + segment(0xDC, b"\0\x10") + PLAIN[2:], RedactCode.UNSUPPORTED),  # height after the scan
        (patched(b"\xff\xc0", 13, 1), RedactCode.TRUNCATED),  # two components of one name
    ],
)
def test_what_is_not_handled_is_refused_by_name(data: bytes, code: RedactCode) -> None:
    assert code_of(data) is code


def test_tables_are_in_natural_order() -> None:
    table = bytes(range(1, 65))
    dqt = PLAIN.index(b"\xff\xdb")
    data = PLAIN[:dqt] + segment(0xDB, b"\0" + table) + PLAIN[dqt + 69 :]
    quant = parse(data).quant[0]
    assert (quant[0], quant[1], quant[8], quant[16], quant[9], quant[2], quant[63]) == (1, 2, 3, 4, 5, 6, 64)
    wide = (
        PLAIN[:dqt] + segment(0xDB, b"\x10" + b"".join(b"\1" + bytes([n]) for n in table)) + PLAIN[dqt + 69 :]
    )
    assert parse(wide).quant[0] == tuple(256 + value for value in quant)
    zero = PLAIN[:dqt] + segment(0xDB, b"\0" + table[:40] + b"\0" + table[41:]) + PLAIN[dqt + 69 :]
    assert code_of(zero) is RedactCode.TRUNCATED


def test_rgb_components_are_refused() -> None:
    rgb = encode(photo(16, 16), keep_rgb=True)
    assert code_of(rgb) is RedactCode.UNSUPPORTED
    without_adobe = rgb
    for found in parse_segments(rgb, 0xEE):
        without_adobe = without_adobe.replace(found, b"")
    assert code_of(without_adobe) is RedactCode.UNSUPPORTED


@settings(max_examples=300)
@given(st.data())
def test_mutations_are_read_or_refused(data: st.DataObject) -> None:
    mutated = bytearray(camera_jpeg(PLAIN))
    for _ in range(data.draw(st.integers(1, 8))):
        mutated[data.draw(st.integers(0, len(mutated) - 1))] = data.draw(st.integers(0, 255))
    try:
        header = parse(bytes(mutated))
    except JpegError:
        return
    assert 0 < header.end <= len(mutated)
    assert all(c.table in header.quant for c in header.components)


@given(st.binary(max_size=200))
def test_noise_is_refused(noise: bytes) -> None:
    assert code_of(b"\xff\xd8\xff" + noise + b"\0") is not RedactCode.OK


def test_only_our_own_structure_passes() -> None:
    assert flaw(PLAIN) == ""
    for bad in (
        PLAIN + b"\0",
        camera_jpeg(PLAIN),
        PLAIN[:2] + segment(0xFE, b"comment") + PLAIN[2:],
        PLAIN[:-2] + segment(0xE1, b"late") + PLAIN[-2:],
        PLAIN[:2] + PLAIN[20:],  # no JFIF header
        PLAIN[:20] + b"\xff" + PLAIN[20:],  # a fill byte
        encode(photo(16, 16), progressive=True),
        PLAIN[:-2],
    ):
        assert flaw(bad)
