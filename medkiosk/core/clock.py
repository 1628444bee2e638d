"""Time is handed in, never read: a `Clock` is any callable that returns an aware UTC datetime."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta

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


def last_day(expires: str) -> str:
    """The last day before an instant in the kiosk's own time zone: what `end_of` was given.

    Raises:
        ValueError: not RFC 3339.
    """
    return (parse_rfc3339(expires).astimezone() - timedelta(seconds=1)).date().isoformat()


def end_of(last_day: str) -> str:
    """The first instant after a day in the kiosk's own time zone, as RFC 3339 UTC.

    Raises:
        ValueError: not a date.
    """
    after = date.fromisoformat(last_day.strip()) + timedelta(days=1)
    return rfc3339(datetime.combine(after, time.min).astimezone(UTC))
