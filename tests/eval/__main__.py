"""``make eval-redaction``: what the redaction finds and misses, next to deface on the same pictures.

``python -m tests.eval [--peer DIR] [--out DIR] [--quick] [--jobs N] [--only SET ...]``

One JSON line a figure on stdout; a table on stderr and in OUT/table.md; what automatic and suggested masks
together missed, as pictures below OUT. The pictures of people are never part of this repository, nor is OUT.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

from tests.eval import closeups, codes, faces, labels, speed
from tests.eval.grounds import sample_paths, without_identifiers
from tests.eval.methods import Answer, Ours, Peer
from tests.eval.picture import Picture, Rendered
from tests.eval.report import Report, figure
from tests.shared import shared

_CHECKOUT = Path(__file__).resolve().parents[2]
_QUICK = 14
_MARKER = ".eval-redaction"
_CLOSEUPS = 24

SETS: dict[str, Callable[[int], Iterator[Picture]]] = {
    "turned": faces.turned,
    "closeups": lambda every: closeups.closeups(max(2, _CLOSEUPS // every)),
    "text": labels.labels,
    "codes": codes.codes,
    "nothing": without_identifiers,
    "scaled": faces.scaled,
    "toned": faces.toned,
}


class Pool:
    """A worker and a peer for each thread."""

    def __init__(self, environment: Path | None) -> None:
        self._environment = environment
        self._own = threading.local()
        self._lock = threading.Lock()
        self._all: list[Ours | Peer] = []

    def ask(self, picture: Picture) -> tuple[Picture, Rendered, Answer, Answer | None]:
        """Make a picture and show it to every method."""
        if not hasattr(self._own, "ours"):
            self._own.ours = Ours()
            self._own.peer = Peer(self._environment) if self._environment else None
            with self._lock:
                self._all += [one for one in (self._own.ours, self._own.peer) if one is not None]
        rendered = picture.render()
        jpeg = rendered.jpeg()
        peer = self._own.peer.look(jpeg) if self._own.peer and picture.peer else None
        return picture, rendered, self._own.ours.look(jpeg), peer

    def close(self) -> None:
        """End all of them."""
        for one in self._all:
            one.close()


def run(pictures: Iterator[Picture], report: Report, environment: Path | None, jobs: int) -> None:
    """Evaluate, a few pictures in memory at a time."""
    pool = Pool(environment)
    try:
        with ThreadPoolExecutor(jobs) as executor:
            while batch := list(islice(pictures, 4 * jobs)):
                for answered in executor.map(pool.ask, batch):
                    report.add(*answered)
    finally:
        pool.close()


def main() -> int:
    """Run the evaluation."""
    parser = argparse.ArgumentParser(prog="tests.eval", description=__doc__)
    parser.add_argument("--peer", type=Path, help="deface's environment; without it, ours alone")
    parser.add_argument("--out", type=Path, default=_CHECKOUT / ".cache" / "eval")
    parser.add_argument("--quick", action="store_true", help="about a fourteenth of the pictures")
    parser.add_argument("--jobs", type=int, default=1, help="workers at the same time")
    parser.add_argument("--only", nargs="+", choices=[*SETS, "speed"], default=[*SETS, "speed"])
    args = parser.parse_args()
    if args.peer is not None:
        os.environ["MEDKIOSK_PEER"] = str(args.peer)  # where sample photographs are too
    if args.out.exists() and any(args.out.iterdir()) and not (args.out / _MARKER).exists():
        parser.error(f"{args.out} is not empty and not ours: name another folder")
    shutil.rmtree(args.out, ignore_errors=True)
    args.out.mkdir(parents=True)
    (args.out / _MARKER).touch()
    _say_what_is_here(args.peer)
    for name in args.only:
        if name == "speed":
            _measure_speed(args.peer, rounds=1 if args.quick else 5)
            continue
        before = time.monotonic()
        report = Report(args.out)
        run(SETS[name](_QUICK if args.quick else 1), report, args.peer, args.jobs)
        report.print_figures()
        table = report.table()
        with (args.out / "table.md").open("a", encoding="utf-8") as stream:
            stream.write(table + "\n")
        print(f"{table}\n\n{name}: {time.monotonic() - before:.0f} s", file=sys.stderr, flush=True)
    print(f"missed cases: {args.out}", file=sys.stderr)
    return 0


def _measure_speed(environment: Path | None, rounds: int) -> None:
    peer = Peer(environment) if environment else None
    try:
        speed.measure(peer, rounds)
    finally:
        if peer is not None:
            peer.close()


def _say_what_is_here(environment: Path | None) -> None:
    here = shared("eval/faces")
    photos = faces.photos()
    notes = {
        "faces": f"{len(photos)} photographs" + ("" if here else ", the labelled ones are absent"),
        "fonts": ", ".join(labels.fonts()),
        "samples": f"{len(sample_paths())} pictures",
        "peer": "deface 1.5.0" if environment else "none",
    }
    figure("inputs", len(photos), "photographs", **notes)


if __name__ == "__main__":
    sys.exit(main())
