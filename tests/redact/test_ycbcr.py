"""Colours against figures from the standards, and against the same sums done one pixel at a time."""

from __future__ import annotations

import numpy as np
import pytest

from medkiosk.core.photo import RedactCode
from medkiosk.redact.container.hevc import Picture
from medkiosk.redact.container.ycbcr import KNEE, PEAK, REFERENCE_WHITE, Colour, pq_light, roll_off, to_bgr
from medkiosk.redact.errors import ContainerError
from tests.redact.containers import ramp

PQ_2020 = Colour(9, 16, 9)


def patch(*codes: int, depth: int = 10, colour: Colour = PQ_2020) -> list[int]:
    """The BGR of a flat picture of one YCbCr."""
    planes = tuple(np.full((4, 4), code, np.uint16) for code in codes)
    bgr = to_bgr(Picture(planes, depth), colour)
    assert (bgr == bgr[0, 0]).all()
    return [int(value) for value in bgr[0, 0]]


def pq_code(light: float) -> int:
    """The 10-bit code value next to some cd/m2."""
    return int(np.abs(pq_light(np.arange(1024) / 1023) - light).argmin())


@pytest.mark.parametrize(
    ("code", "light"), [(0.0, 0.0), (0.508078, 100), (0.580689, 203), (0.751827, 1000), (1.0, 10000)]
)
def test_pq_is_that_of_the_standard(code: float, light: float) -> None:
    assert pq_light(np.array([code]))[0] == pytest.approx(light, rel=1e-4, abs=1e-9)


def test_the_roll_off_starts_softly_and_ends_at_the_peak() -> None:
    peak = PEAK / REFERENCE_WHITE
    light = np.linspace(KNEE, peak, 1000, dtype=np.float32)
    rolled = roll_off(light)
    assert rolled[0] == KNEE
    assert rolled[-1] == pytest.approx(1, abs=1e-5)
    slopes = np.diff(rolled) / np.diff(light)
    assert slopes[0] == pytest.approx(1, abs=0.02)
    assert (np.diff(slopes) < 1e-3).all()
    assert (slopes > 0).all()


@pytest.mark.parametrize(
    ("light", "grey"),
    [(0, 0), (2.03, 25), (20.3, 89), (0.5 * 203, 188), (203, 227), (1000, 255), (4000, 255), (10000, 255)],
)
def test_greys_of_pq(light: float, grey: int) -> None:
    bgr = patch(pq_code(light), 512, 512)
    assert max(bgr) - min(bgr) <= 1
    assert np.mean(bgr) == pytest.approx(grey, abs=1.1)


def reference(y: float, cb: float, cr: float) -> list[float]:
    """BT.2100 PQ, full range, to sRGB: every step on its own, in floating point."""
    blue, red = y + 1.8814 * cb, y + 1.4746 * cr
    green = (y - 0.2627 * red - 0.0593 * blue) / 0.678
    rgb = pq_light(np.clip([red, green, blue], 0, 1)) / 203
    rgb = np.array([[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]]) @ rgb
    most = rgb.max()
    if most > KNEE:
        bend = 1 / (1 - KNEE) - 1 / (PEAK / 203 - KNEE)
        rgb *= (KNEE + (most - KNEE) / (1 + (most - KNEE) * bend)) / most
    rgb = np.clip(rgb, 0, 1)
    srgb = np.where(rgb <= 0.0031308, 12.92 * rgb, 1.055 * rgb ** (1 / 2.4) - 0.055)
    return [float(255 * value) for value in srgb[::-1]]


@pytest.mark.parametrize("seed", range(20))
def test_any_colour_of_pq_is_the_one_worked_out_alone(seed: int) -> None:
    rng = np.random.default_rng(seed)
    y, cb, cr = int(rng.integers(100, 750)), int(rng.integers(450, 580)), int(rng.integers(450, 580))
    expected = reference(y / 1023, (cb - 512) / 1023, (cr - 512) / 1023)
    assert patch(y, cb, cr) == pytest.approx(expected, abs=1.0)


@pytest.mark.parametrize("depth", [8, 10, 12])
@pytest.mark.parametrize("matrix", [1, 5, 6, 9])
@pytest.mark.parametrize("full", [True, False])
def test_matrices_and_ranges(depth: int, matrix: int, *, full: bool) -> None:
    red, blue = {1: (0.2126, 0.0722), 9: (0.2627, 0.0593)}.get(matrix, (0.299, 0.114))
    rgb = np.array([0.8, 0.35, 0.2])
    y = red * rgb[0] + (1 - red - blue) * rgb[1] + blue * rgb[2]
    cb, cr = (rgb[2] - y) / (2 - 2 * blue), (rgb[0] - y) / (2 - 2 * red)
    top, step = (1 << depth) - 1, 1 << (depth - 8)
    codes = (
        [y * top, cb * top + (1 << depth - 1), cr * top + (1 << depth - 1)]
        if full
        else [16 * step + 219 * step * y, 128 * step + 224 * step * cb, 128 * step + 224 * step * cr]
    )
    bgr = patch(*(round(code) for code in codes), depth=depth, colour=Colour(1, 13, matrix, full))
    assert bgr == pytest.approx(255 * rgb[::-1], abs=1.6)


def test_display_p3_becomes_srgb() -> None:
    # sRGB to Display P3 in linear light (CSS Color 4, section 18).
    to_p3 = np.array([[0.8225, 0.1774, 0.0], [0.0332, 0.9669, 0.0], [0.0171, 0.0724, 0.9108]])
    light = to_p3 @ ((np.array([200, 100, 50]) / 255 + 0.055) / 1.055) ** 2.4
    red, green, blue = 255 * (1.055 * light ** (1 / 2.4) - 0.055)
    y = 0.299 * red + 0.587 * green + 0.114 * blue
    codes = (
        round(1023 / 255 * y),
        round(512 + 1023 / 255 * (blue - y) / 1.772),
        round(512 + 1023 / 255 * (red - y) / 1.402),
    )
    assert patch(*codes, colour=Colour(12, 13, 6)) == pytest.approx([50, 100, 200], abs=2)


@pytest.mark.parametrize(
    "colour", [Colour(9, 18, 9), Colour(1, 8, 1), Colour(1, 13, 0), Colour(11, 13, 6), Colour(9, 16, 10)]
)
def test_other_colours_are_refused_by_name(colour: Colour) -> None:
    with pytest.raises(ContainerError) as caught:
        patch(500, 512, 512, colour=colour)
    assert caught.value.code is RedactCode.COLOUR_SPACE


@pytest.mark.parametrize("subsampling", ["4:2:0", "4:2:2"])
@pytest.mark.parametrize("size", [(64, 48), (130, 140), (66, 66)])
def test_chroma_between_its_samples(subsampling: str, size: tuple[int, int]) -> None:
    """Smooth chroma at half size gives nearly what chroma at full size gives."""
    whole = to_bgr(Picture(tuple(ramp(*size, "4:4:4")), 10), Colour())
    half = to_bgr(Picture(tuple(ramp(*size, subsampling)), 10), Colour())
    assert half.shape == whole.shape == (size[1], size[0], 3)
    assert np.abs(half.astype(int) - whole)[2:-2, 2:-2].max() <= 3


def test_grey_pictures() -> None:
    luma = ramp(40, 30)[0]
    bgr = to_bgr(Picture((luma,), 10), Colour())
    assert (bgr == np.rint(luma / 1023 * 255).astype(np.uint8)[:, :, None]).mean() > 0.99
