"""Write approved photos to a stick for one recipient. Needs the privacy officer's login.

All or nothing: when one photo may not leave, nothing is written and the reason is given for each.
"""

from __future__ import annotations

import argparse

from medkiosk.cli.common import add_login, logged_in, show
from medkiosk.core.consent import Purpose
from medkiosk.core.errors import BadRequestError
from medkiosk.core.ids import CaptureId, EncounterId, RecipientId
from medkiosk.core.photo import ReviewState
from medkiosk.ipc.client import Client

HELP = "write approved photos to a stick"
_PAGE = 500


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's options."""
    add_login(parser)
    parser.add_argument("--recipient", required=True, metavar="ID", help="see kioskctl recipients")
    parser.add_argument("--purpose", required=True, choices=[purpose.value for purpose in Purpose])
    parser.add_argument("--stick", default="", metavar="NAME", help="default: the first configured")
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--capture", action="append", metavar="ID", help="may be repeated")
    which.add_argument("--encounter", metavar="ID", help="everything approved of one encounter")


def _approved(client: Client, encounter: EncounterId) -> tuple[CaptureId, ...]:
    """Ask for every page of an encounter's approved captures."""
    found: dict[CaptureId, None] = {}
    offset = 0
    while True:
        page = client.list_captures(None, encounter, ReviewState.APPROVED, offset, _PAGE)
        found.update((capture.capture_id, None) for capture in page.captures)
        offset += len(page.captures)
        if not page.captures or offset >= page.total:
            break
    if len(found) != page.total:
        raise BadRequestError(detail="what is approved changed while it was listed; try again")
    return tuple(found)


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    recipient, purpose = RecipientId(args.recipient), Purpose(args.purpose)
    with logged_in(args) as client:
        if args.encounter:
            captures = _approved(client, EncounterId(args.encounter))
        else:
            captures = tuple(CaptureId(capture) for capture in args.capture)
        check = client.check_export(recipient, purpose, captures)
        if check.denials:
            reasons = [f"{denial.capture_id}: {denial.reason}" for denial in check.denials]
            show(args, check, ["Nothing was written.", *reasons])
            return 5
        result = client.export(recipient, purpose, captures, args.stick)
        show(
            args,
            result,
            [
                f"{result.images} images, {result.bytes} bytes are in {result.folder}, read back.",
                f"Signed by {result.signer}",
            ],
        )
    return 0
