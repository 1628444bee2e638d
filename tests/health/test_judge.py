"""Readings and what is known become findings; each finding can be raised, and nothing healthy raises one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from string import Formatter

import msgspec
import pytest

from medkiosk.core import canon
from medkiosk.core.clock import rfc3339
from medkiosk.core.health import FINDINGS, HealthCode, Level
from medkiosk.core.updates import UpdateState
from medkiosk.health.judge import Known, Unread, days_left, judge
from medkiosk.health.readings import MAX_BYTES, ClockReading, Disk, Readings, Sensor, Space, decode

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=400)
WELL = Readings(
    at=rfc3339(NOW - timedelta(minutes=4)),
    uptime_s=1000,
    spaces=(Space(at="/var", total=10**12, free=6 * 10**11, inodes_free=10**7, writable=True),),
    disks=(Disk(name="nvme0n1", asked=True, worn=3, spare=100),),
    sensors=(Sensor(name="coretemp", now=45_000, critical=100_000), Sensor(name="board", now=40_000)),
    clock=ClockReading(there=True, valid=True, offset_s=1),
    memory=16 * 10**9,
    memory_free=12 * 10**9,
    swap=False,
    tpm=True,
    verity=True,
    image="1.2.3",
)
CARED_FOR = Known(
    since=LONG_AGO,
    drives=1,
    backed_up=NOW - timedelta(days=2),
    scrubbed=NOW - timedelta(days=20),
    witnesses=1,
    witnessed=NOW - timedelta(days=20),
    days_left=400,
    highest=NOW - timedelta(hours=2),
)


def but(**values: object) -> Readings:
    """All is well but this."""
    return msgspec.structs.replace(WELL, **values)


def kiosk(**values: object) -> Known:
    """Cared for but for this."""
    return Known(**{**CARED_FOR.__dict__, **values})


def disk(**values: object) -> Readings:
    return but(disks=(msgspec.structs.replace(WELL.disks[0], **values),))


def space(**values: object) -> Readings:
    return but(spaces=(msgspec.structs.replace(WELL.spaces[0], **values),))


CASES: list[tuple[HealthCode, Readings | Unread, Known]] = [
    (HealthCode.OFF, Unread.OFF, CARED_FOR),
    (HealthCode.MISSING, Unread.MISSING, CARED_FOR),
    (HealthCode.BROKEN, Unread.BROKEN, CARED_FOR),
    (HealthCode.STALE, but(at=rfc3339(NOW - timedelta(minutes=17))), CARED_FOR),
    (HealthCode.STALE, but(at=rfc3339(NOW + timedelta(minutes=17))), CARED_FOR),
    (HealthCode.SPACE, space(free=9 * 10**10), CARED_FOR),
    (HealthCode.SPACE, space(inodes_free=9), CARED_FOR),
    (HealthCode.READ_ONLY, space(writable=False), CARED_FOR),
    (HealthCode.SMART_FAILING, disk(passed=False), CARED_FOR),
    (HealthCode.SMART_WORN, disk(worn=80), CARED_FOR),
    (HealthCode.SMART_WORN, disk(spare=9), CARED_FOR),
    (HealthCode.SMART_ERRORS, disk(errors=1), CARED_FOR),
    (HealthCode.SMART_UNKNOWN, disk(asked=False), CARED_FOR),
    (HealthCode.HOT, but(sensors=(Sensor(name="cpu", now=95_000, critical=100_000),)), CARED_FOR),
    (HealthCode.HOT, but(sensors=(Sensor(name="board", now=85_000),)), CARED_FOR),
    (HealthCode.NO_RTC, but(clock=ClockReading(there=False)), CARED_FOR),
    (HealthCode.BATTERY, but(clock=ClockReading(there=True, valid=False)), CARED_FOR),
    (HealthCode.CLOCKS_APART, but(clock=ClockReading(there=True, offset_s=-121)), CARED_FOR),
    (HealthCode.MEMORY, but(memory_free=5 * 10**8), CARED_FOR),
    (HealthCode.SWAP, but(swap=True), CARED_FOR),
    (HealthCode.NO_TPM, but(tpm=False), CARED_FOR),
    (HealthCode.NO_VERITY, but(verity=False), CARED_FOR),
    (HealthCode.JOURNAL, but(journal=2 * 10**9), CARED_FOR),
    (HealthCode.ROLLED_BACK, WELL, kiosk(update=UpdateState.TAKEN_BACK, version="1.3.0", runs="1.2.3")),
    (HealthCode.WENT_BACK, WELL, kiosk(highest=NOW + timedelta(days=1))),
    (HealthCode.FULL_SOON, WELL, kiosk(days_left=29)),
    (HealthCode.NO_BACKUP, WELL, kiosk(drives=0)),
    (HealthCode.BACKUP_OLD, WELL, kiosk(backed_up=NOW - timedelta(days=9))),
    (HealthCode.BACKUP_OLD, WELL, kiosk(backed_up=None)),
    (HealthCode.DAMAGED, WELL, kiosk(damaged=2)),
    (HealthCode.SCRUB_OLD, WELL, kiosk(scrubbed=NOW - timedelta(days=61))),
    (HealthCode.WITNESS_OLD, WELL, kiosk(witnessed=None)),
    (HealthCode.SETTINGS, WELL, kiosk(settings=(1, 2))),
]


@pytest.mark.parametrize(("code", "readings", "known"), CASES)
def test_each_finding_is_raised_alone(code: HealthCode, readings: Readings | Unread, known: Known) -> None:
    assert [each.code for each in judge(readings, known, NOW)] == [code]


def test_every_finding_has_a_case() -> None:
    assert {code for code, _, _ in CASES} == set(HealthCode) == set(FINDINGS)


def test_a_healthy_and_a_new_machine_say_nothing() -> None:
    assert judge(WELL, CARED_FOR, NOW) == ()
    new = Known(since=NOW - timedelta(days=1), drives=1, witnesses=1)
    assert judge(WELL, new, NOW) == ()


@pytest.mark.parametrize("state", [state for state in UpdateState if state is not UpdateState.TAKEN_BACK])
def test_an_update_that_is_on_its_way_or_waits_has_not_failed(state: UpdateState) -> None:
    assert judge(WELL, kiosk(update=state, version="1.3.0", runs="1.2.3"), NOW) == ()


def test_the_worst_comes_first() -> None:
    found = judge(but(swap=True, tpm=False, journal=2 * 10**9), CARED_FOR, NOW)
    levels = [FINDINGS[each.code].level for each in found]
    assert levels == [Level.ALARM, Level.WARNING, Level.NOTE]


def test_words_are_filled_in_and_end_as_sentences() -> None:
    for code, readings, known in CASES:
        [found] = judge(readings, known, NOW)
        assert "{" not in found.words
        assert found.words.endswith(".")
        assert FINDINGS[code].todo.endswith(".")
        assert not [name for _, name, _, _ in Formatter().parse(FINDINGS[code].todo) if name]


def test_the_file_is_strict_and_bounded() -> None:
    data = canon.encode(WELL)
    assert decode(data) == WELL
    for bad in (
        b"",
        data[:-1],
        data + b"\n",
        data.replace(b'"swap":false', b'"swap":"no"'),
        data.replace(b'"format":1', b'"format":2'),
        data.replace(b"nvme0n1", b"nvme\\u001b[2J"),
        data.replace(b'"swap":false', b'"swap":false,"extra":1'),
        data.replace(WELL.at.encode(), b"yesterday"),
        b" " * (MAX_BYTES + 1),
    ):
        assert bad != data
        with pytest.raises(ValueError):
            decode(bad)
    many = canon.encode(but(sensors=(Sensor(name="x", now=1),) * 33))
    with pytest.raises(ValueError):
        decode(many)


def test_days_left_by_the_median_day() -> None:
    def day(number: int, used: int) -> tuple[datetime, int]:
        return LONG_AGO + timedelta(days=number), used

    steady = [day(n, n * 10**9) for n in range(10)]
    assert days_left(steady, 50 * 10**9, NOW) == 50
    one_large = [*steady[:5], *(day(n, n * 10**9 + 10**12) for n in range(5, 10))]
    assert days_left(one_large[:4] + one_large[6:7], 50 * 10**9, NOW) is not None
    assert days_left([day(n, 10**12 - n) for n in range(10)], 10**9, NOW) == 9999
    assert days_left(steady[:2], 10**9, NOW) is None
    assert days_left([day(n, n) for n in range(500, 510)], 10**9, NOW) is None, "of the future"
