"""Pictures with something to find: a real face, printed lines, codes, on a plain or noisy ground."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import segno
from PIL import Image, ImageDraw, ImageFont

from medkiosk.core.photo import Box

RIGHT_TURNS = {
    0: None,
    90: Image.Transpose.ROTATE_270,
    180: Image.Transpose.ROTATE_180,
    270: Image.Transpose.ROTATE_90,
}


def skin(width: int, height: int) -> Image.Image:
    """A smooth skin-coloured ground with a little noise: nothing to find."""
    y, x = np.ogrid[0:height, 0:width]
    shade = (1 - 0.25 * ((x / width - 0.4) ** 2 + (y / height - 0.5) ** 2)).astype(np.float32)
    noise = np.random.default_rng(5).integers(-6, 7, (height, width), np.int8)
    planes = [(shade * level + noise).clip(0, 255).astype(np.uint8) for level in (205, 160, 135)]
    return Image.fromarray(np.stack(planes, axis=-1))


def face(folder: Path, index: int) -> tuple[Image.Image, list[Box]]:
    """One of the evaluation photographs and its labelled faces."""
    entry = json.loads((folder / "boxes.json").read_text(encoding="utf-8"))[index]
    boxes = [Box(int(x0), int(y0), int(x1 - x0), int(y1 - y0)) for x0, y0, x1, y1 in entry["boxes"]]
    return Image.open(folder / entry["file"]).convert("RGB"), boxes


def with_text(ground: Image.Image, words: str, size: int, at: tuple[int, int], angle: int = 0) -> Box:
    """Print a line on a white label and stick it on; the label's box."""
    font = ImageFont.load_default(size)
    left, top, right, bottom = font.getbbox(words)
    label = Image.new("RGBA", (round(right - left) + size, round(bottom - top) + size), (238, 236, 230, 255))
    ImageDraw.Draw(label).text((size / 2 - left, size / 2 - top), words, fill=(25, 25, 45), font=font)
    label = label.rotate(angle, expand=True, resample=Image.Resampling.BICUBIC)
    ground.paste(label, at, label)
    return Box(*at, label.width, label.height)


def with_qr(ground: Image.Image, content: str, module: int, at: tuple[int, int]) -> Box:
    """Stick a QR code on; the box of its modules without the quiet zone."""
    held = io.BytesIO()
    segno.make(content, micro=False).save(held, kind="png", scale=module, border=4)
    code = Image.open(held).convert("RGB")
    ground.paste(code, at)
    quiet = 4 * module
    return Box(at[0] + quiet, at[1] + quiet, code.width - 2 * quiet, code.height - 2 * quiet)


def with_mole(ground: Image.Image, radius: int, at: tuple[int, int], colour: tuple[int, int, int]) -> None:
    """Draw a dark spot with a soft, uneven border: a lesion, which is the subject of the picture."""
    half = 2 * radius
    corner = (at[0] - half, at[1] - half)
    pixels = np.asarray(ground.crop((*corner, at[0] + half, at[1] + half))).astype(float)
    y, x = np.mgrid[-half:half, -half:half]
    y = y * 1.2
    border = radius * (1 + 0.15 * np.sin(3 * np.arctan2(y, x)))
    share = 0.85 / (1 + np.exp((np.hypot(x, y) - border) / (radius * 0.08 + 1)))
    mixed = pixels * (1 - share[:, :, None]) + np.array(colour) * share[:, :, None]
    ground.paste(Image.fromarray(mixed.clip(0, 255).astype(np.uint8)), corner)
