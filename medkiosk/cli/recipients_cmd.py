"""List the recipients of exports, enrol or revoke one, or print what they must get apart from the stick.

Needs the privacy officer's login. A key is enrolled only with its last sixteen letters as the recipient reads
them out on the telephone: the program asks for them and compares; it does not show them.
"""

from __future__ import annotations

import argparse
import textwrap

from medkiosk.cli.common import add_login, logged_in, show
from medkiosk.core.clock import end_of, last_day
from medkiosk.core.consent import Purpose
from medkiosk.core.errors import BadRequestError
from medkiosk.core.exportevents import RecipientMethod
from medkiosk.core.ids import RecipientId
from medkiosk.ipc.types import RecipientInfo, RecipientSheet

HELP = "list, enrol or revoke recipients of exports"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's options."""
    add_login(parser)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--add", metavar="NAME", help="enrol a recipient of this name")
    what.add_argument("--revoke", metavar="ID", help="let one receive nothing any more; with --reason")
    what.add_argument("--sheet", action="store_true", help="print what recipients compare with")
    parser.add_argument("--organisation", default="", metavar="TEXT")
    parser.add_argument("--age", default="", metavar="age1...", help="their public key; else a passphrase")
    parser.add_argument("--heard", default="", metavar="LETTERS", help="asked for where it is not given")
    parser.add_argument(
        "--purpose", action="append", choices=[each.value for each in Purpose], help="may be repeated"
    )
    parser.add_argument("--until", default="", metavar="YYYY-MM-DD", help="the last day")
    parser.add_argument("--reason", default="", metavar="TEXT")


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    if args.add and not args.purpose:
        raise BadRequestError(detail="say with --purpose what they may receive pictures for")
    expires = end_of(args.until) if args.add else ""
    with logged_in(args) as client:
        if args.add:
            heard = args.heard
            if args.age and not heard:
                heard = input("The last sixteen letters of the key, as the recipient reads them out: ")
            new = client.enrol_recipient(
                args.add,
                args.organisation,
                RecipientMethod.AGE if args.age else RecipientMethod.PASSPHRASE,
                args.age,
                heard,
                tuple(Purpose(each) for each in args.purpose),
                expires,
            )
            show(args, new, [f"{new.display_name}: recipient {new.recipient_id} was enrolled."])
        elif args.revoke:
            gone = client.revoke_recipient(RecipientId(args.revoke), args.reason)
            show(args, gone, [f"{gone.display_name}: recipient {gone.recipient_id} was revoked."])
        elif args.sheet:
            sheet = client.get_sheet()
            show(args, sheet, sheet_lines(sheet))
        else:
            recipients = client.list_recipients()
            show(args, recipients, [_line(each) for each in recipients.recipients])
    return 0


def _line(each: RecipientInfo) -> str:
    purposes = ", ".join(each.purposes) or "any purpose"
    state = f"NOT NOW: {each.why_not}" if each.why_not else f"until {last_day(each.expires)}"
    who = f"{each.recipient_id}\t{each.display_name}\t{each.organisation}"
    return f"{who}\t{each.method}\t{purposes}\t{state}"


def sheet_lines(sheet: RecipientSheet) -> list[str]:
    """What a recipient gets on paper, or by another way that they trust."""
    lines = [
        f"For recipients of clinical pictures from {sheet.site}.",
        "",
        "Keep this apart from the stick. What a stick says of its own key proves nothing.",
        "",
        "1. This line goes in your file allowed_signers:",
        f"   {sheet.allowed_signers}",
        "2. Its fingerprint, to be compared on the telephone:",
        f"   {sheet.signer}",
        "3. The key of the department's log:",
        f"   {sheet.log}",
    ]
    if sheet.page_sha256:
        lines += ["4. SHA-256 of index.html, if your stick has one. Compare before you open it:"]
        lines += [f"   {' '.join(textwrap.wrap(sheet.page_sha256, 8))}"]
    return lines
