"""Cameras on USB, as udev tells of them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from medkiosk.device.machine import PlugMachine
from medkiosk.device.model import Listener, Notice, tell
from medkiosk.device.policy import supported_camera

if TYPE_CHECKING:
    import pyudev

SETTLE_S = 0.5
_LONGEST_WAIT_S = 0.5  # how soon `stop` is noticed
_UDEVD = Path("/run/udev/control")


class UdevDevices:
    """Tells of supported cameras that come and go.

    Args:
        plugged: called with a camera that came.
        unplugged: called with a camera that went.
        settle_s: how long a camera must stay before it counts, seconds.
        monotonic: a clock that only goes forward, seconds.
    """

    def __init__(
        self,
        plugged: Listener,
        unplugged: Listener,
        *,
        settle_s: float = SETTLE_S,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._plugged = plugged
        self._unplugged = unplugged
        self._monotonic = monotonic
        self._machine = PlugMachine(settle_s)
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> bool:
        """Begin to watch; cameras that are already plugged in are told of too.

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
        monitor = pyudev.Monitor.from_netlink(context)
        monitor.filter_by("usb", "usb_device")
        monitor.start()  # before the listing, so that nothing falls between the two
        for device in context.list_devices(subsystem="usb", DEVTYPE="usb_device"):
            self._tell(self._happened("add", dict(device.properties)))
        self._thread = threading.Thread(target=self._watch, args=(monitor,), name="udev", daemon=True)
        self._thread.start()
        return True

    def stop(self) -> None:
        """End the thread; harmless when it never began."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join()

    def _watch(self, monitor: pyudev.Monitor) -> None:
        while not self._stopped.is_set():
            deadline = self._machine.next_deadline()
            wait = _LONGEST_WAIT_S if deadline is None else max(0.0, deadline - self._monotonic())
            device = monitor.poll(timeout=min(wait, _LONGEST_WAIT_S))
            if device is not None:
                self._tell(self._happened(device.action or "", dict(device.properties)))
            self._tell(self._machine.tick(self._monotonic()))

    def _happened(self, action: str, properties: dict[str, str]) -> list[Notice]:
        now = self._monotonic()
        if action == "remove":
            return self._machine.gone(properties.get("DEVPATH", ""), now)
        camera = supported_camera(properties)
        if action in {"add", "bind", "change"} and camera is not None:
            return self._machine.seen(camera, now)
        return []

    def _tell(self, notices: list[Notice]) -> None:
        tell(notices, self._plugged, self._unplugged)
