"""Codes: fourteen symbologies at many sizes, blurred, seen from aside, bent, turned, damaged, light on dark.

"When a person could read one" is taken to mean: when their phone could. That is decided on the finished
picture, for each code: zxing-cpp is handed the code's own true place, cut out with its quiet zone, turned
upright, without its perspective, dark on light, at several sizes, smoothed and sharpened, with three ways to
tell dark from light. It has then every help that a detector has not; what it decodes there is readable,
damaged or not. Everything is reported over all codes too, and over those that nothing reads.

Codes are drawn at random from a seed. Thresholds were chosen with seeds from 1 on; `EVALUATION` was not
looked at meanwhile.
"""

from __future__ import annotations

import math
import string
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from itertools import pairwise

import cv2
import numpy as np
import segno
import zxingcpp

from medkiosk.core.photo import Category
from medkiosk.redact.pixels import Grey, Pixels, as_pixels
from tests.eval.picture import Picture, Rendered
from tests.eval.score import Outline, Truth
from tests.eval.sheet import Item, Patch, sheets, turn, warp

EVALUATION = 9002
_COUNT = 448
_SMALL = 4
"""Every so manieth picture's codes are stuck on six megapixels, the others on twenty."""
DAMAGES = ("corner torn", "middle smeared", "scratched", "one side covered")
_SQUARE = {"QR": 4, "Micro QR": 2, "rMQR": 2, "Aztec": 2, "Data Matrix": 2}
_LINEAR = {
    "Code 128": ("Code128", 10),
    "Code 39": ("Code39", 10),
    "Code 93": ("Code93", 10),
    "ITF": ("ITF", 10),
    "Codabar": ("Codabar", 10),
    "EAN-13": ("EAN13", 11),
    "EAN-8": ("EAN8", 7),
    "UPC-A": ("UPCA", 9),
}
KINDS = (*_SQUARE, "PDF417", *_LINEAR)
_FORMATS = {"Micro QR": "MicroQRCode", "rMQR": "RMQRCode", "Data Matrix": "DataMatrix"}
_DIGITS = {"EAN-13": 12, "EAN-8": 7, "UPC-A": 11}
_BINARIZERS = (
    zxingcpp.Binarizer.LocalAverage,
    zxingcpp.Binarizer.GlobalHistogram,
    zxingcpp.Binarizer.FixedThreshold,
)
_SCALES = (1.0, 2.0, 3.0, 0.5)
_MOST_LOOKED_AT = 3000
_LARGEST = 1900
"""A code's diagonal with its quiet zone, pixels: it must fit on six megapixels at any angle."""


@dataclass(frozen=True)
class Code:
    """One code.

    Attributes:
        kind: one of `KINDS`.
        content: what it says.
        module: size of a module, pixels.
        blur: sigma, modules.
        tilt: away from the camera, degrees.
        angle: turned by, degrees.
        bend: around a cylinder, half of the angle that it spans, degrees; 0 is flat.
        damage: one of `DAMAGES`, or empty.
        inverted: light on dark.
        ink: grey level of the ink.
        paper: grey level of the paper.
        seed: of the damage.
    """

    kind: str
    content: str
    module: float
    blur: float = 0.0
    tilt: float = 0.0
    angle: float = 0.0
    bend: float = 0.0
    damage: str = ""
    inverted: bool = False
    ink: int = 30
    paper: int = 235
    seed: int = 0

    @property
    def quiet(self) -> int:
        """Its quiet zone, modules."""
        return _SQUARE.get(self.kind, 3) if self.kind not in _LINEAR else _LINEAR[self.kind][1]

    def tags(self, *, readable: bool) -> dict[str, str]:
        """The groups it belongs to."""
        legible = "readable" if readable else "beyond reading"
        tags = {"legibility": legible, f"{legible}, kind": self.kind}
        if readable:
            tags |= {
                "readable, module": _band(self.module, (2, 3, 4, 6, 12), "px"),
                "readable, seen from aside by": _band(self.tilt, (0, 1, 30, 60), "degrees"),
                "readable, blur": _band(self.blur, (0.0, 0.25, 0.5, 0.8), "modules"),
                "readable, surface": "bent" if self.bend else "flat",
                "readable, colours": "light on dark" if self.inverted else "dark on light",
                "readable, damage": self.damage or "none",
            }
        return tags


def _band(value: float, borders: Sequence[float], unit: str) -> str:
    low, high = next(((a, b) for a, b in pairwise(borders) if value < b), borders[-2:])
    return f"{low:g} to {high:g} {unit}"


