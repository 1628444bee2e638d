"""Pictures hidden below black or above white are refused, real encodings of anything visible are not."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from medkiosk.core.photo import Box, RedactCode
from medkiosk.redact.errors import JpegError
from medkiosk.redact.jpeg import header as jpeg
from medkiosk.redact.jpeg.burn import burn
from medkiosk.redact.jpeg.crafted import BlockTest
from medkiosk.redact.jpeg.turbojpeg import Blocks, Subsampling, TurboJpeg
from medkiosk.redact.jpeg.upright import Op, upright
from tests.redact.jpegs import KINDS, encode, encode_kind, photo, with_orientation

TURBO = TurboJpeg()
Craft = Callable[[Blocks, int, int], None]


def crafted(image: Image.Image, craft: Craft, quality: int = 90) -> bytes:
    """Encode, and let ``craft`` change the coefficients."""
    data = encode(image, quality=quality, subsampling="4:2:2")
    return TURBO.transform(data, Op.NONE, craft)


def burned(data: bytes, *masks: Box) -> bytes:
    header = jpeg.parse(data)
    return burn(data[: header.end], upright(header), masks, TURBO)


def grey(value: int) -> Image.Image:
    return Image.new("RGB", (160, 96), (value, value, value))


def hidden(row: int, columns: int) -> np.ndarray:
    """A picture in blocks: 0 or 1, different in each row."""
    return np.random.default_rng(row).integers(0, 2, columns)


def below_black(blocks: Blocks, component: int, row: int) -> None:
    if component == 0:
        blocks[:, 0] = (
            -(1024 + 8 * 100 * (1 + hidden(row, len(blocks)))) // 3
        )  # quality 90: DC is divided by 3


def just_below_black(blocks: Blocks, component: int, row: int) -> None:
    if component == 0:
        blocks[:, 0] = -1024 // 3 - 8 * hidden(row, len(blocks))  # three grey levels


def above_white(blocks: Blocks, component: int, row: int) -> None:
    if component == 0:
        blocks[:, 0] = (1016 + 8 * 60 * (1 + hidden(row, len(blocks)))) // 3


def in_colour(blocks: Blocks, component: int, row: int) -> None:
    if component:
        blocks[:, 0] = (1024 + 8 * 40 * (1 + hidden(row, len(blocks)))) // 3


def in_contrast(blocks: Blocks, component: int, row: int) -> None:
    """Stripes of black and white, in which the hidden picture is how far beyond they go."""
    if component == 0:
        blocks[:] = 0
        blocks[:, 7] = 160 + 60 * hidden(row, len(blocks))


def in_one_pixel(blocks: Blocks, component: int, row: int) -> None:
    """Black but for one pixel a block, far below: the rest is lifted by one level, which no eye sees."""
    if component == 0:
        x = np.full((8, 8), -127.0)
        x[3, 4] = -127 - 63
        blocks[:] = np.round(cv2.dct(x).reshape(64))


@pytest.mark.parametrize(
    ("value", "craft"),
    [
        (0, below_black),
        (0, just_below_black),
        (255, above_white),
        (128, in_colour),
        (128, in_contrast),
        (0, in_one_pixel),
    ],
)
def test_what_clipping_hides_is_refused(value: int, craft: Craft) -> None:
    quality = 100 if craft is in_one_pixel else 90
    data = crafted(grey(value), craft, quality)
    seen = np.asarray(Image.open(io.BytesIO(data)).convert("L"), int)
    if craft is not in_contrast:
        assert seen.max() - seen.min() <= (80 if craft is in_colour else 3)
    for orientation in (1, 6, 7):
        with pytest.raises(JpegError) as caught:
            burned(with_orientation(data, orientation))
        assert caught.value.code is RedactCode.CRAFTED


def test_an_unused_coefficient_of_a_coarse_table_buys_no_room() -> None:
    """What an encoder could have lost is counted for each coefficient, not for the block as a whole."""
    quant = [3] * 63 + [65535]
    block = np.zeros((1, 64), np.int16)
    block[0, 0] = -(1024 + 800) // 3
    assert BlockTest(quant).crafted(block) == 1


@pytest.mark.parametrize("step", [1, 2, 3, 16, 99, 100, 255, 683, 2000])
def test_no_two_levels_of_black_whatever_the_divisor(step: int) -> None:
    """Levels of DC that all look black and lie a quarter of a grey level apart at most: no picture."""
    test = BlockTest([step] * 64)
    levels = [k for k in range(-1400 // step - 2, 0) if k * step <= -1024]
    blocks = np.zeros((len(levels), 64), np.int16)
    blocks[:, 0] = levels
    allowed = [k * step for k, block in zip(levels, blocks, strict=True) if not test.crafted(block[None])]
    assert not allowed or max(allowed) - min(allowed) <= 2
    assert all(test.crafted(block[None]) for block in blocks if block[0] * step < -1026 - step)


def test_extreme_coefficients_are_crafted() -> None:
    for value in (-32768, 32767):
        assert BlockTest([1] * 64).crafted(np.full((2, 64), value, np.int16)) == 2


def test_under_a_mask_nothing_matters_and_beside_it_everything_does() -> None:
    def craft(blocks: Blocks, component: int, row: int) -> None:
        if row == 4:
            below_black(blocks[6:8], component, row)

    data = crafted(photo(160, 96), craft)
    with pytest.raises(JpegError):
        burned(data)
    with pytest.raises(JpegError):
        burned(data, Box(32, 32, 16, 8))
    derivative = burned(data, Box(48, 32, 16, 8))
    assert np.asarray(Image.open(io.BytesIO(derivative)))[33:39, 50:62].max() <= 2


def extremes() -> dict[str, np.ndarray]:
    """Pictures that drive an encoder to its limits."""
    rng = np.random.default_rng(5)
    y, x = np.mgrid[0:96, 0:128]
    shapes = {f"bars {n}": (x // n + y // (n + 1)) % 2 * 255 for n in (1, 2, 3, 5, 8, 11)}
    shapes["rings"] = (np.hypot(x - 60, y - 50) % 23 < 11) * 255
    shapes["dots"] = (rng.random((96, 128)) < 0.03) * 255
    shapes["holes"] = 255 - shapes["dots"]
    shapes["noise"] = rng.integers(0, 2, (96, 128)) * 255
    shapes["black"], shapes["white"] = x * 0, x * 0 + 255
    pictures = {name: np.repeat(shape[:, :, None], 3, 2).astype(np.uint8) for name, shape in shapes.items()}
    pictures["glare"] = rng.normal(250, 40, (96, 128, 3)).clip(0, 255).astype(np.uint8)
    pictures["night"] = rng.normal(5, 40, (96, 128, 3)).clip(0, 255).astype(np.uint8)
    pictures["colours"] = (rng.integers(0, 2, (16, 22, 3)) * 255).repeat(6, 0).repeat(6, 1).astype(np.uint8)
    pictures["colour noise"] = rng.integers(0, 2, (96, 128, 3), np.uint8) * np.uint8(255)
    return pictures


def count(data: bytes) -> int:
    """Blocks that are counted as crafted, without burning anything."""
    header = jpeg.parse(data)
    tests = [BlockTest(plane.quant) for plane in upright(header).planes]
    total = 0

    def add(blocks: Blocks, component: int, _row: int) -> None:
        nonlocal total
        total += tests[component].crafted(blocks)

    TURBO.read_coefficients(data[: header.end], add)
    return total


@pytest.mark.parametrize("name", sorted(extremes()))
def test_no_encoding_of_what_can_be_seen_is_refused(name: str) -> None:
    pixels = extremes()[name]
    for quality in (*range(1, 101, 9), 2, 50, 95, 99):
        kind = KINDS[quality % len(KINDS)]
        image = Image.fromarray(pixels).convert("L" if kind == "grey" else "RGB")
        assert count(encode_kind(image, kind, quality=quality)) == 0, (quality, kind)
        assert count(encode(image, quality=quality)) == 0, quality
        assert count(TURBO.encode(pixels, quality, Subsampling(quality % 4))) == 0, quality


def test_real_photographs_are_not_crafted(faces_folder: Path) -> None:
    for number, path in enumerate(sorted(faces_folder.glob("*.jpg"))):
        data = path.read_bytes()
        assert count(data) == 0, path.name
        with Image.open(path) as opened:
            again = encode(
                opened.convert("RGB"),
                quality=1 + 7 * number % 100,
                subsampling=["4:4:4", "4:2:0"][number % 2],
            )
        assert count(again) == 0, path.name
