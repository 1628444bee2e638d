"""Wait until everything that is plugged in is imported, showing progress.

Exit code 0 means SAFE TO UNPLUG; 1 means that not everything could be read.
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
_ENDED = {DeviceState.SAFE, DeviceState.INCOMPLETE, DeviceState.GONE}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's options."""
    add_config(parser)
    parser.add_argument("--redacted", action="store_true", help="wait for the redaction behind it as well")
    parser.add_argument("--timeout", type=float, default=0.0, metavar="S", help="give up after S seconds")


def _finished(status: Status, *, redacted: bool) -> bool:
    imported = bool(status.devices) and all(device.state in _ENDED for device in status.devices)
    return imported and not (redacted and status.redaction.waiting)


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    deadline = time.monotonic() + args.timeout if args.timeout else None
    shown = ""
    with open_client(args) as client:
        for status in client.watch_status():
            now = "\n".join(device_line(device) for device in status.devices)
            if not args.json and sys.stdout.isatty() and now != shown:
                print(now)
                shown = now
            if _finished(status, redacted=args.redacted):
                show(args, status, list(lines(status)))
                return int(any(device.state is DeviceState.INCOMPLETE for device in status.devices))
            if deadline is not None and time.monotonic() > deadline:
                show(args, status, list(lines(status)))
                return 1
    return 1
