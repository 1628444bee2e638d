"""Drawn pictures of skin with and without marks: procedural skin of several tones, and what lies on it.

Everything is made by code from a seed. None of it is close enough to a photograph to judge
a detector for real patients: it serves to compare methods, and to see what a change does.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from medkiosk.core.photo import Box
from medkiosk.redact.pixels import Pixels, as_pixels

Plane = NDArray[np.float32]
Rng = np.random.Generator

WIDTH, HEIGHT = 1024, 683
TONES: dict[str, float] = {
    "very light": 62,
    "light": 48,
    "intermediate": 34,
    "tan": 19,
    "brown": -10,
    "dark": -45,
}
"""Individual typology angle in degrees (Chardon 1991: atan((L* - 50) / b*)), about each class's middle."""
MARKS = ("tattoo", "scar", "jewellery", "birthmark")
NEGATIVES = ("mole", "rash", "hair", "shadow", "fold", "vein", "glare", "freckles")


class Mark(NamedTuple):
    """One drawn mark: what, and where."""

    kind: str
    box: Box


class Scene(NamedTuple):
    """A picture with known content.

    Attributes:
        pixels: BGR, 683 x 1024.
        marks: what a detector should find.
        tone: a key of `TONES`.
        clutter: which of `NEGATIVES` are in it.
        under: how much of each pixel is covered by the mark, 0 to 1.
        body: 0 a close-up, 1 a limb, 2 fingers.
    """

    pixels: Pixels
    marks: list[Mark]
    tone: str
    clutter: tuple[str, ...]
    under: Plane
    body: int


def scene(seed: int, kind: str | None, tone: str | None = None, *, clutter: bool = True) -> Scene:
    """Draw one scene.

    Args:
        seed: the same seed and arguments give the same picture.
        kind: one of `MARKS`, or None for a picture without marks.
        tone: a key of `TONES`; drawn by lot when None.
        clutter: whether up to three of `NEGATIVES` are drawn too.
    """
    rng = np.random.default_rng([seed, 77])
    tone = tone or str(rng.choice(list(TONES)))
    picture, skin, body = _ground(rng, TONES[tone])
    names: tuple[str, ...] = ()
    if clutter:
        names = tuple(str(n) for n in rng.choice(NEGATIVES, int(rng.integers(0, 4)), replace=False))
    for name in names:
        _CLUTTER[name](picture, skin, rng)
    marks: list[Mark] = []
    under = np.zeros_like(skin)
    if kind:
        drawn, under = put(picture, skin, kind, rng)
        if drawn is not None:
            marks.append(Mark(kind, drawn))
    return Scene(_photographed(picture, rng), marks, tone, names, under, body)


def put(picture: Plane, skin: Plane, kind: str, rng: Rng) -> tuple[Box | None, Plane]:
    """Draw a mark where there is skin; its box, or None when there was no room, and what it covers.

    Args:
        picture: BGR, 0 to 1, changed in place.
        skin: 1 where there is skin, same height and width.
        kind: one of `MARKS`.
        rng: what is drawn.
    """
    share, colour = _DRAW[kind](picture, skin, rng)
    share = share * skin if kind != "jewellery" else share
    ys, xs = np.nonzero(share > 0.25)
    if len(xs) < 40:
        return None, np.zeros_like(skin)
    picture[:] = picture * (1 - share[..., None]) + colour * share[..., None]
    left, top = int(xs.min()), int(ys.min())
    return Box(left, top, int(xs.max()) - left + 1, int(ys.max()) - top + 1), np.asarray(share, np.float32)


# Skin and what is around it.


