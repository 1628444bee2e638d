"""One place where a stick may be, and what is in it."""

from __future__ import annotations

import contextlib
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from medkiosk.core.sticks import STICK_WORDS, StickState
from medkiosk.device.place import identity_of
from medkiosk.ipc.exporttypes import StickInfo


class Lent(NamedTuple):
    """A stick that is lent to one reader: the name of its place, its top folder."""

    name: str
    path: Path


@dataclass
class Place:
    """One place, and what is in it."""

    name: str
    path: Path
    mounted: bool = False  # something must be mounted there
    volume: str = ""  # the kernel's name of what the helper mounts; empty for a place of the configuration
    state: StickState = StickState.ABSENT
    detail: str = ""
    free: int = 0
    identity: str = ""
    plugged: bool = False  # of a volume: udev says so
    again: bool = False  # the kiosk could not look at it, and is to try again
    lock: threading.Lock = field(default_factory=threading.Lock)
    """Held while somebody looks at the stick or writes to it."""


def is_there(place: Place) -> bool:
    """Whether a stick is plugged in there."""
    if place.volume:
        return place.plugged
    try:
        return place.path.is_mount() if place.mounted else place.path.is_dir()
    except OSError:  # still mounted, and nothing behind it any more
        return False


def identity_in(place: Place) -> str:
    """What tells this stick from another in the same place; empty where none is."""
    with contextlib.suppress(OSError):
        if is_there(place):
            return identity_of(str(place.path))
    return ""


def info(place: Place) -> StickInfo:
    """What people are told of it."""
    return StickInfo(
        name=place.name,
        state=place.state,
        words=STICK_WORDS[place.state],
        detail=place.detail,
        free=place.free,
    )
