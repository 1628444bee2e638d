"""A picture whose scans are not all there, or make no sense, is no whole picture."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from medkiosk.core.photo import RedactCode
from medkiosk.redact.errors import JpegError
from medkiosk.redact.jpeg import header as jpeg
from medkiosk.redact.jpeg.header import M
from medkiosk.redact.jpeg.scans import MAX_SCANS, Scans
from tests.redact.jpegs import KINDS, encode_kind, photo

COLOUR = {1: 4, 2: 1, 3: 1}


def scan(ids: Sequence[int], first: int, last: int, high: int = 0, low: int = 0) -> bytes:
    members = b"".join(bytes([id_, 0]) for id_ in ids)
    return bytes([len(ids)]) + members + bytes([first, last, high << 4 | low])


def verdict(
    script: Sequence[bytes], blocks: dict[int, int] = COLOUR, *, progressive: bool = True
) -> RedactCode:
    scans = Scans(blocks, progressive=progressive)
    try:
        for body in script:
            scans.add(body)
        scans.check_complete()
    except JpegError as error:
        return error.code
    return RedactCode.OK


WHOLE = [
    scan([1, 2, 3], 0, 0, 0, 1),
    scan([1], 1, 5, 0, 2),
    scan([3], 1, 63, 0, 1),
    scan([2], 1, 63, 0, 1),
    scan([1], 6, 63, 0, 2),
    scan([1], 1, 63, 2, 1),
    scan([1, 2, 3], 0, 0, 1, 0),
    scan([2], 1, 63, 1, 0),
    scan([3], 1, 63, 1, 0),
    scan([1], 1, 63, 1, 0),
]
"""What libjpeg writes (jcparam.c, its only progressive script for colour)."""


def test_a_whole_progressive_script() -> None:
    assert verdict(WHOLE) is RedactCode.OK


@pytest.mark.parametrize("missing", range(len(WHOLE)))
def test_no_scan_may_be_missing(missing: int) -> None:
    assert verdict(WHOLE[:missing] + WHOLE[missing + 1 :]) is RedactCode.TRUNCATED


@pytest.mark.parametrize("again", range(len(WHOLE)))
def test_no_scan_may_come_twice(again: int) -> None:
    assert verdict([*WHOLE[: again + 1], *WHOLE[again:]]) is RedactCode.TRUNCATED
    assert verdict([*WHOLE, WHOLE[again]]) is RedactCode.TRUNCATED


@pytest.mark.parametrize(
    "body",
    [
        scan([1], 0, 5),  # DC and AC together
        scan([1, 2], 1, 63),  # AC of two components
        scan([1], 0, 0, 0, 14),  # more bits than there are
        scan([1], 0, 0, 3, 1),  # two bits at once
        scan([2, 1, 3], 0, 0, 0, 1),  # not in the frame's order
        scan([1, 1], 0, 0),
        scan([9], 0, 0),
        scan([1], 9, 5),
        scan([1], 1, 64),
        scan([1], 1, 63),  # before its DC
        scan([], 0, 0),
        b"",
        scan([1], 0, 0)[:-1],
        b"\5" + scan([1, 2, 3], 0, 0)[1:],
    ],
)
def test_what_the_standard_forbids(body: bytes) -> None:
    assert verdict([body, *WHOLE]) is RedactCode.TRUNCATED


def test_an_mcu_has_ten_blocks_at_most() -> None:
    assert verdict([scan([1, 2, 3], 0, 63)], {1: 8, 2: 1, 3: 1}, progressive=False) is RedactCode.OK
    assert verdict([scan([1, 2, 3], 0, 63)], {1: 8, 2: 2, 3: 1}, progressive=False) is RedactCode.TRUNCATED


def test_sequential_components_come_once_each() -> None:
    one, two, three = (scan([id_], 0, 63) for id_ in (1, 2, 3))
    assert verdict([one, three, two], progressive=False) is RedactCode.OK
    assert verdict([one, scan([2, 3], 0, 63)], progressive=False) is RedactCode.OK
    for bad in (
        [one, two],
        [one, two, two, three],
        [one, two, scan([3], 0, 5)],
        [*WHOLE[:1], one, two, three],
    ):
        assert verdict(bad, progressive=False) is RedactCode.TRUNCATED


def test_the_number_of_scans_is_bounded() -> None:
    bits = [scan([1, 2, 3], 0, 0, 0, 13), *(scan([1, 2, 3], 0, 0, low + 1, low) for low in range(12, -1, -1))]
    bands = [scan([id_], k, k) for id_ in (1, 2, 3) for k in range(1, 64)]
    assert verdict(bits + bands) is RedactCode.CODING
    assert len(bits) + 63 < MAX_SCANS


@given(st.lists(st.binary(max_size=10), max_size=5), st.booleans())
def test_noise_is_never_whole(script: list[bytes], progressive: bool) -> None:
    assert verdict(script, progressive=progressive) is not RedactCode.OK


def cut_at_each_scan(data: bytes) -> list[bytes]:
    """The file with fewer and fewer scans, ended properly."""
    starts = [segment.start for segment in jpeg.parse(data).segments if segment.marker == M.SOS]
    return [data[:start] + b"\xff\xd9" for start in starts[1:]]


@pytest.mark.parametrize("kind", KINDS)
def test_progressive_files_without_their_last_scans(kind: str) -> None:
    data = encode_kind(photo(64, 48, grey=kind == "grey"), kind, progressive=True)
    cut = cut_at_each_scan(data)
    assert len(cut) >= 5
    for part in cut:
        # Other programs show something, and do not say that it is not the picture.
        assert np.asarray(Image.open(io.BytesIO(part))).shape[:2] == (48, 64)
        with pytest.raises(JpegError) as caught:
            jpeg.parse(part)
        assert caught.value.code is RedactCode.TRUNCATED
