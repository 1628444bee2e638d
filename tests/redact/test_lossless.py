"""Burning, cropping and turning, checked by a reader that shares nothing with the library that writes."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from medkiosk.core.photo import Box, Category, RedactCode
from medkiosk.redact.errors import BurnError, JpegError
from medkiosk.redact.jpeg import header as jpeg
from medkiosk.redact.jpeg.burn import burn
from medkiosk.redact.jpeg.crop import crop, cropped_box
from medkiosk.redact.jpeg.structure import flaw
from medkiosk.redact.jpeg.turbojpeg import TurboJpeg
from medkiosk.redact.jpeg.upright import Op, Upright, upright
from medkiosk.redact.plan import make_plan
from medkiosk.redact.region import Size
from tests.redact import entropy
from tests.redact.jpegs import KINDS, encode, encode_kind, photo, stored, with_orientation

TURBO = TurboJpeg()
TURNED = {5, 6, 7, 8}
CUT_RIGHT, CUT_BOTTOM = {2, 3, 7, 8}, {3, 4, 6, 7}


def plan(data: bytes, boxes: list[Box]) -> tuple[Upright, list[Box]]:
    picture = upright(jpeg.parse(data))
    return picture, [
        m.box for m in make_plan([(Category.FACE, box) for box in boxes], picture.mcu, picture.size)
    ]


def expected(original: entropy.Picture, index: int, orientation: int) -> np.ndarray:
    """The blocks of a component when upright, from the original as the second reader reads it."""
    plane = original.planes[index]
    blocks = original.visible(index)
    top_h, top_v = max(p.h for p in original.planes), max(p.v for p in original.planes)
    if orientation in CUT_RIGHT:
        blocks = blocks[:, : original.width // (8 * top_h) * plane.h]
    if orientation in CUT_BOTTOM:
        blocks = blocks[: original.height // (8 * top_v) * plane.v]
    return entropy.turned(blocks, orientation)


def masked(picture: Upright, index: int, shape: tuple[int, ...], masks: list[Box]) -> np.ndarray:
    """Which blocks lie under masks, painted pixel by pixel on the luma grid."""
    plane = picture.planes[index]
    canvas = np.zeros(
        (shape[0] * 8 * picture.mcu.height // (8 * plane.v), shape[1] * picture.mcu.width // plane.h), bool
    )
    for mask in masks:
        canvas[mask.y : mask.y + mask.h, mask.x : mask.x + mask.w] = True
    rows = np.arange(shape[0]) // plane.v * picture.mcu.height
    columns = np.arange(shape[1]) // plane.h * picture.mcu.width
    return canvas[rows][:, columns]


def check(data: bytes, baseline: bytes, orientation: int, wanted: list[Box]) -> bytes:
    """Burn ``data``, and compare with what the second reader finds in ``baseline``, the same coefficients."""
    picture, masks = plan(data, wanted)
    derivative = burn(data[: jpeg.parse(data).end], picture, masks, TURBO)
    before, after = entropy.read(baseline), entropy.read(derivative)
    assert (after.width, after.height) == picture.size
    for index, plane in enumerate(after.planes):
        want, got = expected(before, index, orientation), after.visible(index)
        inside = masked(picture, index, got.shape, masks)
        assert (got[~inside] == want[~inside]).all()
        burned = np.zeros((8, 8), int)
        table = before.quant[before.planes[index].quant].reshape(8, 8)
        burned[0, 0] = 0 if index else -(1024 // table[0, 0])
        assert (got[inside] == burned).all()
        assert (after.quant[plane.quant].reshape(8, 8) == (table.T if orientation in TURNED else table)).all()
    assert burn(data[: jpeg.parse(data).end], picture, masks[::-1], TURBO) == derivative
    return derivative


boxes = st.builds(Box, st.integers(0, 60), st.integers(0, 60), st.integers(1, 50), st.integers(1, 50))
sizes = st.integers(33, 64)


@settings(max_examples=120, deadline=None)
@given(
    sizes, sizes, st.sampled_from(KINDS), st.integers(1, 8), st.sampled_from([0, 1, 3]), st.booleans(),
    st.lists(boxes, max_size=3),
)  # fmt: skip
def test_outside_the_masks_nothing_changes_and_inside_nothing_stays(
    width: int, height: int, kind: str, orientation: int, restart: int, progressive: bool, wanted: list[Box]
) -> None:
    image = photo(width, height, grey=kind == "grey")
    baseline = encode_kind(image, kind, restart=restart)
    data = with_orientation(encode_kind(image, kind, restart=restart, progressive=progressive), orientation)
    if kind == "4:1:1" and orientation in TURNED:
        with pytest.raises(JpegError) as caught:
            plan(data, wanted)
        assert caught.value.code is RedactCode.UNSUPPORTED
        return
    derivative = check(data, baseline, orientation, wanted)
    assert flaw(derivative) == ""


def doubled(image: Image.Image, kind: str, h: int, v: int) -> bytes:
    """The same picture with sampling factors that are larger than they need be, as some cameras write."""
    data = encode_kind(image, kind)
    picture = entropy.read(data)
    for plane in picture.planes:
        plane.h, plane.v = plane.h * h, plane.v * v
        wider = np.zeros((plane.blocks.shape[0] * v, plane.blocks.shape[1] * h, 8, 8), np.int16)
        wider[: plane.blocks.shape[0], : plane.blocks.shape[1]] = plane.blocks
        plane.blocks = wider
    return entropy.write(picture, data)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(
    ("kind", "h", "v"), [("4:4:4", 2, 1), ("4:4:4", 1, 2), ("4:2:2", 1, 2), ("4:4:0", 2, 1)]
)
def test_sampling_factors_that_are_larger_than_need_be(kind: str, h: int, v: int, orientation: int) -> None:
    image = photo(61, 45)
    plain, odd = encode_kind(image, kind), doubled(image, kind, h, v)
    assert (np.asarray(Image.open(io.BytesIO(odd))) == np.asarray(Image.open(io.BytesIO(plain)))).all()
    check(with_orientation(odd, orientation), odd, orientation, [Box(17, 9, 20, 12)])


@settings(max_examples=100, deadline=None)
@given(sizes, sizes, st.sampled_from(KINDS), boxes, st.lists(boxes, max_size=2))
def test_a_crop_is_the_same_blocks_and_no_others(
    width: int, height: int, kind: str, box: Box, wanted: list[Box]
) -> None:
    data = encode_kind(photo(width, height, grey=kind == "grey"), kind)
    picture, masks = plan(data, wanted)
    derivative = burn(data, picture, masks, TURBO)
    if box.x >= width or box.y >= height:
        with pytest.raises(ValueError, match="inside"):
            crop(derivative, box, TURBO)
        return
    part = cropped_box(box, picture)
    result = crop(derivative, box, TURBO)
    assert flaw(result) == ""
    assert crop(derivative, box, TURBO) == result
    whole, cut = entropy.read(derivative), entropy.read(result)
    assert (cut.width, cut.height) == (part.w, part.h)
    for index, plane in enumerate(whole.planes):
        top, left = part.y * plane.v // picture.mcu.height, part.x * plane.h // picture.mcu.width
        got = cut.visible(index)
        assert (got == plane.blocks[top : top + got.shape[0], left : left + got.shape[1]]).all()
        assert (cut.quant[cut.planes[index].quant] == whole.quant[plane.quant]).all()


class _Elsewhere(TurboJpeg):
    """A library that crops one MCU further right."""

    def crop(self, data: bytes | memoryview, box: Box, rows: object) -> bytes:
        return super().crop(data, Box(box.x + 16, box.y, box.w, box.h), rows)  # type: ignore[arg-type]


class _Lavish(TurboJpeg):
    """A library that keeps more than was asked for."""

    def crop(self, data: bytes | memoryview, box: Box, rows: object) -> bytes:
        return super().crop(data, Box(box.x, box.y, box.w + 16, box.h), rows)  # type: ignore[arg-type]


@pytest.mark.parametrize("library", [_Elsewhere, _Lavish])
def test_a_crop_of_something_else_is_caught(library: type[TurboJpeg]) -> None:
    data = encode_kind(photo(96, 64), "4:2:2")
    derivative = burn(data, upright(jpeg.parse(data)), [], TURBO)
    with pytest.raises(BurnError):
        crop(derivative, Box(16, 16, 32, 16), library())


class _OtherTables(TurboJpeg):
    """A library that writes the coefficients with other divisors."""

    def transform(self, data: bytes | memoryview, op: Op, rows: object) -> bytes:
        written = super().transform(data, op, rows)  # type: ignore[arg-type]
        at = written.index(b"\xff\xdb") + 5
        return written[:at] + bytes([written[at] + 1]) + written[at + 1 :]


def test_other_quantisation_tables_are_caught() -> None:
    data = encode_kind(photo(64, 64), "4:2:2")
    with pytest.raises(BurnError, match="tables"):
        burn(data, upright(jpeg.parse(data)), [], _OtherTables())


@pytest.mark.parametrize("kind", KINDS)
def test_real_photographs(faces_folder: Path, kind: str) -> None:
    for number, path in enumerate(sorted(faces_folder.glob("*.jpg"))[::19]):
        with Image.open(path) as opened:
            image = opened.convert("L" if kind == "grey" else "RGB").crop((200, 150, 371, 290))
        orientation = 1 + (3 * number + len(kind)) % (4 if kind == "4:1:1" else 8)
        data = encode_kind(image, kind, quality=97)
        check(
            with_orientation(data, orientation),
            data,
            orientation,
            [Box(30, 20, 60, 50), Box(100, 90, 20, 20)],
        )


@pytest.mark.parametrize("orientation", range(1, 9))
def test_turning_is_what_a_viewer_does(orientation: int) -> None:
    image = photo(64, 48)
    data = with_orientation(encode(stored(image, orientation), subsampling="4:4:4", quality=100), orientation)
    picture, _ = plan(data, [])
    assert picture.size == Size(64, 48)
    got = np.asarray(Image.open(io.BytesIO(burn(data, picture, [], TURBO))), int)
    assert np.abs(got - np.asarray(image, int)).max() <= 6
