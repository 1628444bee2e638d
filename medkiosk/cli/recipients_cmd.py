"""List the recipients of exports, or enrol one. Needs the privacy officer's login."""

from __future__ import annotations

import argparse

from medkiosk.cli.common import add_login, logged_in, show

HELP = "list recipients of exports, or enrol one"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's options."""
    add_login(parser)
    parser.add_argument("--add", metavar="NAME", help="the recipient's name")
    parser.add_argument("--organisation", default="", metavar="TEXT")
    parser.add_argument("--age", metavar="age1...", help="the recipient's age public key, checked aloud")
    parser.add_argument("--expires", default="", metavar="YYYY-MM-DDThh:mm:ss.mmmZ")


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    with logged_in(args) as client:
        if args.add:
            new = client.enrol_recipient(args.add, args.organisation, args.age or "", args.expires)
            show(args, new, [f"{new.display_name}: recipient {new.recipient_id} was enrolled."])
            return 0
        recipients = client.list_recipients()
        show(
            args,
            recipients,
            [
                f"{r.recipient_id}\t{r.display_name}\t{r.organisation}\t{r.expires}"
                for r in recipients.recipients
            ],
        )
    return 0
