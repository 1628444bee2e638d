"""Set the kiosk up: keys, vault, ledger and the first administrator. Done once, with the daemon stopped.

Prints three recovery sheets of SLIP-39 words. Any two of them open everything, for ever; nobody else can.
Write each on paper, give each to another person, and keep none on a computer. Two are typed back before
anything is kept.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from datetime import UTC, datetime
from os import urandom

from medkiosk import configfile
from medkiosk.cli.cards import card_lines, typed_back
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
    parser.add_argument(
        "--no-check",
        action="store_true",
        help="do not ask for two recovery sheets to be typed back; the ledger says that nobody did",
    )


def _lines(made: Initialised) -> Iterator[str]:
    yield f"The kiosk is set up. Its keys are {made.keys}."
    yield f"Ledger key:  {made.ledger_vkey}"
    yield f"Export key:  {made.allowed_signers}"
    yield f"             {made.export_fingerprint}"
    yield "Give both keys to those who will check what leaves this kiosk, by another way than the stick."
    if made.recovery_checked:
        return
    yield ""
    yield from card_lines(made.shares)
    yield ""
    yield "Nobody typed these sheets back: the ledger says so. A sheet with a mistake in it opens nothing."


def _check(shares: list[str]) -> bool:
    typed_back(shares)
    return True


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    config = configfile.load(args.config)
    if args.json and not args.no_check:
        raise BadRequestError(
            detail="with --json the sheets go to a program, which has no paper to type them back from;"
            " say --no-check"
        )
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
        check=None if args.no_check else _check,
    )
    show(args, made, list(_lines(made)))
    return 0
