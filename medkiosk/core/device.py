"""Words about devices that are plugged in."""

from __future__ import annotations

from enum import StrEnum


class DeviceState(StrEnum):
    """One word for what a plugged-in device is doing; `HEADLINES` has the words for the screen."""

    OPENING = "opening"
    LISTING = "listing"
    IMPORTING = "importing"
    SAFE = "safe"
    RETRYING = "retrying"
    INCOMPLETE = "incomplete"
    GONE = "gone"  # unplugged when it was safe
    LOST = "lost"  # unplugged before


STATE_WORDS: dict[DeviceState, str] = {
    DeviceState.OPENING: "being opened",
    DeviceState.LISTING: "being listed",
    DeviceState.IMPORTING: "being read",
    DeviceState.SAFE: "everything is sealed",
    DeviceState.RETRYING: "does not answer; trying again",
    DeviceState.INCOMPLETE: "not everything could be read",
    DeviceState.GONE: "unplugged when everything was sealed",
    DeviceState.LOST: "unplugged before everything was sealed",
}
"""The same for one device's line, while there is nothing better to say."""

REUSE = "SAFE TO REUSE THIS CARD"
KEEP_CARD = "KEEP THIS CARD"
"""The passport of a card: whether anything on it is still needed."""

HEADLINES: dict[DeviceState, str] = {
    DeviceState.OPENING: "DO NOT UNPLUG",
    DeviceState.LISTING: "DO NOT UNPLUG",
    DeviceState.IMPORTING: "DO NOT UNPLUG",
    DeviceState.SAFE: "SAFE TO UNPLUG",
    DeviceState.RETRYING: "TRYING AGAIN",  # it may be that pulling it out and putting it back is what helps
    DeviceState.INCOMPLETE: "NOT EVERYTHING WAS READ",
    DeviceState.GONE: "UNPLUGGED",
    DeviceState.LOST: "UNPLUGGED TOO EARLY",
}
"""Big words for three metres."""

BEING_READ = frozenset(
    {DeviceState.OPENING, DeviceState.LISTING, DeviceState.IMPORTING, DeviceState.RETRYING}
)
"""Not everything is safe yet, and it goes on by itself: nothing else begins meanwhile."""
