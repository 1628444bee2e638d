"""Check a bundle without the keys that open its pictures: signature, every file, every proof.

--signer and --ledger-key come from the department by another way than the stick: printed, or read aloud.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from medkiosk.cli.common import show
from medkiosk.offline.verify_export import verify_export

HELP = "check an exported bundle"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's options."""
    parser.add_argument("bundle", type=Path, metavar="DIR")
    parser.add_argument("--signer", required=True, metavar="LINE", help="'ssh-ed25519 AAAA...'")
    parser.add_argument("--ledger-key", required=True, metavar="KEY", help="the ledger's verifier key")


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    problems = verify_export(args.bundle, args.signer, args.ledger_key)
    lines = [f"REFUSED: {problem}" for problem in problems] or [
        "GOOD: signed by this key, complete, unchanged, and every picture's redaction is in the ledger."
    ]
    show(args, {"problems": list(problems)}, lines)
    return 3 if problems else 0
