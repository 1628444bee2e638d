"""Log everybody out and lock the vault at once; needs no login. Imports go on, since they need no key."""

from __future__ import annotations

import argparse

from medkiosk.cli.common import add_config, open_client, show

HELP = "log everybody out and lock the vault, now"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's options."""
    add_config(parser)


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    with open_client(args) as client:
        done = client.lock()
        show(args, done, ["The kiosk is locked. No photo can be read until somebody logs in."])
    return 0
