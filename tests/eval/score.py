"""Scoring: shapes, what covers them, recall, false boxes. Pure: pixels in, numbers out.

Definitions, after the usual ones of detection (PASCAL VOC, Everingham et al. 2010, section 4.2):

* recall at IoU .3: share of truths with a box of the same category whose intersection over union with the
  truth's upright bounding box is at least .3, each box serving one truth;
* covered: share of truths of which at least 90 % lies under masks, of whatever category;
* touched: the same with 30 %: a reviewer's eye is led there;
* false box: one that belongs to no truth, neither by IoU >= .3, nor by lying half on truths, nor by covering
  half of one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from medkiosk.core.photo import Category

Point = tuple[float, float]
Bounds = tuple[float, float, float, float]
Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

RECALL_IOU = 0.3
COVERED = 0.9
TOUCHED = 0.3
_OWN = 0.5
_GRID = 100


@dataclass(frozen=True)
class Outline:
    """A polygon, convex or not: the corners in order."""

    points: tuple[Point, ...]

    @classmethod
    def box(cls, x0: float, y0: float, x1: float, y1: float) -> Outline:
        """An upright rectangle."""
        return cls(((x0, y0), (x1, y0), (x1, y1), (x0, y1)))

    def bounds(self) -> Bounds:
        """The upright rectangle around it: x0, y0, x1, y1."""
        xs, ys = zip(*self.points, strict=True)
        return min(xs), min(ys), max(xs), max(ys)

    def contains(self, x: Array, y: Array) -> Mask:
        """Which of the points lie inside, by the even-odd rule."""
        inside = np.zeros(x.shape, bool)
        for (ax, ay), (bx, by) in zip(self.points, self.points[1:] + self.points[:1], strict=True):
            if ay == by:
                continue
            crosses = (ay > y) != (by > y)
            inside ^= crosses & (x < (bx - ax) * (y - ay) / (by - ay) + ax)
        return inside


@dataclass(frozen=True)
class Ellipse:
    """An ellipse: centre, half axes, turned clockwise (y points down) by degrees."""

    cx: float
    cy: float
    rx: float
    ry: float
    turn: float = 0.0

    @classmethod
    def within(cls, x0: float, y0: float, x1: float, y1: float) -> Ellipse:
        """The upright ellipse that fills a rectangle."""
        return cls((x0 + x1) / 2, (y0 + y1) / 2, (x1 - x0) / 2, (y1 - y0) / 2)

    def bounds(self) -> Bounds:
        """The upright rectangle around it: x0, y0, x1, y1."""
        cos, sin = math.cos(math.radians(self.turn)), math.sin(math.radians(self.turn))
        half_w, half_h = math.hypot(self.rx * cos, self.ry * sin), math.hypot(self.rx * sin, self.ry * cos)
        return self.cx - half_w, self.cy - half_h, self.cx + half_w, self.cy + half_h

    def contains(self, x: Array, y: Array) -> Mask:
        """Which of the points lie inside."""
        cos, sin = math.cos(math.radians(self.turn)), math.sin(math.radians(self.turn))
        dx, dy = x - self.cx, y - self.cy
        along, across = dx * cos + dy * sin, dy * cos - dx * sin
        inside: Mask = (along / self.rx) ** 2 + (across / self.ry) ** 2 <= 1
        return inside


Shape = Outline | Ellipse


@dataclass(frozen=True)
class Truth:
    """Something that identifies, as it is known to be on a picture.

    Attributes:
        category: what it is.
        shape: what has to be hidden.
        tags: how it is grouped: ``{"turned by": "45"}``.
        label: the generous label around it where there is one (heads have hair), else None.
    """

    category: Category
    shape: Shape
    tags: Mapping[str, str] = field(default_factory=dict)
    label: Outline | None = None


@dataclass(frozen=True)
class Found:
    """What a method found.

    Attributes:
        category: what it takes it for.
        mask: what it hides.
        boxes: upright boxes of which the best counts for the IoU: the mask's own and, where a method
            grows its boxes, the one before.
    """

    category: Category
    mask: Shape
    boxes: tuple[Bounds, ...]

    @classmethod
    def rectangle(cls, category: Category, x0: float, y0: float, x1: float, y1: float) -> Found:
        """A box that is hidden as it is."""
        return cls(category, Outline.box(x0, y0, x1, y1), ((x0, y0, x1, y1),))


@dataclass(frozen=True)
class Verdict:
    """How one truth fared: best IoU (0 where its box went to another truth), shares under masks.

    ``covered`` is by masks of any category, ``own_covered`` by those of the truth's own: a face under a text
    mask is hidden, but was not recognised.
    """

    truth: Truth
    iou: float
    covered: float
    own_covered: float
    label_covered: float

    @property
    def recalled(self) -> bool:
        """Found at IoU .3."""
        return self.iou >= RECALL_IOU


@dataclass(frozen=True)
class Score:
    """How one picture fared: a verdict for each truth, and the boxes that belong to none."""

    verdicts: tuple[Verdict, ...]
    false: tuple[Found, ...]


def iou(a: Bounds, b: Bounds) -> float:
    """Intersection over union of two upright boxes, 0 to 1."""
    w, h = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    if w <= 0 or h <= 0:
        return 0.0
    return w * h / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - w * h)


def share_under(shape: Shape, masks: Iterable[Shape]) -> float:
    """How much of ``shape`` lies under at least one mask, by a grid of points: 0 to 1."""
    x0, y0, x1, y1 = shape.bounds()
    steps = (np.arange(_GRID) + 0.5) / _GRID
    x, y = np.meshgrid(x0 + steps * (x1 - x0), y0 + steps * (y1 - y0))
    inside = shape.contains(x, y)
    x, y = x[inside], y[inside]
    if not len(x):
        return 0.0
    under = np.zeros(x.shape, bool)
    for mask in masks:
        under |= mask.contains(x, y)
    return float(under.sum() / len(x))


def judge(truths: Sequence[Truth], found: Sequence[Found]) -> Score:
    """Score one method on one picture."""
    pairs = sorted(
        (
            (max(iou(truth.shape.bounds(), box) for box in item.boxes), t, f)
            for t, truth in enumerate(truths)
            for f, item in enumerate(found)
            if truth.category is item.category
        ),
        reverse=True,
    )
    best: dict[int, float] = {}
    used: set[int] = set()
    for value, t, f in pairs:
        if value >= RECALL_IOU and t not in best and f not in used:
            best[t] = value
            used.add(f)
    masks = [item.mask for item in found]
    verdicts = []
    for t, truth in enumerate(truths):
        share = share_under(truth.shape, masks)
        label = share if truth.label is None else share_under(truth.label, masks)
        own = share_under(truth.shape, [f.mask for f in found if f.category is truth.category])
        verdicts.append(Verdict(truth, best.get(t, 0.0), share, own, label))
    false = [item for f, item in enumerate(found) if f not in used and _is_false(item, truths)]
    return Score(tuple(verdicts), tuple(false))


def _is_false(item: Found, truths: Sequence[Truth]) -> bool:
    shapes = [truth.label or truth.shape for truth in truths]
    if any(iou(shape.bounds(), box) >= RECALL_IOU for shape in shapes for box in item.boxes):
        return False
    if share_under(item.mask, shapes) >= _OWN:
        return False
    return all(share_under(shape, [item.mask]) < _OWN for shape in shapes)


@dataclass
class Tally:
    """Sums over truths and pictures of one group."""

    truths: int = 0
    recalled: int = 0
    covered: int = 0
    own_covered: int = 0
    label_covered: int = 0
    touched: int = 0
    pictures: int = 0
    false: int = 0
    pictures_with_any: int = 0
    seconds: float = 0.0

    def add_verdict(self, verdict: Verdict) -> None:
        """Count one truth."""
        self.truths += 1
        self.recalled += verdict.recalled
        self.covered += verdict.covered >= COVERED
        self.own_covered += verdict.own_covered >= COVERED
        self.label_covered += verdict.label_covered >= COVERED
        self.touched += verdict.covered >= TOUCHED

    def add_picture(self, *, false: int, any_found: bool, seconds: float) -> None:
        """Count one picture."""
        self.pictures += 1
        self.false += false
        self.pictures_with_any += any_found
        self.seconds += seconds
