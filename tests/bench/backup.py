"""A backup run against ``cp -r`` and sync of the same store, on the same disk, in the same run.

``python -m tests.bench.backup [--files 60] [--rounds 3] [--dir DIR]``

A run also hashes each file, reads it back and compares, checks every row and SQLite's own structure, so it
cannot be as fast as a copy that is believed. The second figure is a run that finds nothing new.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from medkiosk.backup.drive import enrol, look
from medkiosk.backup.run import back_up
from medkiosk.daemon.backupsource import StoreSource
from medkiosk.journal import Journal
from medkiosk.ledger.file import Log
from medkiosk.ledger.sign import Signer
from tests.bench.report import MIB, figure
from tests.bench.seal import seal_all
from tests.stores import clock, reopen

_KEY = bytes(32)
_FILE = 9 * MIB  # a photograph


def copy(store: Path, into: Path) -> None:
    """What would be believed."""
    subprocess.run(["cp", "-r", "--", str(store), str(into)], check=True)
    subprocess.run(["sync", "-f", str(into)], check=True)


def run(store: Path, drive: Path) -> None:
    """One run of ours."""
    with reopen(store, random=os.urandom, index_key=bytes(32)) as vault:
        signer = Signer("bench.medkiosk.invalid/ledger", bytes(32))
        source = StoreSource(Journal(vault, Log.open(store / "ledger", signer), clock), signer.key)
        back_up(source, look(drive, key=_KEY, store_id=vault.store_id), random=os.urandom)


def timed(work: Callable[[], None]) -> tuple[float, float]:
    """Seconds by the clock, and seconds of processor time of this process and its children."""
    wall, before = time.monotonic(), os.times()
    work()
    after = os.times()
    return time.monotonic() - wall, sum(after[:4]) - sum(before[:4])


def main() -> None:
    """Seal files, then copy the store in both ways."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--dir", type=Path)
    args = parser.parse_args()
    work = Path(tempfile.mkdtemp(prefix="medkiosk-bench-", dir=args.dir))
    try:
        measure(work, args.files, args.rounds)
    finally:
        shutil.rmtree(work)


def measure(work: Path, files: int, rounds: int) -> None:
    """Print what copying a store of so many files costs, both ways; ``work`` is a folder with room for it."""
    plain = []
    for number in range(files):
        plain.append(work / f"{number}")
        plain[-1].write_bytes(os.urandom(_FILE))
    store = work / "store"
    seal_all(plain, store)
    with reopen(store, random=os.urandom, index_key=bytes(32)) as vault:
        store_id = vault.store_id
    ratios, processor = [], []
    drive = work / "drive"
    for _ in range(rounds):
        copied, copied_cpu = timed(lambda: copy(store, work / "copy"))
        drive.mkdir()
        enrol(drive, key=_KEY, store_id=store_id, random=os.urandom)
        backed, backed_cpu = timed(lambda: run(store, drive))
        again, again_cpu = timed(lambda: run(store, drive))
        figure("cp -r + sync", files * _FILE / MIB / copied, "MiB/s", cpu_s=round(copied_cpu, 3))
        figure("backup run", files * _FILE / MIB / backed, "MiB/s", cpu_s=round(backed_cpu, 3))
        figure("backup run, nothing new", again, "s", cpu_s=round(again_cpu, 3))
        ratios.append(copied / backed)
        processor.append(backed_cpu / copied_cpu)
        shutil.rmtree(work / "copy")
        shutil.rmtree(drive)
    figure("backup run / cp -r + sync, throughput", statistics.median(ratios), "ratio", rounds=rounds)
    figure("backup run / cp -r + sync, processor", statistics.median(processor), "ratio", rounds=rounds)


if __name__ == "__main__":
    main()
