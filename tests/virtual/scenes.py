"""Photographs as a clinic takes them, composed from freely licensed ones: faces, wristbands, codes.

Each comes with the truth: what identifying marks are on it, and where.
"""

from __future__ import annotations

import io
import math
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np
import segno
from PIL import Image, ImageDraw, ImageFont

SENSOR = (5472, 3648)
_SIZES = 8_000_000, 10_000_000  # what a 20 megapixel JPEG of an R6 weighs
_QUALITY = 90
_FACE = (180, 72, 94, 118)  # hairline to chin in astronaut.png
_BUST = (96, 8, 340, 300)  # what is cut out around it

Category = Literal["face", "text", "code"]
PATIENT = "VERMEER, JOHANNA"
MRN = "MRN 4711-0815-3"


class Mark(msgspec.Struct, frozen=True):
    """One identifying mark: its box in pixels of the upright image, and the text it carries."""

    category: Category
    x: int
    y: int
    w: int
    h: int
    text: str = ""


class Body(msgspec.Struct, frozen=True):
    """A composed photograph, encoded, without metadata.

    Attributes:
        jpeg: SOI to EOI, 4:2:2, as the sensor stores it.
        thumbnail: 160 x 120, unredacted.
        preview: 1620 pixels wide, unredacted.
        orientation: EXIF orientation that turns it upright.
        marks: the truth, in upright pixels.
    """

    scene: str
    jpeg: bytes
    thumbnail: bytes
    preview: bytes
    orientation: int
    marks: list[Mark]


def photos_dir() -> Path:
    """Where `image-build/fetch.py` put the photographs."""
    default = Path(__file__).resolve().parents[2] / ".cache" / "photos"
    return Path(os.environ.get("MEDKIOSK_PHOTOS") or default)


class Canvas:
    """An upright picture in the making."""

    def __init__(self, background: str, size: tuple[int, int], rng: random.Random) -> None:
        self.rng = rng
        self.marks: list[Mark] = []
        photo = _photo(background)
        scale = max(size[0] / photo.width, size[1] / photo.height)
        width, height = size[0] / scale, size[1] / scale
        left, top = (photo.width - width) / 2, (photo.height - height) / 2
        box = (max(0, left), max(0, top), min(photo.width, left + width), min(photo.height, top + height))
        self.image = photo.resize(size, Image.Resampling.BICUBIC, box=box)

    def face(self, height: float, angle: float) -> None:
        """Paste a person whose head is ``height`` (share of the picture's smaller side) and turned."""
        bust = _photo("astronaut.png").crop((_BUST[0], _BUST[1], _BUST[0] + _BUST[2], _BUST[1] + _BUST[3]))
        scale = height * min(self.image.size) / _FACE[3]
        bust = bust.resize((round(bust.width * scale), round(bust.height * scale)), Image.Resampling.BICUBIC)
        x, y = (_FACE[0] - _BUST[0]) * scale, (_FACE[1] - _BUST[1]) * scale
        inner = (x, y, x + _FACE[2] * scale, y + _FACE[3] * scale)
        self._paste(bust, angle, "face", inner, "")

    def wristband(self, angle: float) -> None:
        """Paste a printed label with the patient's name and number."""
        lines = [PATIENT, MRN, "* 1961-03-14  F"]
        cap = round(min(self.image.size) * self.rng.uniform(0.022, 0.034))
        font = ImageFont.load_default(cap)
        widths = [font.getbbox(line)[2] for line in lines]
        margin = cap
        label = Image.new(
            "RGB", (round(max(widths)) + 4 * margin, round(len(lines) * cap * 1.45) + 2 * margin)
        )
        draw = ImageDraw.Draw(label)
        draw.rectangle((0, 0, *label.size), fill=(244, 243, 238))
        for row, line in enumerate(lines):
            draw.text((2 * margin, margin + row * cap * 1.45), line, font=font, fill=(25, 25, 30))
        inner = (2 * margin, margin, label.width - 2 * margin, label.height - margin)
        self._paste(label, angle, "text", inner, "\n".join(lines))

    def code(self, content: str, angle: float) -> None:
        """Paste a QR code that is large enough to be read."""
        image = io.BytesIO()
        segno.make(content, error="m", micro=False).save(image, kind="png", scale=1, border=4)
        modules = Image.open(image).convert("RGB")
        pixels = max(6, round(min(self.image.size) * 0.2 / modules.width))
        label = modules.resize((modules.width * pixels,) * 2, Image.Resampling.NEAREST)
        quiet = 4 * pixels
        self._paste(label, angle, "code", (quiet, quiet, label.width - quiet, label.height - quiet), content)

    def _paste(
        self, item: Image.Image, angle: float, category: Category, inner: tuple[float, ...], text: str
    ) -> None:
        mask = Image.new("L", item.size, 255).rotate(angle, Image.Resampling.BICUBIC, expand=True)
        turned = item.rotate(angle, Image.Resampling.BICUBIC, expand=True)
        for _ in range(200):
            at = (
                self.rng.randint(0, max(0, self.image.width - turned.width)),
                self.rng.randint(0, max(0, self.image.height - turned.height)),
            )
            if not any(_overlap((*at, *turned.size), (m.x, m.y, m.w, m.h)) for m in self.marks):
                break
        else:
            raise ValueError("the picture is too full for another mark")
        self.image.paste(turned, at, mask)
        x0, y0, x1, y1 = _turned_box(inner, item.size, turned.size, angle)
        x0, y0 = max(0, x0 + at[0]), max(0, y0 + at[1])
        x1, y1 = min(self.image.width, x1 + at[0]), min(self.image.height, y1 + at[1])
        self.marks.append(Mark(category, x0, y0, x1 - x0, y1 - y0, text))


