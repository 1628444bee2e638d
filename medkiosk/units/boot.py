"""``medkiosk-booted wait|revert``: whether this version works, and the way back where it does not.

systemd-boot counts the boots of a version that nobody called good yet; after three it takes the one before
(systemd.io, "Automatic Boot Assessment"). A version is good when the daemon is READY, or when the
set-up waits for an answer. What hangs must be started again by somebody, or the counter stands still: that is
``revert``.
"""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Sequence
from enum import Enum, auto
from pathlib import Path

from medkiosk.units import manager

DAEMON, SET_UP = "medkioskd.service", "medkiosk-setup.service"
_LOOK_S = 1.0
_LOADER = "4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"
_VARIABLES = Path("/sys/firmware/efi/efivars")
_ATTRIBUTES = 4  # bytes before the value of an EFI variable in efivarfs
_COUNTER = re.compile(r"\+(\d{1,9})(?:-(\d{1,9}))?(?=\.efi$)")
_OURS = re.compile(r"medkiosk_[^+]+?(?=(\+\d+(-\d+)?)?\.efi$)")


class Boot(Enum):
    """What is known of this boot."""

    GOOD = auto()
    OPEN = auto()
    BAD = auto()


def judge(daemon: str, set_up: str) -> Boot:
    """Say how the boot went.

    Args:
        daemon: `ActiveState` of the daemon's unit (systemd's D-Bus API); ``active`` means that it said READY.
        set_up: that of the set-up's unit; ``active`` means that the first question is on the screen.
    """
    if "active" in (daemon, set_up):
        return Boot.GOOD
    return Boot.BAD if "failed" in (daemon, set_up) else Boot.OPEN


def worth_another(counted: str, entries: Sequence[str]) -> bool:
    """Whether to start the machine again after a boot that was not good.

    Only while that leads somewhere: the version is still being counted down, or another one is there to fall
    back to. A kiosk that was called good once never restarts itself over and over: its screen says what is
    wrong.

    Args:
        counted: path of the booted file with its counter, as systemd-boot left it; empty where it is good.
        entries: what systemd-boot could boot.
    """
    counter = _COUNTER.search(counted)
    if counter is None:
        return False
    versions = {found[0] for entry in entries if (found := _OURS.match(entry.lower()))}
    return int(counter[1]) > 0 or len(versions) > 1


def variable(name: str, folder: Path = _VARIABLES) -> list[str]:
    """Return the strings in a variable of the boot loader; none where it has not set it."""
    try:
        raw = (folder / f"{name}-{_LOADER}").read_bytes()
    except OSError:
        return []
    text = raw[_ATTRIBUTES:].decode("utf-16-le", "replace")
    return [part for part in text.split("\0") if part]


def _wait() -> int:
    while True:
        boot = judge(manager.ask(DAEMON, "ActiveState"), manager.ask(SET_UP, "ActiveState"))
        if boot is not Boot.OPEN:
            return 0 if boot is Boot.GOOD else 1
        time.sleep(_LOOK_S)  # the unit's TimeoutStartSec= ends it


def _revert() -> int:
    counted = "".join(variable("LoaderBootCountPath"))
    if not worth_another(counted, variable("LoaderEntries")):
        print("This version is not started again: nothing else could be booted.", flush=True)
        return 0
    print("This version did not become ready: starting again.", flush=True)
    manager.reboot()
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the unit asks for."""
    [command] = sys.argv[1:] if arguments is None else arguments
    return {"wait": _wait, "revert": _revert}[command]()


if __name__ == "__main__":
    sys.exit(main())