def codes(every: int = 1) -> Iterator[Picture]:
    """The evaluation's codes, on 20 and 6 megapixels."""
    yield from drawn(EVALUATION, _COUNT // every)


def drawn(seed: int, count: int) -> Iterator[Picture]:
    """So many codes drawn at random, every kind as often, on drawn skin and photographs in turn."""
    rng = np.random.default_rng(seed)
    specs = [_any(KINDS[number % len(KINDS)], rng) for number in range(count)]
    for part, size in enumerate(("20 MP", "6 MP")):
        numbers = [n for n in range(count) if (n // len(KINDS) % _SMALL == _SMALL - 1) == bool(part)]
        items = [_item(n, specs[n]) for n in numbers]
        for picture in sheets("codes", Category.CODE, size, items, 10 * seed + part):
            yield Picture(
                picture.set,
                picture.name,
                partial(_finished, picture, specs, seed),
                picture.peer,
                picture.tags,
            )


def _any(kind: str, rng: np.random.Generator) -> Code:
    """A code as it may lie on a photograph: small ones oftener than large ones."""
    module = float(np.exp(rng.uniform(math.log(2.0), math.log(12.0))))
    if rng.random() < 0.3:
        angle = float(rng.choice([0, 90, 180, 270]) + rng.normal(0, 2))
    else:
        angle = float(rng.uniform(0, 360))
    content = _content(kind, rng)
    rows, columns = _modules(kind, content).shape
    module = min(module, _LARGEST / math.hypot(rows + 24, columns + 24))
    return Code(
        kind,
        content,
        module,
        blur=float(rng.uniform(0, 0.5)) if rng.random() < 0.85 else float(rng.uniform(0.5, 0.8)),
        tilt=float(rng.uniform(10, 55)) if rng.random() < 0.35 else 0.0,
        angle=angle,
        bend=float(rng.uniform(20, 65)) if rng.random() < 0.2 else 0.0,
        damage=str(rng.choice(DAMAGES)) if rng.random() < 0.25 else "",
        inverted=bool(rng.random() < 0.12),
        ink=int(rng.integers(20, 80)),
        paper=int(rng.integers(150, 250)),
        seed=int(rng.integers(1 << 30)),
    )


def _content(kind: str, rng: np.random.Generator) -> str:
    if kind in _DIGITS:
        return "".join(rng.choice(list(string.digits), _DIGITS[kind]))
    number = "".join(rng.choice(list(string.digits), int(rng.integers(6, 11))))
    if kind in {"ITF", "Micro QR"}:
        return number[: len(number) // 2 * 2]
    if kind == "Codabar":
        return f"A{number}B"
    if kind in _LINEAR or rng.random() < 0.3:
        return f"MRN{number}"
    words = f"MRN{number} 4.7.61 " + "".join(
        rng.choice(list(string.ascii_uppercase), int(rng.integers(3, 40)))
    )
    return f"https://h.example/e/{words.replace(' ', '')}" if kind == "QR" else words


def _modules(kind: str, content: str) -> Pixels:
    """One pixel a module, 0 or 255, without the quiet zone."""
    if kind == "QR":
        rows = segno.make(content, micro=False).matrix
        return np.array([[0 if dark else 255 for dark in row] for row in rows], np.uint8)
    name = _FORMATS.get(kind) or _LINEAR.get(kind, (kind,))[0]
    code = zxingcpp.create_barcode(content, getattr(zxingcpp.BarcodeFormat, name))
    image = np.array(zxingcpp.write_barcode_to_image(code, scale=1, add_quiet_zones=False))
    return image if kind not in _LINEAR else np.repeat(image[10][None], max(22, image.shape[1] // 4), axis=0)


def _item(number: int, code: Code) -> Item:
    height, width = draw(number, code).pixels.shape[:2]
    return Item(partial(draw, number, code), width, height)


@cache
def draw(number: int, code: Code) -> Patch:
    """One code on its paper, as it lies before the camera; its number as its only tag."""
    grid = np.pad(_modules(code.kind, code.content), code.quiet, constant_values=255)
    if code.inverted:
        grid = 255 - grid
    fine = max(1, round(24 / code.module)) if code.module < 12 else 1
    large = cv2.resize(grid, None, fx=fine * 4, fy=fine * 4, interpolation=cv2.INTER_NEAREST)
    size = (round(grid.shape[1] * code.module), round(grid.shape[0] * code.module))
    grey = as_pixels(cv2.resize(large, size, interpolation=cv2.INTER_AREA))
    quiet = code.quiet * code.module
    _damage(grey, code, round(quiet))
    height, width = grey.shape
    inner = ((quiet, quiet), (width - quiet, quiet), (width - quiet, height - quiet), (quiet, height - quiet))
    level = code.ink + grey.astype(np.float32) * ((code.paper - code.ink) / 255)
    paper = np.clip(cv2.merge([level * part for part in (0.94, 1.0, 1.03)]), 0, 255).astype(np.uint8)
    patch = Patch(as_pixels(paper), np.ones(grey.shape, np.float32), inner, {"number": str(number)})
    if code.bend:
        patch = _bent(patch, code.bend)
    if code.tilt:
        patch = _tilted(patch, code.tilt)
    patch = turn(patch, code.angle)
    if code.blur:
        blurred = as_pixels(cv2.GaussianBlur(patch.pixels, (0, 0), code.blur * code.module))
        patch = Patch(blurred, patch.alpha, patch.outline, patch.tags)
    return patch


def _damage(grey: Pixels, code: Code, quiet: int) -> None:
    height, width = grey.shape
    rng = np.random.default_rng(code.seed)
    if code.damage == "corner torn":
        size = round(rng.uniform(0.2, 0.4) * min(height, width) + quiet)
        corner = np.array([(width, height), (width - size, height), (width, height - size)], np.int32)
        cv2.fillPoly(grey, [corner], 190)
    elif code.damage == "middle smeared":
        half = rng.uniform(0.06, 0.15)
        part = grey[
            round(height * (0.5 - half)) : round(height * (0.5 + half)),
            round(width * 0.2) : round(width * 0.8),
        ]
        part[:] = cv2.blur(part, (max(3, part.shape[1] // 2), 3)) // 2 + 60
    elif code.damage == "scratched":
        for _ in range(int(rng.integers(2, 7))):
            ends = [(int(rng.uniform(0, width)), int(rng.uniform(0, height))) for _ in range(2)]
            thick = max(1, round(code.module * rng.uniform(0.5, 1.5)))
            cv2.line(grey, ends[0], ends[1], int(rng.integers(0, 256)), thick)
    elif code.damage == "one side covered":
        grey[:, round(width * rng.uniform(0.6, 0.85)) :] = 200


def _bent(patch: Patch, degrees: float) -> Patch:
    """Around an upright cylinder, seen from far away: what lies to the sides is narrowed."""
    height, width = patch.pixels.shape[:2]
    half = math.radians(degrees)
    narrow = max(2, round(width * math.sin(half) / half))
    x = (np.arange(narrow) + 0.5) / narrow * 2 - 1
    columns = ((np.arcsin(x * math.sin(half)) / half + 1) / 2 * width - 0.5).astype(np.float32)
    from_x, from_y = np.meshgrid(columns, np.arange(height, dtype=np.float32))
    pixels = cv2.remap(patch.pixels, from_x, from_y, cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE)
    at = [
        (math.sin((px / width * 2 - 1) * half) / math.sin(half) + 1) / 2 * narrow for px, _ in patch.outline
    ]
    outline = tuple((px, py) for px, (_, py) in zip(at, patch.outline, strict=True))
    return Patch(as_pixels(pixels), np.ones((height, narrow), np.float32), outline, patch.tags)


def _tilted(patch: Patch, degrees: float) -> Patch:
    """Tilt about the vertical axis, seen from twice its width away."""
    height, width = patch.pixels.shape[:2]
    angle, away = math.radians(degrees), 2.0 * max(width, height)
    corners = []
    for x, y in ((-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)):
        depth = away / (away + x * width * math.sin(angle))
        corners.append((x * width * math.cos(angle) * depth, y * height * depth))
    placed = np.array(corners, np.float32)
    placed -= placed.min(axis=0)
    size = tuple(math.ceil(value) for value in placed.max(axis=0))
    source = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
    return warp(patch, cv2.getPerspectiveTransform(source, placed).astype(np.float64), (size[0], size[1]))


def _finished(picture: Picture, specs: Sequence[Code], seed: int) -> Rendered:
    """With the sensor's noise, and every code judged: could it be read?"""
    rendered = picture.render()
    rng = np.random.default_rng([seed, *picture.name.encode()])
    noise = rng.normal(0, rng.uniform(1, 5), rendered.pixels.shape[:2]).astype(np.float32)
    pixels = rendered.pixels
    for plane in range(3):
        pixels[:, :, plane] = np.clip(pixels[:, :, plane] + noise, 0, 255).astype(np.uint8)
    grey = as_pixels(cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY))
    truths = []
    for truth in rendered.truths:
        code = specs[int(truth.tags["number"])]
        assert isinstance(truth.shape, Outline)
        readable = can_be_read(grey, truth.shape, code)
        truths.append(Truth(truth.category, truth.shape, code.tags(readable=readable)))
    return Rendered(pixels, truths)


def can_be_read(grey: Grey, outline: Outline, code: Code) -> bool:
    """Whether zxing-cpp decodes it when it is told where it is and how it lies (see above)."""
    rows, columns = _modules(code.kind, code.content).shape
    corners = np.array(outline.points, np.float32)
    for scale in _SCALES:
        module = scale * max(code.module, 3.0)
        width, height, quiet = columns * module, rows * module, code.quiet * module
        if max(width, height) > _MOST_LOOKED_AT:
            continue
        place = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32) + np.float32(quiet)
        matrix = cv2.getPerspectiveTransform(corners, place)
        size = (math.ceil(width + 2 * quiet), math.ceil(height + 2 * quiet))
        how = cv2.INTER_CUBIC if scale > 0.5 else cv2.INTER_AREA
        cut = cv2.warpPerspective(grey, matrix, size, flags=how, borderMode=cv2.BORDER_REPLICATE)
        if code.inverted:
            cut = 255 - cut  # zxing-cpp inverts matrix codes only
        soft = cv2.GaussianBlur(cut, (0, 0), 0.3 * module)
        for look in (
            cut,
            soft,
            cv2.addWeighted(cut, 2.5, cv2.GaussianBlur(cut, (0, 0), 0.8 * module), -1.5, 0),
        ):
            if any(zxingcpp.read_barcodes(look, binarizer=way) for way in _BINARIZERS):
                return True
    return False
