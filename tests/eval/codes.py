"""Codes: six symbologies at many sizes, blurred, tilted, turned, damaged, light on dark.

"When a person could read one" is taken to mean: when a person (or their phone) could make out its modules.
That is said to be so when a module measures at least 3 pixels after foreshortening and the blur's sigma is at
most a third of a module: a Gaussian then leaves exp(-2 (pi sigma f)^2) = 58 % of the contrast of alternating
modules (f = 1 / (2 modules)). Both sides of that line are reported. Damaged codes are a group of their own.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np
import segno
import zxingcpp

from medkiosk.core.photo import Category
from medkiosk.redact.pixels import Pixels, as_pixels
from tests.eval.picture import Picture
from tests.eval.sheet import Item, Patch, sheets, turn, warp

KINDS = ("QR", "DataMatrix", "Aztec", "PDF417", "Code 128", "EAN-13")
LEAST_MODULE = 3.0
MOST_BLUR = 1 / 3
_CREATED = {
    "DataMatrix": ("DataMatrix", "MRN00471193 4.7.61 7B"),
    "Aztec": ("Aztec", "MRN00471193 4.7.61 7B"),
    "PDF417": ("PDF417", "MRN00471193 SMITH JANE"),
    "Code 128": ("Code128", "MRN00471193"),
    "EAN-13": ("EAN13", "4006381333931"),
}
_QUIET = {"QR": 4, "DataMatrix": 2, "Aztec": 2, "PDF417": 3, "Code 128": 10, "EAN-13": 11}


@dataclass(frozen=True)
class Code:
    """One code: module in pixels, blur's sigma in modules, tilt away from the camera and turn in degrees."""

    kind: str
    module: float
    blur: float = 0.0
    tilt: int = 0
    angle: int = 0
    damage: str = ""
    inverted: bool = False

    @property
    def readable(self) -> bool:
        """Whether a person could make out its modules (see above)."""
        module = self.module * math.cos(math.radians(self.tilt))
        return module >= LEAST_MODULE and self.blur * self.module <= MOST_BLUR * module + 1e-6

    def tags(self, size: str) -> dict[str, str]:
        """The groups it belongs to."""
        legible = "damaged" if self.damage else ("readable" if self.readable else "beyond reading")
        tags = {"legibility": legible}
        if legible == "readable":
            tags |= {
                "readable, kind": self.kind,
                "readable, module": f"{self.module:g} px",
                "readable, tilt": str(self.tilt),
                "readable, turned by": str(self.angle),
                "readable, blur": f"{self.blur:.2f} modules",
                "readable, colours": "light on dark" if self.inverted else "dark on light",
                "readable, picture": size,
            }
        else:
            tags |= {f"{legible}, kind": self.kind}
        return tags


def codes(every: int = 1) -> Iterator[Picture]:
    """Codes on 20 and 6 megapixels."""
    for number, size in enumerate(("20 MP", "6 MP")):
        specs = _specs(size)[::every]
        yield from sheets("codes", Category.CODE, size, [_item(code, size) for code in specs], 30 + number)


def _specs(size: str) -> list[Code]:
    large = size == "20 MP"
    specs = []
    for kind in KINDS:
        for module in (2, 3, 4, 6, 10) if large else (2, 3, 5):
            specs += [Code(kind, module), Code(kind, module, 1 / 3)]
        if not large:
            continue
        specs += [Code(kind, 5, tilt=tilt) for tilt in (30, 50)]
        specs += [Code(kind, 5, angle=angle) for angle in (15, 45, 90, 180)]
        specs += [Code(kind, 6, blur) for blur in (0.5, 0.8)]
        specs += [Code(kind, 5, damage=damage) for damage in ("corner torn", "middle smeared")]
        specs += [Code(kind, 5, inverted=True)]
    return specs


def _modules(kind: str) -> Pixels:
    """One pixel a module, 0 or 255, without the quiet zone."""
    if kind == "QR":
        rows = segno.make("https://h.example/e/7f3a9c00471193", micro=False).matrix
        return np.array([[0 if dark else 255 for dark in row] for row in rows], np.uint8)
    name, content = _CREATED[kind]
    code = zxingcpp.create_barcode(content, getattr(zxingcpp.BarcodeFormat, name))
    image = np.array(zxingcpp.write_barcode_to_image(code, scale=1, add_quiet_zones=False))
    return image if kind != "EAN-13" else image[:40]


def _item(code: Code, size: str) -> Item:
    patch = _draw(code, size)
    height, width = patch.pixels.shape[:2]
    return Item(partial(_draw, code, size), width, height)


def _draw(code: Code, size: str) -> Patch:
    grid = np.pad(_modules(code.kind), _QUIET[code.kind], constant_values=255)
    if code.inverted:
        grid = 255 - grid
    scale = code.module
    grey = as_pixels(cv2.resize(grid, None, fx=scale, fy=scale, interpolation=cv2.INTER_NEAREST))
    quiet = _QUIET[code.kind] * scale
    _damage(grey, code.damage, round(quiet))
    if code.blur:
        grey = as_pixels(cv2.GaussianBlur(grey, (0, 0), code.blur * code.module))
    # Ink is not black and paper is not white.
    paper = cv2.merge([np.clip(28 + grey * (0.82 + 0.01 * i), 0, 255).astype(np.uint8) for i in range(3)])
    height, width = grey.shape
    inner = ((quiet, quiet), (width - quiet, quiet), (width - quiet, height - quiet), (quiet, height - quiet))
    patch = Patch(as_pixels(paper), np.ones(grey.shape, np.float32), inner, code.tags(size))
    if code.tilt:
        patch = _tilted(patch, code.tilt)
    return turn(patch, code.angle) if code.angle else patch


def _damage(grey: Pixels, kind: str, quiet: int) -> None:
    height, width = grey.shape
    if kind == "corner torn":
        size = round(0.35 * min(height, width) + quiet)
        corner = np.array([(width, height), (width - size, height), (width, height - size)], np.int32)
        cv2.fillPoly(grey, [corner], 190)
    elif kind == "middle smeared":
        part = grey[round(height * 0.4) : round(height * 0.6), round(width * 0.2) : round(width * 0.8)]
        part[:] = cv2.blur(part, (max(3, part.shape[1] // 2), 3)) // 2 + 60


def _tilted(patch: Patch, degrees: int) -> Patch:
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
