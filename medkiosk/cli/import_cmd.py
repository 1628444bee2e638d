"""Wait until everything that is plugged in is imported, showing progress; or print an import's receipt.

Exit code 0 means SAFE TO UNPLUG, or unplugged after that; 1 means that not everything could be read. What
was unplugged before this command began is not waited for. With ``--receipt`` it means that everything on the
device was acknowledged; the last line says whether the device was still needed all the same.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator

import msgspec

from medkiosk.cli.common import add_login, logged_in, open_client, plain, show
from medkiosk.cli.status_cmd import device_line, lines
from medkiosk.core.device import KEEP_CARD, DeviceState
from medkiosk.core.errors import NotFoundError
from medkiosk.core.ids import ImportId
from medkiosk.ipc.client import Client
from medkiosk.ipc.types import KeptFile, Receipt, ReceiptLine, Status

HELP = "wait until all that is plugged in is imported; --receipt prints what became of each file"
_ENDED = {DeviceState.SAFE, DeviceState.INCOMPLETE, DeviceState.LOST, DeviceState.GONE}
_KEPT_SHOWN = 20
LATEST = "latest"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's options."""
    add_login(parser)
    parser.add_argument("--redacted", action="store_true", help="wait for the redaction behind it as well")
    parser.add_argument("--timeout", type=float, default=0.0, metavar="S", help="give up after S seconds")
    parser.add_argument(
        "--receipt",
        nargs="?",
        const=LATEST,
        metavar="IMPORT",
        help="print the receipt of an import (default: the latest one); needs a login",
    )


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
    if args.receipt:
        with logged_in(args) as client:
            receipt = whole_receipt(client, args.receipt)
        show(args, receipt, [*_which(args.receipt), *receipt_lines(receipt)])
        return int(not receipt.safe)
    deadline = time.monotonic() + args.timeout if args.timeout else None
    shown = ""
    seen = Seen()
    with open_client(args) as client:
        for status in client.watch_status():
            now = "\n".join(device_line(device) for device in status.devices)
            if not args.json and sys.stdout.isatty() and now != shown:
                print(plain(now))
                shown = now
            seen.look(status)
            if seen.ended and not (args.redacted and status.redaction.waiting):
                show(args, status, [*lines(status), *_kept(args, status)])
                return int(not seen.safe)
            if deadline is not None and time.monotonic() > deadline:
                show(args, status, list(lines(status)))
                return 1
    return 1


def _which(wanted: str) -> Iterator[str]:
    """That the latest receipt may not be that of the device that is plugged in."""
    if wanted == LATEST:
        yield "the latest import that found anything new; a device on which nothing is new writes none"


def _kept(args: argparse.Namespace, status: Status) -> Iterator[str]:
    """For which files each device is still needed, and why."""
    with open_client(args) as client:  # the other connection is a stream by now
        for device in status.devices:
            kept = client.list_kept(device.key, 0, _KEPT_SHOWN)
            yield from map(_kept_line, kept.files)
            if kept.total > len(kept.files):
                yield f"  and {kept.total - len(kept.files)} more: press K at the console"


def _kept_line(file: KeptFile) -> str:
    return f"  {file.name or 'a file without a camera name'}: {file.words}"


def whole_receipt(client: Client, wanted: str) -> Receipt:
    """All pages of a receipt as one.

    Raises:
        NotFoundError: there is no such import.
    """
    if wanted == LATEST:
        latest = client.list_imports(0, 1).imports
        if not latest:
            raise NotFoundError(what="import", id=LATEST)
        wanted = latest[0].import_id
    receipt = client.get_receipt(ImportId(wanted))
    files: list[ReceiptLine] = list(receipt.lines)
    while len(files) < receipt.total:
        page = client.get_receipt(ImportId(wanted), len(files)).lines
        if not page:
            break
        files += page
    return msgspec.structs.replace(receipt, lines=tuple(files))


def receipt_lines(receipt: Receipt) -> Iterator[str]:
    """The receipt for a person."""
    info = receipt.info
    yield f"import {info.import_id} of {info.at}, {info.device_kind} {info.model} {info.serial}".rstrip()
    yield f"{receipt.on_device} files on the device; {receipt.bytes} bytes read"
    yield f"{receipt.sealed} sealed, {receipt.copies} copies of sealed files, {receipt.already} known before"
    yield f"{receipt.failed} failed, {receipt.damaged} damaged on the device"
    if receipt.deleted or receipt.kept or receipt.unclear:
        yield (
            f"{receipt.deleted} deleted from the device afterwards; {receipt.kept} were to be and are still"
            f" there, of {receipt.unclear} nobody knows"
        )
    yield from (f"missing numbers: {gap}" for gap in receipt.gaps)
    for line in receipt.lines:
        place = "".join(c if c.isprintable() else "?" for c in line.place)
        yield f"  {line.outcome:8} {line.size:>12} {line.commitment or '-':64} {place}"
        if line.words:
            yield f"           {line.words}"
    if not info.finished:
        yield "this import was cut short, or is not finished: the device is still needed"
    elif not receipt.safe:
        yield f"{KEEP_CARD}: not everything on the device was sealed"
    elif not receipt.expendable:
        yield f"{KEEP_CARD}: everything was sealed, but not every file on it is whole"
    else:
        yield "everything on the device was sealed; it was needed for no file any more"
