"""Finds a ruler or a colour chart: ticks repeat along a line, the patches of a chart form a grid."""

from __future__ import annotations

import math
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from medkiosk.redact.pixels import Grey, Pixels, as_pixels, halved

_LONG_SIDE = 1500
_LEVELS = 3
_SMALLEST = 100
_CELL = 16
_LENGTH, _ACROSS, _BAND = 160, 64, 4
_BANDS = _ACROSS // _BAND
_CANDIDATES = 60
_COHERENT, _STRONG = 0.25, 400.0
_CONTRAST = 16.0
_PEAK, _THIRD, _TROUGH = 0.4, 0.3, 0.1
_PERIODS = (4, 10)
"""Pixels between two ticks, at one of the levels; each level has half the size of the one before."""
_TICK_BANDS = (2, 13)
"""Ticks are short: a pattern that repeats over the full width of a patch is a fabric or a wall."""
_SAME_ANGLE, _SAME_PERIOD, _SAME_LINE = math.radians(5), 0.06, 28.0
_FEWEST_HITS, _CYCLES, _FILLED = 3, 40, 0.35

_BEYOND, _ASIDE = 10, 25
"""How far a ruler goes on beyond the last patch with ticks and beside its ticks, in ticks."""

_CHART_SIDE = 684
_FLAT = 14
_PATCH_AREA = (64, 9000)
_PATCH_FILL, _PATCH_ASPECT = 0.8, 1.5
_PATCHES, _COLOURS, _APART = 12, 8, 14.0


class Hit(NamedTuple):
    """Evenly spaced ticks: the centre of their patch, the direction of their row, and how they repeat.

    Attributes:
        x: in pixels of the view, as ``y``.
        y: down.
        angle: of the row of ticks, radians.
        period: pixels from tick to tick.
        strength: the autocorrelation there, at most about 1.
        band: where across the patch they are clearest.
    """

    x: float
    y: float
    angle: float
    period: float
    strength: float
    band: int


class Row(NamedTuple):
    """Hits on one line: how sure, per mille, the surest of them, and how far they reach to both its sides."""

    confidence: int
    hit: Hit
    start: float
    end: float


class Scale(NamedTuple):
    """A ruler, a chart, or neither.

    Attributes:
        ticks: how sure it is that a row of ticks was seen, per mille.
        patch: ticks and the ground between them, where they were clearest.
        sides: the picture on both sides of the ruler, shape (1, n, 3).
        strip: the ruler and what is close to it: four corners, x and y as shares of the picture's width and
            height, shape (4, 2).
        chart: whether a colour chart was seen.
    """

    ticks: int
    patch: Pixels | None
    sides: Pixels | None
    strip: NDArray[np.float32] | None
    chart: bool


def find_scale(pixels: Pixels) -> Scale:
    """Look for ticks at three sizes, and for a colour chart.

    Args:
        pixels: upright BGR, shape (height, width, 3).
    """
    view = pixels
    while max(view.shape[:2]) > _LONG_SIDE:
        view = halved(view)
    chart = find_chart(view)
    best = Scale(0, None, None, None, chart)
    for _level in range(_LEVELS):
        if min(view.shape[:2]) < _SMALLEST:
            break
        row = _strongest_row(_hits(as_pixels(cv2.cvtColor(view, cv2.COLOR_BGR2GRAY))))
        if row is not None and row.confidence > best.ticks:
            corners = _strip(row)
            shares = np.asarray(corners / np.array([view.shape[1], view.shape[0]]), np.float32)
            best = Scale(row.confidence, _cut(view, row.hit), _sides(view, corners), shares, chart)
        view = halved(view)
    return best


def _hits(grey: Grey) -> list[Hit]:
    """Patches along the strongest gradients whose profile repeats."""
    centres = _candidates(grey)
    if not centres:
        return []
    profiles = np.empty((len(centres), _BANDS, _LENGTH), np.float32)
    for number, (x, y, angle) in enumerate(centres):
        patch = _turned(grey, x, y, angle)
        profiles[number] = cv2.resize(patch, (_LENGTH, _BANDS), interpolation=cv2.INTER_AREA)
    rows = profiles.reshape(-1, _LENGTH)
    rows = rows - cv2.blur(rows, (17, 1))
    contrast = (rows * rows).mean(axis=1)
    correlation = _autocorrelation(rows)
    period, strength, quality = _periods(correlation)
    quality[contrast < _CONTRAST] = 0
    quality = quality.reshape(len(centres), _BANDS)
    hits = []
    for number, band in enumerate(quality.argmax(axis=1).tolist()):
        if quality[number, band] <= 0:
            continue
        row = number * _BANDS + band
        lag = round(float(period[row]))
        own = slice(number * _BANDS, (number + 1) * _BANDS)
        repeating = (contrast[own] >= 0.25 * contrast[row]) & (correlation[own, lag] > 0.35)
        bands = int(np.count_nonzero(repeating))
        if _TICK_BANDS[0] <= bands <= _TICK_BANDS[1]:
            hits.append(Hit(*centres[number], float(period[row]), float(strength[row]), band))
    return hits


