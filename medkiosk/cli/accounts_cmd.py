"""List the accounts, add or close one, give somebody a new passphrase; or change how you log in yourself.

All but the last needs the administrator's login.
"""

from __future__ import annotations

import argparse

from medkiosk.cli import securitykey
from medkiosk.cli.common import add_config, ask_pin, open_client, read_passphrase, show
from medkiosk.core.errors import BadRequestError
from medkiosk.core.events import Role
from medkiosk.ipc.client import Client
from medkiosk.token.client import SecurityKeys

HELP = "list accounts; add, reset or close one; change your own passphrase or security key"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's options."""
    add_config(parser)
    parser.add_argument("--user", metavar="NAME", help="who you are; asked for when not given")
    parser.add_argument(
        "--passphrase-file", metavar="FILE", help="your passphrase from FILE ('-': standard input)"
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--add", metavar="NAME", help="make an account")
    what.add_argument(
        "--reset", metavar="NAME", help="give somebody who forgot it a passphrase, to be changed at once"
    )
    what.add_argument("--close", metavar="NAME", help="take somebody's key away, for good")
    what.add_argument("--change", action="store_true", help="change your own passphrase")
    what.add_argument(
        "--add-key", action="store_true", help="from now on, log in with a security key (FIDO2) as well"
    )
    what.add_argument("--remove-key", action="store_true", help="log in without the security key again")
    parser.add_argument("--display-name", metavar="TEXT", help="the person's name; default: the user name")
    parser.add_argument(
        "--role", action="append", choices=[role.value for role in Role], default=[], help="may be repeated"
    )
    parser.add_argument("--reason", metavar="TEXT", default="", help="why an account is closed")
    parser.add_argument(
        "--new-passphrase-file", metavar="FILE", help="the new passphrase ('-': standard input)"
    )


def run(args: argparse.Namespace, keys: SecurityKeys | None = None) -> int:
    """Run the command; ``keys`` are those on USB if not given."""
    with open_client(args) as client:
        user = args.user or input("User: ")
        passphrase = read_passphrase(args.passphrase_file, f"Passphrase of {user}: ")
        output = securitykey.said(client, user, keys or securitykey.perhaps(), ask_pin)
        session = client.login(user, passphrase, output)
        if args.change:
            client.change_passphrase(passphrase, _new(args, "New passphrase: "), output)
            show(args, session, ["The passphrase was changed. The old one opens nothing any more."])
        elif session.must_change:
            raise BadRequestError(
                detail="an administrator gave you this passphrase; give yourself another with --change first"
            )
        elif args.add_key:
            asked = client.prepare_authenticator()
            made = securitykey.added(keys or securitykey.security_keys(), asked.salt, ask_pin)
            client.add_authenticator(passphrase, made.credential, made.verified, made.output)
            show(args, session, _ADDED)
        elif args.remove_key:
            client.remove_authenticator(passphrase, output)
            show(args, session, ["The security key was removed. Your passphrase is enough again."])
        else:
            _manage(args, client)
        client.logout()
    return 0


_ADDED = [
    "The security key was added. From now on it must be plugged in and touched when you log in.",
    "If it is lost, an administrator resets your passphrase; the lost key then opens nothing.",
]


def _manage(args: argparse.Namespace, client: Client) -> None:
    if args.add:
        passphrase = _new(args, f"First passphrase of {args.add}: ")
        roles = tuple(Role(role) for role in args.role)
        account = client.create_account(args.add, args.display_name or args.add, roles, passphrase)
        show(args, account, [f"{account.user}: account {account.account_id} was created."])
    elif args.reset:
        done = client.reset_passphrase(args.reset, _new(args, f"New passphrase of {args.reset}: "))
        show(args, done, [f"{args.reset} has another passphrase, and must change it at the next login."])
    elif args.close:
        done = client.close_account(args.close, args.reason or input("Why: "))
        show(args, done, [f"{args.close} cannot log in any more. What they did stays in the history."])
    else:
        accounts = client.list_accounts()
        show(
            args,
            accounts,
            [
                f"{a.user}\t{a.display_name}\t{', '.join(a.roles)}"
                + ("\tclosed" if a.closed else "\tmust change the passphrase" if a.must_change else "")
                for a in accounts.accounts
            ],
        )


def _new(args: argparse.Namespace, prompt: str) -> str:
    """Read a new passphrase, twice where a person types it."""
    passphrase = read_passphrase(args.new_passphrase_file, prompt)
    if args.new_passphrase_file is None and passphrase != read_passphrase(None, "Once more: "):
        raise BadRequestError(detail="the two passphrases differ")
    return passphrase
