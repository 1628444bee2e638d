"""udev's messages from a netlink socket that the service manager made and handed over.

libudev would make one by itself. But netlink messages stay in one network namespace, and on an appliance the
daemon has an empty one of its own: it would hear nothing. So PID 1 makes the socket where udevd is
(``systemd/medkiosk-udev.socket``), and what comes is read here. The form is that of libudev
(systemd, ``src/libsystemd/sd-device/device-monitor.c``, ``monitor_netlink_header``).
"""

from __future__ import annotations

import errno
import logging
import os
import select
import socket
import struct
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass

_log = logging.getLogger(__name__)
NAME = "udev"
_FIRST_DESCRIPTOR = 3  # sd_listen_fds(3)
_PREFIX, _MAGIC = b"libudev\0", 0xFEEDCAFE
_HEADER = struct.Struct(
    "=8s4sIII"
)  # prefix, magic (network order), header size, offset and length of properties
_CREDENTIALS = struct.Struct("=iII")
_LARGEST = 16 << 10  # bytes; udevd's own buffer has 8 KiB
_UDEVD_GROUP = 2


@dataclass(frozen=True)
class Uevent:
    """What udevd said of one device, as pyudev's devices have it."""

    action: str
    properties: Mapping[str, str]


def parse(message: bytes) -> Uevent | None:
    """Read one message; None for what udevd does not send.

    Args:
        message: from the netlink group of udevd, sent by root.
    """
    if len(message) < _HEADER.size:
        return None
    prefix, magic, _, start, length = _HEADER.unpack_from(message)
    if prefix != _PREFIX or magic != _MAGIC.to_bytes(4, "big") or start + length > len(message):
        return None
    lines = message[start : start + length].decode("utf-8", "replace").split("\0")
    properties = dict(line.split("=", 1) for line in lines if "=" in line)
    return Uevent(properties.get("ACTION", ""), properties)


class Monitor:
    """Reads from the socket; the same calls as pyudev's monitor has, as far as they are used here.

    Attributes:
        lost: messages were lost since this was last set to False; what is there must be looked at anew.
    """

    def __init__(self, descriptor: int) -> None:
        os.set_inheritable(descriptor, False)
        self._socket = socket.socket(fileno=descriptor)
        self._socket.setblocking(False)
        self.lost = False

    def start(self) -> None:
        """Forget what came before: the list of devices that is asked for next has it."""
        while select.select([self._socket], [], [], 0)[0]:
            self._receive()
        self.lost = False

    def poll(self, timeout: float) -> Uevent | None:
        """Wait for a message, at most so many seconds; None where none came, or none that counts."""
        return self._receive() if select.select([self._socket], [], [], timeout)[0] else None

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def _receive(self) -> Uevent | None:
        try:
            message, ancillary, flags, sender = self._socket.recvmsg(
                _LARGEST, socket.CMSG_SPACE(_CREDENTIALS.size)
            )
        except OSError as error:
            if error.errno == errno.ENOBUFS:
                _log.warning("udev said more than could be kept; the devices are listed again")
                self.lost = True
            elif error.errno not in (errno.EAGAIN, errno.EINTR):
                raise
            return None
        if flags & socket.MSG_TRUNC or sender[1] != _UDEVD_GROUP or not _from_root(ancillary):
            return None
        return parse(message)


def _from_root(ancillary: list[tuple[int, int, bytes]]) -> bool:
    sent = [data for level, kind, data in ancillary if (level, kind) == _KIND]
    return bool(sent) and len(sent[0]) >= _CREDENTIALS.size and _CREDENTIALS.unpack_from(sent[0])[1] == 0


_KIND = (socket.SOL_SOCKET, socket.SCM_CREDENTIALS)


def handed_over(environment: MutableMapping[str, str] | None = None) -> int | None:
    """Return the descriptor of the socket that the service manager made, if it made one; it is given once.

    Args:
        environment: instead of this process's own; what said so is taken out, so that no child believes it.
    """
    said = os.environ if environment is None else environment
    number, names, process = (said.pop(f"LISTEN_{name}", "") for name in ("FDS", "FDNAMES", "PID"))
    if process != str(os.getpid()):
        return None
    named = names.split(":")[: int(number or 0)]
    return _FIRST_DESCRIPTOR + named.index(NAME) if NAME in named else None
