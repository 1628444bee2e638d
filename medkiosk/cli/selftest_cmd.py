"""Known-answer tests of the cryptography, and what this machine offers: run it after an installation."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from medkiosk.cli.common import show
from medkiosk.offline.selftest import run_all

HELP = "known-answer tests, and what this machine offers"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's options."""
    parser.add_argument(
        "--models", type=Path, default=os.environ.get("MEDKIOSK_MODELS"), metavar="DIR", help="model files"
    )


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    results = run_all(Path(args.models).resolve() if args.models else None)
    show(
        args,
        results,
        [f"{'OK  ' if result.ok else 'FAIL'} {result.name}: {result.detail}" for result in results],
    )
    return 0 if all(result.ok for result in results) else 3
