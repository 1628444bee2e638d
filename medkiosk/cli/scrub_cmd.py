"""Have the running kiosk read all sealed files again; kioskctl status says how far it is."""

from __future__ import annotations

import argparse

from medkiosk.cli.common import add_login, logged_in, show

HELP = "have all sealed files read again"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's options."""
    add_login(parser)


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    with logged_in(args) as client:
        done = client.scrub_now()
        show(args, done, ["The kiosk reads all sealed files again. kioskctl status says how far it is."])
    return 0
