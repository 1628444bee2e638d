"""Write approved photos to a stick for one recipient. Needs the privacy officer's login.

All or nothing: when one photo may not leave, nothing is written and the reason is given for each.
"""

from __future__ import annotations

import argparse
from datetime import date

from medkiosk.cli.common import add_login, logged_in, read_back_words, show, stick_line
from medkiosk.core import datause
from medkiosk.core.consent import Purpose
from medkiosk.core.datause import DataUse
from medkiosk.core.errors import BadRequestError
from medkiosk.core.ids import CaptureId, EncounterId, RecipientId
from medkiosk.core.photo import ReviewState
from medkiosk.ipc.client import Client
from medkiosk.ipc.types import ExportOptions, ExportResult

HELP = "write approved photos to a stick"
_PAGE = 500


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's options."""
    add_login(parser)
    parser.add_argument("--recipient", required=True, metavar="ID", help="see kioskctl recipients")
    parser.add_argument("--purpose", required=True, choices=[purpose.value for purpose in Purpose])
    parser.add_argument(
        "--use", default="", metavar="NAME", help="of publication: which one, as consents name it"
    )
    parser.add_argument("--stick", default="", metavar="NAME", help="default: the first configured")
    parser.add_argument("--terms", action="append", metavar="DUO", help="a code or its shorthand; repeated")
    parser.add_argument("--until", metavar="YYYY-MM-DD", help="the last day of use; default: by purpose")
    parser.add_argument("--viewer", action="store_true", help="with a page that opens by double click")
    parser.add_argument("--dicom", action="store_true", help="with the pictures as DICOM objects, too")
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
    if not found:
        raise BadRequestError(detail="there is no such encounter, or nothing of it is approved")
    return tuple(found)


def _terms(args: argparse.Namespace, purpose: Purpose) -> DataUse:
    today = date.today()  # noqa: DTZ011 - the day at the kiosk, which is where it is asked
    usual = datause.usual(purpose, today)
    if not args.terms:
        until = usual.until if args.until is None else args.until
        codes = {code for code in usual.codes if code != datause.TS}
    else:
        shorts = {duo.short: code for code, duo in datause.DUO.items()}
        codes = {shorts.get(each.upper(), each) for each in args.terms}
        until = args.until or ""
    return DataUse(tuple(sorted(codes | ({datause.TS} if until else set()))), until)


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    recipient, purpose = RecipientId(args.recipient), Purpose(args.purpose)
    terms, options = _terms(args, purpose), ExportOptions(viewer=args.viewer, dicom=args.dicom)
    with logged_in(args) as client:
        if args.encounter:
            captures = _approved(client, EncounterId(args.encounter))
        else:
            captures = tuple(CaptureId(capture) for capture in args.capture)
        check = client.check_export(recipient, purpose, captures, terms, args.use)
        if check.denials or check.problems:
            reasons = [f"{denial.capture_id}: {denial.reason}" for denial in check.denials]
            named = [f"A use that a consent names: {use}" for use in check.uses]
            show(args, check, ["Nothing was written.", *check.problems, *reasons, *named])
            return 5
        result = client.export(recipient, purpose, captures, terms, options, args.stick, args.use)
        show(args, result, _lines(result, terms))
    return 0


def _lines(result: ExportResult, terms: DataUse) -> list[str]:
    lines = [
        f"{result.images} images, {result.bytes} bytes are in {result.folder}.",
        read_back_words(result.read_back),
        stick_line(result.stick),
        f"Signed by {result.signer}",
        f"Terms: {' '.join(datause.words(terms))}",
    ]
    if result.page_sha256:
        lines.append(f"SHA-256 of its page: {result.page_sha256}")
    if result.recalled:
        lines.append(f"With a recall notice about {result.recalled} pictures of earlier bundles.")
    if result.passphrase:
        lines += ["Passphrase, said now and never again. Say it on the telephone:", f"  {result.passphrase}"]
    return lines
