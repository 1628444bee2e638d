"""Plug and unplug, debounced: from what the system sees to one notice for each true change.

The rule: everything that decides whether a device counts as plugged in is in `TRANSITIONS`. udev tells of
one camera several times (``add``, then ``bind``), a loose plug comes and goes within milliseconds, and a
quick replug can bring the same socket back with another port number and no ``remove`` in between.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from medkiosk.device.model import Change, DeviceRef, Notice


class State(Enum):
    """What is known of one socket."""

    ABSENT = auto()
    SETTLING = auto()  # seen, not yet for long enough
    PRESENT = auto()


class Event(Enum):
    """What can happen to it."""

    SEEN = auto()
    SEEN_ANEW = auto()  # there, but not the device that was there before
    QUIET = auto()  # nothing changed for the settling time
    GONE = auto()


class Act(Enum):
    """What to do on the way to the next state, in this order."""

    TELL_UNPLUGGED = auto()
    TELL_PLUGGED = auto()
    START_WAITING = auto()


TRANSITIONS: dict[tuple[State, Event], tuple[State, tuple[Act, ...]]] = {
    (State.ABSENT, Event.SEEN): (State.SETTLING, (Act.START_WAITING,)),
    (State.ABSENT, Event.SEEN_ANEW): (State.SETTLING, (Act.START_WAITING,)),
    (State.ABSENT, Event.QUIET): (State.ABSENT, ()),
    (State.ABSENT, Event.GONE): (State.ABSENT, ()),
    (State.SETTLING, Event.SEEN): (State.SETTLING, (Act.START_WAITING,)),
    (State.SETTLING, Event.SEEN_ANEW): (State.SETTLING, (Act.START_WAITING,)),
    (State.SETTLING, Event.QUIET): (State.PRESENT, (Act.TELL_PLUGGED,)),
    (State.SETTLING, Event.GONE): (State.ABSENT, ()),
    (State.PRESENT, Event.SEEN): (State.PRESENT, ()),
    (State.PRESENT, Event.SEEN_ANEW): (State.SETTLING, (Act.TELL_UNPLUGGED, Act.START_WAITING)),
    (State.PRESENT, Event.QUIET): (State.PRESENT, ()),
    (State.PRESENT, Event.GONE): (State.ABSENT, (Act.TELL_UNPLUGGED,)),
}


@dataclass
class _Socket:
    state: State
    device: DeviceRef
    quiet_at: float


class PlugMachine:
    """All sockets. Not for several threads at once.

    Args:
        settle_s: how long a device must stay before it counts, seconds.
    """

    def __init__(self, settle_s: float) -> None:
        self._settle_s = settle_s
        self._sockets: dict[str, _Socket] = {}

    def next_deadline(self) -> float | None:
        """Return when `tick` has something to do, on the caller's clock; None while nothing is settling."""
        waiting = [one.quiet_at for one in self._sockets.values() if one.state is State.SETTLING]
        return min(waiting, default=None)

    def seen(self, device: DeviceRef, now: float) -> list[Notice]:
        """The device is there. ``now``: seconds on a clock that only goes forward."""
        socket = self._sockets.setdefault(device.key, _Socket(State.ABSENT, device, now))
        if socket.device == device:
            return self._apply(socket, Event.SEEN, now)
        notices = self._apply(socket, Event.SEEN_ANEW, now)
        socket.device = device
        return notices

    def gone(self, key: str, now: float) -> list[Notice]:
        """Nothing is there any more; a key that is not known is no matter."""
        socket = self._sockets.get(key)
        if socket is None:
            return []
        notices = self._apply(socket, Event.GONE, now)
        del self._sockets[key]
        return notices

    def gone_below(self, key: str, now: float) -> list[Notice]:
        """Nothing is there any more, nor in any place inside it: the partitions of a disk."""
        inside = [one for one in self._sockets if one == key or one.startswith(f"{key}/")]
        return [notice for one in inside for notice in self.gone(one, now)]

    def tick(self, now: float) -> list[Notice]:
        """Let time pass."""
        return [
            notice
            for socket in self._sockets.values()
            if socket.state is State.SETTLING and now >= socket.quiet_at
            for notice in self._apply(socket, Event.QUIET, now)
        ]

    def _apply(self, socket: _Socket, event: Event, now: float) -> list[Notice]:
        notices: list[Notice] = []
        socket.state, acts = TRANSITIONS[socket.state, event]
        for act in acts:
            match act:
                case Act.TELL_UNPLUGGED:
                    notices.append(Notice(change=Change.UNPLUGGED, device=socket.device))
                case Act.TELL_PLUGGED:
                    notices.append(Notice(change=Change.PLUGGED, device=socket.device))
                case Act.START_WAITING:
                    socket.quiet_at = now + self._settle_s
        return notices