def _candidates(grey: Grey) -> list[tuple[float, float, float]]:
    """Centres and gradient directions of the cells with the strongest gradients of one direction."""
    height, width = grey.shape
    down, across = height // _CELL, width // _CELL
    cut = grey[: down * _CELL, : across * _CELL].astype(np.float32)
    right, below = cv2.Sobel(cut, cv2.CV_32F, 1, 0), cv2.Sobel(cut, cv2.CV_32F, 0, 1)
    xx, yy, xy = (
        cv2.blur(cv2.resize(product, (across, down), interpolation=cv2.INTER_AREA), (3, 3))
        for product in (right * right, below * below, right * below)
    )
    directed = np.hypot(xx - yy, 2 * xy)
    energy = xx + yy
    angles = 0.5 * np.arctan2(2 * xy, xx - yy)
    score = np.where((directed > _COHERENT * energy) & (energy > _STRONG), directed, 0).ravel()
    order = np.argsort(-score, kind="stable")[:_CANDIDATES]
    found = []
    for cell in order[score[order] > 0].tolist():
        row, column = divmod(cell, across)
        found.append(((column + 0.5) * _CELL, (row + 0.5) * _CELL, float(angles[row, column])))
    return found


def _turned(image: NDArray[np.uint8], x: float, y: float, angle: float) -> NDArray[np.uint8]:
    """The patch around a point, its length along the angle."""
    cos, sin = math.cos(angle), math.sin(angle)
    matrix = np.array(
        [
            [cos, -sin, x - cos * _LENGTH / 2 + sin * _ACROSS / 2],
            [sin, cos, y - sin * _LENGTH / 2 - cos * _ACROSS / 2],
        ],
        np.float32,
    )
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(
        cv2.warpAffine(image, matrix, (_LENGTH, _ACROSS), flags=flags, borderMode=cv2.BORDER_REPLICATE),
        np.uint8,
    )


