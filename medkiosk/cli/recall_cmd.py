"""Say what left and must be destroyed, and who was told when; or write a recall notice to a stick.

Needs the privacy officer's login. The list is computed from what consent says now: it is never kept.
"""

from __future__ import annotations

import argparse

from medkiosk.cli.common import add_login, logged_in, read_back_words, show, stick_line
from medkiosk.core.errors import BadRequestError
from medkiosk.core.ids import RecipientId
from medkiosk.ipc.types import RecallInfo

HELP = "say what left and must be destroyed, or write a notice about it"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's options."""
    add_login(parser)
    parser.add_argument("--write", action="store_true", help="write a notice for --recipient to a stick")
    parser.add_argument(
        "--confirmed", metavar="WORDS", help="--recipient knows of all notices: who said so, and how"
    )
    parser.add_argument("--recipient", default="", metavar="ID")
    parser.add_argument("--stick", default="", metavar="NAME", help="default: the first where one is")


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    if (args.write or args.confirmed is not None) and not args.recipient:
        raise BadRequestError(detail="say with --recipient for whom")
    with logged_in(args) as client:
        if args.write:
            done = client.write_recall(RecipientId(args.recipient), args.stick)
            show(
                args,
                done,
                [
                    f"{done.images} pictures of {done.exports} bundles: {done.folder} is written.",
                    read_back_words(done.read_back),
                    stick_line(done.stick),
                    f"Signed by {done.signer}",
                ],
            )
            return 0
        if args.confirmed is not None:
            found = client.confirm_recall(RecipientId(args.recipient), args.confirmed)
        else:
            found = client.list_recall()
        lines = [line for each in found.lines for line in _lines(each)]
        show(args, found, lines or ["Nothing that left is recalled."])
    return 0


def _lines(each: RecallInfo) -> list[str]:
    if each.confirmed:
        told = f"they know since {each.confirmed[:10]}"
    elif each.told:
        told = f"written on {each.told[:10]}, not acknowledged yet"
    else:
        told = "NOT TOLD YET"
    perhaps = ", perhaps never handed over" if each.perhaps else ""
    bundle = f"bundle {each.export_id[:8]} of {each.at[:10]}{perhaps}"
    head = f"{each.recipient} ({each.recipient_id}), {bundle}: {told}"
    return [head, f"  {each.words} {len(each.images)} pictures:", *(f"    {image}" for image in each.images)]
