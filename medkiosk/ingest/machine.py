"""One import's states, as a table. Everything that decides a device's word on the screen is in this file.

Rule: `DeviceState.SAFE` is entered only by `Happening.ALL_ACKNOWLEDGED`, which the importer raises only when
every file that the device listed is in the vault, read back, and in the ledger. It is taken back
(`Happening.MORE`) when a later listing has something else.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from medkiosk.core.device import DeviceState


class Outcome(StrEnum):
    """What became of one file that a device listed."""

    SEALED = "sealed"
    KNOWN = "known"  # acknowledged by an earlier import
    COPY = "copy"  # its bytes were sealed before, from another place
    DAMAGED = "damaged"  # sealed byte by byte, and cut off or not built like what it is called
    FAILED = "failed"


ACKNOWLEDGED: Mapping[Outcome, bool] = {
    Outcome.SEALED: True,
    Outcome.KNOWN: True,
    Outcome.COPY: True,
    Outcome.DAMAGED: True,
    Outcome.FAILED: False,
}
"""Whether such a file's bytes are in the vault, read back, and in the ledger: what SAFE TO UNPLUG asks."""

EXPENDABLE: Mapping[Outcome, bool] = {
    Outcome.SEALED: True,
    Outcome.KNOWN: True,
    Outcome.COPY: True,
    Outcome.DAMAGED: False,  # of a file that is cut off, the card may hold more than it gives
    Outcome.FAILED: False,
}
"""Whether the card is no longer needed for such a file: what SAFE TO REUSE and every deletion ask."""


def acknowledged(counts: Mapping[Outcome, int]) -> bool:
    """Whether every file is acknowledged."""
    return all(ACKNOWLEDGED[outcome] for outcome, count in counts.items() if count)


def expendable(counts: Mapping[Outcome, int]) -> bool:
    """Whether the card is needed for no file at all."""
    return all(EXPENDABLE[outcome] for outcome, count in counts.items() if count)


class Happening(StrEnum):
    """What can happen to an import."""

    OPENED = "opened"
    LISTED = "listed"
    ALL_ACKNOWLEDGED = "all acknowledged"
    SOME_FAILED = "some failed"
    LOST = "lost"
    RETRY = "retry"
    GAVE_UP = "gave up"
    MORE = "more on it"
    UNPLUGGED = "unplugged"


S, H = DeviceState, Happening

TRANSITIONS: Mapping[DeviceState, Mapping[Happening, DeviceState]] = {
    S.OPENING: {
        H.OPENED: S.LISTING,
        H.LOST: S.RETRYING,
        H.GAVE_UP: S.INCOMPLETE,
        H.UNPLUGGED: S.LOST,
    },
    S.LISTING: {
        H.LISTED: S.IMPORTING,
        H.LOST: S.RETRYING,
        H.GAVE_UP: S.INCOMPLETE,
        H.UNPLUGGED: S.LOST,
    },
    S.IMPORTING: {
        H.ALL_ACKNOWLEDGED: S.SAFE,
        H.SOME_FAILED: S.INCOMPLETE,
        H.LOST: S.RETRYING,
        H.GAVE_UP: S.INCOMPLETE,
        H.UNPLUGGED: S.LOST,
    },
    S.RETRYING: {
        H.RETRY: S.OPENING,
        H.GAVE_UP: S.INCOMPLETE,
        H.UNPLUGGED: S.LOST,
    },
    S.SAFE: {H.UNPLUGGED: S.GONE, H.MORE: S.OPENING},
    S.INCOMPLETE: {H.UNPLUGGED: S.LOST, H.RETRY: S.OPENING, H.MORE: S.OPENING},
    S.GONE: {},
    S.LOST: {},
}
"""A device that comes back begins a new import in `DeviceState.OPENING`."""


class ImpossibleError(Exception):
    """The importer raised something that cannot happen in this state: a programming error."""


def next_state(state: DeviceState, happening: Happening) -> DeviceState:
    """Follow the table.

    Raises:
        ImpossibleError: the table has no such arrow.
    """
    try:
        return TRANSITIONS[state][happening]
    except KeyError:
        raise ImpossibleError(f"{happening.value!r} cannot happen while {state.value!r}") from None
