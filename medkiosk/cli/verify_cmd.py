"""Check a store and its ledger without any key: re-hash everything, name what is damaged and what is safe.

Works beside a running kiosk and on a copy. Without --ledger-key the ledger is checked against the key that
lies in the store itself, which proves nothing about who signed it. --repair and --repair-from put back what
can be proved to be as it was sealed, and check again; for these the kiosk must be stopped.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from medkiosk.cli.common import count, show
from medkiosk.offline.blobs import Progress
from medkiosk.offline.mend import mend
from medkiosk.offline.report import Report
from medkiosk.offline.verify import verify
from medkiosk.vault.errors import VaultFormatError

HELP = "check store and ledger without any key"
_SIGNS = ("format", "vault.db", "ledger")  # a damaged store may lack some; a mistyped path lacks all


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's options."""
    parser.add_argument("store", type=Path, metavar="STORE", help="the store's folder")
    parser.add_argument("--ledger-key", metavar="KEY", help="the ledger's verifier key, kept on paper")
    parser.add_argument(
        "--quick", action="store_true", help="look at sizes only, do not read the sealed files"
    )
    parser.add_argument(
        "--repair", action="store_true", help="make again what follows from the store itself: ledger hashes"
    )
    parser.add_argument(
        "--repair-from", type=Path, metavar="DRIVE", help="put back what is damaged from a backup drive, too"
    )


def _progress(done: int, total: int) -> None:
    print(f"\r{done * 100 // max(total, 1):3d} %", end="" if done < total else "\r     \r", file=sys.stderr)


def _lines(report: Report) -> Iterator[str]:
    for problem in report.problems:
        yield f"{problem.code}: {problem.sentence}"
    yield from report.notes
    counts = f"{report.objects} objects, {report.records} records, {report.ledger_size} ledger entries"
    if report.problems:
        yield f"DAMAGED: {count(len(report.problems), 'problem')} in {counts}."
    else:
        size = report.bytes >> 20
        yield f"GOOD: {counts}, {size} MiB, all as the ledger says. Its signature: {report.signature}."


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    if not any((args.store / name).exists() for name in _SIGNS):
        raise VaultFormatError(path=args.store, detail=f"it has none of {', '.join(_SIGNS)}")
    progress = _progress if sys.stderr.isatty() and not args.json else None
    if args.repair or args.repair_from is not None:
        return _mend(args, progress)
    report = verify(args.store, args.ledger_key, quick=args.quick, progress=progress)
    show(args, report, list(_lines(report)))
    return 3 if report.problems else 0


def _mend(args: argparse.Namespace, progress: Progress | None) -> int:
    mended = mend(args.store, args.ledger_key, args.repair_from, quick=args.quick, progress=progress)
    lines = [f"REPAIRED: {one.what} ({one.code})." for one in mended.repaired]
    lines += [
        f"NOT REPAIRED: {one.code} {one.subject}: {one.reason}.".replace("  ", " ")
        for one in mended.not_repaired
    ]
    show(args, mended, [*lines, *_lines(mended.report)])
    return 3 if mended.report.problems else 0
