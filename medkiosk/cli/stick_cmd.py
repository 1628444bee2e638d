"""Sticks for exports: what is plugged in, and make one this kiosk's own (docs/stick.md).

A stick that is enrolled is written to whatever else is on it; any other must be blank.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from medkiosk.cli.common import add_login, logged_in, open_client, show
from medkiosk.core.errors import BadRequestError
from medkiosk.core.sticks import STICK_WORDS, StickState
from medkiosk.ipc.types import StickInfo, Sticks

HELP = "sticks for exports: list, enrol"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's options."""
    add_login(parser)
    parser.add_argument("what", choices=["list", "enrol"])
    parser.add_argument(
        "name", nargs="?", default="", metavar="NAME", help="enrol: the place, as list says it"
    )
    parser.add_argument("--label", metavar="TEXT", help="enrol: what people call the stick")


def _line(stick: StickInfo) -> str:
    words = stick.words or STICK_WORDS[StickState.READY].lower()
    free = f", {stick.free >> 20} MiB free" if stick.free else ""
    detail = f": {stick.detail}" if stick.detail else ""
    return f"{stick.name}: {words}{free}{detail}"


def _lines(sticks: Sticks) -> Iterator[str]:
    if not sticks.sticks:
        yield "No stick is plugged in."
    yield from map(_line, sticks.sticks)


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    if args.what == "list":
        with open_client(args) as client:
            shown = Sticks(sticks=client.get_status().sticks)
    else:
        if not args.label:
            raise BadRequestError(detail="enrol needs --label: what people call the stick")
        with logged_in(args) as client:
            shown = client.enrol_stick(args.name, args.label)
    show(args, shown, _lines(shown))
    return 0
