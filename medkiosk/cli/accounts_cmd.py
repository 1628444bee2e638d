"""List the accounts, or add one. Needs the administrator's login."""

from __future__ import annotations

import argparse

from medkiosk.cli.common import add_login, logged_in, read_passphrase, show
from medkiosk.core.events import Role

HELP = "list accounts, or add one"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's options."""
    add_login(parser)
    parser.add_argument("--add", metavar="NAME", help="user name of the new account")
    parser.add_argument("--display-name", metavar="TEXT", help="the person's name; default: the user name")
    parser.add_argument(
        "--role", action="append", choices=[role.value for role in Role], default=[], help="may be repeated"
    )
    parser.add_argument(
        "--new-passphrase-file", metavar="FILE", help="the new user's first passphrase ('-': standard input)"
    )


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    with logged_in(args) as client:
        if args.add:
            passphrase = read_passphrase(args.new_passphrase_file, f"First passphrase of {args.add}: ")
            account = client.create_account(
                args.add, args.display_name or args.add, tuple(Role(role) for role in args.role), passphrase
            )
            show(args, account, [f"{account.user}: account {account.account_id} was created."])
            return 0
        accounts = client.list_accounts()
        show(
            args,
            accounts,
            [f"{a.user}\t{a.display_name}\t{', '.join(a.roles)}" for a in accounts.accounts],
        )
    return 0
