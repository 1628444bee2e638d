"""How long a name must wait after failed logins. Pure; the daemon keeps the state across restarts.

The state is a `Lockout`, plain data for `medkiosk.core.canon`:
``{"names": {TAG: {"failures": 4, "last": "2026-05-01T09:00:00.000Z"}}}``. A tag stands for a user name and
is made by the caller with a keyed hash, so that no name stands in the state. Names that do not exist are
counted like those that do: whoever guesses learns nothing from the delay.

The order of calls at a login: `settle`, `wait`, then (if it is zero) try the passphrase, then `failed` or
`succeeded`; persist what they return *before* the answer is given, or a power switch resets the count.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from medkiosk.core.clock import parse_rfc3339, rfc3339

FREE = 3
"""Failures in a row before the first delay: gloves mistype."""
FIRST = timedelta(seconds=5)
LONGEST = timedelta(minutes=15)
FORGOTTEN = timedelta(hours=24)
"""A name that has not failed for so long starts afresh."""
MOST_NAMES = 256
"""Names kept. Past that, the one with the fewest failures (of those, the oldest) makes room, so that
failing under made-up names cannot clear a name that somebody is guessing at."""


class Failures(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Failed logins in a row of one name, and when the last one was (RFC 3339 UTC)."""

    failures: int
    last: str


class Lockout(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole state: failures by name tag."""

    names: dict[str, Failures] = {}


def delay(failures: int) -> timedelta:
    """Return how long to wait after so many failures in a row: 0, 0, 0, then 5 s doubling up to 15 min."""
    if failures <= FREE:
        return timedelta(0)
    doublings = min(failures - FREE - 1, 32)
    return min(FIRST * (1 << doublings), LONGEST)


def settle(state: Lockout, now: datetime) -> Lockout:
    """Fit the state to the clock: forget what is old, and pull what lies in the future back to now.

    Without the second, a clock that was once wrong by a year would lock a name for that year.
    """
    names = {}
    for tag, entry in state.names.items():
        last = parse_rfc3339(entry.last)
        if last > now:
            names[tag] = Failures(entry.failures, rfc3339(now))
        elif now - last < FORGOTTEN:
            names[tag] = entry
    return Lockout(names)


def wait(state: Lockout, tag: str, now: datetime) -> timedelta:
    """Return how long this name must still wait before its next attempt; zero when it may try."""
    entry = state.names.get(tag)
    if entry is None:
        return timedelta(0)
    return max(parse_rfc3339(entry.last) + delay(entry.failures) - now, timedelta(0))


def failed(state: Lockout, tag: str, now: datetime) -> Lockout:
    """Count one failed login."""
    names = dict(state.names)
    before = names.pop(tag, None)
    if before is None and len(names) >= MOST_NAMES:
        del names[min(names, key=lambda name: (names[name].failures, names[name].last))]
    names[tag] = Failures((before.failures if before else 0) + 1, rfc3339(now))
    return Lockout(names)


def succeeded(state: Lockout, tag: str) -> Lockout:
    """Forget the failures of a name that has logged in."""
    return Lockout({name: entry for name, entry in state.names.items() if name != tag})
