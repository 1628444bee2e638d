"""Decoding at other sizes and in grey, and encoding what was no JPEG."""

from __future__ import annotations

import io
from functools import partial

import cv2
import numpy as np
import pytest
from PIL import Image

from medkiosk.core.photo import Box, RedactCode
from medkiosk.redact.errors import TurboError
from medkiosk.redact.jpeg import header as jpeg
from medkiosk.redact.jpeg.turbojpeg import Subsampling, TurboJpeg
from medkiosk.redact.pixels import as_pixels
from tests.redact.jpegs import KINDS, encode_kind, photo

TURBO = TurboJpeg()


@pytest.mark.parametrize("eighths", range(1, 9))
@pytest.mark.parametrize("kind", KINDS)
def test_a_scaled_decoding_is_the_picture_made_smaller(kind: str, eighths: int) -> None:
    odd = encode_kind(photo(203, 149, grey=kind == "grey"), kind)
    height, width = -(-149 * eighths // 8), -(-203 * eighths // 8)
    assert TURBO.decode_scaled(odd, 203, 149, eighths).shape == (height, width, 3)
    image = photo(208, 160, grey=kind == "grey")
    data = encode_kind(image, kind, quality=98)
    got = TURBO.decode_scaled(data, 208, 160, eighths)
    whole = cv2.cvtColor(np.asarray(image.convert("RGB")), cv2.COLOR_RGB2BGR)
    want = cv2.resize(whole, got.shape[1::-1], interpolation=cv2.INTER_AREA)
    difference = cv2.blur(got, (5, 5)).astype(int) - cv2.blur(want, (5, 5)).astype(int)
    # At an eighth, the colours of 4:1:1 are four pixels wide.
    assert np.abs(difference[4:-4, 4:-4]).mean() < (8 if kind == "4:1:1" else 3)
    if eighths == 8:
        assert (got == TURBO.decode(data, 208, 160)).all()


@pytest.mark.parametrize("eighths", [0, 9, -4])
def test_no_other_scales(eighths: int) -> None:
    with pytest.raises(ValueError, match="eighths"):
        TURBO.decode_scaled(encode_kind(photo(64, 64), "4:2:2"), 64, 64, eighths)


@pytest.mark.parametrize("kind", KINDS)
def test_grey_is_the_luma(kind: str) -> None:
    data = encode_kind(photo(203, 149, grey=kind == "grey"), kind)
    got = TURBO.decode_grey(data, 203, 149)
    with Image.open(io.BytesIO(data)) as opened:
        opened.draft("L", opened.size)
        want = np.asarray(opened.convert("L"))
    assert (got == want).all()


def test_damage_is_an_error_at_every_size() -> None:
    data = encode_kind(photo(640, 480), "4:2:0")
    cut = data[: len(data) // 2] + b"\xff\xd9"
    for decode in (TURBO.decode, TURBO.decode_grey, partial(TURBO.decode_scaled, eighths=4)):
        with pytest.raises(TurboError) as caught:
            decode(cut, 640, 480)
        assert caught.value.code is RedactCode.TRUNCATED


@pytest.mark.parametrize("subsampling", Subsampling)
def test_encoding_is_deterministic_and_plain(subsampling: Subsampling) -> None:
    pixels = as_pixels(cv2.cvtColor(np.asarray(photo(203, 149)), cv2.COLOR_RGB2BGR))
    data = TURBO.encode(pixels, 95, subsampling)
    assert TURBO.encode(np.asfortranarray(pixels), 95, subsampling) == data
    header = jpeg.parse(data)
    assert (header.width, header.height, header.sof) == (203, 149, 0xC0)
    factors = {Subsampling.S444: (1, 1), Subsampling.S422: (2, 1), Subsampling.S420: (2, 2)}
    if subsampling is Subsampling.GREY:
        assert len(header.components) == 1
        want = cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY)
        assert np.abs(TURBO.decode_grey(data, 203, 149).astype(int) - want).max() <= 12
    else:
        assert (header.components[0].h, header.components[0].v) == factors[subsampling]
        got = TURBO.decode(data, 203, 149)
        assert np.abs(got.astype(int) - pixels).mean() < (4 if subsampling is Subsampling.S444 else 9)


def test_a_side_that_no_jpeg_has_is_refused() -> None:
    with pytest.raises(TurboError):
        TURBO.encode(np.zeros((1, 70_000, 3), np.uint8), 95, Subsampling.S444)


def test_a_crop_off_the_mcu_borders_is_refused() -> None:
    with pytest.raises(TurboError):
        TURBO.crop(encode_kind(photo(64, 64), "4:2:0"), Box(8, 0, 16, 16), lambda *_: None)
