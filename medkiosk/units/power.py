"""``medkiosk-power FOLDER``: switch off cleanly when the power button is pressed.

``FOLDER`` is the button's input device below ``/sys`` (``systemd/74-medkiosk-console.rules``). One press is
enough, as people expect it of a machine: the daemon ends what it does, and what was acknowledged is safe.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Sequence
from pathlib import Path

from medkiosk.units import manager

_EVENT = struct.Struct("@llHHi")  # linux/input.h, struct input_event: time (two), type, code, value
_KEY, _POWER, _PRESSED = 1, 116, 1  # EV_KEY, KEY_POWER


def pressed(events: bytes) -> bool:
    """Whether one of these events is a press of the power key. A piece of an event at the end is passed over.

    Args:
        events: as read from an event device.
    """
    whole = len(events) - len(events) % _EVENT.size
    return any(
        (kind, code, value) == (_KEY, _POWER, _PRESSED)
        for _, _, kind, code, value in _EVENT.iter_unpack(events[:whole])
    )


def node(folder: Path) -> Path:
    """Return the device's file.

    Raises:
        OSError, ValueError: it has none.
    """
    for line in (folder / "uevent").read_text("ascii").splitlines():
        name, _, value = line.partition("=")
        if name == "DEVNAME" and value.startswith("input/event"):
            return Path("/dev") / value
    raise ValueError("no input device")


def main(arguments: Sequence[str] | None = None) -> int:
    """Wait for the button; exit code 0 after a press or when it is gone."""
    [folder] = sys.argv[1:] if arguments is None else arguments
    with node(Path(folder)).open("rb", buffering=0) as button:
        while events := button.read(64 * _EVENT.size):
            if pressed(events):
                print("The power button was pressed: the kiosk is switched off.", flush=True)
                manager.power_off()
                return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
