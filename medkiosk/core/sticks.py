"""What a stick for exports is doing, in words for people (docs/stick.md)."""

from __future__ import annotations

from enum import StrEnum


class StickState(StrEnum):
    """One word for what is plugged in at one place."""

    ABSENT = "absent"
    LOOKING = "looking"
    READY = "ready"
    FOREIGN = "foreign"  # neither blank nor enrolled, where the policy asks for that
    PROTECTED = "protected"
    UNSUITABLE = "unsuitable"  # of no file system that is written here, or not a stick alone
    WRITING = "writing"
    READING_BACK = "reading back"
    DONE = "done"
    HELD = "held"  # complete, but something here still holds it
    FULL = "full"  # or too small for what was to be written
    LIES = "lies"
    LOST = "lost"  # pulled out while it was written to
    FAILED = "failed"


STICK_WORDS: dict[StickState, str] = {
    StickState.ABSENT: "",
    StickState.LOOKING: "LOOKING AT THE STICK",
    StickState.READY: "STICK READY",
    StickState.FOREIGN: "NOT OUR STICK",
    StickState.PROTECTED: "STICK IS LOCKED",
    StickState.UNSUITABLE: "STICK REFUSED",
    StickState.WRITING: "WRITING: LEAVE IT IN",
    StickState.READING_BACK: "CHECKING: LEAVE IT IN",
    StickState.DONE: "STICK: SAFE TO UNPLUG",
    StickState.HELD: "WAIT: LEAVE IT IN",
    StickState.FULL: "STICK IS TOO SMALL",
    StickState.LIES: "DESTROY THIS STICK",
    StickState.LOST: "PULLED OUT TOO EARLY",
    StickState.FAILED: "EXPORT FAILED",
}
"""The big words for each state; empty where there is nothing to say."""


class ReadBack(StrEnum):
    """How what was written was read back: from strongest to weakest."""

    DIRECT = "direct"
    DROPPED = "dropped"
    CACHED = "cached"


READ_BACK_WORDS: dict[ReadBack, str] = {
    ReadBack.DIRECT: "read back from the stick itself, past the memory of this machine",
    ReadBack.DROPPED: "read back after this machine had dropped it from its memory",
    ReadBack.CACHED: (
        "read back from this machine's memory only, so nobody knows what the stick kept: check the bundle on"
        " another computer before you rely on it"
    ),
}
"""The same for people; of the last they are warned."""

STICK_BUSY = frozenset({StickState.WRITING, StickState.READING_BACK})
"""While it is in one of these, pulling it out loses what is being written."""

LEAVE_IN = STICK_BUSY | {StickState.HELD}
"""While it is in one of these, nobody is told to pull it out."""