def _ground(rng: Rng, ita: float) -> tuple[Plane, Plane, int]:
    angle = math.radians(ita + rng.normal(0, 3))
    light = 50 + 20 * math.tan(angle) * 0.8 if ita > 0 else 50 + 18 * math.tan(angle) * 0.85
    light = float(np.clip(light, 24, 78))
    yellow = float(np.clip((light - 50) / math.tan(angle), 9, 24)) if abs(light - 50) > 3 else 18.0
    lab = np.empty((HEIGHT, WIDTH, 3), np.float32)
    lab[..., 0] = light + 1.2 * noise(rng, 60) + 0.9 * noise(rng, 6) + 0.8 * noise(rng, 1.2)
    lab[..., 1] = rng.uniform(7, 15) + 1.3 * noise(rng, 45) + 0.7 * noise(rng, 8)
    lab[..., 2] = yellow + 1.0 * noise(rng, 70) + 0.5 * noise(rng, 10)
    picture = np.asarray(cv2.cvtColor(lab, cv2.COLOR_Lab2BGR), np.float32)
    skin, shade, body = _body(rng)
    picture *= shade[..., None]
    back = _backdrop(rng)
    soft = cv2.GaussianBlur(skin, (0, 0), 1.2)[..., None]
    return np.ascontiguousarray(picture * soft + back * (1 - soft)), skin, body


