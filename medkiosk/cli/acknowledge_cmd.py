"""Read the acknowledgements that came back on a stick. Needs the privacy officer's login.

Who could open a bundle can say so; the ledger keeps it, and holds the signatures of enrolled witnesses.
"""

from __future__ import annotations

import argparse

from medkiosk.cli.common import add_login, logged_in, show
from medkiosk.ipc.types import Acknowledgements

HELP = "read the acknowledgements that came back on a stick"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's options."""
    add_login(parser)
    parser.add_argument("--stick", default="", metavar="NAME", help="default: the first where one is")


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    with logged_in(args) as client:
        found = client.take_acknowledgements(args.stick)
        show(args, found, lines(found))
    return 1 if found.refused else 0


def lines(found: Acknowledgements) -> list[str]:
    """What came back, in words."""
    said = [
        f"Bundle {each.export_id[:8]} for {each.recipient}: opened, they say"
        + (f" ({each.by})." if each.by else ".")
        for each in found.taken
    ]
    said += [f"NOT BELIEVED. {words}" for words in found.refused]
    if found.witnessed:
        said.append(f"{found.witnessed} signatures by enrolled witnesses are held.")
    said += [
        f"{name} signed, too, and is no witness here: enrol the key, then read the stick again."
        for name in found.strangers
    ]
    return said or ["There is no acknowledgement on the stick."]
