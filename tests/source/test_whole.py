"""The second opinion on a file's length: never an exception, never dependent on where the blocks end."""

from __future__ import annotations

import struct
import time
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medkiosk.source.model import SHAPE_WORDS, Shape
from medkiosk.source.whole import Form, Whole, form_of
from tests.shared import shared

_PHOTOS = Path(__file__).parents[2] / ".cache/photos"


def shape_of(data: bytes, form: Form = Form.ANY, cuts: tuple[int, ...] = ()) -> Shape:
    whole = Whole(form)
    for start, end in pairwise([0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]):
        whole.update(memoryview(data)[start:end])
    return whole.shape()


_kinds = st.sampled_from([0xC0, 0xC4, 0xDB, 0xDD, 0xE0, 0xE1, 0xFE])
_payloads = st.binary(max_size=40).map(lambda payload: payload.replace(b"\xff", b"\0"))


def _segment(kind: int, payload: bytes) -> bytes:
    return bytes([0xFF, kind]) + struct.pack(">H", len(payload) + 2) + payload


_segments = st.lists(st.builds(_segment, _kinds, _payloads), max_size=4).map(b"".join)
_coded = st.binary(min_size=1, max_size=80).map(
    lambda data: data.replace(b"\xff", b"\xff\0") + b"\xff\xd3\x01"
)
jpegs = st.tuples(_segments, _coded, _segments, _coded).map(
    lambda parts: (
        b"\xff\xd8"
        + parts[0]
        + _segment(0xDA, b"\1\1\0\0\x3f\0")
        + parts[1]
        + parts[2]
        + _segment(0xDA, b"\1\1\0\0\x3f\0")
        + parts[3]
        + b"\xff\xd9"
    )
)


def _box(kind: bytes, payload: bytes, long: bool) -> bytes:
    if long:
        return struct.pack(">I4sQ", 1, kind, 16 + len(payload)) + payload
    return struct.pack(">I4s", 8 + len(payload), kind) + payload


_boxes = st.lists(
    st.builds(
        _box, st.sampled_from([b"moov", b"mdat", b"uuid", b"free"]), st.binary(max_size=60), st.booleans()
    ),
    min_size=1,
    max_size=5,
).map(lambda boxes: _box(b"ftyp", b"crx \0\0\0\1crx isom", long=False) + b"".join(boxes))

_cuts = st.lists(st.integers(0, 700), max_size=6).map(tuple)


@given(st.one_of(st.binary(max_size=300), jpegs, _boxes), st.sampled_from(Form), _cuts)
def test_where_the_blocks_end_does_not_matter(data: bytes, form: Form, cuts: tuple[int, ...]) -> None:
    assert shape_of(data, form, cuts) == shape_of(data, form)


@given(jpegs, _cuts)
def test_a_jpeg_is_whole_at_its_end_and_nowhere_before(data: bytes, cuts: tuple[int, ...]) -> None:
    assert shape_of(data, Form.JPEG, cuts) == Shape.WHOLE
    for end in range(len(data)):
        assert shape_of(data[:end], Form.JPEG) == Shape.CUT, end


@given(jpegs, jpegs, st.integers(0, 40))
def test_a_preview_may_follow_and_zeros_may(first: bytes, second: bytes, zeros: int) -> None:
    both = first + bytes(zeros) + second
    assert shape_of(both + bytes(zeros)) == Shape.WHOLE
    assert shape_of(both[:-1]) == Shape.CUT


@given(
    jpegs,
    st.binary(min_size=1, max_size=40).filter(lambda data: data.lstrip(b"\0")[:1] not in {b"", b"\xff"}),
)
def test_other_bytes_after_a_jpeg_are_said(data: bytes, more: bytes) -> None:
    assert shape_of(data + more, Form.JPEG) == Shape.TRAILING


@given(jpegs, st.data())
def test_zeros_instead_of_the_end_of_a_jpeg_are_seen(data: bytes, draw: st.DataObject) -> None:
    left = draw.draw(st.integers(0, len(data) - 2))
    assert shape_of(data[:left] + bytes(len(data) - left), Form.JPEG).is_doubtful


