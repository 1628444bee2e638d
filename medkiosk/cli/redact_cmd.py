"""Run the redaction core on plain files: no store, no keys, no ledger. One JSON line an image.

The redacted files are written to --out under their own names. This is for trying the redaction out and for
measuring it; what the kiosk exports goes through the vault, a consent and a reviewer.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from medkiosk.cli.common import plain, plain_json
from medkiosk.core.errors import BadRequestError
from medkiosk.redact.files import redact_files
from medkiosk.workers import ProcessChannel, python_worker

HELP = "run the redaction core on plain files"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's options."""
    parser.add_argument("inputs", nargs="+", type=Path, metavar="IN")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.add_argument(
        "--models", type=Path, default=os.environ.get("MEDKIOSK_MODELS"), metavar="DIR", help="model files"
    )


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    if args.models is None:
        raise BadRequestError(detail="name the models' directory with --models or MEDKIOSK_MODELS")
    args.out.mkdir(parents=True, exist_ok=True)
    models = str(Path(args.models).resolve())
    failed = False
    for line in redact_files(
        args.inputs,
        args.out,
        lambda: ProcessChannel(python_worker("medkiosk.redact.worker", "--models", models)),
    ):
        failed = failed or line["code"] != "ok"
        if args.json:
            print(plain_json(line), flush=True)
        else:
            print(plain(f"{line['file']}: {line['words']} ({len(line['findings'])} findings)"), flush=True)
    return int(failed)
