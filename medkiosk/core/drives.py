"""How far a backup drive is, in words for people (docs/backup.md)."""

from __future__ import annotations

from enum import StrEnum


class DriveState(StrEnum):
    """What a plugged-in backup drive is doing."""

    UNKNOWN = "unknown"  # not one of this kiosk's drives
    REFUSED = "refused"  # another kiosk's, or a forged one
    COPYING = "copying"
    COMPLETE = "complete"
    WAITING = "waiting"  # it begins by itself when something else has ended
    FAILED = "failed"
    LOST = "lost"  # unplugged before it was complete


BACKUP_WORDS: dict[DriveState, str] = {
    DriveState.UNKNOWN: "",
    DriveState.REFUSED: "NOT OUR DRIVE",
    DriveState.COPYING: "BACKUP RUNNING",
    DriveState.COMPLETE: "BACKUP COMPLETE",
    DriveState.WAITING: "BACKUP WAITS",
    DriveState.FAILED: "BACKUP FAILED",
    DriveState.LOST: "BACKUP FAILED",
}
"""The big words for each state; empty where there is nothing to say from three metres. They fit into one
line of eighty columns."""

_LOUDEST = (
    DriveState.REFUSED,
    DriveState.FAILED,
    DriveState.LOST,
    DriveState.WAITING,
    DriveState.COPYING,
    DriveState.COMPLETE,
    DriveState.UNKNOWN,
)


def big_words(states: tuple[DriveState, ...]) -> str:
    """Return the big words for all drives together: the worst of them wins."""
    return next((BACKUP_WORDS[state] for state in _LOUDEST if state in states), "")
