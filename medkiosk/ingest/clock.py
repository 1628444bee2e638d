"""How far a camera's clock is off. Pure: both clocks are handed in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

_SECOND_MS = 1000
"""A camera's clock has whole seconds."""


@dataclass(frozen=True)
class Offset:
    """Camera minus kiosk, and how far off that may be, milliseconds.

    Attributes:
        display_ms: of what the camera's display shows, read as UTC. This is what is in its pictures.
        drift_ms: how wrong the camera is: by its own idea of UTC where it has one, else its display against
            the wall clock of this place.
        uncertainty_ms: of both.
        kiosk: the kiosk's time of the reading.
    """

    display_ms: int
    drift_ms: int
    uncertainty_ms: int
    kiosk: datetime


def offset(wall: str, utc: int | None, asked: float, took: float, zone_s: int) -> Offset:
    """Compare one reading with the kiosk's clock.

    Args:
        wall: the camera's display, ISO 8601 without a zone.
        utc: the same by the camera's own idea of its zone, seconds since 1970.
        asked: the kiosk's time when it asked, seconds since 1970.
        took: from asking to getting, seconds.
        zone_s: how far this place's wall clock is ahead of UTC, seconds.

    Raises:
        ValueError: ``wall`` is no such time.
    """
    shown = datetime.fromisoformat(wall).replace(tzinfo=UTC).timestamp()
    kiosk = asked + took / 2
    # The display shows a second from its beginning to its end: half of one is added, half is unsure.
    display = shown + 0.5 - kiosk
    drift = display - zone_s if utc is None else utc + 0.5 - kiosk
    return Offset(
        display_ms=round(display * 1000),
        drift_ms=round(drift * 1000),
        uncertainty_ms=round(took * 1000 / 2) + _SECOND_MS // 2,
        kiosk=datetime.fromtimestamp(kiosk, UTC),
    )


def drift_words(drift_ms: int, allowed_s: float) -> str:
    """Advice about a clock that is off by more than is allowed; empty where it is not."""
    seconds = abs(drift_ms) / 1000
    if seconds <= allowed_s:
        return ""
    way = "ahead" if drift_ms > 0 else "behind"
    return f"The camera's clock is {_length(seconds)} {way}. Set it in the camera's menu."


def _length(seconds: float) -> str:
    for unit, size in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= size * 1.5:
            return f"about {round(seconds / size)} {unit}s"
    return f"{round(seconds)} seconds"
