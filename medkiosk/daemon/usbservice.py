"""What one connection may ask about USB devices; a part of `medkiosk.daemon.service.Service`."""

from __future__ import annotations

from medkiosk.daemon.connection import Connection
from medkiosk.ipc import types as t


class UsbService(Connection):
    """The methods of `medkiosk.ipc.usbapi.UsbApi`."""

    def list_usb(self) -> t.Usb:
        """See `UsbApi.list_usb`."""
        return self._kiosk.usb.usb()

    def enrol_keyboard(self, port: str) -> t.Usb:
        """See `UsbApi.enrol_keyboard`."""
        return self._kiosk.usb.enrol(port, self._who.account_id)

    def forget_keyboard(self, port: str) -> t.Usb:
        """See `UsbApi.forget_keyboard`."""
        return self._kiosk.usb.forget(port, self._who.account_id)
