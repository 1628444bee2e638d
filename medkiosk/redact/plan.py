"""The plan: which whole MCUs are burned. Pure data, so that replaying it gives the same bytes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from medkiosk.core.photo import Box, Category
from medkiosk.redact.region import Size, contains, grow


class Mask(NamedTuple):
    """One burned rectangle: why, and where. The box is on MCU borders or at the image's edge."""

    category: Category
    box: Box


def make_plan(wanted: Iterable[tuple[Category, Box]], mcu: Size, image: Size) -> tuple[Mask, ...]:
    """Turn wished-for boxes into the canonical plan for one image.

    Each box grows to whole MCUs and is cut to the image; boxes outside it, and boxes that lie within
    another of the same category, vanish; the rest is in reading order. The same wishes in any order give
    the same plan, and a plan given as wishes gives itself.

    Args:
        wanted: category and box of each mask, upright pixels.
        mcu: size of one MCU in the upright image.
        image: size of the upright image.
    """
    grown = {Mask(category, box) for category, wish in wanted if (box := grow(wish, mcu, image)) is not None}
    kept = [
        mask
        for mask in grown
        if not any(
            other != mask and other.category == mask.category and contains(other.box, mask.box)
            for other in grown
        )
    ]
    return tuple(sorted(kept, key=lambda m: (m.box.y, m.box.x, m.box.h, m.box.w, m.category)))
