"""What an update of the appliance is doing, in words for people; and its states, as a table.

Rule: `UpdateState.READY` is entered only when the helper said that all of it is in its place.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class UpdateState(StrEnum):
    """One word for it."""

    NONE = "none"
    COPYING = "copying"
    INSTALLING = "installing"
    READY = "ready"  # in its place; the next start of the machine takes it
    FAILED = "failed"
    TAKEN_BACK = "taken back"  # it was started, did not work, and the version before runs again


class UpdateHappening(StrEnum):
    """What can happen to it."""

    BEGUN = "begun"
    COPIED = "all of it came and is what was signed"
    INSTALLED = "in its place"
    STOPPED = "refused or cut off"
    WAITS = "found waiting at the start"
    CAME_BACK = "the version before runs at the start"


_BEGIN: Mapping[UpdateHappening, UpdateState] = {UpdateHappening.BEGUN: UpdateState.COPYING}

TRANSITIONS: Mapping[UpdateState, Mapping[UpdateHappening, UpdateState]] = {
    UpdateState.NONE: {
        **_BEGIN,
        UpdateHappening.WAITS: UpdateState.READY,
        UpdateHappening.CAME_BACK: UpdateState.TAKEN_BACK,
    },
    UpdateState.COPYING: {
        UpdateHappening.COPIED: UpdateState.INSTALLING,
        UpdateHappening.STOPPED: UpdateState.FAILED,
    },
    UpdateState.INSTALLING: {
        UpdateHappening.INSTALLED: UpdateState.READY,
        UpdateHappening.STOPPED: UpdateState.FAILED,
    },
    UpdateState.READY: _BEGIN,
    UpdateState.FAILED: _BEGIN,
    UpdateState.TAKEN_BACK: _BEGIN,
}

UPDATE_WORDS: dict[UpdateState, str] = {
    UpdateState.NONE: "",
    UpdateState.COPYING: "COPYING THE UPDATE: LEAVE THE STICK IN",
    UpdateState.INSTALLING: "INSTALLING THE UPDATE",
    UpdateState.READY: "UPDATE READY: RESTART",
    UpdateState.FAILED: "UPDATE NOT INSTALLED",
    UpdateState.TAKEN_BACK: "THE UPDATE DID NOT WORK",
}
"""The big words for each state; empty where there is nothing to say."""

UPDATE_BUSY = frozenset({UpdateState.COPYING, UpdateState.INSTALLING})


def after(state: UpdateState, happening: UpdateHappening) -> UpdateState:
    """Return the next state; a happening that the table does not know of in this state changes nothing."""
    return TRANSITIONS[state].get(happening, state)