def _body(rng: Rng) -> tuple[Plane, Plane, int]:
    """Where there is skin, and how light falls on it: a close-up, a limb, or a hand's parallel fingers."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    turn = rng.uniform(0, math.pi)
    along = (x - WIDTH / 2) * math.cos(turn) + (y - HEIGHT / 2) * math.sin(turn)
    across = -(x - WIDTH / 2) * math.sin(turn) + (y - HEIGHT / 2) * math.cos(turn)
    shade = 1 + rng.uniform(0, 0.25) * along / 600 + rng.uniform(-0.2, 0.2) * across / 400
    shape = int(rng.integers(0, 3))
    if shape == 0:
        return np.ones((HEIGHT, WIDTH), np.float32), shade.astype(np.float32), shape
    if shape == 1:
        half = rng.uniform(140, 300) * (1 + 0.2 * along / 600)
        bent = across + rng.uniform(-60, 60) * (along / 500) ** 2
        place = bent / half
    else:
        half = np.float32(rng.uniform(70, 110))
        place = np.mod(across + half, 2.1 * half) / half - 1
    skin = (np.abs(place) < 1).astype(np.float32)
    shade = shade * (0.45 + 0.55 * np.sqrt(np.clip(1 - (0.95 * place) ** 2, 0, 1)))
    return skin, shade.astype(np.float32), shape


def _backdrop(rng: Rng) -> Plane:
    """Cloth: blue, green, white, grey, black or patterned."""
    base = [(0.55, 0.35, 0.15), (0.4, 0.5, 0.2), (0.85, 0.85, 0.87), (0.4, 0.4, 0.4), (0.06, 0.06, 0.06)]
    colour = np.array(base[int(rng.integers(0, len(base)))], np.float32) * rng.uniform(0.8, 1.1)
    folds = 1 + 0.12 * noise(rng, 40) + 0.04 * noise(rng, 2)
    back = colour * folds[..., None]
    if rng.random() < 0.25:
        y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
        stripes = ((x + y) // int(rng.integers(8, 40)) % 2).astype(np.float32)[..., None]
        back = back * (1 - 0.5 * stripes) + rng.random(3).astype(np.float32) * 0.5 * stripes
    return np.asarray(back, np.float32)


def noise(rng: Rng, size: float) -> Plane:
    """Smooth noise of unit variance with spots of about ``size`` pixels."""
    step = max(1, int(size / 2))
    small = rng.normal(0, 1, (HEIGHT // step + 3, WIDTH // step + 3)).astype(np.float32)
    soft = np.asarray(cv2.GaussianBlur(small, (0, 0), 1), np.float32)
    soft = soft / (soft.std() + 1e-6)
    return np.asarray(cv2.resize(soft, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC), np.float32)


def _photographed(picture: Plane, rng: Rng) -> Pixels:
    """White balance, exposure, sensor noise, JPEG."""
    cast = np.array([rng.normal(1, 0.07), 1, rng.normal(1, 0.05)], np.float32)
    light = picture * cast * rng.uniform(0.8, 1.15)
    noisy = light + rng.normal(0, rng.uniform(0.003, 0.012), picture.shape)
    image = (np.clip(noisy, 0, 1) * 255).astype(np.uint8)
    if rng.random() < 0.4:
        image = as_pixels(cv2.GaussianBlur(image, (0, 0), rng.uniform(0.6, 1.6)))
    coded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(75, 96))])[1]
    return as_pixels(cv2.imdecode(coded, cv2.IMREAD_COLOR))


# Marks: each gives how much is covered (0 to 1) and the colour of each pixel under it.

_Drawn = tuple[Plane, Plane]


def _spot(skin: Plane, rng: Rng, margin: int) -> tuple[int, int]:
    """A place on skin, away from its border where there is room."""
    coarse = np.ascontiguousarray(skin[::4, ::4])
    inside = cv2.erode(coarse, np.ones((3, 3), np.uint8), iterations=max(1, margin // 8), borderValue=0)
    places = np.flatnonzero(inside if inside.any() else coarse)
    y, x = divmod(int(places[int(rng.integers(0, len(places)))]), coarse.shape[1])
    return 4 * x, 4 * y


def _tattoo(picture: Plane, skin: Plane, rng: Rng) -> _Drawn:
    height, width = skin.shape
    size = int(min(height, width) * rng.uniform(0.2, 0.7))
    x, y = _spot(skin, rng, size // 3)
    # At four times the size, so that lines get soft edges of their own.
    sheet = Image.new("L", (size * 2, size * 2), 0)
    draw = ImageDraw.Draw(sheet)
    style = rng.integers(0, 4)
    if style == 0:
        words = "".join(rng.choice(list("ABCDEFGHKLMNRSTaeioumnr789"), int(rng.integers(2, 7))))
        font = ImageFont.load_default(int(1.6 * size / max(2, len(words)) + 0.3 * size))
        draw.text((size, size), words, fill=255, font=font, anchor="mm")
    elif style == 1:
        _strokes(draw, size, rng)
    elif style == 2:
        _figure(draw, size, rng)
    else:
        _figure(draw, size, rng)
        _strokes(draw, size, rng)
    turned = sheet.rotate(rng.uniform(0, 360), resample=Image.Resampling.BICUBIC)
    stamp = np.asarray(turned.resize((size, size), Image.Resampling.LANCZOS), np.float32) / 255
    share = _placed(np.clip(stamp, 0, 1), skin.shape, x, y)
    share = np.asarray(cv2.GaussianBlur(share, (0, 0), rng.uniform(0.5, 1.8)), np.float32)
    # Ink absorbs under the skin: what is seen is the skin's own light times what the ink lets through.
    inks = [(0.25, 0.22, 0.18), (0.35, 0.3, 0.2), (0.6, 0.35, 0.2), (0.4, 0.55, 0.25), (0.25, 0.22, 0.75)]
    weights = [0.45, 0.2, 0.15, 0.1, 0.1]
    ink = np.array(inks[int(rng.choice(len(inks), p=weights))], np.float32)
    fade = rng.uniform(0.45, 1.0)
    return share * fade, picture * ink * 1.05


def _strokes(draw: Any, size: int, rng: Rng) -> None:
    for _ in range(int(rng.integers(2, 7))):
        points = rng.uniform(0.3, 1.7, (4, 2)) * size
        t = np.linspace(0, 1, 40)[:, None]
        curve = (1 - t) ** 3 * points[0] + 3 * (1 - t) ** 2 * t * points[1]
        curve = curve + 3 * (1 - t) * t**2 * points[2] + t**3 * points[3]
        draw.line([tuple(p) for p in curve], fill=255, width=max(3, int(size * rng.uniform(0.02, 0.09))))


def _figure(draw: Any, size: int, rng: Rng) -> None:
    tips = int(rng.integers(3, 9))
    inner = rng.uniform(0.35, 0.9)
    angles = np.arange(2 * tips) * math.pi / tips
    radius = np.where(np.arange(2 * tips) % 2, inner, 1.0) * size * rng.uniform(0.4, 0.75)
    points = [(size + r * math.cos(a), size + r * math.sin(a)) for r, a in zip(radius, angles, strict=True)]
    if rng.random() < 0.6:
        draw.polygon(points, fill=int(rng.integers(140, 256)))
    draw.line([*points, points[0]], fill=255, width=max(3, size // 18))


def _scar(picture: Plane, skin: Plane, rng: Rng) -> _Drawn:
    width = skin.shape[1]
    length = width * rng.uniform(0.1, 0.35)
    x, y = _spot(skin, rng, int(length // 3))
    turn, bend = rng.uniform(0, math.pi), rng.normal(0, 0.25)
    t = np.linspace(-0.5, 0.5, 60)
    dx, dy = t * length, bend * length * (t**2 - 0.08) + rng.normal(0, 1) * np.sin(t * 18) * length * 0.01
    points = np.stack(
        [x + dx * math.cos(turn) - dy * math.sin(turn), y + dx * math.sin(turn) + dy * math.cos(turn)], 1
    )
    share = np.zeros(skin.shape, np.float32)
    cv2.polylines(
        share, [points.round().astype(np.int32)], False, 1.0, max(2, int(width * rng.uniform(0.003, 0.013)))
    )
    if rng.random() < 0.35:  # stitches
        for i in range(4, 56, 6):
            normal = np.array([-math.sin(turn), math.cos(turn)]) * width * 0.012
            a, b = points[i] - normal, points[i] + normal
            cv2.line(
                share, tuple(a.round().astype(int).tolist()), tuple(b.round().astype(int).tolist()), 0.8, 2
            )
    share = np.asarray(cv2.GaussianBlur(share, (0, 0), rng.uniform(1, 2.5)), np.float32)
    look = rng.integers(0, 3)
    factors = [(1.3, 1.22, 1.1), (0.82, 0.74, 1.0), (0.62, 0.62, 0.7)][int(look)]  # pale, pink, dark
    return share * rng.uniform(0.6, 1), np.clip(picture * np.array(factors, np.float32), 0, 1)


def _jewellery(picture: Plane, skin: Plane, rng: Rng) -> _Drawn:
    height, width = skin.shape
    metal = np.array([(0.78, 0.8, 0.82), (0.35, 0.65, 0.85), (0.5, 0.62, 0.85)][int(rng.integers(0, 3))])
    share = np.zeros(skin.shape, np.float32)
    glint = np.zeros(skin.shape, np.float32)
    style = rng.integers(0, 3)
    scale = width / 1024
    if style == 0:  # chain
        turn = rng.uniform(0, math.pi)
        x, y = _spot(skin, rng, 60)
        step, half = 11 * scale * rng.uniform(0.7, 1.5), width * rng.uniform(0.12, 0.4)
        for d in np.arange(-half, half, step):
            dip = (d / half) ** 2 * half * 0.25
            cx = round(x + d * math.cos(turn) - dip * math.sin(turn))
            cy = round(y + d * math.sin(turn) + dip * math.cos(turn))
            if 0 <= cx < width and 0 <= cy < height and skin[cy, cx]:
                axes = (max(2, round(step * 0.6)), max(1, round(step * 0.35)))
                cv2.ellipse(share, (cx, cy), axes, math.degrees(turn), 0, 360, 1.0, max(1, round(3 * scale)))
                cv2.circle(glint, (cx, cy), max(1, round(2 * scale)), 1.0, -1)
    elif style == 1:  # ring, bracelet: a band over whatever skin it meets
        x, y = _spot(skin, rng, 40)
        turn = rng.uniform(0, math.pi)
        yy, xx = np.mgrid[0:height, 0:width]
        d = (xx - x) * math.cos(turn) + (yy - y) * math.sin(turn)
        across = -(xx - x) * math.sin(turn) + (yy - y) * math.cos(turn)
        thick, half = rng.uniform(8, 22) * scale, rng.uniform(50, 160) * scale
        band = d + 0.15 * half * (across / half) ** 2
        inside = (np.abs(band) < thick) & (np.abs(across) < half)
        share[inside] = 1
        glint = np.exp(-(((band / thick - 0.3) / 0.2) ** 2)).astype(np.float32) * inside
        glint += np.exp(-((across / half - 0.3) ** 2) / 0.02).astype(np.float32) * inside * 0.6
        share *= cv2.dilate(skin, np.ones((5, 5), np.uint8))
    else:  # stud or pendant
        x, y = _spot(skin, rng, 30)
        r = round(rng.uniform(7, 24) * scale)
        cv2.circle(share, (x, y), r, 1.0, -1)
        cv2.circle(glint, (x - r // 3, y - r // 3), max(1, r // 3), 1.0, -1)
        cv2.circle(glint, (x + r // 2, y + r // 3), max(1, r // 5), 0.8, -1)
    share = np.asarray(cv2.GaussianBlur(share, (0, 0), 0.7), np.float32)
    rough = 0.5 + 0.3 * np.sin(np.arange(height)[:, None] * 0.35 + np.arange(width)[None] * 0.22)
    level = np.clip(rough[..., None] * metal + cv2.GaussianBlur(glint, (0, 0), 1)[..., None] * 0.8, 0, 1)
    return share, level.astype(np.float32)


def _birthmark(picture: Plane, skin: Plane, rng: Rng) -> _Drawn:
    height, width = skin.shape
    radius = min(height, width) * rng.uniform(0.07, 0.2)
    x, y = _spot(skin, rng, int(radius))
    share = _blot(skin.shape, x, y, radius, rng.uniform(0.05, 0.15) * radius, rng)
    factors = [(0.78, 0.66, 0.93), (0.6, 0.68, 0.78), (0.4, 0.45, 0.52)][
        int(rng.choice(3, p=[0.4, 0.4, 0.2]))
    ]
    return share * rng.uniform(0.7, 1), picture * np.array(factors, np.float32)


def _blot(shape: tuple[int, ...], x: int, y: int, radius: float, soft: float, rng: Rng) -> Plane:
    """A roundish spot with an uneven border that is ``soft`` pixels wide."""
    reach = int(2 * radius + 8 * soft) + 4
    top, bottom = max(0, y - reach), min(shape[0], y + reach)
    left, right = max(0, x - reach), min(shape[1], x + reach)
    yy, xx = np.mgrid[top:bottom, left:right].astype(np.float32)
    angle = np.arctan2(yy - y, xx - x)
    waves = [rng.normal(0, 0.22 / k) * np.sin(k * angle + rng.uniform(0, 6)) for k in range(2, 7)]
    border = radius * (1 + np.sum(waves, axis=0))
    stretched = np.hypot((xx - x), (yy - y) * rng.uniform(0.8, 1.4))
    share = np.zeros(shape, np.float32)
    share[top:bottom, left:right] = 1 / (1 + np.exp(np.clip((stretched - border) / (soft + 0.5), -30, 30)))
    return share


def _placed(stamp: Plane, shape: tuple[int, ...], x: int, y: int) -> Plane:
    share = np.zeros((shape[0] + 2 * stamp.shape[0], shape[1] + 2 * stamp.shape[1]), np.float32)
    top, left = y + stamp.shape[0] // 2, x + stamp.shape[1] // 2
    share[top : top + stamp.shape[0], left : left + stamp.shape[1]] = stamp
    h, w = stamp.shape
    return share[h : h + shape[0], w : w + shape[1]]


_DRAW: dict[str, Callable[[Plane, Plane, Rng], _Drawn]] = {
    "tattoo": _tattoo,
    "scar": _scar,
    "jewellery": _jewellery,
    "birthmark": _birthmark,
}


# What is on skin and identifies nobody.


def _multiply(picture: Plane, share: Plane, factors: tuple[float, float, float]) -> None:
    for channel, factor in enumerate(factors):
        picture[..., channel] *= 1 - share * (1 - factor)


def _mole(picture: Plane, skin: Plane, rng: Rng) -> None:
    for _ in range(int(rng.integers(1, 6))):
        x, y = _spot(skin, rng, 10)
        radius = float(rng.uniform(4, 26))
        _multiply(picture, _blot(skin.shape, x, y, radius, radius * 0.15, rng) * skin, (0.4, 0.42, 0.5))


def _rash(picture: Plane, skin: Plane, rng: Rng) -> None:
    x, y = _spot(skin, rng, 60)
    near = _blot(skin.shape, x, y, rng.uniform(80, 260), 40, rng)
    spots = np.clip((noise(rng, rng.uniform(6, 25)) - 0.6) * 2, 0, 1)
    _multiply(picture, near * spots * skin, (0.72, 0.68, 0.95))


def _freckles(picture: Plane, skin: Plane, rng: Rng) -> None:
    spots = np.clip((noise(rng, rng.uniform(4, 8)) - 1.6) * 2, 0, 1)
    _multiply(picture, spots * skin, (0.65, 0.72, 0.8))


def _hair(picture: Plane, skin: Plane, rng: Rng) -> None:
    share = np.zeros(skin.shape, np.float32)
    heading = rng.uniform(0, 2 * math.pi)
    long = rng.uniform(30, 160)
    if rng.random() < 0.3:  # head hair coming in from a border
        heading, long = rng.choice([0, math.pi / 2, math.pi, 3 * math.pi / 2]), 260.0
        ends = [(float(rng.uniform(0, WIDTH)), float(rng.uniform(0, HEIGHT))) for _ in range(120)]
        c, s = math.cos(heading), math.sin(heading)
        starts = [
            (0.0 if c > 0.5 else WIDTH - 1.0, y) if abs(c) > 0.5 else (x, 0.0 if s > 0.5 else HEIGHT - 1.0)
            for x, y in ends
        ]
    else:
        spots = [_spot(skin, rng, 1) for _ in range(int(rng.integers(20, 120)))]
        starts = [(float(x), float(y)) for x, y in spots]
    for x, y in starts:
        turn = heading + rng.normal(0, 0.35)
        curve = [
            (x + i * long / 8 * math.cos(turn + i * 0.06), y + i * long / 8 * math.sin(turn + i * 0.06))
            for i in range(9)
        ]
        cv2.polylines(
            share,
            [np.array(curve).round().astype(np.int32)],
            False,
            1.0,
            1 + int(rng.random() < 0.4),
            cv2.LINE_AA,
        )
    _multiply(picture, np.asarray(cv2.GaussianBlur(share, (0, 0), 0.6), np.float32) * 0.85, (0.2, 0.22, 0.28))


def _shadow(picture: Plane, skin: Plane, rng: Rng) -> None:
    x, y = _spot(skin, rng, 1)
    soft = rng.uniform(8, 60)
    share = _blot(skin.shape, x, y, rng.uniform(80, 300), soft, rng)
    level = rng.uniform(0.35, 0.7)
    _multiply(picture, share, (level, level * 0.97, level * 1.02))


def _fold(picture: Plane, skin: Plane, rng: Rng) -> None:
    for _ in range(int(rng.integers(1, 4))):
        x, y = _spot(skin, rng, 30)
        turn, length = rng.uniform(0, math.pi), rng.uniform(80, 400)
        end = (round(x + length * math.cos(turn)), round(y + length * math.sin(turn)))
        share = np.zeros(skin.shape, np.float32)
        cv2.line(share, (x, y), end, 1.0, int(rng.integers(2, 6)), cv2.LINE_AA)
        wide = cv2.GaussianBlur(share, (0, 0), rng.uniform(6, 14))
        wide = wide / (wide.max() + 1e-6)
        fine = np.asarray(cv2.GaussianBlur(share, (0, 0), 1.5), np.float32)
        _multiply(picture, (0.25 * wide + 0.45 * fine) * skin, (0.45, 0.45, 0.55))


def _vein(picture: Plane, skin: Plane, rng: Rng) -> None:
    x, y = _spot(skin, rng, 30)
    walk = np.cumsum(rng.normal(0, 0.25, 60))
    points = np.cumsum(np.stack([np.cos(walk), np.sin(walk)], 1) * 8, 0) + np.array([x, y])
    share = np.zeros(skin.shape, np.float32)
    cv2.polylines(share, [points.round().astype(np.int32)], False, 1.0, 9)
    share = np.asarray(cv2.GaussianBlur(share, (0, 0), 4), np.float32) * skin
    _multiply(picture, share * rng.uniform(0.4, 1), (0.97, 0.94, 0.87))


def _glare(picture: Plane, skin: Plane, rng: Rng) -> None:
    x, y = _spot(skin, rng, 20)
    share = _blot(skin.shape, x, y, rng.uniform(15, 90), rng.uniform(10, 25), rng) * rng.uniform(0.3, 0.9)
    share = share * np.clip(1 + 0.4 * noise(rng, 3), 0, 1) * skin
    picture[:] = picture + (1 - picture) * share[..., None]


_CLUTTER: dict[str, Callable[[Plane, Plane, Rng], None]] = {
    "mole": _mole,
    "rash": _rash,
    "hair": _hair,
    "shadow": _shadow,
    "fold": _fold,
    "vein": _vein,
    "glare": _glare,
    "freckles": _freckles,
}