Paint = Callable[[Canvas], None]


def _portrait(canvas: Canvas) -> None:
    canvas.face(0.36, 0)


def _plain(canvas: Canvas) -> None:
    return


def _wristband(canvas: Canvas) -> None:
    canvas.wristband(canvas.rng.uniform(-25, 25))


def _lying(canvas: Canvas) -> None:
    canvas.face(0.3, 90)


def _coded(canvas: Canvas) -> None:
    canvas.code("https://example.org/encounter/4711", canvas.rng.uniform(-20, 20))


def _portrait_with_wristband(canvas: Canvas) -> None:
    canvas.face(0.3, 0)
    canvas.wristband(canvas.rng.uniform(-8, 8))


def _upside_down(canvas: Canvas) -> None:
    canvas.face(0.22, 180)


def _everything(canvas: Canvas) -> None:
    canvas.face(0.25, canvas.rng.uniform(-20, 20))
    canvas.wristband(canvas.rng.uniform(60, 120))
    canvas.code("MEDKIOSK-LABEL-0815", 0)


SCENES: dict[str, tuple[str, int, Paint]] = {
    "portrait": ("brick.png", 1, _portrait),
    "retina": ("retina.jpg", 1, _plain),
    "wristband": ("coffee.png", 1, _wristband),
    "lying": ("china.jpg", 1, _lying),
    "coded": ("flower.jpg", 1, _coded),
    "held-upright": ("brick.png", 6, _portrait_with_wristband),
    "flower": ("flower.jpg", 1, _plain),
    "upside-down": ("coffee.png", 3, _upside_down),
    "coffee": ("coffee.png", 8, _plain),
    "everything": ("china.jpg", 1, _everything),
}
"""Name -> background, EXIF orientation, what is put on it (by coordinates of the upright picture)."""

_TO_SENSOR = {6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270, 3: Image.Transpose.ROTATE_180}


def compose(scene: str, seed: int, size: tuple[int, int] = SENSOR) -> Body:
    """Make one photograph; the same arguments give the same pixels.

    Args:
        scene: a key of `SCENES`.
        seed: places and angles follow from it.
        size: width and height as the sensor stores it.

    Raises:
        FileNotFoundError: the photographs were not fetched; run ``make setup``.
    """
    background, orientation, paint = SCENES[scene]
    upright = size[::-1] if orientation in {6, 8} else size
    canvas = Canvas(background, upright, random.Random(f"{scene}/{seed}"))
    paint(canvas)
    stored = canvas.image.transpose(_TO_SENSOR[orientation]) if orientation in _TO_SENSOR else canvas.image
    grains = np.random.default_rng([seed, *scene.encode()]).standard_normal(2_000_003, dtype=np.float32)
    target = [limit * math.prod(size) / math.prod(SENSOR) for limit in _SIZES]
    sigma = 6.0
    for _ in range(6):
        jpeg = _encode(_grained(stored, grains, sigma), _QUALITY)
        if target[0] <= len(jpeg) <= target[1]:
            break
        sigma *= 0.75 if len(jpeg) > target[1] else 1.25
    return Body(
        scene=scene,
        jpeg=jpeg,
        thumbnail=_encode(stored.resize((160, 120), Image.Resampling.BILINEAR), 80),
        preview=_encode(stored.resize((1620, 1080), Image.Resampling.BILINEAR), 80),
        orientation=orientation,
        marks=canvas.marks,
    )


def _photo(name: str) -> Image.Image:
    path = photos_dir() / name
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing: run `make setup`")
    with Image.open(path) as image:
        return image.convert("RGB")


def _grained(
    image: Image.Image, grains: np.ndarray[tuple[int], np.dtype[np.float32]], sigma: float
) -> Image.Image:
    """Add luminance noise, as a sensor does: without it an enlarged photograph would weigh too little."""
    pixels = np.asarray(image).astype(np.int16)
    noise = (np.resize(grains, pixels.shape[:2]) * sigma).astype(np.int16)
    pixels += noise[:, :, np.newaxis]
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def _encode(image: Image.Image, quality: int) -> bytes:
    """Encode as 4:2:2 JPEG without any application segment."""
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality, subsampling="4:2:2")
    jpeg = out.getvalue()
    length = int.from_bytes(jpeg[4:6], "big")
    if jpeg[2:4] != b"\xff\xe0":
        raise ValueError("expected Pillow's JFIF segment first")
    return jpeg[:2] + jpeg[4 + length :]


def _turned_box(
    inner: tuple[float, ...], before: tuple[int, int], after: tuple[int, int], angle: float
) -> tuple[int, int, int, int]:
    """The upright box around ``inner`` after the picture was turned ``angle`` degrees counterclockwise."""
    cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    xs, ys = [], []
    for x in (inner[0], inner[2]):
        for y in (inner[1], inner[3]):
            dx, dy = x - before[0] / 2, y - before[1] / 2
            xs.append(dx * cos + dy * sin + after[0] / 2)
            ys.append(dy * cos - dx * sin + after[1] / 2)
    return math.floor(min(xs)), math.floor(min(ys)), math.ceil(max(xs)), math.ceil(max(ys))


def _overlap(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    return (
        one[0] < other[0] + other[2]
        and other[0] < one[0] + one[2]
        and one[1] < other[1] + other[3]
        and other[1] < one[1] + one[3]
    )
