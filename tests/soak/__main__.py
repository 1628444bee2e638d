"""``python -m tests.soak [--for 24h] [--seed N] [--dir DIR]``: exits with 1 where something does not hold."""

from __future__ import annotations

import argparse
import os
import secrets
import sys
from pathlib import Path

from tests.soak.run import soak

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def seconds(text: str) -> float:
    """``90``, ``90s``, ``15m``, ``24h`` or ``7d``."""
    unit = _UNITS.get(text[-1:], 0)
    return float(text[:-1]) * unit if unit else float(text)


def main() -> int:
    parser = argparse.ArgumentParser(prog="soak", description=__doc__)
    parser.add_argument("--for", dest="seconds", type=seconds, default=60.0, metavar="TIME")
    parser.add_argument("--seed", type=int, default=None, help="what a run that failed printed")
    parser.add_argument("--dir", type=Path, default=Path(".cache/soak"), help="made anew; stays for a look")
    parser.add_argument("--acts", type=int, default=0, help="stop after so many acts")
    parser.add_argument("--proof-every", type=seconds, default=900.0, metavar="TIME")
    parser.add_argument("--without", nargs="*", default=[], metavar="ACT", help="acts to leave out")
    options = parser.parse_args()
    os.nice(19)
    seed = secrets.randbelow(1 << 31) if options.seed is None else options.seed
    print(f"seed {seed}", flush=True)
    outcome = soak(
        options.dir.absolute(),
        seed,
        options.seconds,
        say=lambda line: print(line, flush=True),
        proof_every_s=options.proof_every,
        without=tuple(options.without),
        acts=options.acts,
    )
    for sentence in outcome.broken:
        print(f"BROKEN: {sentence}", flush=True)
    print(f"{'BROKEN' if outcome.broken else 'good'}: seed {seed}; the kiosk is in {options.dir}", flush=True)
    return 1 if outcome.broken else 0


if __name__ == "__main__":
    sys.exit(main())
