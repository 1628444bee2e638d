"""Spoils pictures in known ways, and lays drawn rulers and charts on them. BGR, 8 bit, in and out."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from medkiosk.redact.pixels import Pixels, as_pixels

_CHART = (
    (115, 82, 68), (194, 150, 130), (98, 122, 157), (87, 108, 67), (133, 128, 177), (103, 189, 170),
    (214, 126, 44), (80, 91, 166), (193, 90, 99), (94, 60, 108), (157, 188, 64), (224, 163, 46),
    (56, 61, 150), (70, 148, 73), (175, 54, 60), (231, 199, 31), (187, 86, 149), (8, 133, 161),
    (243, 243, 242), (200, 200, 200), (160, 160, 160), (122, 122, 121), (85, 85, 85), (52, 52, 52),
)  # fmt: skip
"""sRGB of a 24-patch chart, from its maker's table."""


def linear(pixels: Pixels) -> NDArray[np.float32]:
    """Linear light, 0 to 1 (IEC 61966-2-1)."""
    share = pixels.astype(np.float32) / 255
    return np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4).astype(np.float32)


def encoded(light: NDArray[np.float32]) -> Pixels:
    """8-bit sRGB, clipped."""
    light = np.clip(light, 0, 1)
    share = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.round(255 * share).astype(np.uint8)


def blurred(pixels: Pixels, sigma: float) -> Pixels:
    """Out of focus by a Gaussian of this many pixels."""
    return as_pixels(cv2.GaussianBlur(pixels, (0, 0), sigma)) if sigma else pixels


def moved(pixels: Pixels, length: float, angle: float) -> Pixels:
    """Smeared along a straight line of this many pixels, at this angle in degrees."""
    side = 2 * math.ceil(length / 2) + 3
    kernel = np.zeros((side, side), np.float32)
    steps = np.linspace(-length / 2, length / 2, 16 * side)
    x = side / 2 - 0.5 + steps * math.cos(math.radians(angle))
    y = side / 2 - 0.5 + steps * math.sin(math.radians(angle))
    np.add.at(kernel, (np.round(y).astype(int), np.round(x).astype(int)), 1)
    return as_pixels(cv2.filter2D(pixels, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REPLICATE))


def exposed(pixels: Pixels, stops: float) -> Pixels:
    """More or less light by this many stops, clipped as a sensor clips."""
    return encoded(linear(pixels) * np.float32(2**stops))


def tinted(pixels: Pixels, red: float, blue: float) -> Pixels:
    """Another white balance: red and blue multiplied in linear light, brightness kept."""
    light = linear(pixels)
    gains = np.array([blue, 1, red], np.float32)
    kept = light.mean() / max(1e-6, float((light * gains).mean()))
    return encoded(light * gains * np.float32(kept))


def toned(pixels: Pixels, where: NDArray[np.bool_], factor: float) -> Pixels:
    """The skin of a picture made darker or paler; the rest stays."""
    soft = cv2.GaussianBlur(where.astype(np.float32), (0, 0), 2)[:, :, None]
    return encoded(linear(pixels) * (1 + soft * np.float32(factor - 1)))


def reflecting(pixels: Pixels, where: NDArray[np.bool_], size: float, rng: np.random.Generator) -> Pixels:
    """Light reflected from moist skin: eight soft spots that add white light.

    Args:
        pixels: the picture.
        where: skin; spots stay inside it.
        size: half the longest axis of the largest spot, per mille of the longer side.
        rng: where they fall.
    """
    height, width = pixels.shape[:2]
    unit = max(height, width) / 1000 * size
    inside = cv2.erode(where.astype(np.uint8), np.ones((15, 15), np.uint8))
    rows, columns = np.nonzero(inside if inside.any() else where)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    added = np.zeros((height, width), np.float32)
    for chosen in rng.integers(0, len(rows), 8).tolist():
        long, short, turn = unit * rng.uniform(0.5, 1), unit * rng.uniform(0.25, 0.5), rng.uniform(0, math.pi)
        right, down = x - columns[chosen], y - rows[chosen]
        u = (right * math.cos(turn) + down * math.sin(turn)) / long
        v = (down * math.cos(turn) - right * math.sin(turn)) / short
        added = np.maximum(added, np.exp(-((u * u + v * v) ** 2)) * 0.7)
    return encoded(linear(pixels) + added[:, :, None])


def ruler(pitch: float, centimetres: int, *, clear: bool) -> Image.Image:
    """Millimetre ticks, longer at 5 and 10, digits; on white, or clear with only the print to be seen."""
    fine = 4
    unit = pitch * fine
    width, height = round((centimetres * 10 + 6) * unit), round(12 * unit)
    image = Image.new("RGBA", (width, height), (240, 239, 232, 0 if clear else 255))
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(max(8, 3.2 * unit))
    for tick in range(centimetres * 10 + 1):
        length = 6 if tick % 10 == 0 else 4.5 if tick % 5 == 0 else 3
        x, half = (3 + tick) * unit, max(0.5, 0.09 * unit)
        draw.rectangle((x - half, 0, x + half, length * unit), fill=(20, 20, 25, 255))
        if tick % 10 == 0:
            draw.text((x, 7 * unit), str(tick // 10), fill=(20, 20, 25, 255), font=font, anchor="mt")
    return image.resize((max(1, width // fine), max(1, height // fine)), Image.Resampling.BOX)


def chart(patch: int) -> Image.Image:
    """A 24-patch colour chart on black, each patch this many pixels wide."""
    gap = max(2, patch // 6)
    image = Image.new("RGBA", (6 * (patch + gap) + gap, 4 * (patch + gap) + gap), (25, 25, 25, 255))
    draw = ImageDraw.Draw(image)
    for number, colour in enumerate(_CHART):
        x, y = gap + number % 6 * (patch + gap), gap + number // 6 * (patch + gap)
        draw.rectangle((x, y, x + patch - 1, y + patch - 1), fill=(*colour, 255))
    return image


def laid_on(pixels: Pixels, item: Image.Image, angle: float, rng: np.random.Generator) -> Pixels:
    """Lay something on a picture, turned, anywhere."""
    turned = item.rotate(angle, Image.Resampling.BICUBIC, expand=True)
    ground = Image.fromarray(pixels[:, :, ::-1].copy())
    room = (ground.width - turned.width, ground.height - turned.height)
    left, top = (int(rng.uniform(0, side)) if side > 0 else side // 2 for side in room)
    ground.paste(turned, (left, top), turned)
    return np.ascontiguousarray(np.asarray(ground)[:, :, ::-1])
