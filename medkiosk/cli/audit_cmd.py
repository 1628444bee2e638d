"""Show what happened, oldest first. Needs the auditor's login; reading it is itself logged."""

from __future__ import annotations

import argparse

from medkiosk.cli.common import add_login, logged_in, show

HELP = "show what happened"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's options."""
    add_login(parser)
    parser.add_argument("--offset", type=int, default=0, metavar="N")
    parser.add_argument("--limit", type=int, default=200, metavar="N")


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    with logged_in(args) as client:
        events = client.list_events(args.offset, args.limit)
        show(
            args,
            events,
            [f"{e.index}\t{e.at}\t{e.actor}\t{e.type}\t{e.summary}" for e in events.events],
        )
    return 0
