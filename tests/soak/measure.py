"""What is measured while the daemon rests, and whether it grows. Pure.

A leak is found by slope, not by eye: Theil-Sen's (the median of the slopes of all pairs; Sen 1968, "Estimates
of the regression coefficient based on Kendall's tau") is not moved by single large values, and Kendall's tau
says whether there is a trend at all.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

WARM_UP = 300
"""Acts of a daemon's life that do not count: until everything was used, and the C library's heaps and
SQLite's caches are as large as they become, memory only grows. Measured in a life of 469 acts: 6.2 KB an act
beyond what files may cost from the 100th on, 3.6 from the 250th, and no trend from the 300th on."""
ENOUGH = 12
"""Samples below which nothing is said."""
_SURE = 3.0
_MOST_PAIRS = 400


@dataclass(frozen=True)
class Sample:
    """The daemon at rest: nobody logged in, nothing waiting.

    Attributes:
        at: monotonic seconds.
        act: number of the act before it.
        run: which life of the daemon.
        rss: bytes.
        disk: bytes of everything that the kiosk keeps.
        sealed: of these, of sealed files.
        fds, threads, children: how many.
        tmp, log: how many leftover files, and lines of the journal.
        acknowledged: files that the model knows to be in the store.
    """

    at: float
    act: int
    run: int
    rss: int
    fds: int
    threads: int
    children: int
    disk: int
    sealed: int
    tmp: int
    log: int
    acknowledged: int


@dataclass(frozen=True)
class Trend:
    """A quantity over acts: ``slope`` for each act; ``sure``: |z| of Kendall's tau is above 3."""

    slope: float
    sure: bool
    samples: int


LIMITS: dict[str, float] = {
    "rss": 4096.0,
    "fds": 0.02,
    "threads": 0.02,
    "children": 0.02,
    "disk": 32768.0,
    "tmp": 0.02,
    "log": 10.0,
}
"""Growth for each act that counts as a leak, where it is sure; of ``rss`` beyond `RSS_A_FILE`, of ``disk``
beyond sealed files and `DISK_A_FILE`: what people do is kept in the ledger, 10 kB an act as measured."""
RSS_A_FILE = 2048
"""Bytes of memory at rest that a stored file may cost: what the daemon must know of each without a login."""
DISK_A_FILE = 24576
"""Bytes of database and ledger that a stored file may cost: its records, envelopes and entries. Sealed files
are not in it: each of these is known to a record, or the proof finds it."""


def trend(xs: Sequence[float], ys: Sequence[float]) -> Trend:
    """Theil-Sen's slope and whether Kendall's tau is three standard deviations from none.

    Raises:
        ValueError: not as many of the one as of the other.
    """
    step = max(1, len(xs) // _MOST_PAIRS)
    points = list(zip(xs, ys, strict=True))[::step]
    n = len(points)
    if n < ENOUGH:
        return Trend(0.0, False, n)
    slopes, concordance = [], 0
    for i, (x, y) in enumerate(points):
        for later_x, later_y in points[i + 1 :]:
            if later_x != x:
                slopes.append((later_y - y) / (later_x - x))
            concordance += (later_y > y) - (later_y < y)
    spread = math.sqrt(n * (n - 1) * (2 * n + 5) / 18)
    return Trend(statistics.median(slopes), abs(concordance) > _SURE * spread, n)


def longest_life(samples: Sequence[Sample]) -> list[Sample]:
    """The samples of the daemon that lived longest, without its first acts."""
    lives: dict[int, list[Sample]] = {}
    for sample in samples:
        lives.setdefault(sample.run, []).append(sample)
    if not lives:
        return []
    life = max(lives.values(), key=len)
    return [sample for sample in life if sample.act - life[0].act >= WARM_UP]


def leaks(samples: Sequence[Sample]) -> list[str]:
    """What grows without end, a sentence each; empty where nothing does or too little was seen."""
    life = longest_life(samples)
    acts = [float(sample.act) for sample in life]
    of: dict[str, Callable[[Sample], float]] = {
        "rss": lambda s: s.rss - RSS_A_FILE * s.acknowledged,
        "fds": lambda s: s.fds,
        "threads": lambda s: s.threads,
        "children": lambda s: s.children,
        "disk": lambda s: s.disk - s.sealed - DISK_A_FILE * s.acknowledged,
        "tmp": lambda s: s.tmp,
        "log": lambda s: s.log,
    }
    found = []
    for name, value in of.items():
        grows = trend(acts, [value(sample) for sample in life])
        if grows.sure and grows.slope > LIMITS[name]:
            found.append(f"{name} grows by {grows.slope:.3g} for each act, over {grows.samples} samples")
    return found
