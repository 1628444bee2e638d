"""Which USB devices were refused: from what udev says to lines for the screen and entries for the ledger.
Pure.

The rules (`systemd/72-medkiosk-usb.rules`) decide; here it is only said. What a device says of itself is
hostile: of it there are two numbers, a class out of a table, and a name of 40 letters and digits.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, Literal

import msgspec

from medkiosk.device.usbkeyboards import clean_name

Reason = Literal["keyboard", "network", "composite", "other"]
REASONS: Final[Mapping[str, Reason]] = {
    "keyboard": "keyboard",
    "network": "network",
    "composite": "composite",
    "other": "other",
}

WHAT_TO_DO: Final[Mapping[Reason, str]] = {
    "keyboard": (
        "Pull it out; nothing was taken from it, and nothing typed on it counts. If it is this kiosk's new"
        " keyboard or scanner, an administrator enrols it: Home, then USB (U)."
    ),
    "network": "Pull it out; nothing was taken from it. This kiosk has no network, ever.",
    "composite": (
        "Pull it out at once, plug it into no other computer, and tell whoever looks after the kiosk: such"
        " devices are made to attack computers. Nothing was taken from it."
    ),
    "other": "Pull it out; nothing was taken from it. This kiosk takes cameras, cards and sticks.",
}
"""What somebody who reads the screen does about it."""

_CLASSES: Final[Mapping[str, str]] = {
    "01": "a sound device",
    "02": "a modem or network adapter",
    "03": "a keyboard or mouse",
    "06": "a camera",
    "07": "a printer",
    "08": "storage",
    "09": "a hub",
    "0a": "a modem",
    "0b": "a card reader for logins",
    "0e": "a webcam",
    "10": "a webcam",
    "e0": "a radio or network adapter",
    "ef": "a device of several kinds",
    "ff": "something that only its maker knows",
}
_UNKNOWN = "something unknown"
SHOWN: Final = 8
"""Lines on the screen; the ledger has the others."""


class Refused(msgspec.Struct, frozen=True):
    """A device that was refused.

    Attributes:
        key: its place in the kernel's tree.
        vendor: idVendor, four hexadecimal digits, ``0000`` where it said none.
        product: idProduct, likewise.
        name: what it says that it is called, cleaned; perhaps empty.
        reason: why.
        poses: what it claims to be.
        port: udev's ID_PATH; empty where that is not known.
    """

    key: str
    vendor: str
    product: str
    name: str
    reason: Reason
    poses: str
    port: str = ""


def refused(properties: Mapping[str, str]) -> Refused | None:
    """Tell of a USB device that the rules refused; None for any other.

    Args:
        properties: as udev gives them.
    """
    if properties.get("SUBSYSTEM") != "usb" or properties.get("DEVTYPE") != "usb_device":
        return None
    said = properties.get("MEDKIOSK_REFUSED", "")
    if not said:
        return None
    port = properties.get("ID_PATH", "")
    return Refused(
        key=properties.get("DEVPATH", ""),
        vendor=_id(properties.get("ID_VENDOR_ID", "")),
        product=_id(properties.get("ID_MODEL_ID", "")),
        name=clean_name(properties),
        reason=REASONS.get(said, "other"),
        poses=_poses(properties.get("ID_USB_INTERFACES", "")),
        port=port if re.fullmatch(r"[A-Za-z0-9.:_-]{1,120}", port) else "",
    )


def _id(text: str) -> str:
    return text.lower() if re.fullmatch(r"[0-9A-Fa-f]{4}", text) else "0000"


def _poses(interfaces: str) -> str:
    classes = sorted({one[:2].lower() for one in interfaces.split(":") if one})
    words = list(dict.fromkeys(_CLASSES.get(one, _UNKNOWN) for one in classes)) or [_UNKNOWN]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


class Entry(msgspec.Struct, frozen=True):
    """What goes into the ledger: a device, and how many before it got no entry."""

    device: Refused
    uncounted: int


class EntryBudget:
    """How many entries the ledger gets, however often somebody plugs something in. Not for several threads.

    A bucket of tokens: one is spent on each entry and one comes back every so often; without one, devices are
    only counted, and the next entry says how many they were.

    Args:
        burst: entries at once.
        every_s: seconds after which one more may be made.
    """

    def __init__(self, burst: int = 10, every_s: float = 600.0) -> None:
        self._burst = float(burst)
        self._every_s = every_s
        self._tokens = float(burst)
        self._at: float | None = None
        self._last: Refused | None = None
        self._uncounted = 0

    def refused(self, device: Refused, now: float) -> Entry | None:
        """One more was refused.

        Args:
            device: which.
            now: seconds on a clock that only goes forward.

        Returns:
            The entry to make now; None where it is only counted.
        """
        self._fill(now)
        self._last = device
        if self._tokens < 1:
            self._uncounted += 1
            return None
        return self._entry(device)

    def tick(self, now: float) -> Entry | None:
        """Let time pass: the last of those that were only counted gets its entry when there may be one."""
        self._fill(now)
        if not self._uncounted or self._last is None or self._tokens < 1:
            return None
        self._uncounted -= 1  # it gets this entry itself
        return self._entry(self._last)

    def _entry(self, device: Refused) -> Entry:
        self._tokens -= 1
        entry = Entry(device, self._uncounted)
        self._uncounted = 0
        return entry

    def _fill(self, now: float) -> None:
        if self._at is not None:
            self._tokens = min(self._burst, self._tokens + (now - self._at) / self._every_s)
        self._at = now
