"""How fast an import goes and how long it will take. Pure: the clock is handed in."""

from __future__ import annotations

from collections import deque

WINDOW_S = 10.0
"""The rate is that of the last so many seconds: a slow card shows at once, one slow file hardly."""
_STEP_S = 0.25
_SOONEST_S = 1.0
"""Before that there is no rate: the first bytes come from the device's memory."""


class Pace:
    """Counts bytes as they are read.

    Args:
        now: monotonic seconds at the beginning.
    """

    def __init__(self, now: float) -> None:
        self._total = 0
        self._samples: deque[tuple[float, int]] = deque([(now, 0)])

    def read(self, count: int, now: float) -> None:
        """``count`` more bytes were read."""
        self._total += count
        if now - self._samples[-1][0] >= _STEP_S:
            self._samples.append((now, self._total))
        while len(self._samples) > 1 and now - self._samples[1][0] >= WINDOW_S:
            self._samples.popleft()

    def rate(self, now: float) -> int:
        """Bytes a second lately; 0 while that cannot be said."""
        since, before = self._samples[0]
        return int((self._total - before) / (now - since)) if now - since >= _SOONEST_S else 0

    def left(self, remaining: int, now: float) -> int | None:
        """Seconds for ``remaining`` bytes at this rate, rounded up; None while that cannot be said."""
        if remaining <= 0:
            return 0
        rate = self.rate(now)
        return -(-remaining // rate) if rate else None


def left_words(seconds: int | None) -> str:
    """The time left as a person says it; empty where it cannot be said."""
    if seconds is None:
        return ""
    if seconds < 10:
        return "a few seconds left"
    if seconds < 90:
        return f"about {-(-seconds // 10) * 10} seconds left"
    if seconds < 90 * 60:
        return f"about {round(seconds / 60)} minutes left"
    return f"about {round(seconds / 3600)} hours left"


def doing_words(number: int, files: int, done: int, total: int, rate: int, left: int | None) -> str:
    """One line: which file, how many bytes, how fast, how long still."""
    parts = [f"file {min(number, files)} of {files}", f"{_size(done)} of {_size(total)}"]
    if rate:
        parts.append(f"{_size(rate)} a second")
    if words := left_words(left):
        parts.append(words)
    return ", ".join(parts)


def _size(count: int) -> str:
    value = float(count)
    for unit in ("bytes", "kB", "MB"):
        if value < 1000:
            return f"{value:.0f} {unit}"
        value /= 1000
    return f"{value:.1f} GB"
