"""Make this machine the kiosk that a store belongs to, with two of the three recovery sheets.

For a store that came back from a backup, or whose machine lost its keys or its device secret. The daemon must
be stopped. Afterwards it starts as before: it recognises what was imported, goes on with the same ledger, and
everybody logs in with the passphrase they had. Cut short, it is run again.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from datetime import UTC, datetime
from os import urandom
from pathlib import Path

from medkiosk import configfile
from medkiosk.cli.common import add_cards, add_config, add_older, read_cards, show
from medkiosk.devicetpm import machine_secrets
from medkiosk.offline.adopt import Adopted, adopt

HELP = "make this machine the kiosk of a restored store, with the recovery sheets"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's options."""
    add_config(parser)
    add_cards(parser)
    add_older(parser)


def _lines(done: Adopted) -> Iterator[str]:
    if done.renewed:
        yield "This machine is the kiosk of this store now: everybody logs in with the passphrase they had."
    else:
        yield "This machine was the kiosk of this store already; nothing had to be changed."
    yield f"Its keys are {done.keys}."
    yield f"Its device secret is in {done.device}."
    yield "Switch the machine off that had this store before, if it still runs: two would write one ledger."


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    config = configfile.load(args.config)
    store = config.store
    done = adopt(
        Path(store.path),
        read_cards(args.cards),
        device=machine_secrets(store),
        keys_folder=Path(store.keys),
        memory=Path(store.device_folder),
        origin=config.site.origin,
        random=urandom,
        clock=lambda: datetime.now(UTC),
        older=args.older,
    )
    show(args, done, list(_lines(done)))
    return 0