def _autocorrelation(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Of each row, lags 0 to half its length, 1 at lag 0; through the power spectrum."""
    padded = np.zeros((len(rows), 2 * _LENGTH), np.float32)
    padded[:, :_LENGTH] = rows
    spectrum = cv2.dft(padded, flags=cv2.DFT_ROWS | cv2.DFT_COMPLEX_OUTPUT)
    power = cv2.mulSpectrums(spectrum, spectrum, cv2.DFT_ROWS, conjB=True)
    back = cv2.dft(power, flags=cv2.DFT_ROWS | cv2.DFT_INVERSE | cv2.DFT_SCALE | cv2.DFT_REAL_OUTPUT)
    half = _LENGTH // 2
    overlap = _LENGTH / (_LENGTH - np.arange(half, dtype=np.float32))
    return np.asarray(back[:, :half] / (back[:, :1] + 1e-3) * overlap, np.float32)


def _periods(
    correlation: NDArray[np.float32],
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Of each row: the first of its highest peaks, its height, and how good it is (0: not evenly spaced)."""
    every = np.arange(len(correlation))
    inner = correlation[:, 1:-1]
    peak = (inner >= correlation[:, :-2]) & (inner > correlation[:, 2:]) & (inner > _PEAK)
    peak[:, :2] = False
    heights = np.where(peak, inner, 0)
    first = (heights >= 0.8 * heights.max(axis=1, keepdims=True)) & peak
    lag = first.argmax(axis=1) + 1
    height = correlation[every, lag]
    left, right = correlation[every, lag - 1], correlation[every, lag + 1]
    bend = left - 2 * height + right
    period = lag + np.clip(0.5 * (left - right) / np.where(bend < -1e-6, bend, -1), -0.5, 0.5)
    third = correlation[every, np.minimum(np.round(3 * period).astype(np.int64), correlation.shape[1] - 1)]
    lags = np.arange(correlation.shape[1])
    before = (lags >= 2) & (lags < lag[:, None])
    trough = np.where(before, correlation, 1).min(axis=1)
    good = first.any(axis=1) & (lag >= _PERIODS[0]) & (lag <= _PERIODS[1])
    good &= (third >= _THIRD) & (trough <= _TROUGH)
    return period, height, np.where(good, height + third, 0).astype(np.float32)


def _strongest_row(hits: list[Hit]) -> Row | None:
    """The best row of hits on one line with one direction and one period."""
    best: Row | None = None
    for seed in hits:
        cos, sin = math.cos(seed.angle), math.sin(seed.angle)
        along, strengths = [], []
        for hit in hits:
            turned = abs((hit.angle - seed.angle + math.pi / 2) % math.pi - math.pi / 2)
            if turned > _SAME_ANGLE or abs(hit.period - seed.period) > _SAME_PERIOD * seed.period:
                continue
            right, down = hit.x - seed.x, hit.y - seed.y
            if abs(down * cos - right * sin) < _SAME_LINE:
                along.append(right * cos + down * sin)
                strengths.append(hit.strength)
        if len(along) < _FEWEST_HITS:
            continue
        span = max(along) - min(along) + 0.6 * _LENGTH
        cycles = min(1.0, span / seed.period / _CYCLES)
        filled = min(1.0, len(along) * _CELL / span / _FILLED)
        confidence = round(1000 * min(1.0, cycles * filled * sum(strengths) / len(strengths)))
        if best is None or confidence > best.confidence:
            best = Row(confidence, seed, min(along), max(along))
    return best


def _strip(row: Row) -> NDArray[np.float32]:
    """The corners of what a row's ruler may cover: it is wider than its ticks, and longer than its hits."""
    hit = row.hit
    cos, sin = math.cos(hit.angle), math.sin(hit.angle)
    beyond = _LENGTH / 2 + _BEYOND * hit.period
    aside = _ASIDE * hit.period
    corners = [
        (row.start - beyond, -aside), (row.end + beyond, -aside),
        (row.end + beyond, aside), (row.start - beyond, aside),
    ]  # fmt: skip
    return np.array([(hit.x + u * cos - v * sin, hit.y + u * sin + v * cos) for u, v in corners], np.float32)


def _cut(view: Pixels, hit: Hit) -> Pixels:
    """The clearest band of a hit's patch, and half a band more on each side."""
    patch = as_pixels(_turned(view, hit.x, hit.y, hit.angle))
    top = max(0, hit.band * _BAND - _BAND // 2)
    return patch[top : top + 2 * _BAND, _LENGTH // 4 : -_LENGTH // 4]


def _sides(view: Pixels, corners: NDArray[np.float32]) -> Pixels:
    """The pixels along the two long edges of a strip, as far as they are in the picture."""
    steps = np.linspace(0, 1, 64, dtype=np.float32)[:, None]
    edges = [corners[start] + steps * (corners[end] - corners[start]) for start, end in ((0, 1), (3, 2))]
    points = np.round(np.concatenate(edges)).astype(np.int64)
    inside = (points >= 0).all(axis=1) & (points < np.array([view.shape[1], view.shape[0]])).all(axis=1)
    return view[points[inside, 1], points[inside, 0]][None]


def find_chart(view: Pixels) -> bool:
    """Whether there is a grid of flat patches of one size and many colours."""
    scale = min(1.0, _CHART_SIDE / max(view.shape[:2]))
    small = cv2.resize(view, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    uneven = cv2.split(cv2.morphologyEx(small, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)))
    flat = (cv2.max(cv2.max(uneven[0], uneven[1]), uneven[2]) < _FLAT).astype(np.uint8)
    count, found, numbers, middles = cv2.connectedComponentsWithStats(flat, connectivity=4)
    labels, stats = np.asarray(found, np.int32), np.asarray(numbers, np.int32)
    centres = np.asarray(middles, np.float64)
    area = stats[:, cv2.CC_STAT_AREA]
    possible = np.nonzero((area >= _PATCH_AREA[0]) & (area <= _PATCH_AREA[1]))[0]
    patches = [number for number in possible.tolist() if number and _is_patch(labels, stats[number], number)]
    if len(patches) < _PATCHES:
        return False
    lab = cv2.cvtColor(small.astype(np.float32) / 255, cv2.COLOR_BGR2LAB)
    flat_labels = labels.ravel()
    sums = [np.bincount(flat_labels, weights=lab[:, :, plane].ravel(), minlength=count) for plane in range(3)]
    colours = np.stack(sums, axis=1)[patches] / area[patches, None]
    return any(_is_grid(seed, centres[patches], area[patches], colours) for seed in range(len(patches)))


def _is_patch(labels: NDArray[np.int32], stats: NDArray[np.int32], number: int) -> bool:
    """A filled square, at any angle."""
    x, y, w, h, area = (int(value) for value in stats)
    part = (labels[y : y + h, x : x + w] == number).astype(np.uint8)
    contours = cv2.findContours(part, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)[0]
    _centre, sides, _angle = cv2.minAreaRect(contours[0])
    long, short = max(sides) + 1, min(sides) + 1
    return long <= _PATCH_ASPECT * short and area >= _PATCH_FILL * long * short


def _is_grid(
    seed: int, centres: NDArray[np.float64], areas: NDArray[np.int32], colours: NDArray[np.float64]
) -> bool:
    """Whether enough patches as large as this one stand near it, and differ in colour."""
    side = math.sqrt(float(areas[seed]))
    alike = (areas > 0.6 * areas[seed]) & (areas < 1.6 * areas[seed])
    near = alike & (np.hypot(*(centres - centres[seed]).T) < 9 * side)
    if int(near.sum()) < _PATCHES:
        return False
    distinct: list[NDArray[np.float64]] = []
    for colour in colours[near]:
        if all(float(np.linalg.norm(colour - other)) > _APART for other in distinct):
            distinct.append(colour)
    return len(distinct) >= _COLOURS
