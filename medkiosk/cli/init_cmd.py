"""Set the kiosk up: keys, vault, ledger and the first administrator. Done once, with the daemon stopped.

Prints three recovery cards of SLIP-39 words. Any two of them open everything, for ever; nobody else can.
Write each on paper, give each to another person, and keep none on a computer.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from datetime import UTC, datetime
from os import urandom

from medkiosk import configfile
from medkiosk.cli.common import add_config, read_passphrase, show
from medkiosk.core.errors import BadRequestError
from medkiosk.offline.init import Initialised, initialise

HELP = "set the kiosk up: keys, vault, ledger, first administrator"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's options."""
    add_config(parser)
    parser.add_argument("--admin", required=True, metavar="NAME", help="user name of the first administrator")
    parser.add_argument("--display-name", metavar="TEXT", help="the person's name; default: the user name")
    parser.add_argument(
        "--passphrase-file", metavar="FILE", help="the administrator's passphrase ('-': standard input)"
    )


def _lines(made: Initialised) -> Iterator[str]:
    yield f"The kiosk is set up. Its keys are {made.keys}."
    yield f"Ledger key:  {made.ledger_vkey}"
    yield f"Export key:  {made.allowed_signers}"
    yield f"             {made.export_fingerprint}"
    yield "Give both keys to those who will check what leaves this kiosk, by another way than the stick."
    yield ""
    yield "RECOVERY CARDS: shown once. Any two open everything. One person each; on paper only."
    for number, share in enumerate(made.shares, 1):
        yield ""
        yield f"Card {number} of {len(made.shares)}"
        words = share.split()
        for start in range(0, len(words), 6):
            numbered = (f"{n:2d} {word:<9}" for n, word in enumerate(words[start : start + 6], start + 1))
            yield "  " + " ".join(numbered)


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    config = configfile.load(args.config)
    passphrase = read_passphrase(args.passphrase_file, f"Passphrase for {args.admin}: ")
    if args.passphrase_file is None and passphrase != read_passphrase(None, "Once more: "):
        raise BadRequestError(detail="the two passphrases differ")
    made = initialise(
        config,
        user=args.admin,
        display_name=args.display_name or args.admin,
        passphrase=passphrase,
        random=urandom,
        clock=lambda: datetime.now(UTC),
    )
    show(args, made, list(_lines(made)))
    return 0
