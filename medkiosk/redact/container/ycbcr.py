"""From decoded YCbCr planes to 8-bit sRGB, also from the wide colours and the high dynamic range of PQ. Pure.

- Matrices: ITU-T H.273, equations 41 to 46. Chroma lies on the left one of two columns (H.265 annex E,
  chroma location 0, which is what an absent location means).
- PQ: SMPTE ST 2084 / ITU-R BT.2100 table 4, code values to candela per square metre.
- Tone mapping, for PQ only: 203 cd/m2, the reference white of ITU-R BT.2408, is 1. Up to `KNEE` of it light
  stays as it is; above, the largest of the three channels is rolled off so that `PEAK` becomes full white,
  and the other two are scaled with it, which keeps hue and saturation. Skin (reflectances below 0.6) lies
  below the knee or just above it.
- Colours outside sRGB are clipped channel by channel.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from medkiosk.core.photo import RedactCode
from medkiosk.redact.container.hevc import Picture, Plane
from medkiosk.redact.errors import ContainerError
from medkiosk.redact.pixels import Pixels, as_pixels

REFERENCE_WHITE = 203.0
"""cd/m2 of diffuse white (ITU-R BT.2408-7, table 1)."""
PEAK = 1000.0
"""cd/m2 that become 255: what Canon's HDR PQ is graded for. Brighter light is clipped."""
KNEE = 0.5
"""Of the reference white: light below it is not changed. 0.5 is code value 188 of 255."""

_PQ = 16
_LIKE_SRGB = {1, 2, 6, 13, 14, 15}
"""Transfers that are shown as sRGB: sRGB itself, unspecified, and the cameras' BT.709, BT.601, BT.2020."""
_ROWS = 64  # converted at once: the temporary arrays stay in the cache

Matrix = NDArray[np.float32]

_TO_SRGB: dict[int, tuple[tuple[float, float, float], ...] | None] = {
    1: None,
    2: None,
    # ITU-R BT.2087, and SMPTE EG 432-1 with the primaries of BT.709; linear light, rows R, G, B.
    9: ((1.660491, -0.587641, -0.072850), (-0.124550, 1.132900, -0.008349), (-0.018151, -0.100579, 1.118730)),
    12: ((1.224940, -0.224940, 0.0), (-0.042057, 1.042057, 0.0), (-0.019638, -0.078636, 1.098274)),
}
_LUMA = {1: (0.2126, 0.0722), 2: (0.299, 0.114), 5: (0.299, 0.114), 6: (0.299, 0.114), 9: (0.2627, 0.0593)}
"""Matrix coefficients (H.273 table 4) -> weights of red and blue in luma. Unspecified (2) is taken for 6."""


class Colour(NamedTuple):
    """How code values become colours: the numbers of H.273, as in a HEIF file's nclx."""

    primaries: int = 1
    transfer: int = 13
    matrix: int = 6
    full_range: bool = True


def check(colour: Colour) -> None:
    """Refuse what `to_bgr` does not handle.

    Raises:
        ContainerError: COLOUR_SPACE.
    """
    known = colour.primaries in _TO_SRGB and colour.matrix in _LUMA
    if not known or colour.transfer not in {_PQ, *_LIKE_SRGB}:
        raise ContainerError(RedactCode.COLOUR_SPACE, f"{colour}")


def to_bgr(picture: Picture, colour: Colour) -> Pixels:
    """Convert a decoded picture to BGR in sRGB.

    Raises:
        ContainerError: COLOUR_SPACE.
    """
    check(colour)
    height, width = picture.planes[0].shape
    out = np.empty((height, width, 3), np.uint8)
    matrix = _to_rgb16(colour, picture.depth)
    for top, codes in _strips(picture):
        rgb = np.asarray(cv2.transform(codes, matrix), np.uint16)  # R G B, clipped to 0..65535
        if colour.transfer in _LIKE_SRGB and _TO_SRGB[colour.primaries] is None:
            strip = cv2.convertScaleAbs(rgb, alpha=1 / 257)
        else:
            strip = _shown(rgb, colour)
        out[top : top + len(strip)] = strip[:, :, ::-1]
    return out


def _strips(picture: Picture) -> Iterator[tuple[int, NDArray[np.uint16]]]:
    """Rows of the picture with a chroma value for each pixel: first row, and shape (rows, width, 3)."""
    luma, *chroma = picture.planes
    height, width = luma.shape
    neutral = 1 << (picture.depth - 1)
    for top in range(0, height, _ROWS):
        rows = min(_ROWS, height - top)
        codes = np.empty((rows, width, 3), np.uint16)
        codes[:, :, 0] = luma[top : top + rows]
        codes[:, :, 1:] = neutral
        for index, plane in enumerate(chroma, 1):
            codes[:, :, index] = _upsampled(plane, (height, width), top, rows)
        yield top, codes


