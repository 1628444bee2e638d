"""Files at which a device went away: remembered from one plug to the next, in this process only.

A card whose controller gives up at a bad place, or a camera that does, leaves the bus and comes back by
itself. To the kiosk that is another plug, so what is known of one plug alone would send it to the same file
for ever.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable

from medkiosk.device.model import DeviceRef
from medkiosk.source.model import DeviceInfo, Entry

_DEVICES = 32
_FILES = 100
"""Most that is remembered; the oldest goes first."""
_BY_ITSELF_S = 30.0
"""A device that came back later than this was pulled by a person, which is no fault of a file."""

_File = tuple[str, str, str, int, int]
"""With the time as well: another card may have the same name and hold a file of the same place and size."""


class Vanished:
    """How often one device went away at which of its files."""

    def __init__(self) -> None:
        self._times: Counter[_File] = Counter()
        self._last = 0.0
        self._told = False

    def times(self, entry: Entry) -> int:
        """How often the device went away while this file was read."""
        return self._times[_file(entry)]

    def at(self, entry: Entry, now: float) -> None:
        """It went away at this file."""
        self._times[_file(entry)] += 1
        self._last = now
        if len(self._times) > _FILES:
            self._times.pop(next(iter(self._times)), None)

    def told(self) -> None:
        """An import of it came to its end: a person knows by now which files could not be read."""
        self._told = True

    def came(self, now: float) -> None:
        """It was plugged in. Where a person did that, each file is asked for again, those files last."""
        if self._told or now - self._last > _BY_ITSELF_S:
            self._times = Counter(dict.fromkeys(self._times, 1))
        self._told = False


class DeviceMemory:
    """What is remembered of the devices that were plugged in last.

    Args:
        monotonic: a clock that only goes forward, seconds.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._devices: OrderedDict[str, Vanished] = OrderedDict()

    def plugged(self, device: DeviceRef, info: DeviceInfo) -> Vanished:
        """What is remembered of this device, which was plugged in just now."""
        name = _name(device, info)
        with self._lock:
            found = self._devices.setdefault(name, Vanished())
            self._devices.move_to_end(name)
            if len(self._devices) > _DEVICES:
                self._devices.popitem(last=False)
        found.came(self._monotonic())
        return found


def _name(device: DeviceRef, info: DeviceInfo) -> str:
    """What stays the same when it is plugged in again: a camera's serial number, a card's volume, a place."""
    if device.kind == "camera":
        return f"camera/{info.model}/{info.serial}"
    # The kernel numbers a medium anew each time that it comes; its volume keeps the name from its formatting.
    _, numbered, volume = device.identity.rpartition("/")
    return f"card/{volume if numbered else device.key}"


def _file(entry: Entry) -> _File:
    return entry.storage, entry.folder, entry.name, entry.size, entry.mtime
