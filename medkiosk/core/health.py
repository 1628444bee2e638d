"""Findings about the machine, in words for people (docs/operations.md has a section for each)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum


class Level(IntEnum):
    """How much it matters: what only ``kioskctl status`` says, what Home says, and what Home says loudly."""

    NOTE = 1
    WARNING = 2
    ALARM = 3


class HealthCode(StrEnum):
    """Stable names: scripts rely on them."""

    OFF = "health.off"
    MISSING = "health.missing"
    BROKEN = "health.broken"
    STALE = "health.stale"
    SPACE = "disk.space"
    FULL_SOON = "disk.full_soon"
    READ_ONLY = "disk.read_only"
    SMART_FAILING = "disk.failing"
    SMART_WORN = "disk.worn"
    SMART_ERRORS = "disk.errors"
    SMART_UNKNOWN = "disk.unknown"
    HOT = "machine.hot"
    NO_RTC = "clock.none"
    BATTERY = "clock.battery"
    CLOCKS_APART = "clock.apart"
    WENT_BACK = "clock.back"
    MEMORY = "memory.low"
    SWAP = "memory.swap"
    NO_TPM = "tpm.none"
    NO_VERITY = "image.unverified"
    ROLLED_BACK = "update.rolled_back"
    JOURNAL = "journal.large"
    NO_BACKUP = "backup.none"
    BACKUP_OLD = "backup.old"
    DAMAGED = "store.damaged"
    SCRUB_OLD = "scrub.old"
    WITNESS_OLD = "witness.old"
    SETTINGS = "settings.unused"


@dataclass(frozen=True)
class Known:
    """One finding: how much it matters, what is said, and what to do first."""

    level: Level
    words: str
    todo: str


_NOTE, _WARNING, _ALARM = Level.NOTE, Level.WARNING, Level.ALARM
_CALL = "Call the administrator."
FINDINGS: dict[HealthCode, Known] = {
    HealthCode.OFF: Known(
        _NOTE,
        "Nobody looks after this machine's disk, clock and temperature: the configuration names no file.",
        "On an appliance this must not be: call the administrator. On one's own computer it is as it is.",
    ),
    HealthCode.MISSING: Known(
        _WARNING,
        "Nothing is known of this machine's disk, clock and temperature: the self-check does not run.",
        f"{_CALL} They restart the machine. If this stays, they call whoever looks after the kiosk.",
    ),
    HealthCode.BROKEN: Known(
        _WARNING,
        "What was written about this machine's disk, clock and temperature cannot be read.",
        f"{_CALL} They restart the machine, and update it if it happens again.",
    ),
    HealthCode.STALE: Known(
        _WARNING,
        "What is known of this machine's disk, clock and temperature is of {at}, which is not now.",
        f"Look whether the clock is right. {_CALL}",
    ),
    HealthCode.SPACE: Known(
        _ALARM,
        "The disk is nearly full: {free} GB are free at {at}. What is sealed is safe; soon no card fits.",
        f"{_CALL} They dispose of what is due, or put a larger disk in.",
    ),
    HealthCode.FULL_SOON: Known(
        _WARNING,
        "At the rate of the last weeks the disk is full in {days} days.",
        f"{_CALL} They dispose of what is due, or order a larger disk.",
    ),
    HealthCode.READ_ONLY: Known(
        _ALARM,
        "Nothing can be written to this kiosk's disk: its file system was found broken.",
        "Keep all cards. Do not restart. Call the administrator at once: it needs a new disk.",
    ),
    HealthCode.SMART_FAILING: Known(
        _ALARM,
        "The disk {disk} says that it is failing.",
        f"Plug a backup drive in today. Keep the cards of the last days. {_CALL}",
    ),
    HealthCode.SMART_WORN: Known(
        _WARNING,
        "The disk {disk} is worn: {worn} percent of its life, or most of its spare blocks, are used.",
        f"Plug a backup drive in more often. {_CALL} They order a new disk.",
    ),
    HealthCode.SMART_ERRORS: Known(
        _WARNING,
        "The disk {disk} counts {errors} places that it could not read or had to replace.",
        f"Plug a backup drive in today, and leave the kiosk on over night: it reads its files again. {_CALL}",
    ),
    HealthCode.SMART_UNKNOWN: Known(
        _NOTE,
        "The disk {disk} does not say how it is.",
        "Nothing, if it was so when the kiosk was set up; else the administrator looks at the disk.",
    ),
    HealthCode.HOT: Known(
        _WARNING,
        "It is too hot inside: {sensor} has {degrees} degrees.",
        f"Clear what stands before the slits, and look whether a fan turns. {_CALL}",
    ),
    HealthCode.NO_RTC: Known(
        _WARNING,
        "This machine has no clock that goes on without power: after each start the time may be wrong.",
        f"Compare the time on the screen with your own. {_CALL}",
    ),
    HealthCode.BATTERY: Known(
        _WARNING,
        "The battery of the clock is empty: the time may be wrong, and is lost whenever the power is.",
        f"Compare the time on the screen with your own. {_CALL} They change the battery and set the clock.",
    ),
    HealthCode.CLOCKS_APART: Known(
        _WARNING,
        "The two clocks of this machine are {seconds} seconds apart.",
        f"Compare the time on the screen with your own. {_CALL} They set the clock.",
    ),
    HealthCode.WENT_BACK: Known(
        _WARNING,
        "The clock is behind what it showed before: {highest}. Nothing that was over comes back to life.",
        f"Compare the time on the screen with your own. {_CALL} They set the clock.",
    ),
    HealthCode.MEMORY: Known(
        _WARNING,
        "Little memory is left: {megabytes} MB. Redaction may stop and begin again.",
        f"{_CALL} They restart the machine when nothing is plugged in.",
    ),
    HealthCode.SWAP: Known(
        _ALARM,
        "Memory may be written to disk: swap is on. That must not be; keys could reach the disk.",
        f"Log out. {_CALL} They restart the machine. If this stays, they install the appliance again.",
    ),
    HealthCode.NO_TPM: Known(
        _WARNING,
        "This machine has no TPM, or it does not answer: a thief of the disk may have its keys, too.",
        f"{_CALL} They look at the firmware's settings.",
    ),
    HealthCode.NO_VERITY: Known(
        _NOTE,
        "Nothing checks the program on this machine while it is read: it is not the appliance's image.",
        "On an appliance, install the image again; on somebody's own computer this is as it is.",
    ),
    HealthCode.ROLLED_BACK: Known(
        _WARNING,
        "Version {gone} did not work, so {runs} runs again. Everything works as it did before the update.",
        f"{_CALL} They ask whoever made the update, and do not try the same one again.",
    ),
    HealthCode.JOURNAL: Known(
        _NOTE,
        "The machine's journal takes {megabytes} MB.",
        "Nothing today. If it grows, the administrator calls whoever looks after the kiosk.",
    ),
    HealthCode.NO_BACKUP: Known(
        _WARNING,
        "No place for a backup drive was set up: if this disk fails, what is on it is lost.",
        f"Keep all cards. {_CALL} They have a place for one set up, and enrol a drive (B).",
    ),
    HealthCode.BACKUP_OLD: Known(
        _WARNING,
        "The last complete backup is of: {last}.",
        "Plug a backup drive in, and leave it until BACKUP COMPLETE.",
    ),
    HealthCode.DAMAGED: Known(
        _ALARM,
        "{files} sealed files are damaged on this disk.",
        "Plug a backup drive in and leave it: what it has is put back when the files are read again. Keep the"
        f" cards of the last days. {_CALL}",
    ),
    HealthCode.SCRUB_OLD: Known(
        _WARNING,
        "The sealed files were last read again: {last}. A failing disk would not be noticed.",
        f"Leave the kiosk switched on over night: it reads them by itself. {_CALL[:-1]} if this stays.",
    ),
    HealthCode.WITNESS_OLD: Known(
        _WARNING,
        "The last signature of a witness under the ledger is of: {last}.",
        "The auditor photographs the newest head (G), and has a witness sign it.",
    ),
    HealthCode.SETTINGS: Known(
        _ALARM,
        "OLDER SETTINGS ARE IN FORCE: version {version}; version {newest} cannot be used.",
        f"{_CALL} They look at Settings (S); until then, watch that nobody sees or approves what they must"
        " not.",
    ),
}
"""Every finding. `words` are filled by `medkiosk.health.judge`."""