@given(_boxes, _cuts, st.data())
def test_boxes_must_add_up(data: bytes, cuts: tuple[int, ...], draw: st.DataObject) -> None:
    assert shape_of(data, Form.BOXES, cuts) == Shape.WHOLE
    at, borders = 0, set()
    while at < len(data):
        size, _, long = struct.unpack(">I4sQ", (data + bytes(16))[at : at + 16])
        at += long if size == 1 else size
        borders.add(at)
    end = draw.draw(st.integers(0, len(data) - 1))
    found = shape_of(data[:end], Form.BOXES)
    assert found in ({Shape.WHOLE} if end in borders else {Shape.CUT, Shape.TRAILING})
    assert shape_of(data + bytes(20), Form.BOXES) == Shape.TRAILING


def test_a_box_may_go_on_to_the_end() -> None:
    start = _box(b"ftyp", b"isom", long=False)
    assert shape_of(start + struct.pack(">I4s", 0, b"mdat") + bytes(1000), Form.BOXES) == Shape.WHOLE


_TINY = b"\xff\xd8\xff\xda\0\2\xff\xd9\0"


@pytest.mark.parametrize("part", [_TINY, b"\xff\xfe\0\2", b"\xff\xd0"])
def test_a_file_of_parts_alone_is_not_followed_to_its_end(part: bytes) -> None:
    start = b"" if part == _TINY else b"\xff\xd8"
    assert shape_of(start + part * 30_000, Form.JPEG, (1000, 70_001)) == Shape.UNKNOWN
    boxes = _box(b"ftyp", b"isom", long=False) + _box(b"free", b"", long=False) * 30_000
    assert shape_of(boxes, Form.BOXES, (1000, 70_001)) == Shape.UNKNOWN
    assert shape_of(boxes[:4004], Form.BOXES) == Shape.WHOLE


@pytest.mark.parametrize("start", [_TINY * 2000, b"\xff\xd8" + b"\xff" * 2_000_000])
def test_small_parts_cost_no_copy_of_the_rest(start: bytes) -> None:
    """Half a minute, when each part copied what follows it."""
    data = start + bytes(16 << 20)
    began = time.process_time()
    shape_of(data, Form.JPEG)
    assert time.process_time() - began < 0.5


@pytest.mark.parametrize(
    ("data", "form", "shape"),
    [
        (b"", Form.JPEG, Shape.CUT),
        (b"", Form.ANY, Shape.UNKNOWN),
        (bytes(5000), Form.JPEG, Shape.BROKEN),
        (bytes(5000), Form.BOXES, Shape.BROKEN),
        (bytes(5000), Form.ANY, Shape.UNKNOWN),
        (b"\xff\xd8\xff\xe0\0\1" + bytes(50), Form.JPEG, Shape.BROKEN),
        (b"\xff\xd8\xff\xd9" + bytes(50), Form.JPEG, Shape.BROKEN),
        (b"\0\0\0\x0cftypisom\0\0\0\4mdat" + bytes(50), Form.BOXES, Shape.BROKEN),
    ],
)
def test_what_it_is_not(data: bytes, form: Form, shape: Shape) -> None:
    assert shape_of(data, form) == shape


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("IMG_0001.JPG", Form.JPEG),
        ("img_1.cr3", Form.BOXES),
        ("MVI_0001.MP4", Form.BOXES),
        ("a.txt", Form.ANY),
    ],
)
def test_the_name_says_what_to_expect(name: str, form: Form) -> None:
    assert form_of(name) == form


def test_real_files_are_whole() -> None:
    formats = shared("eval/formats")
    files = [*_PHOTOS.glob("*.jpg"), *(formats.iterdir() if formats is not None else ())]
    if not files:
        pytest.skip("no real files here")
    for path in files:
        data = path.read_bytes()
        assert shape_of(data, form_of(path.name), (7, 9, 4096)) == Shape.WHOLE, path.name


def test_every_doubt_has_words() -> None:
    assert set(SHAPE_WORDS) == {shape for shape in Shape if shape.is_damaged}
