"""Time is handed in, never read: a `Clock` is any callable that returns an aware UTC datetime."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def rfc3339(moment: datetime) -> str:
    """Write an aware datetime as RFC 3339 UTC with milliseconds, the one form used in records.

    Raises:
        ValueError: ``moment`` has no time zone.
    """
    if moment.tzinfo is None:
        raise ValueError("a moment without a time zone cannot be recorded")
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_rfc3339(text: str) -> datetime:
    """Read what `rfc3339` wrote.

    Raises:
        ValueError: ``text`` is not exactly in that form.
    """
    moment = datetime.fromisoformat(text)
    if rfc3339(moment) != text:
        raise ValueError(f"not in canonical RFC 3339 form: {text!r}")
    return moment
