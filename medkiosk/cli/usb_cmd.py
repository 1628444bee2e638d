"""USB devices: which keyboards and scanners are used, what was refused; let one in, take one out
(docs/usb.md).
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from medkiosk.cli.common import add_login, logged_in, show
from medkiosk.core.errors import BadRequestError
from medkiosk.ipc.types import KeyboardInfo, Usb

HELP = "USB: list, enrol, forget keyboards and scanners"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's options."""
    add_login(parser)
    parser.add_argument("what", choices=["list", "enrol", "forget"])
    parser.add_argument(
        "port", nargs="?", default="", metavar="PORT", help="enrol, forget: where, as list says it"
    )


def _line(one: KeyboardInfo) -> str:
    return f"{one.vendor}:{one.product} {one.name or '(no name)'}, at {one.port}"


def _lines(usb: Usb) -> Iterator[str]:
    for one in usb.keyboards:
        yield f"{_line(one)}: enrolled, {'plugged in' if one.there else 'NOT plugged in'}"
    for one in usb.strangers:
        yield f"{_line(one)}: not enrolled"
    for each in usb.refused:
        yield f"{each.vendor}:{each.product} {each.name or '(no name)'}: REFUSED. {each.words}"
    if not (usb.keyboards or usb.strangers or usb.refused):
        yield "No keyboard or scanner is enrolled, and none is plugged in."


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    if args.what != "list" and not args.port:
        raise BadRequestError(detail=f"{args.what} needs a port: kioskctl usb list says which there are")
    with logged_in(args) as client:
        match args.what:
            case "enrol":
                usb = client.enrol_keyboard(args.port)
            case "forget":
                usb = client.forget_keyboard(args.port)
            case _:
                usb = client.list_usb()
    show(args, usb, _lines(usb))
    return 0
