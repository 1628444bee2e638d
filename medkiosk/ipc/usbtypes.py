"""What crosses the socket about USB devices that are not used, and the keyboards that are."""

from __future__ import annotations

from medkiosk.ipc.storetypes import Wire


class RefusedDevice(Wire, frozen=True):
    """A USB device that is plugged in and not used.

    Attributes:
        vendor, product: as it says them, four hexadecimal digits.
        name: what it says it is called, cleaned; perhaps empty.
        reason: keyboard, network, composite or other.
        words: what it claims to be, and what to do about it, in a sentence or two.
        port: where it is plugged in; names it in `enrol_keyboard`.
    """

    vendor: str
    product: str
    name: str
    reason: str
    words: str
    port: str


class KeyboardInfo(Wire, frozen=True):
    """A keyboard or scanner of the list; ``there``: it is plugged in and used."""

    vendor: str
    product: str
    name: str
    port: str
    serial: str
    there: bool


class Usb(Wire, frozen=True):
    """The list of keyboards and scanners, what was refused, and what could be enrolled.

    ``strangers``: what is plugged in, can type and is not in the list, refused or not.
    """

    keyboards: tuple[KeyboardInfo, ...]
    refused: tuple[RefusedDevice, ...]
    strangers: tuple[KeyboardInfo, ...]
