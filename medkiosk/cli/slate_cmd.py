"""Print an encounter's slate: its text and QR code, here or as a file for a label printer.

The code says when it was made. If the camera's clock is off by another minute at the closing slate than at
the opening one, nothing is filed. So print each when it is photographed; the console's screen goes on with
the time by itself.
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Iterator
from pathlib import Path

import segno

from medkiosk.cli.common import add_login, logged_in, show
from medkiosk.core.errors import BadRequestError
from medkiosk.core.ids import EncounterId
from medkiosk.core.slate import SlateKind
from medkiosk.ipc.types import SlateShown

HELP = "print an encounter's slate, an opening or a closing one, as text and QR code; --output for a printer"
_QUIET = 4
"""Light modules around it (ISO/IEC 18004, 9.1)."""
_SCALE = 12
"""Pixels of a module in a file: half an inch of label and more at 300 dots to the inch stays sharp."""
_FILES = (".svg", ".png")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's options."""
    add_login(parser)
    parser.add_argument("--encounter", required=True, metavar="ID", help="whose pictures follow or precede")
    parser.add_argument(
        "--close", action="store_true", help="the slate that ends the series (default: opens)"
    )
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="write the QR code as FILE.svg or FILE.png, too"
    )


def _lines(slate: SlateShown, code: segno.QRCode, written: Path | None) -> Iterator[str]:
    drawn = io.StringIO()
    code.terminal(drawn, border=_QUIET, compact=True)
    yield f"{slate.kind} slate of {slate.at}; photograph it now"
    yield slate.text
    yield from drawn.getvalue().splitlines()
    if written is not None:
        yield f"written: {written}"


def run(args: argparse.Namespace) -> int:
    """Show the slate, write its file.

    Raises:
        BadRequestError: the file is called neither .svg nor .png; nothing was asked of the kiosk.
    """
    written: Path | None = args.output
    if written is not None and written.suffix.lower() not in _FILES:
        raise BadRequestError(
            detail=f"a slate's file is called {' or '.join('NAME' + end for end in _FILES)}"
        )
    kind = SlateKind.CLOSE if args.close else SlateKind.OPEN
    with logged_in(args) as client:
        slate = client.show_slate(EncounterId(args.encounter), kind)
    code = segno.make(slate.text, error="m", micro=False, boost_error=False)
    if written is not None:
        code.save(str(written), kind=written.suffix[1:].lower(), border=_QUIET, scale=_SCALE)
    show(args, slate, _lines(slate, code, written))
    return 0
