"""What the ledger costs: an append of one entry and of twenty, a proof, opening it; at three sizes.

Measured in CPU time as well: on a shared machine the fsyncs take what the others leave.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from medkiosk.ledger import held
from medkiosk.ledger.checkpoint import cosign
from medkiosk.ledger.file import Log
from medkiosk.ledger.sign import Signer
from tests.bench.report import MIB, figure, peak_bytes

SIZES = (1_000, 100_000, 1_000_000)
_ORIGIN, _SEED = "bench.medkiosk.invalid/ledger", bytes(range(32))
_BATCH = 10_000
_TIMES = 40
_PROOFS = 300


def leaf(number: int) -> bytes:
    """An entry as long as one that seals a picture: 700 bytes."""
    return b"%010d" % number + b"." * 690


def grow(folder: Path, size: int) -> Log:
    """A log of this many entries, made in large appends."""
    log = Log.create(folder, Signer(_ORIGIN, _SEED))
    while log.size < size:
        log.append([leaf(number) for number in range(log.size, min(log.size + _BATCH, size))])
    return log


def costs(work: Callable[[int], object], times: int) -> tuple[float, float]:
    """Median milliseconds on the wall, and mean milliseconds of CPU, of one call."""
    walls = []
    began_cpu = time.process_time()
    for number in range(times):
        began = time.perf_counter()
        work(number)
        walls.append(time.perf_counter() - began)
    return statistics.median(walls) * 1e3, (time.process_time() - began_cpu) / times * 1e3


def both(name: str, size: int, work: Callable[[int], object], times: int) -> None:
    wall, cpu = costs(work, times)
    figure(f"ledger {name}", wall, "ms", entries=size, cpu_ms=round(cpu, 3))


def run(work: Path, sizes: tuple[int, ...] = SIZES) -> None:
    """Print the figures."""
    for size in sizes:
        folder = work / f"ledger-{size}"
        began = time.process_time()
        log = grow(folder, size)
        figure("ledger growing", (time.process_time() - began) / size * 1e6, "us CPU an entry", entries=size)
        _appends(log, size)
        _proofs(log, size)
        _opening(folder, size)
        figure("ledger on disk", _bytes(folder) / log.size, "bytes an entry", entries=size)
        shutil.rmtree(folder)
    _many_held(work)


def _appends(log: Log, size: int) -> None:
    both("append of 1", size, lambda _: log.append([leaf(0)]), _TIMES)
    both("append of 20", size, lambda _: log.append([leaf(0)] * 20), _TIMES)


def _proofs(log: Log, size: int) -> None:
    """Of entries and sizes all over the log."""
    both("inclusion proof", size, lambda n: log.proof(n * 7919 % size), _PROOFS)
    both("consistency proof", size, lambda n: log.consistency(1 + n * 7919 % size), _PROOFS)


def _many_held(work: Path) -> None:
    """Ten years of a witness that signs each day: all of it is checked at each opening."""
    days = 3_650
    folder = work / "ledger-held"
    signer = Signer(_ORIGIN, _SEED)
    log = Log.create(folder, signer)
    witness = signer._key  # any key does, under another name
    (folder / held.COSIGNED).mkdir()
    for day in range(days):
        log.append([leaf(day)] * 10)
        line = cosign(log.head, "witness.example", witness, day)
        (folder / held.COSIGNED / str(log.size)).write_bytes(log.checkpoint + f"{line}\n".encode())

    def opening(_: int) -> Log:
        return Log.open(folder, Signer(_ORIGIN, _SEED))

    both("opening with 3,650 held checkpoints", log.size, opening, 3)
    shutil.rmtree(folder)


def _opening(folder: Path, size: int) -> None:
    """In a process of its own: time, and the memory that the open log adds."""
    code = f"import tests.bench.ledger as b; b.open_once({str(folder)!r})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    wall, cpu, peak = map(float, done.stdout.split())
    figure("ledger opening", wall, "ms", entries=size, cpu_ms=round(cpu, 3))
    figure("ledger memory when open", peak / MIB, "MiB", entries=size)


def open_once(folder: str) -> None:
    """Print milliseconds, CPU milliseconds, and bytes of memory that opening takes."""
    before = peak_bytes(os.getpid())
    began, began_cpu = time.perf_counter(), time.process_time()
    log = Log.open(Path(folder), Signer(_ORIGIN, _SEED))
    wall, cpu = time.perf_counter() - began, time.process_time() - began_cpu
    assert log.size
    print(wall * 1e3, cpu * 1e3, peak_bytes(os.getpid()) - before)


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
