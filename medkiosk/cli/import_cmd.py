"""Wait until everything that is plugged in is imported, showing progress.

Exit code 0 means SAFE TO UNPLUG, or unplugged after that; 1 means that not everything could be read. What
was unplugged before this command began is not waited for.
"""

from __future__ import annotations

import argparse
import sys
import time

from medkiosk.cli.common import add_config, open_client, show
from medkiosk.cli.status_cmd import device_line, lines
from medkiosk.core.device import DeviceState
from medkiosk.ipc.types import Status

HELP = "wait until all that is plugged in is imported"
_ENDED = {DeviceState.SAFE, DeviceState.INCOMPLETE, DeviceState.LOST, DeviceState.GONE}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's options."""
    add_config(parser)
    parser.add_argument("--redacted", action="store_true", help="wait for the redaction behind it as well")
    parser.add_argument("--timeout", type=float, default=0.0, metavar="S", help="give up after S seconds")


class Seen:
    """What became of the devices since the command began."""

    def __init__(self) -> None:
        self._now: dict[str, DeviceState] = {}
        self._plugged: dict[str, DeviceState] = {}

    def look(self, status: Status) -> None:
        """Take the newest status in."""
        self._now = {device.key: device.state for device in status.devices}
        # A device that is gone at the first look was unplugged before; it says nothing about this import.
        self._plugged |= {key: state for key, state in self._now.items() if state is not DeviceState.GONE}

    @property
    def ended(self) -> bool:
        """Whether there was a device, and none is being read."""
        states = [self._now.get(key, DeviceState.GONE) for key in self._plugged]
        return bool(states) and all(state in _ENDED for state in states)

    @property
    def safe(self) -> bool:
        """Whether each was safe when it was last seen plugged in."""
        return bool(self._plugged) and set(self._plugged.values()) == {DeviceState.SAFE}


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    deadline = time.monotonic() + args.timeout if args.timeout else None
    shown = ""
    seen = Seen()
    with open_client(args) as client:
        for status in client.watch_status():
            now = "\n".join(device_line(device) for device in status.devices)
            if not args.json and sys.stdout.isatty() and now != shown:
                print(now)
                shown = now
            seen.look(status)
            if seen.ended and not (args.redacted and status.redaction.waiting):
                show(args, status, list(lines(status)))
                return int(not seen.safe)
            if deadline is not None and time.monotonic() > deadline:
                show(args, status, list(lines(status)))
                return 1
    return 1
