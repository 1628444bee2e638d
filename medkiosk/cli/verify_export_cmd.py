"""Check a bundle, open it and acknowledge it: the receiver's own program (docs/receiver.md) by another name.

The keys come from the department by another way than the stick: printed, or read aloud.
"""

from __future__ import annotations

import argparse

from medkiosk.receiver import medkiosk_verify

HELP = "check an exported bundle, as its receiver does"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's options."""
    medkiosk_verify.add_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    return medkiosk_verify.run(args)
