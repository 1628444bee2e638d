"""What clients may ask about USB devices; a part of `medkiosk.ipc.api.Api`."""

from __future__ import annotations

from typing import Protocol

from medkiosk.core.capability import Capability
from medkiosk.ipc import types as t
from medkiosk.ipc.marking import method


class UsbApi(Protocol):
    """Which keyboards and scanners are used (docs/usb.md)."""

    @method(needs=Capability.MANAGE_STORE)
    def list_usb(self) -> t.Usb:
        """The list of keyboards and scanners, what was refused, and what could be enrolled."""
        ...

    @method(needs=Capability.MANAGE_ACCOUNTS)
    def enrol_keyboard(self, port: str) -> t.Usb:
        """Let what is plugged in at a port be used there, for good; ``port`` as in `Usb.strangers`."""
        ...

    @method(needs=Capability.MANAGE_ACCOUNTS)
    def forget_keyboard(self, port: str) -> t.Usb:
        """Take what is listed at a port off the list; the last one stays."""
        ...
