"""``make bench``: what importing costs, against peers in the same run; one JSON line a figure.

``python -m tests.bench [--frames 1000] [--rounds 3] [--dir DIR] [--only PART ...] [--redact-all]``

Ends with 1 where a figure is not what it must be (``"met": false``), and names those at the end.

Parts: ``seal`` (the vault alone against cp, age, restic and borg), ``camera``, ``card``, ``redact`` (a camera
import with redaction behind it), ``film`` (5 GiB), ``listing`` (10,000 files),
``scale`` (the catalogue of 10,000 and 100,000 captures), ``ledger`` (up to a million entries),
``scrub`` (sealed files read again, against sha256sum), ``backup`` (a backup run, against cp),
``audit`` (half a million entries asked),
``export`` (a bundle with and without the viewer, against cp and age),
``rewrap`` (20,000 data keys moved by a disposal).
``--dir`` needs room for the frames twice over.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.bench import audit, backup, export, imports, ledger, listing, rewrap, scale, scrub, seal
from tests.bench.report import MIB, figure, missed
from tests.virtual.faults import sparse_film
from tests.virtual.photos import make_card

PARTS = (
    "seal",
    "camera",
    "card",
    "redact",
    "film",
    "listing",
    "scale",
    "ledger",
    "scrub",
    "backup",
    "rewrap",
    "export",
    "audit",
)


def film(root: Path, size: int = 5 << 30) -> Path:
    """A card with one film of this size, which takes no room on the disk."""
    sparse_film(root / "DCIM/100CANON/MVI_0001.MP4", size)
    return root


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--frames", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--dir", type=Path, help="where the files go; default: a temporary folder")
    parser.add_argument("--only", choices=PARTS, nargs="+", default=PARTS)
    parser.add_argument("--redact-all", action="store_true", help="wait for the last derivative, too: hours")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=args.dir, prefix="medkiosk-bench-") as folder:
        work = Path(folder)
        card = work / "card"
        sizes: list[int] = []
        if set(args.only) - {"film", "listing", "scale", "ledger", "backup", "rewrap", "export", "audit"}:
            make_card(card, args.frames, fast=True)
            sizes = [path.stat().st_size for path in imports.files_of(card)]
            smallest, largest = (round(size / MIB, 1) for size in (min(sizes), max(sizes)))
            figure("frames", len(sizes), "files", smallest=smallest, largest=largest)
        parts: dict[str, Callable[[], None]] = {
            "seal": lambda: seal.run(sizes, work, args.rounds),
            "camera": lambda: imports.camera_import(card, work, args.rounds),
            "card": lambda: imports.card_import(card, work, args.rounds),
            "redact": lambda: imports.camera_import_with_redaction(card, work, to_the_end=args.redact_all),
            "film": lambda: imports.film_import(film(work / "film"), work),
            "listing": lambda: listing.list_many(work),
            "scrub": lambda: scrub.run(sizes, work, args.rounds),
            "scale": lambda: scale.measure_all(work),
            "ledger": lambda: ledger.run(work),
            "rewrap": lambda: rewrap.run(work),
            "export": lambda: export.measure(work / "export", args.frames, args.rounds),
            "audit": lambda: audit.measure(500_000, work),
            "backup": lambda: backup.measure(work, min(args.frames, 60), args.rounds),
        }
        for part in PARTS:
            if part in args.only:
                parts[part]()
    if missed:
        print(f"{len(missed)} aims missed: {'; '.join(missed)}", file=sys.stderr)
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main())
