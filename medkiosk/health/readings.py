"""What ``medkiosk-health`` writes and the daemon reads: plain figures, nothing personal, everything bounded.

``/run/medkiosk-health/health.json`` is canonical JSON (`medkiosk.core.canon`). The daemon does not trust it.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from medkiosk.core import canon
from medkiosk.core.clock import parse_rfc3339

MAX_BYTES = 16384
"""Longest file that is read."""

Count = Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1)]
Word = Annotated[str, msgspec.Meta(max_length=64, pattern=r"\A[ -~]*\Z")]
"""Printable ASCII."""


class Reading(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, gc=False):
    """Base: strict, since what is read was written by another process."""


class Space(Reading, frozen=True):
    """A file system. ``writable``: not mounted read-only, as the kernel does to one that it found broken."""

    at: Word
    total: Count
    free: Count
    inodes_free: Count
    writable: bool


class Disk(Reading, frozen=True):
    """A fixed disk's own word on itself (SMART; NVM Express 1.4, section 5.14.1.2).

    Attributes:
        name: of the kernel.
        asked: whether it answered at all.
        passed: its overall verdict.
        worn: share of its life that is used, percent; may be over 100. -1 where it does not say.
        spare: share of its spare blocks that is left, percent; -1 where it does not say.
        errors: of the medium: uncorrected, reallocated and pending.
    """

    name: Word
    asked: bool
    passed: bool = True
    worn: Annotated[int, msgspec.Meta(ge=-1, le=255)] = -1
    spare: Annotated[int, msgspec.Meta(ge=-1, le=100)] = -1
    errors: Count = 0


class Sensor(Reading, frozen=True):
    """Thousandths of a degree Celsius; ``critical``: what the sensor's maker calls so, 0 where unsaid."""

    name: Word
    now: Annotated[int, msgspec.Meta(ge=-273_150, le=1_000_000)]
    critical: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)] = 0


class ClockReading(Reading, frozen=True):
    """The clock that goes on without power.

    Attributes:
        there: the machine has one.
        valid: it kept its time; False where it says that its battery was empty (RTC_VL_READ), None unsaid.
        offset_s: how far it is ahead of the system's clock, seconds.
    """

    there: bool
    valid: bool | None = None
    offset_s: Annotated[int, msgspec.Meta(ge=-(2**40), le=2**40)] = 0


class Readings(Reading, frozen=True, kw_only=True):
    """The whole file.

    Attributes:
        at: when, RFC 3339; ``uptime_s``: seconds since the machine started, of a clock that nobody sets.
        memory: bytes; ``memory_free`` could be had without swap.
        swap: swap is on.
        tpm: a TPM 2.0 is there.
        verity: the root is read through dm-verity.
        image: `IMAGE_VERSION` of what runs.
        journal: bytes of the journal.
    """

    format: Annotated[int, msgspec.Meta(ge=1, le=1)] = 1
    at: Word
    uptime_s: Count
    spaces: Annotated[tuple[Space, ...], msgspec.Meta(max_length=8)] = ()
    disks: Annotated[tuple[Disk, ...], msgspec.Meta(max_length=8)] = ()
    sensors: Annotated[tuple[Sensor, ...], msgspec.Meta(max_length=32)] = ()
    clock: ClockReading
    memory: Count
    memory_free: Count
    swap: bool
    tpm: bool
    verity: bool = False
    image: Word = ""
    journal: Count = 0


def decode(untrusted: bytes) -> Readings:
    """Read the file.

    Raises:
        ValueError: it is too long, not canonical, or not of this form.
    """
    if len(untrusted) > MAX_BYTES:
        raise ValueError("longer than such a file is")
    found = canon.decode(untrusted, Readings)
    parse_rfc3339(found.at)
    return found
