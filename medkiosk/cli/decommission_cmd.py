"""Make everything that is on this kiosk's disk unreadable, for ever (docs/install.md, "The end of a
machine").

An administrator asks, and a second person (another administrator, or a privacy officer) agrees with their
passphrase. It takes some seconds and cannot be undone; recovery sheets still open backups, nothing else.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from medkiosk.cli import securitykey
from medkiosk.cli.common import add_login, ask_pin, logged_in, read_passphrase, show
from medkiosk.ipc.types import Ended

HELP = "the end: make everything on the disk unreadable, for ever"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's options."""
    add_login(parser)
    parser.add_argument("site", metavar="NAME", help="the site's name as the screen shows it, to be certain")
    parser.add_argument("--second", metavar="NAME", help="the second person; asked for when not given")
    parser.add_argument(
        "--second-passphrase-file", metavar="FILE", help="their passphrase ('-': standard input)"
    )


def _lines(ended: Ended) -> Iterator[str]:
    yield "Nothing opens this kiosk's disk any more. The machine switches itself off in five minutes."
    header = "overwritten" if ended.header else "NOT overwritten"
    yield f"Its header was {header}; {ended.keys} files of keys were destroyed."
    yield f"The disk {'was told' if ended.discarded else 'could NOT be told'} that all of it is free."
    yield (
        "At the next start the firmware is asked to clear the TPM: agree there."
        if ended.tpm
        else "Clear the TPM in the firmware at the next start."
    )
    if ended.remembers:
        yield "The TPM did NOT forget the device secret: only clearing it destroys that."
    yield ""
    yield "The ledger's last head; photograph it, or write it down:"
    yield ended.head.text


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    with logged_in(args) as client:
        second = args.second or input("Second person (administrator or privacy officer): ")
        passphrase = read_passphrase(args.second_passphrase_file, f"Passphrase of {second}: ")
        said = securitykey.said(client, second, securitykey.perhaps(), ask_pin)
        ended = client.decommission(args.site, second, passphrase, said)
        show(args, ended, _lines(ended))
    return 0
