"""Close the door for keyboards that are not listed: what `medkiosk-usb.service` runs as root (docs/usb.md).

Until it ran, whatever can type is let in, since somebody may have to type the disk's recovery key, or the
answers of the set-up. It runs again when the list changes. It reads one file that the daemon may write, whose
content it does not believe (`medkiosk.device.usbkeyboards.read`), and what udev knows of the devices that are
there.
"""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from medkiosk import durable
from medkiosk.core.errors import KioskError
from medkiosk.device.usbkeyboards import (
    MAX_BYTES,
    MOST,
    Keyboard,
    KeyboardsDamagedError,
    keyboard_of,
    lets_in,
    read,
    rules,
    stand_ins,
)

LIST = Path("/var/lib/medkiosk-usb/keyboards.rules")
"""In a folder of the daemon's own: the configuration beside which it would lie otherwise is root's."""
CLOSED = Path("/run/medkiosk-usb/closed")
"""Its being there is what the rules ask. It holds those who stand in for a listed keyboard until the next
start.
"""
RULES = Path("/run/udev/rules.d/71-medkiosk-keyboards.rules")
KERNEL_DEFAULT = Path("/sys/module/usbcore/parameters/authorized_default")
_SLOW_S = 5.0
_POLL_S = 0.25


def in_force() -> bool:
    """Whether the kernel was started so that it uses no USB device that was not allowed."""
    try:
        return KERNEL_DEFAULT.read_text().strip() == "0"
    except OSError:
        return False


def load(path: Path) -> tuple[Keyboard, ...]:
    """Read a list of keyboards; no file is an empty list.

    Raises:
        KeyboardsDamagedError: it is not what `medkiosk.device.usbkeyboards.rules` writes, or no plain file.
        OSError: it cannot be read.
    """
    try:
        opened = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise KeyboardsDamagedError(detail="it cannot be opened") from error
    try:
        if not stat.S_ISREG(os.fstat(opened).st_mode):
            raise KeyboardsDamagedError(detail="it is no plain file")
        untrusted = os.read(opened, MAX_BYTES + 1)
    finally:
        os.close(opened)
    try:
        return read(untrusted.decode("ascii"))
    except UnicodeDecodeError as error:
        raise KeyboardsDamagedError(detail="it is no text") from error


def save(keyboards: Iterable[Keyboard], path: Path = LIST) -> None:
    """Write the list, for whoever owns its folder.

    Raises:
        ValueError: as `medkiosk.device.usbkeyboards.rules`.
        OSError: it cannot be written.
    """
    durable.write_atomic(path, rules(keyboards).encode())
    owner = path.parent.stat()
    if os.geteuid() != owner.st_uid:
        os.chown(path, owner.st_uid, owner.st_gid)


def connected() -> tuple[Keyboard, ...]:
    """Everything on USB that can type, let in or not, as udev knows it; nothing where there is no udev.

    Where the rules of the image are not in force, udev may know no port of a device, and it is left out.
    """
    try:
        import pyudev

        context = pyudev.Context()
    except ImportError:  # what pyudev raises where libudev itself is missing
        return ()
    there = []
    for device in context.list_devices(subsystem="usb", DEVTYPE="usb_device"):
        try:
            serial = device.attributes.asstring("serial")
        except (KeyError, UnicodeDecodeError):
            serial = ""
        if (found := keyboard_of(dict(device.properties), serial.strip())) is not None:
            there.append(found)
    return tuple(there)


def close(
    *,
    keyboards: Path = LIST,
    closed: Path = CLOSED,
    made: Path = RULES,
    there: Callable[[], tuple[Keyboard, ...]] = connected,
    slow_s: float = _SLOW_S,
) -> str:
    """Write the rules of the list, and that the door is closed.

    Args:
        keyboards: the list.
        closed: says that it is closed, and who stands in.
        made: the rules that udev reads.
        there: what is plugged in and can type.
        slow_s: how long a listed keyboard that has just got power may take to be there, seconds.

    Returns:
        What is wrong with the list, in words; empty where nothing is.
    """
    words, listed = "", tuple[Keyboard, ...]()
    try:
        listed = load(keyboards)
    except (KioskError, OSError) as error:
        words = error.message if isinstance(error, KioskError) else str(error)
    beside = load(closed) if closed.exists() else stand_ins(listed, _settled(listed, there, slow_s))
    made.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    closed.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    durable.write_atomic(made, rules([*listed, *beside][:MOST]).encode())
    durable.write_atomic(closed, rules(beside).encode())
    return words


def _settled(
    listed: tuple[Keyboard, ...], there: Callable[[], tuple[Keyboard, ...]], slow_s: float
) -> tuple[Keyboard, ...]:
    """What is there once a listed one is, or after the longest wait."""
    until = time.monotonic() + slow_s
    while True:
        plugged = there()
        enough = any(lets_in(one, other) for one in listed for other in plugged) if listed else bool(plugged)
        if enough or time.monotonic() >= until:
            return plugged
        time.sleep(_POLL_S)


def _udevadm(*arguments: str) -> None:
    subprocess.run(["/usr/bin/udevadm", *arguments], check=True, timeout=60)


def main() -> int:
    """Close the door, and have udev decide again about everything that is plugged in."""
    try:
        _udevadm("settle", "--timeout=20")
        words = close()
        _udevadm("control", "--reload")
        _udevadm("trigger", "--type=devices", "--action=change", "--subsystem-match=usb")
        _udevadm("settle", "--timeout=20")
    except (OSError, subprocess.SubprocessError, KioskError) as error:
        print(f"the list of keyboards does not count yet: {error}", file=sys.stderr)
        return 1
    if words:
        print(words, file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
