"""Cameras and cards that the configuration names: ports on a network address, and directories.

There is no event for these, so they are looked at again and again.
"""

from __future__ import annotations

import os
import re
import socket
import struct
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from medkiosk.core.config import Camera, Card
from medkiosk.core.errors import ConfigError
from medkiosk.device.machine import PlugMachine
from medkiosk.device.model import DeviceRef, Listener, tell
from medkiosk.device.place import identity_of

POLL_S = 1.0
_CONNECT_S = 1.0
_PORT = re.compile(r"ptpip:(?P<host>[^:\s]+):(?P<port>[0-9]{1,5})(:[0-9]{1,5})?")
_CONNECTIONS = Path("/proc/net/tcp")
_ESTABLISHED = "01"


class ConfiguredDevices:
    """Tells when a configured device can be reached and when it cannot any more.

    A card is there when its directory is and has something in it. Another one that was put there between two
    looks is told of as unplugged and plugged. A camera is there when its port takes a
    connection, which is closed at once; or when this machine is connected to it already, in which case it
    is left in peace: it may take one connection at a time.

    Args:
        cameras: each with a port ``ptpip:ADDRESS:PORT:PORT``.
        cards: each with a directory.
        plugged: called with a device that came.
        unplugged: called with a device that went.
        poll_s: between two looks, seconds.
        monotonic: a clock that only goes forward, seconds.

    Raises:
        ConfigError: a camera's port is not of that form.
    """

    def __init__(
        self,
        cameras: Sequence[Camera],
        cards: Sequence[Card],
        plugged: Listener,
        unplugged: Listener,
        *,
        poll_s: float = POLL_S,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._devices = [
            *(DeviceRef(kind="camera", key=one.port, port=one.port, model=one.model) for one in cameras),
            *(DeviceRef(kind="card", key=one.path, port=one.path, model="") for one in cards),
        ]
        for camera in cameras:
            _address(camera.port)
        self._plugged = plugged
        self._unplugged = unplugged
        self._poll_s = poll_s
        self._monotonic = monotonic
        self._machine = PlugMachine(settle_s=0)
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to watch on a thread of its own."""
        self._thread = threading.Thread(target=self._watch, name="configured-devices", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread; harmless when it never began."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join()

    def poll(self) -> None:
        """Look at every device once."""
        for device in self._devices:
            if device.kind == "card":
                identity = _card_in(device.port)
                self._saw(msgspec.structs.replace(device, identity=identity or ""), identity is not None)
            else:
                is_there = _answers(_address(device.port))
                if is_there is not None:
                    self._saw(device, is_there)

    def _saw(self, device: DeviceRef, is_there: bool) -> None:
        now = self._monotonic()
        if is_there:
            notices = self._machine.seen(device, now) + self._machine.tick(now)
        else:
            notices = self._machine.gone(device.key, now)
        tell(notices, self._plugged, self._unplugged)

    def _watch(self) -> None:
        self.poll()
        while not self._stopped.wait(self._poll_s):
            self.poll()


def _card_in(path: str) -> str | None:
    """Say which card is there; None for none."""
    try:
        with os.scandir(path) as entries:
            return identity_of(path) if next(entries, None) is not None else None
    except OSError:
        return None


def _answers(address: tuple[str, int]) -> bool | None:
    """Tell whether a camera listens there; None when it neither takes nor refuses a connection."""
    try:
        if _is_connected(address):
            return True
        with socket.create_connection(address, _CONNECT_S):
            return True
    except TimeoutError:
        return None  # busy with somebody else, or asleep: no reason to believe that it came or went
    except OSError:
        return False


def _is_connected(address: tuple[str, int]) -> bool:
    """Tell whether a process on this machine has a connection to this address (IPv4)."""
    try:
        lines = _CONNECTIONS.read_text("ascii").splitlines()
    except OSError:
        return False  # no /proc here: the connection itself will tell
    (host,) = struct.unpack("=I", socket.inet_aton(socket.gethostbyname(address[0])))
    wanted = f"{host:08X}:{address[1]:04X}"
    fields = (line.split() for line in lines[1:])
    return any(field[2] == wanted and field[3] == _ESTABLISHED for field in fields)


def _address(port: str) -> tuple[str, int]:
    match = _PORT.fullmatch(port)
    if match is None or not 0 < int(match["port"]) < 65536:
        raise ConfigError(path="[[camera]]", detail=f"not of the form ptpip:ADDRESS:PORT:PORT: {port}")
    return match["host"], int(match["port"])
