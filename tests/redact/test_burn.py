"""The promise of the burning code: black inside the masks, every other coefficient as it was."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from medkiosk.core.photo import Box, Category, RedactCode
from medkiosk.redact.errors import BurnError, JpegError, TurboError
from medkiosk.redact.jpeg import header as jpeg
from medkiosk.redact.jpeg.burn import burn
from medkiosk.redact.jpeg.structure import flaw
from medkiosk.redact.jpeg.turbojpeg import Blocks, TurboJpeg
from medkiosk.redact.jpeg.upright import Op, Upright, upright
from medkiosk.redact.plan import make_plan
from medkiosk.redact.region import Size
from tests.redact.jpegs import SECRETS, camera_jpeg, encode, photo, stored, with_orientation

TURBO = TurboJpeg()
KINDS = ["4:4:4", "4:2:2", "4:2:0", "grey"]


def make(width: int, height: int, kind: str, orientation: int = 1, **options: object) -> bytes:
    """A picture that is ``width`` x ``height`` when upright."""
    image = stored(photo(width, height, grey=kind == "grey"), orientation)
    subsampling = {} if kind == "grey" else {"subsampling": kind}
    return with_orientation(encode(image, **subsampling, **options), orientation)


def burned(data: bytes, boxes: Sequence[Box]) -> tuple[bytes, Upright, list[Box]]:
    header = jpeg.parse(data)
    picture = upright(header)
    masks = [m.box for m in make_plan([(Category.FACE, box) for box in boxes], picture.mcu, picture.size)]
    return burn(data[: header.end], picture, masks, TURBO), picture, masks


def coefficients(data: bytes, op: Op = Op.NONE) -> dict[tuple[int, int], np.ndarray]:
    rows: dict[tuple[int, int], np.ndarray] = {}

    def keep(blocks: Blocks, component: int, row: int) -> None:
        rows[component, row] = blocks.copy()

    TURBO.read_coefficients(TURBO.transform(data, op, lambda *_: None), keep)
    return rows


def covered(picture: Upright, component: int, row: int, column: int, masks: Sequence[Box]) -> bool:
    """Whether the first pixel of a block lies in a mask: worked out from pixels, not from MCU grids."""
    plane = picture.planes[component]
    x = column * picture.mcu.width // plane.h
    y = row * picture.mcu.height // plane.v
    x, y = x // picture.mcu.width * picture.mcu.width, y // picture.mcu.height * picture.mcu.height
    return any(m.x <= x < m.x + m.w and m.y <= y < m.y + m.h for m in masks)


def decoding_noise(kind: str) -> int:
    """How far decoding before turning may differ from turning before decoding, with equal coefficients.

    The inverse DCT rounds differently on its two axes, and so does the upsampling of 4:2:2 and 4:4:0.
    """
    return 4 if kind in {"4:4:4", "grey"} else 14


sizes = st.integers(17, 70)
boxes = st.builds(Box, st.integers(0, 70), st.integers(0, 70), st.integers(1, 50), st.integers(1, 50))


@settings(max_examples=150, deadline=None)
@given(sizes, sizes, st.sampled_from(KINDS), st.integers(1, 8), st.booleans(), st.lists(boxes, max_size=4))
def test_every_coefficient_outside_the_masks_is_untouched(
    width: int,
    height: int,
    kind: str,
    orientation: int,
    progressive: bool,
    wanted: list[Box],
) -> None:
    data = make(width, height, kind, orientation, progressive=progressive)
    derivative, picture, masks = burned(data, wanted)
    before, after = coefficients(data, picture.op), coefficients(derivative)
    assert before.keys() == after.keys()
    for (component, row), blocks in before.items():
        for column, block in enumerate(blocks):
            result = after[component, row][column]
            if covered(picture, component, row, column, masks):
                assert not result[1:].any()
                assert result[0] == picture.planes[component].burn_dc
            else:
                assert (result == block).all()


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", KINDS)
def test_a_derivative_is_upright_and_black_where_masked(kind: str, orientation: int) -> None:
    data = make(96, 80, kind, orientation)
    derivative, picture, masks = burned(data, [Box(20, 30, 20, 10)])
    expected = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")
    got = Image.open(io.BytesIO(derivative)).convert("RGB")
    assert got.size == expected.size == picture.size == (96, 80)
    difference = np.abs(np.asarray(got, int) - np.asarray(expected, int)).max(axis=2)
    for mask in masks:
        inside = np.asarray(got)[mask.y + 1 : mask.y + mask.h - 1, mask.x + 1 : mask.x + mask.w - 1]
        assert inside.max() <= 2
        # Chroma upsampling reaches two pixels over a mask's border.
        difference[max(mask.y - 2, 0) : mask.y + mask.h + 2, max(mask.x - 2, 0) : mask.x + mask.w + 2] = 0
    assert difference.max() <= (0 if picture.op is Op.NONE else decoding_noise(kind))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("orientation", range(2, 9))
def test_a_border_that_cannot_be_moved_is_cut_off(kind: str, orientation: int) -> None:
    data = make(85, 67, kind, orientation)
    derivative, picture, _ = burned(data, [])
    kept = Image.open(io.BytesIO(data)).crop((0, 0, *picture.stored))
    del kept.getexif()[0x0112]
    turns = {2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}
    expected = kept.transpose(Image.Transpose(turns[orientation])).convert("RGB")
    got = Image.open(io.BytesIO(derivative)).convert("RGB")
    assert got.size == expected.size == picture.size
    assert 85 - picture.size.width < picture.mcu.width
    assert 67 - picture.size.height < picture.mcu.height
    difference = np.abs(np.asarray(got, int) - np.asarray(expected, int))
    # The cut neighbours no longer take part in chroma upsampling: only the outermost pixels may differ.
    assert difference[2:-2, 2:-2].max() <= decoding_noise(kind)


def test_a_mask_at_the_edge_burns_the_last_partial_mcu_whole() -> None:
    data = make(85, 67, "4:2:0")
    derivative, _, masks = burned(data, [Box(84, 66, 1, 1)])
    assert masks == [Box(80, 64, 5, 3)]
    assert np.asarray(Image.open(io.BytesIO(derivative)))[65:, 81:].max() <= 2


@pytest.mark.parametrize("options", [{"restart_marker_blocks": 3}, {"progressive": True}, {"optimize": True}])
@pytest.mark.parametrize("kind", KINDS)
def test_nothing_of_the_camera_is_left(kind: str, options: dict[str, int]) -> None:
    data = camera_jpeg(make(96, 80, kind, **options))
    assert all(secret in data for secret in SECRETS)
    derivative, _, _ = burned(data, [Box(8, 8, 30, 30)])
    assert flaw(derivative) == ""
    assert not any(secret in derivative for secret in SECRETS)
    assert derivative.count(b"\xff\xd8\xff") == 1
    assert derivative.endswith(b"\xff\xd9")
    opened = Image.open(io.BytesIO(derivative))
    assert not opened.getexif()
    assert set(opened.info) <= {"jfif", "jfif_version", "jfif_density", "jfif_unit", "dpi"}


def test_the_same_plan_gives_the_same_bytes() -> None:
    data = make(96, 80, "4:2:2", 6)
    once, picture, masks = burned(data, [Box(3, 3, 40, 9), Box(50, 40, 7, 7)])
    again = burn(data[: jpeg.parse(data).end], picture, list(reversed(masks)), TURBO)
    assert again == once


def test_a_grey_picture_with_odd_sampling_factors() -> None:
    data = make(40, 40, "grey")
    at = data.index(b"\xff\xc0") + 11
    data = data[:at] + b"\x22" + data[at + 1 :]
    derivative, picture, _ = burned(data, [Box(0, 0, 9, 9)])
    assert picture.mcu == (8, 8)
    assert np.asarray(Image.open(io.BytesIO(derivative)))[:16, :16].max() <= 1
    assert np.asarray(Image.open(io.BytesIO(derivative)))[16:, 16:].max() > 100


def test_damage_inside_the_scan_is_an_error() -> None:
    data = bytearray(make(256, 256, "4:2:0", restart_marker_blocks=4))
    middle = data.index(b"\xff\xd3", len(data) // 2)
    del data[middle : middle + 40]
    header = jpeg.parse(bytes(data))
    with pytest.raises(TurboError) as caught:
        burn(bytes(data[: header.end]), upright(header), [], TURBO)
    assert caught.value.code is RedactCode.TRUNCATED


def test_a_picture_smaller_than_an_mcu_is_refused_only_when_it_must_be_turned() -> None:
    assert burned(make(9, 5, "4:2:0"), [Box(0, 0, 1, 1)])[1].size == Size(9, 5)
    with pytest.raises(JpegError) as caught:
        burned(make(9, 5, "4:2:0", 3), [])
    assert caught.value.code is RedactCode.UNSUPPORTED


class _Liar(TurboJpeg):
    """A library that changes one coefficient too many while it writes."""

    def transform(self, data: bytes | memoryview, op: Op, rows: object) -> bytes:
        def meddle(blocks: Blocks, component: int, row: int) -> None:
            rows(blocks, component, row)  # type: ignore[operator]
            if (component, row) == (1, 0):
                blocks[-1, 5] += 1

        return super().transform(data, op, meddle)


class _Forgetful(TurboJpeg):
    """A library that writes the original again."""

    def transform(self, data: bytes | memoryview, op: Op, rows: object) -> bytes:
        super().transform(data, op, rows)  # type: ignore[arg-type]
        return super().transform(data, op, lambda *_: None)


@pytest.mark.parametrize("library", [_Liar, _Forgetful])
def test_a_derivative_that_is_not_the_plan_is_caught(library: type[TurboJpeg]) -> None:
    data = make(64, 64, "4:2:2")
    header = jpeg.parse(data)
    with pytest.raises(BurnError):
        burn(data[: header.end], upright(header), [Box(0, 0, 16, 8)], library())


SEEDS = [
    camera_jpeg(make(90, 70, "4:2:2", 6)),
    camera_jpeg(make(90, 70, "4:2:0", 3, progressive=True)),
    camera_jpeg(make(90, 70, "grey", 5, restart_marker_blocks=2)),
]


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(SEEDS), st.data())
def test_a_mutated_picture_is_refused_or_burned_without_a_flaw(seed: bytes, data: st.DataObject) -> None:
    mutated = bytearray(seed)
    for _ in range(data.draw(st.integers(1, 6))):
        mutated[data.draw(st.integers(0, len(mutated) - 1))] = data.draw(st.integers(0, 255))
    try:
        header = jpeg.parse(bytes(mutated))
        if header.width * header.height > 1 << 20:
            return
        derivative, picture, masks = burned(bytes(mutated), [Box(10, 10, 20, 20)])
    except (JpegError, TurboError, BurnError):
        return
    assert flaw(derivative) == ""
    assert not any(secret in derivative for secret in SECRETS)
    assert masks
    assert picture.size.width <= header.width + header.height
