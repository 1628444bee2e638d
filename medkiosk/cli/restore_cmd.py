"""Get every original back with two of the three recovery sheets, from nothing but the store's folder.

Needs no daemon, no kiosk keys and no login: any machine with this program will do. Each file is checked
against the ledger. The output is plaintext: choose where it goes.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from medkiosk.cli.common import add_cards, read_cards, show
from medkiosk.core.events import OriginalSealed, decode
from medkiosk.offline.restore import FileName, Restored, restore

HELP = "get the originals back with the recovery sheets"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's options."""
    parser.add_argument("store", type=Path, metavar="STORE", help="the store's folder")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="an empty or new folder")
    add_cards(parser)


def name_of(payload: bytes) -> FileName | None:
    """Say what the file of a sealed event was called."""
    try:
        event = decode(payload)
    except ValueError:
        return None
    if isinstance(event, OriginalSealed):
        # By import: two patients' IMG_0001.JPG must not lie side by side.
        where = f"{event.at[:10]} import {event.import_id[:8]}/{event.storage}/{event.folder}"
        return FileName(event.object_id, where, event.file)
    return None


def _lines(results: list[Restored]) -> Iterator[str]:
    for result in results:
        if result.status != "ok":
            yield f"{result.status}: {result.path or result.object_id}: {result.detail}"
    good = [result for result in results if result.status == "ok"]
    size = sum(result.size for result in good)
    yield f"{len(good)} of {len(results)} originals restored ({size >> 20} MiB), each as the ledger says."


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    results = []
    for result in restore(args.store, read_cards(args.cards), args.out, name_of):
        results.append(result)
        if sys.stderr.isatty() and not args.json:
            print(f"\r{len(results)} files", end="", file=sys.stderr)
    show(args, results, list(_lines(results)))
    return 3 if any(result.status in ("damaged", "unconfirmed") for result in results) else 0
