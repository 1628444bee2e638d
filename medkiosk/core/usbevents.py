"""What can happen about what is plugged in and not used (`medkiosk.core.events` has everything else)."""

from __future__ import annotations

from medkiosk.core.event import Event


class UsbRefused(Event, frozen=True, tag="usb.refused", omit_defaults=True):
    """A device was plugged in that this kiosk does not use; the kernel gave it no driver (docs/usb.md).

    Attributes:
        vendor: idVendor as it says it, four hexadecimal digits.
        product: idProduct likewise.
        called: what it says it is called, cleaned.
        reason: keyboard, network, composite or other.
        poses: what it claims to be, in words.
        port: where, as udev's ID_PATH; empty where that is not known.
        uncounted: how many more were refused since the entry before this one and got none of their own.
    """

    vendor: str
    product: str
    called: str
    reason: str
    poses: str
    port: str = ""
    uncounted: int = 0


class KeyboardEnrolled(Event, frozen=True, tag="usb.keyboard_enrolled"):
    """An administrator let a keyboard or scanner be used, in one port.

    Attributes:
        vendor: idVendor as it says it, four hexadecimal digits.
        product: idProduct likewise.
        port: where, as udev's ID_PATH.
        serial: its serial number; may be empty.
        called: what it says it is called, cleaned.
    """

    vendor: str
    product: str
    port: str
    serial: str
    called: str


class KeyboardForgotten(Event, frozen=True, tag="usb.keyboard_forgotten"):
    """An administrator took a keyboard or scanner off the list.

    Attributes:
        vendor: as it was enrolled.
        product: as it was enrolled.
        port: as it was enrolled.
        serial: as it was enrolled.
        called: as it was enrolled.
    """

    vendor: str
    product: str
    port: str
    serial: str
    called: str


AnyUsbEvent = UsbRefused | KeyboardEnrolled | KeyboardForgotten
