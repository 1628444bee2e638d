"""Our sixels, read back by a decoder of the test's own."""

from __future__ import annotations

import re
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medkiosk.console.drawing import sixel
from medkiosk.console.drawing.shapes import Outline, Stroke, View, fitted


def decode(
    text: str,
) -> tuple[dict[int, tuple[int, int, int]], np.ndarray[tuple[int, ...], np.dtype[np.int16]]]:
    """Draw what a terminal would: registers in per cent, and the register of each pixel (-1: untouched)."""
    head = re.match(r'\x1bP0;1;0q"1;1;(\d+);(\d+)', text)
    assert head is not None
    assert text.endswith("\x1b\\")
    width, height = int(head[1]), int(head[2])
    body = text[head.end() : -2]
    pixels = np.full((height + 6, width + 1), -1, dtype=np.int16)
    registers: dict[int, tuple[int, int, int]] = {}
    x = y = colour = 0
    tokens = re.compile(r"#(\d+);2;(\d+);(\d+);(\d+)|#(\d+)|!(\d+)([?-~])|([$-])|([?-~])")
    end = 0
    for token in tokens.finditer(body):
        assert token.start() == end, "something that is no sixel"
        end = token.end()
        register, r, g, b, chosen, repeat, repeated, move, single = token.groups()
        if register:
            registers[int(register)] = (int(r), int(g), int(b))
        elif chosen:
            colour = int(chosen)
        elif move == "$":
            x = 0
        elif move == "-":
            x, y = 0, y + 6
        else:
            bits = ord(repeated or single) - 63
            length = int(repeat or 1)
            for row in range(6):
                if bits >> row & 1:
                    pixels[y + row, x : x + length] = colour
            x += length
    assert end == len(body)
    assert (pixels[height:] == -1).all(), "painted below the picture"
    assert (pixels[:, width:] == -1).all(), "painted beside the picture"
    return registers, pixels[:height, :width]


def noise(width: int, height: int, seed: int = 1) -> sixel.Rgb:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3)).astype(np.uint8)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 60), st.integers(1, 40), st.integers(1, 250), st.integers(0, 9))
def test_every_pixel_is_painted_in_its_colour(width: int, height: int, colours: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    indices = random.integers(0, colours, (height, width)).astype(np.uint8)
    indices[:, width // 2 :] = indices[0, 0]  # long runs too
    palette = sixel.Palette(noise(colours, 1)[0], np.zeros(1 << 15, dtype=np.uint8))
    registers, pixels = decode(sixel.encode(indices, palette))
    assert (pixels == indices).all()
    for number, percent in registers.items():
        assert percent == tuple((int(v) * 100 + 127) // 255 for v in palette.colours[number])


def test_a_photo_keeps_its_colours_within_a_few_steps() -> None:
    across, down = np.meshgrid(np.linspace(0, 255, 300), np.linspace(0, 255, 200))
    rgb = np.stack([across, down, 255 - across], axis=2).astype(np.uint8)
    palette = sixel.palette_of(rgb)
    shown = palette.colours[sixel.quantised(rgb, palette)].astype(int)
    assert len(palette.colours) <= 256
    assert np.abs(shown - rgb).mean() < 8


def test_a_flat_picture_has_few_colours_and_black_stays_black() -> None:
    rgb = np.zeros((60, 90, 3), dtype=np.uint8)
    rgb[:30] = (200, 30, 30)
    palette = sixel.palette_of(rgb)
    assert len(palette.colours) <= len(Stroke) + 3 + 4
    shown = palette.colours[sixel.quantised(rgb, palette)]
    assert shown[45:].max() <= 8


@pytest.mark.parametrize(("width", "height"), [(912, 608), (300, 900), (7, 5), (1, 1)])
def test_the_whole_picture_is_placed_in_the_middle_in_proportion(width: int, height: int) -> None:
    rgb = noise(width, height)
    view = View(0, 0, width, height)
    part = sixel.scaled(rgb, view, *fitted(width, height, 240, 160))
    placed = sixel.placed(part, sixel.palette_of(rgb), view, (240, 160))
    assert placed.paper.shape == (160, 240)
    place = placed.place
    assert abs(place.left * 2 + place.width - 240) <= 1
    assert abs(place.top * 2 + place.height - 160) <= 1
    assert place.width / place.height == pytest.approx(width / height, rel=0.05)
    inside = placed.paper[place.top : place.top + place.height, place.left : place.left + place.width]
    assert (inside != sixel.PAPER).all()
    assert (placed.paper == sixel.PAPER).sum() == placed.paper.size - inside.size


def test_a_crop_shows_the_part_that_was_asked_for() -> None:
    rgb = np.zeros((100, 200, 3), dtype=np.uint8)
    rgb[40:60, 80:120] = 255
    part = sixel.scaled(rgb, View(80, 40, 40, 20), 80, 40)
    assert part.min() == 255
    assert sixel.scaled(rgb, View(0, 0, 40, 20), 80, 40).max() == 0


def test_an_outline_touches_only_its_own_tiles() -> None:
    rgb = noise(480, 240)
    base = sixel.placed(rgb, sixel.palette_of(rgb), View(0, 0, 480, 240), (480, 240))
    drawn = sixel.outlined(base, [Outline(20, 20, 60, 40, strong=True)])
    assert (drawn[20, 20:80] == sixel.LIGHT).all()
    assert sixel.equal(drawn[:, 100:], base.paper[:, 100:])
    assert not sixel.equal(drawn[:, :100], base.paper[:, :100])
    outside = sixel.outlined(base, [Outline(-500, -500, 100, 100, strong=True)])
    assert sixel.equal(outside, base.paper)


def test_a_wrong_length_is_refused() -> None:
    with pytest.raises(ValueError):
        sixel.picture(b"\0" * 11, 2, 2)
    with pytest.raises(ValueError):
        sixel.picture(b"", 0, 0)


def test_a_picture_too_large_for_one_piece_is_refused() -> None:
    palette = sixel.Palette(np.zeros((1, 3), dtype=np.uint8), np.zeros(1 << 15, dtype=np.uint8))
    with pytest.raises(ValueError, match="tiles"):
        sixel.encode(np.zeros((6, 10000), dtype=np.uint8), palette)


def test_the_pieces_of_a_picture_are_the_picture() -> None:
    rgb = noise(100, 36)
    palette = sixel.palette_of(rgb)
    indices = sixel.quantised(rgb, palette)
    edges = [0, 24, 48, 100]
    pieces = [decode(sixel.encode(indices[:, a:b], palette))[1] for a, b in pairwise(edges)]
    assert (np.concatenate(pieces, axis=1) == indices).all()
