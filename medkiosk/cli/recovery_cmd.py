"""Recovery sheets: try two of them, replace them all, or give a person a new key with them.

replace: an administrator asks, and a second person (another administrator, or a privacy officer) agrees with
their passphrase. The new sheets are shown once and two of them typed back before the old ones stop working.

reset-user: for when nobody is left who can log in and reset a passphrase. The daemon must be stopped.
"""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from os import urandom

from medkiosk import configfile
from medkiosk.cli import securitykey
from medkiosk.cli.cards import card_lines, typed_back
from medkiosk.cli.common import add_cards, add_config, ask_pin, open_client, read_cards, read_passphrase, show
from medkiosk.core.errors import BadRequestError
from medkiosk.offline.recovery import reset_user, try_sheets

HELP = "try or replace the recovery sheets; give a person a new key with them"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's options."""
    parser.add_argument("what", choices=["check", "replace", "reset-user"])
    parser.add_argument("name", nargs="?", metavar="NAME", help="reset-user: whose passphrase")
    add_config(parser)
    add_cards(parser)
    parser.add_argument("--user", metavar="NAME", help="replace: the administrator; asked for when not given")
    parser.add_argument("--passphrase-file", metavar="FILE", help="their passphrase ('-': standard input)")
    parser.add_argument("--second", metavar="NAME", help="replace: the second person")
    parser.add_argument(
        "--second-passphrase-file", metavar="FILE", help="their passphrase ('-': standard input)"
    )
    parser.add_argument(
        "--new-passphrase-file", metavar="FILE", help="reset-user: the new passphrase ('-': standard input)"
    )
    parser.add_argument(
        "--no-check",
        action="store_true",
        help="replace: do not ask for two of the new sheets to be typed back",
    )


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    if args.what == "replace":
        return _replace(args)
    config = configfile.load(args.config)
    if args.what == "check":
        try_sheets(config, read_cards(args.cards))
        show(args, {"opened": True}, ["These sheets open this store."])
        return 0
    if not args.name:
        raise BadRequestError(detail="say whose passphrase: kioskctl recovery reset-user NAME")
    passphrase = read_passphrase(args.new_passphrase_file, f"New passphrase of {args.name}: ")
    if args.new_passphrase_file is None and passphrase != read_passphrase(None, "Once more: "):
        raise BadRequestError(detail="the two passphrases differ")
    account = reset_user(
        config,
        args.name,
        passphrase,
        read_cards(args.cards),
        random=urandom,
        clock=lambda: datetime.now(UTC),
    )
    words = f"{account.user} has another passphrase, and must change it at the next login."
    show(args, {"user": account.user}, [words, "Start medkioskd again."])
    return 0


def _replace(args: argparse.Namespace) -> int:
    if args.json and not args.no_check:
        raise BadRequestError(
            detail="with --json the sheets go to a program, which has no paper to type them back from;"
            " say --no-check"
        )
    with open_client(args) as client:
        user = args.user or input("Administrator: ")
        passphrase = read_passphrase(args.passphrase_file, f"Passphrase of {user}: ")
        keys = securitykey.perhaps()
        client.login(user, passphrase, securitykey.said(client, user, keys, ask_pin))
        second = args.second or input("Second person (administrator or privacy officer): ")
        passphrase = read_passphrase(args.second_passphrase_file, f"Passphrase of {second}: ")
        made = client.prepare_recovery(second, passphrase, securitykey.said(client, second, keys, ask_pin))
        typed = made.sheets if args.no_check else typed_back(made.sheets)
        client.replace_recovery(typed)
        client.logout()
    lines = ["", *card_lines(made.sheets)] if args.no_check else []
    words = "The new sheets are in use. Destroy the old ones: they still open older copies of the store."
    show(args, made, [words, *lines])
    return 0
