"""One stick's states, as a table. Everything that decides the words shown for a stick is in this file.

Rule: `StickState.DONE` is entered only by `Happening.COMPLETE`, which is raised only when every file was read
back from the stick and found right, the folder has its name, all of it is synced, and what the kiosk had
mounted is unmounted.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from medkiosk.core.sticks import STICK_BUSY, StickState


class Happening(StrEnum):
    """What can happen to a stick."""

    PLUGGED = "plugged in"
    FIT = "fit to be written to"
    NOT_OURS = "neither blank nor enrolled"
    LOCKED = "write-protected"
    REFUSED = "refused"
    TAKEN = "taken for writing"
    WRITTEN = "all is written"
    COMPLETE = "read back, named, let go"
    HELD = "read back and named, not let go"
    TOO_SMALL = "too small or full"
    LIED = "gave back other bytes"
    BROKE = "failed otherwise"
    LEFT = "nothing was written after all"
    PULLED = "pulled out"


_IDLE: Mapping[Happening, StickState] = {
    Happening.PLUGGED: StickState.LOOKING,
    Happening.PULLED: StickState.ABSENT,
}
"""Of a stick that may be looked at again and pulled out at any time."""
_TAKEN: Mapping[Happening, StickState] = {
    Happening.TAKEN: StickState.WRITING,
    Happening.LOCKED: StickState.PROTECTED,  # known only when it is mounted to be written to
    Happening.REFUSED: StickState.UNSUITABLE,
}
_LOOKED: Mapping[Happening, StickState] = {
    Happening.FIT: StickState.READY,
    Happening.NOT_OURS: StickState.FOREIGN,
    Happening.LOCKED: StickState.PROTECTED,
    Happening.REFUSED: StickState.UNSUITABLE,
}
_WENT_WRONG: Mapping[Happening, StickState] = {
    Happening.LOCKED: StickState.PROTECTED,
    Happening.TOO_SMALL: StickState.FULL,
    Happening.LIED: StickState.LIES,
    Happening.BROKE: StickState.FAILED,
    Happening.LEFT: StickState.READY,
    Happening.PULLED: StickState.LOST,
}

TRANSITIONS: Mapping[StickState, Mapping[Happening, StickState]] = {
    StickState.ABSENT: {Happening.PLUGGED: StickState.LOOKING},
    StickState.LOOKING: {**_LOOKED, Happening.PULLED: StickState.ABSENT},
    StickState.READY: {**_IDLE, **_TAKEN},
    StickState.FOREIGN: _IDLE,
    StickState.PROTECTED: _IDLE,
    StickState.UNSUITABLE: _IDLE,
    StickState.WRITING: {Happening.WRITTEN: StickState.READING_BACK, **_WENT_WRONG},
    StickState.READING_BACK: {
        Happening.COMPLETE: StickState.DONE,
        Happening.HELD: StickState.HELD,
        **_WENT_WRONG,
    },
    StickState.DONE: {**_IDLE, **_TAKEN},
    StickState.HELD: {**_IDLE, **_TAKEN},
    StickState.FULL: {**_IDLE, **_TAKEN},
    StickState.LIES: _IDLE,  # never written to again while it is in
    StickState.LOST: {Happening.PLUGGED: StickState.LOOKING},
    StickState.FAILED: {**_IDLE, **_TAKEN},
}


def after(state: StickState, happening: Happening) -> StickState:
    """Return the next state; a happening that the table does not know of in this state changes nothing."""
    return TRANSITIONS[state].get(happening, state)


def may_take(state: StickState) -> bool:
    """Whether an export may begin."""
    return Happening.TAKEN in TRANSITIONS[state]


def is_busy(state: StickState) -> bool:
    """Whether pulling the stick out now loses what is being written."""
    return state in STICK_BUSY
