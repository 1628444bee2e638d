"""What readings mean for people: a table of findings, and the rules that raise them. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from medkiosk.core.clock import parse_rfc3339
from medkiosk.core.health import FINDINGS, HealthCode
from medkiosk.core.updates import UpdateState
from medkiosk.health.readings import Disk, Readings, Space


@dataclass(frozen=True)
class Limits:
    """From when on something is said. Each is a choice of this project, unless it says whose it is.

    Attributes:
        stale: readings older than this say nothing. Three rounds of the timer.
        free: bytes of the store's disk: a full card of 128 GB must still fit.
        days_left: of space at the present rate: time to buy a disk.
        worn: percent: time to plan.
        spare: percent: where NVM Express drives set their own warning, mostly.
        warm: thousandths of a degree: of a sensor that names no critical one.
        near: thousandths of a degree below a sensor's own critical one.
        memory_free: bytes: one worker of the redaction.
        clock_apart: seconds between the machine's two clocks.
        journal: bytes: twice what the journal is allowed.
        backup, scrub, witness: how old the last one may be.
    """

    stale: timedelta = timedelta(minutes=16)
    free: int = 140_000_000_000
    days_left: int = 30
    worn: int = 80
    spare: int = 10
    warm: int = 85_000
    near: int = 5_000
    memory_free: int = 600_000_000
    clock_apart: int = 120
    journal: int = 1_000_000_000
    backup: timedelta = timedelta(days=8)
    scrub: timedelta = timedelta(days=60)
    witness: timedelta = timedelta(days=45)


@dataclass(frozen=True)
class Known:
    """What the daemon knows by itself.

    Attributes:
        since: when this kiosk began to keep count; nothing is too old that never could have been.
        drives: places for backup drives in the configuration.
        backed_up, scrubbed, witnessed: when last; None: never, or nobody remembers.
        scrub_every: days; 0: only on request.
        damaged: sealed files that are damaged.
        witnesses: how many are enrolled.
        days_left: of space at the present rate; None where there is no rate yet.
        highest: the latest time that was ever seen here.
        update: what became of the last update. A newer version on the disk alone means nothing: after an
            installation it waits there for the next start.
        version: of that update; ``runs``: what runs now.
        settings: versions of the settings that are in force and that are not though they are newer; None
            where the newest are.
    """

    since: datetime
    drives: int = 0
    backed_up: datetime | None = None
    scrubbed: datetime | None = None
    scrub_every: float = 30.0
    damaged: int = 0
    witnesses: int = 0
    witnessed: datetime | None = None
    days_left: int | None = None
    highest: datetime | None = None
    update: UpdateState = UpdateState.NONE
    version: str = ""
    runs: str = ""
    settings: tuple[int, int] | None = None


class Unread(StrEnum):
    """Why there are no readings."""

    OFF = "off"  # the configuration names no file
    MISSING = "missing"
    BROKEN = "broken"


@dataclass(frozen=True)
class Finding:
    """One thing to say, with the words filled in."""

    code: HealthCode
    words: str
    detail: str = ""


def judge(
    readings: Readings | Unread, known: Known, now: datetime, limits: Limits | None = None
) -> tuple[Finding, ...]:
    """Say everything that there is to say, worst first.

    Args:
        readings: what the root process wrote, or why there is nothing.
        known: what the daemon knows.
        now: the kiosk's time.
        limits: from when on.
    """
    asked = limits or Limits()
    found = [*_of_readings(readings, now, asked), *_of_kiosk(known, now, asked)]
    return tuple(sorted(found, key=lambda each: (-FINDINGS[each.code].level, each.code)))


def _said(code: HealthCode, **values: object) -> Finding:
    return Finding(code, FINDINGS[code].words.format_map(values))


def _of_readings(readings: Readings | Unread, now: datetime, limits: Limits) -> Iterator[Finding]:
    if isinstance(readings, Unread):
        yield _said(
            {
                Unread.OFF: HealthCode.OFF,
                Unread.MISSING: HealthCode.MISSING,
                Unread.BROKEN: HealthCode.BROKEN,
            }[readings]
        )
        return
    age = now - parse_rfc3339(readings.at)
    if abs(age) > limits.stale:
        yield _said(HealthCode.STALE, at=readings.at[:16].replace("T", " "))
        return  # what it says of an hour ago may be wrong both ways
    for space in readings.spaces:
        yield from _space(space, limits)
    for disk in readings.disks:
        yield from _disk(disk, limits)
    for sensor in readings.sensors:
        degrees = sensor.now // 1000
        if sensor.now >= (sensor.critical - limits.near if sensor.critical else limits.warm):
            yield _said(HealthCode.HOT, sensor=sensor.name, degrees=degrees)
    clock = readings.clock
    if not clock.there:
        yield _said(HealthCode.NO_RTC)
    elif clock.valid is False:
        yield _said(HealthCode.BATTERY)
    elif abs(clock.offset_s) > limits.clock_apart:
        yield _said(HealthCode.CLOCKS_APART, seconds=abs(clock.offset_s))
    if readings.memory_free < limits.memory_free:
        yield _said(HealthCode.MEMORY, megabytes=readings.memory_free // 1_000_000)
    if readings.swap:
        yield _said(HealthCode.SWAP)
    if not readings.tpm:
        yield _said(HealthCode.NO_TPM)
    if not readings.verity:
        yield _said(HealthCode.NO_VERITY)
    if readings.journal > limits.journal:
        yield _said(HealthCode.JOURNAL, megabytes=readings.journal // 1_000_000)


def _space(space: Space, limits: Limits) -> Iterator[Finding]:
    if not space.writable:
        yield _said(HealthCode.READ_ONLY, at=space.at)
    elif space.free < min(limits.free, space.total // 10):
        yield _said(HealthCode.SPACE, at=space.at, free=round(space.free / 1e9))
    elif space.inodes_free < 10_000:
        yield _said(HealthCode.SPACE, at=space.at, free=0)


def _disk(disk: Disk, limits: Limits) -> Iterator[Finding]:
    if not disk.asked:
        yield _said(HealthCode.SMART_UNKNOWN, disk=disk.name)
    elif not disk.passed:
        yield _said(HealthCode.SMART_FAILING, disk=disk.name)
    elif disk.worn >= limits.worn or 0 <= disk.spare < limits.spare:
        yield _said(HealthCode.SMART_WORN, disk=disk.name, worn=max(disk.worn, 0))
    elif disk.errors:
        yield _said(HealthCode.SMART_ERRORS, disk=disk.name, errors=disk.errors)


def _of_kiosk(known: Known, now: datetime, limits: Limits) -> Iterator[Finding]:
    if known.highest is not None and now < known.highest - timedelta(seconds=limits.clock_apart):
        yield _said(HealthCode.WENT_BACK, highest=known.highest.strftime("%Y-%m-%d %H:%M"))
    if known.update is UpdateState.TAKEN_BACK:
        yield _said(HealthCode.ROLLED_BACK, gone=known.version, runs=known.runs)
    if known.days_left is not None and known.days_left < limits.days_left:
        yield _said(HealthCode.FULL_SOON, days=known.days_left)
    if known.settings is not None:
        yield _said(
            HealthCode.SETTINGS, version=known.settings[0] or "of the image", newest=known.settings[1]
        )
    if not known.drives:
        yield _said(HealthCode.NO_BACKUP)
    elif now - (known.backed_up or known.since) > limits.backup:
        yield _said(HealthCode.BACKUP_OLD, last=_day(known.backed_up))
    if known.damaged:
        yield _said(HealthCode.DAMAGED, files=known.damaged)
    if known.scrub_every and now - (known.scrubbed or known.since) > limits.scrub:
        yield _said(HealthCode.SCRUB_OLD, last=_day(known.scrubbed))
    if known.witnesses and now - (known.witnessed or known.since) > limits.witness:
        yield _said(HealthCode.WITNESS_OLD, last=_day(known.witnessed))


def _day(moment: datetime | None) -> str:
    return moment.strftime("%Y-%m-%d") if moment else "never"


def days_left(samples: Sequence[tuple[datetime, int]], free: int, now: datetime) -> int | None:
    """Days until the disk is full at the rate of the samples, at most 9999; None where there is no rate yet.

    The rate is the median of the slopes between samples a day or more apart (Sen 1968), so that one day of a
    large import, or of a disposal, does not count for more than a day.

    Args:
        samples: time and bytes in use; those of the future, of a clock that was wrong, do not count.
        free: bytes now.
        now: the kiosk's time.
    """
    past = [(at, used) for at, used in samples if at <= now]
    slopes = [
        (later_used - used) / ((later - at) / timedelta(days=1))
        for place, (at, used) in enumerate(past)
        for later, later_used in past[place + 1 :]
        if later - at >= timedelta(days=1)
    ]
    if len(past) < 3 or not slopes:
        return None
    rate = statistics.median(slopes)
    return min(int(free / rate), 9999) if rate > 0 else 9999
