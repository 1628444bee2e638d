"""Cameras on USB and cards in readers, as udev tells of them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import msgspec

from medkiosk.device.cards import CardDesk
from medkiosk.device.machine import PlugMachine
from medkiosk.device.model import Change, DeviceRef, Listener, Notice, tell
from medkiosk.device.policy import part_of, supported_camera, supported_card, supported_stick
from medkiosk.device.uevents import Monitor, handed_over

if TYPE_CHECKING:
    import pyudev

SETTLE_S = 0.5
_LONGEST_WAIT_S = 0.5  # how soon `stop` is noticed
_UDEVD = Path("/run/udev/control")
_MEDIUM_CHANGED = ("DISK_MEDIA_CHANGE", "DISK_EJECT_REQUEST")


class Desk(Protocol):
    """Who is told of sticks."""

    def came(self, device: DeviceRef) -> None:
        """A stick was plugged in."""
        ...

    def went(self, device: DeviceRef) -> None:
        """It was pulled out."""
        ...


class UdevEvents:
    """What udev says, made into notices. Pure; not for several threads at once.

    Args:
        settle_s: how long a device must stay before it counts, seconds.
        cards: whether block devices count too.
    """

    def __init__(self, settle_s: float, *, cards: bool) -> None:
        self._machine = PlugMachine(settle_s)
        self._cards = cards
        self._parts: dict[str, str] = {}  # the place of each partition, and of its disk

    def happened(self, action: str, properties: Mapping[str, str], now: float) -> list[Notice]:
        """Take one event.

        Args:
            action: ``add``, ``bind``, ``change``, ``remove`` ...
            properties: as udev gives them.
            now: seconds on a clock that only goes forward.
        """
        place = properties.get("DEVPATH", "")
        if action == "remove":
            self._parts.pop(place, None)
            return self._machine.gone(place, now)
        if action not in {"add", "bind", "change"}:
            return []
        if properties.get("SUBSYSTEM") == "block":
            return self._block(place, properties, now) if self._cards else []
        device = supported_camera(properties)
        return self._machine.seen(device, now) if device is not None else []

    def tick(self, now: float) -> list[Notice]:
        """Let time pass."""
        return [self._with_others(notice) for notice in self._machine.tick(now)]

    def _with_others(self, notice: Notice) -> Notice:
        """A card that came, with how many other parts it has: they have settled like itself."""
        device = notice.device
        disk = self._parts.get(device.key)
        if device.kind != "card" or notice.change is not Change.PLUGGED or disk is None:
            return notice
        others = sum(each == disk for each in self._parts.values()) - 1
        return Notice(change=notice.change, device=msgspec.structs.replace(device, others=others))

    def next_deadline(self) -> float | None:
        """Return when `tick` has something to do; None while nothing is settling."""
        return self._machine.next_deadline()

    def _block(self, place: str, properties: Mapping[str, str], now: float) -> list[Notice]:
        card = supported_card(properties) or supported_stick(properties)
        if (disk := part_of(properties)) is not None:
            self._parts[place] = disk
        notices = []
        if any(properties.get(name) == "1" for name in _MEDIUM_CHANGED):
            self._parts = {part: disk for part, disk in self._parts.items() if disk != place}
            # The reader stays and its medium went. The kernel keeps a mounted partition of a card that is not
            # there any more, so no ``remove`` comes for it.
            notices = self._machine.gone_below(place, now)
        elif card is None:
            notices = self._machine.gone(place, now)
        return notices + (self._machine.seen(card, now) if card is not None else [])


class UdevDevices:
    """Tells of supported cameras and cards that come and go.

    Args:
        plugged: called with a camera that came.
        unplugged: called with a camera that went.
        cards: is told of cards, mounts them and tells of them in its turn; None where cards are left alone.
        sticks: is told of sticks for exports; None where they are left alone.
        usb: is told everything that udev says of USB devices, refused ones among them.
        settle_s: how long a device must stay before it counts, seconds.
        monotonic: a clock that only goes forward, seconds.
    """

    def __init__(
        self,
        plugged: Listener,
        unplugged: Listener,
        *,
        cards: CardDesk | None = None,
        sticks: Desk | None = None,
        usb: Callable[[str, Mapping[str, str]], None] = lambda _action, _properties: None,
        settle_s: float = SETTLE_S,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._plugged = plugged
        self._unplugged = unplugged
        self._cards = cards
        self._sticks = sticks
        self._usb = usb
        self._monotonic = monotonic
        self._events = UdevEvents(settle_s, cards=cards is not None)
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> bool:
        """Begin to watch; what is already plugged in is told of too.

        Returns:
            False where there is no udev: then nothing is watched and nothing is wrong.
        """
        if not _UDEVD.exists():
            return False
        try:
            import pyudev

            context = pyudev.Context()
        except ImportError:  # what pyudev raises where libudev itself is missing
            return False
        monitor: Monitor | pyudev.Monitor
        if (descriptor := handed_over()) is not None:
            monitor = Monitor(descriptor)
        else:
            monitor = pyudev.Monitor.from_netlink(context)
            monitor.filter_by("usb", "usb_device")
            if self._cards is not None:
                monitor.filter_by("block")
        if self._cards is not None:
            self._cards.start()
        monitor.start()  # before the listing, so that nothing falls between the two
        self._list(context)
        self._thread = threading.Thread(target=self._watch, args=(monitor, context), name="udev", daemon=True)
        self._thread.start()
        return True

    def stop(self) -> None:
        """End the thread; harmless when it never began."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join()

    def _list(self, context: pyudev.Context) -> None:
        self._listed(context.list_devices(subsystem="usb", DEVTYPE="usb_device"))
        if self._cards is not None:
            self._listed(context.list_devices(subsystem="block"))

    def _listed(self, devices: Iterable[pyudev.Device]) -> None:
        for device in devices:
            self._said("add", dict(device.properties))

    def _watch(self, monitor: Monitor | pyudev.Monitor, context: pyudev.Context) -> None:
        while not self._stopped.is_set():
            deadline = self._events.next_deadline()
            wait = _LONGEST_WAIT_S if deadline is None else max(0.0, deadline - self._monotonic())
            device = monitor.poll(timeout=min(wait, _LONGEST_WAIT_S))
            if isinstance(monitor, Monitor) and monitor.lost:
                monitor.lost = False
                self._list(context)
            if device is not None and _counts(device.properties):
                self._said(device.action or "", dict(device.properties))
            self._tell(self._events.tick(self._monotonic()))

    def _said(self, action: str, properties: Mapping[str, str]) -> None:
        if properties.get("SUBSYSTEM") == "usb":
            self._usb(action, properties)
        self._tell(self._events.happened(action, properties, self._monotonic()))

    def _tell(self, notices: list[Notice]) -> None:
        for notice in notices:
            match notice.device.kind:
                case "card" if self._cards is not None:
                    tell([notice], self._cards.came, self._cards.went)
                case "stick":
                    if self._sticks is not None:
                        tell([notice], self._sticks.came, self._sticks.went)
                case _:
                    tell([notice], self._plugged, self._unplugged)


def _counts(properties: Mapping[str, str]) -> bool:
    """Whether something is a whole USB device, or a block device."""
    return properties.get("SUBSYSTEM") == "block" or properties.get("DEVTYPE") == "usb_device"
