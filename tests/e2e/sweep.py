"""Walk through every durable operation of an import, in every way of `tests.e2e.crashes`: ``make sweep``.

``python -m tests.e2e.sweep [--into FILE] [--step N] [--jobs N] [--only WAY]``. Each run is a line of FILE;
what is there already is not run again, so that a sweep can be stopped and gone on with. Ends with a table,
and with 1 where a run was wrong. A run that ended before its operation came struck nothing and shows nothing:
it is counted as not reached. Imports differ by a few operations, so that the last ones may not be reached; if
others are not, that is 1 too. For another version of the code begin another file.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import multiprocessing
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from medkiosk.core.errors import KioskError
from tests.e2e.crashes import WAYS, one, operations, swept_kiosk
from tests.virtual import inject

Task = tuple[int, str]
LAST = 10
"""Of the operations that were counted, so many of the last need not come in every run."""


def _work(tasks: multiprocessing.Queue[Task | None], results: multiprocessing.Queue[dict[str, Any]]) -> None:
    """Make runs with a kiosk of its own until there is none left."""
    with _kiosk() as kiosk:
        while (task := tasks.get()) is not None:
            at, way = task
            began, cpu, wrong, struck = time.monotonic(), _cpu(), "", ""
            try:
                struck = one(kiosk, at, way)
            except (AssertionError, KioskError, OSError) as error:
                wrong = f"{type(error).__name__}: {error}"
            took = {"s": round(time.monotonic() - began, 2), "own_cpu_s": round(_cpu() - cpu, 2)}
            results.put({"way": way, "at": at, "operation": struck, "wrong": wrong, **took})


def _cpu() -> float:
    return sum(os.times()[:2])


@contextlib.contextmanager
def _kiosk() -> Iterator[Any]:
    with tempfile.TemporaryDirectory(prefix="sweep-") as root, swept_kiosk(Path(root)) as kiosk:
        yield kiosk


def sweep(tasks: list[Task], jobs: int) -> Iterator[dict[str, Any]]:
    """Make these runs, ``jobs`` at once; each as it ends."""
    context = multiprocessing.get_context("spawn")
    todo: multiprocessing.Queue[Task | None] = context.Queue()
    done: multiprocessing.Queue[dict[str, Any]] = context.Queue()
    for task in [*tasks, *[None] * jobs]:
        todo.put(task)
    workers = [context.Process(target=_work, args=(todo, done)) for _ in range(jobs)]
    for worker in workers:
        worker.start()
    try:
        for _ in tasks:
            yield done.get()
    finally:
        for worker in workers:
            worker.join(60)


def table(results: Iterable[dict[str, Any]], count: int) -> str:
    """What was run, as lines of Markdown."""
    runs: dict[str, list[dict[str, Any]]] = {way: [] for way in WAYS}
    for result in results:
        runs[result["way"]].append(result)
    lines = [
        f"{count} durable operations",
        "",
        "| way | runs | struck | not reached | wrong | kinds |",
        "|---|---|---|---|---|---|",
    ]
    for way, made in runs.items():
        struck = [result["operation"] for result in made if result["operation"]]
        kinds = Counter(operation.split(" ")[0] for operation in struck)
        words = ", ".join(f"{number} {kind}" for kind, number in kinds.most_common())
        wrong = sum(bool(result["wrong"]) for result in made)
        # What was wrong may have been so before the operation came: that is said of it already.
        unreached = sum(not result["operation"] and not result["wrong"] for result in made)
        lines.append(f"| {way} | {len(made)} | {len(struck)} | {unreached} | {wrong} | {words} |")
    return "\n".join(lines)


def missed(results: Iterable[dict[str, Any]], count: int) -> list[Task]:
    """The runs that struck nothing though their operation is none of the last: it should have come."""
    return sorted(
        (result["at"], result["way"])
        for result in results
        if not result["operation"] and not result["wrong"] and result["at"] <= count - LAST
    )


def main() -> int:
    """Run what is left of the sweep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--into", type=Path, default=Path(".cache/sweep.jsonl"), metavar="FILE")
    parser.add_argument("--step", type=int, default=1, help="take every so many of the operations")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="how many kiosks at once")
    parser.add_argument("--only", choices=WAYS, action="append", help="one way, may be given again")
    options = parser.parse_args()
    if not inject.works():
        print("This kernel does not tell others about system calls (seccomp notification).", file=sys.stderr)
        return 1
    with _kiosk() as kiosk:
        count = len(operations(kiosk))
    options.into.parent.mkdir(parents=True, exist_ok=True)
    results: list[dict[str, Any]] = []
    if options.into.exists():
        results = [json.loads(line) for line in options.into.read_text().splitlines()]
    known = {(result["at"], result["way"]) for result in results}
    # All ways at one operation before the next; and far apart, so that a part of a sweep is spread over all.
    places = sorted(range(1, count + 1, options.step), key=lambda at: (at * 389) % (count + 1))
    tasks = [(at, way) for at in places for way in options.only or WAYS if (at, way) not in known]
    began = time.monotonic()
    with options.into.open("a") as kept:
        for result in sweep(tasks, options.jobs):
            results.append(result)
            print(json.dumps(result), file=kept, flush=True)
            if result["wrong"]:
                print(f"WRONG: {result['way']} at {result['at']}: {result['wrong']}", flush=True)
    print(table(results, count))
    print(f"{len(tasks)} runs in {time.monotonic() - began:.0f} s")
    never = missed(results, count)
    for at, way in never:
        print(f"NOT REACHED: {way} at {at} of {count}: the import ended before it came")
    return int(bool(never) or any(result["wrong"] for result in results))


if __name__ == "__main__":
    sys.exit(main())
