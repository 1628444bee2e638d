"""What is plugged in, and that it came or went."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import Literal

import msgspec

_log = logging.getLogger(__name__)


class DeviceRef(msgspec.Struct, frozen=True):
    """A device that a source worker can open.

    Attributes:
        kind: camera, card or stick.
        key: names the socket or place it is plugged into, stable while it stays plugged in.
        port: libgphoto2's port string, or the card's directory.
        model: libgphoto2's name of the camera; empty for a card.
        identity: differs when another card is in the same place; empty for a camera, whose port changes.
        others: how many more parts (partitions) the card has that may hold files; each that can be read is a
            device of its own.
    """

    kind: Literal["camera", "card", "stick"]
    key: str
    port: str
    model: str
    identity: str = ""
    others: int = 0


class Change(StrEnum):
    """What happened to a device."""

    PLUGGED = "plugged"
    UNPLUGGED = "unplugged"


class Notice(msgspec.Struct, frozen=True):
    """A device came or went."""

    change: Change
    device: DeviceRef


Listener = Callable[[DeviceRef], None]
"""Is told that a device came, or that it went, on the watcher's own thread; must return soon."""


def tell(notices: Iterable[Notice], plugged: Listener, unplugged: Listener) -> None:
    """Hand each notice to the listener that it is for, in order.

    What a listener raises is logged: who notices devices must notice the next one, too.
    """
    for notice in notices:
        try:
            (plugged if notice.change is Change.PLUGGED else unplugged)(notice.device)
        except Exception:  # noqa: BLE001 -- logged whole
            _log.exception("device %s: %s", notice.device.kind, notice.change)