def _upsampled(plane: Plane, size: tuple[int, int], top: int, rows: int) -> NDArray[np.uint16]:
    """One strip of a chroma plane at luma's size: between two rows and two columns, straight lines."""
    height, width = size
    last = len(plane) - 1
    if plane.shape[0] == height:
        wide = plane[top : top + rows].astype(np.uint16)
    else:
        # 4:2:0: chroma rows lie between two rows of luma, a quarter from the nearer one.
        near = np.arange(top, top + rows) >> 1
        far = np.clip(near + np.where(np.arange(top, top + rows) & 1, 1, -1), 0, last)
        wide = (3 * plane[near].astype(np.uint16) + plane[far] + 2) >> 2
    if plane.shape[1] == width:
        return wide
    out = np.empty((rows, width), np.uint16)
    out[:, ::2] = wide
    following = np.concatenate((wide[:, 1:], wide[:, -1:]), axis=1)
    out[:, 1::2] = ((wide + following + 1) >> 1)[:, : width // 2]
    return out


def _to_rgb16(colour: Colour, depth: int) -> NDArray[np.float64]:
    """Code values (Y, Cb, Cr, 1) to R', G', B' of 0 to 65535, shape (3, 4)."""
    red, blue = _LUMA[colour.matrix]
    green = 1 - red - blue
    unit = np.array(
        [
            [1, 0, 2 * (1 - red)],
            [1, -2 * (1 - blue) * blue / green, -2 * (1 - red) * red / green],
            [1, 2 * (1 - blue), 0],
        ]
    )
    if colour.full_range:
        luma_low, luma_span, chroma_span = 0, (1 << depth) - 1, (1 << depth) - 1
    else:
        step = 1 << (depth - 8)
        luma_low, luma_span, chroma_span = 16 * step, 219 * step, 224 * step
    scaled = unit * (65535 / np.array([luma_span, chroma_span, chroma_span]))
    offset = -scaled @ np.array([luma_low, 1 << (depth - 1), 1 << (depth - 1)])
    return np.column_stack((scaled, offset))


def _shown(rgb: NDArray[np.uint16], colour: Colour) -> Pixels:
    """R'G'B' of any transfer and primaries as 8-bit sRGB."""
    linear = _linear_light(colour.transfer).take(rgb)
    primaries = _TO_SRGB[colour.primaries]
    if primaries is not None:
        linear = np.asarray(cv2.transform(linear, np.array(primaries)), np.float32)
    if colour.transfer == _PQ:
        linear *= _gain(np.maximum(np.maximum(linear[:, :, 0], linear[:, :, 1]), linear[:, :, 2]))
    np.clip(linear, 0, 1, out=linear)
    return as_pixels(_srgb_codes().take((linear * 65535 + 0.5).astype(np.uint16)))


def _gain(largest: NDArray[np.float32]) -> NDArray[np.float32]:
    """What each pixel is multiplied with: 1 below the knee; shape (rows, width, 1)."""
    largest = np.maximum(largest, KNEE)
    gain: NDArray[np.float32] = (roll_off(largest) / largest)[:, :, np.newaxis]
    return gain


def roll_off(light: NDArray[np.float32]) -> NDArray[np.float32]:
    """Light at or above `KNEE`, 1 being the reference white, as light of 0 to 1.

    A hyperbola that leaves the knee at slope 1 and reaches 1 at `PEAK`.
    """
    bend = 1 / (1 - KNEE) - 1 / (PEAK / REFERENCE_WHITE - KNEE)
    above = light - np.float32(KNEE)
    rolled: NDArray[np.float32] = np.float32(KNEE) + above / (1 + above * np.float32(bend))
    return rolled


@cache
def _linear_light(transfer: int) -> NDArray[np.float32]:
    """Linear light of each 16-bit code value; 1 is white."""
    code = np.arange(65536) / 65535
    if transfer != _PQ:
        return np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4).astype(np.float32)
    return (pq_light(code) / REFERENCE_WHITE).astype(np.float32)


def pq_light(code: NDArray[np.float64]) -> NDArray[np.float64]:
    """PQ code values of 0 to 1 as cd/m2 (BT.2100-2 table 4, EOTF)."""
    m1, m2 = 2610 / 16384, 2523 / 4096 * 128
    c1, c2, c3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
    power = code ** (1 / m2)
    light: NDArray[np.float64] = 10000 * (np.maximum(power - c1, 0) / (c2 - c3 * power)) ** (1 / m1)
    return light


@cache
def _srgb_codes() -> NDArray[np.uint8]:
    """8-bit sRGB code value of each 16-bit linear light (IEC 61966-2-1)."""
    light = np.arange(65536) / 65535
    code = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    codes: NDArray[np.uint8] = np.rint(255 * code).astype(np.uint8)
    return codes


def warm_up() -> None:
    """Make the tables once, before a worker forks."""
    _linear_light(_PQ)
    _linear_light(13)
    _srgb_codes()
