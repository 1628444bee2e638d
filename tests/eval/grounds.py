"""Grounds and pictures without identifiers: drawn skin, and sample photographs of published packages.

Left out of the samples, because something on them identifies: astronaut (face, name badge), camera (a man in
profile), coins (heads and letters), page and text (writing), rocket and both motorcycles (letters on the
rocket, boxes with print behind the motorcycle), lfw_subset (faces). Left out as no photographs: animations.
The face of a cat (chelsea) stays in: it is nobody's.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from medkiosk.redact.pixels import Pixels, as_pixels
from tests.eval.picture import Picture, Rendered
from tests.redact.scenes import with_mole
from tests.virtual.scenes import photos_dir

TONES = {"light": (225, 185, 165), "tan": (190, 140, 110), "dark": (105, 70, 52)}
_SAMPLES = (
    *("brick.png", "cell.png", "chelsea.png", "chessboard_RGB.png", "clock_motion.png", "coffee.png"),
    *("color.png", "grass.png", "gravel.png", "horse.png", "hubble_deep_field.jpg", "ihc.png", "logo.png"),
    *("microaneurysms.png", "moon.png", "phantom.png", "retina.jpg", "china.jpg", "flower.jpg"),
)
_GROUNDS = ("coffee.png", "flower.jpg", "brick.png", "retina.jpg")


def skin(width: int, height: int, tone: str = "light", seed: int = 0) -> Pixels:
    """Skin: uneven light, blotches, pores, a few hairs. Nothing that identifies. BGR."""
    rng = np.random.default_rng(seed)
    y, x = np.ogrid[0:height, 0:width]
    at = rng.uniform(0.3, 0.7, 2)
    shade = (1 - 0.35 * ((x / width - at[0]) ** 2 + (y / height - at[1]) ** 2)).astype(np.float32)
    blotches = rng.normal(0, 1, (9, 13)).astype(np.float32)
    shade += 0.02 * cv2.resize(blotches, (width, height), interpolation=cv2.INTER_CUBIC)
    pores = rng.normal(0, 1, (height // 3, width // 3)).astype(np.float32)
    shade += 0.012 * cv2.resize(pores, (width, height), interpolation=cv2.INTER_LINEAR)
    noise = rng.integers(-4, 5, (height, width), np.int8)
    planes = [np.clip(shade * level + noise, 0, 255).astype(np.uint8) for level in TONES[tone][::-1]]
    pixels = as_pixels(cv2.merge(planes))
    for _ in range(12):
        start = rng.uniform(0, 1, 2) * (width, height)
        bend = start + rng.normal(0, 0.03 * width, 2)
        end = bend + rng.normal(0, 0.03 * width, 2)
        colour = tuple(0.45 * level for level in TONES[tone][::-1])
        t = np.linspace(0, 1, 12)[:, None]
        curve = ((1 - t) ** 2 * start + 2 * t * (1 - t) * bend + t**2 * end).round().astype(np.int32)
        cv2.polylines(pixels, [curve], False, colour, max(1, width // 2500), cv2.LINE_AA)
    return pixels


@cache
def _sample(path: Path) -> Pixels:
    return np.ascontiguousarray(np.asarray(Image.open(path).convert("RGB"))[:, :, ::-1])


def photo_ground(width: int, height: int, number: int) -> Pixels:
    """A part of a real photograph without faces and text, as large as asked for. BGR."""
    pixels = _sample(photos_dir() / _GROUNDS[number % len(_GROUNDS)])
    scale = max(width / pixels.shape[1], height / pixels.shape[0])
    size = (max(width, round(pixels.shape[1] * scale)), max(height, round(pixels.shape[0] * scale)))
    large = cv2.resize(pixels, size, interpolation=cv2.INTER_CUBIC)
    return np.ascontiguousarray(large[:height, :width])


def sample_paths() -> list[Path]:
    """The sample pictures that are here: those of the project, and those of the peer's environment."""
    extra = os.environ.get("MEDKIOSK_PEER")
    folders = [photos_dir()]
    if extra:
        packages = sorted(Path(extra).glob("lib/python3*/site-packages"))
        folders += [part for p in packages for part in (p / "skimage/data", p / "sklearn/datasets/images")]
    found = {name: folder / name for folder in folders[::-1] for name in _SAMPLES if (folder / name).exists()}
    return [found[name] for name in _SAMPLES if name in found]


def without_identifiers(every: int = 1) -> Iterator[Picture]:
    """Sample photographs whole, quarters of them enlarged, and drawn skin with lesions."""
    for path in sample_paths()[::every]:
        yield _plain(path.stem, "whole photograph", partial(_sample, path))
        for quarter in range(4):
            if every > 1 and quarter:
                break
            yield _plain(f"{path.stem}-q{quarter}", "enlarged quarter", partial(_quarter, path, quarter))
    for number in range(0, 27, every):
        yield _plain(f"skin-{number}", "drawn skin with lesions", partial(_lesions, number))


def _plain(name: str, group: str, make: Callable[[], Pixels]) -> Picture:
    return Picture("nothing to find", name, lambda: Rendered(make(), ()), True, {"picture": group})


def _quarter(path: Path, number: int) -> Pixels:
    pixels = _sample(path)
    height, width = pixels.shape[0] // 2, pixels.shape[1] // 2
    top, left = (number // 2) * height, (number % 2) * width
    scale = 1500 / max(height, width)
    part = pixels[top : top + height, left : left + width]
    return as_pixels(cv2.resize(part, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC))


def _lesions(number: int) -> Pixels:
    """Skin of each tone with none, one large, or several small moles, on 6 megapixels."""
    tone = list(TONES)[number % 3]
    width, height = 3000, 2000
    pixels = skin(width, height, tone, number)
    rng = np.random.default_rng(100 + number)
    image = Image.fromarray(np.ascontiguousarray(pixels[:, :, ::-1]))
    colours = [(95, 60, 40), (150, 70, 60), (60, 40, 35)]
    radii = ([], [int(rng.integers(60, 420))], [int(r) for r in rng.integers(8, 120, 7)])[number // 3 % 3]
    for radius in radii:
        at = (
            int(rng.integers(2 * radius, width - 2 * radius)),
            int(rng.integers(2 * radius, height - 2 * radius)),
        )
        with_mole(image, radius, at, colours[int(rng.integers(3))])
    return np.ascontiguousarray(np.asarray(image)[:, :, ::-1])
