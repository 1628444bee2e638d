"""The scrub's reading process against ``sha256sum``: same files, same run, neither from the page cache."""

from __future__ import annotations

import os
import resource
import shutil
import statistics
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from medkiosk.workers import ProcessChannel, python_worker
from tests.bench.report import MIB, cpu_s, figure, left_out

LEAST = 0.8
NAME = "scrub throughput / sha256sum"


def run(sizes: Sequence[int], work: Path, rounds: int) -> None:
    """Files of these sizes, hashed by both in turn."""
    program = shutil.which("sha256sum")
    if program is None:
        left_out(NAME, "there is no sha256sum")
        return
    folder = work / "scrub"
    folder.mkdir()
    files = []
    for number, size in enumerate(sizes):
        path = folder / f"{number:06d}"
        path.write_bytes(os.urandom(size))
        files.append(path)
    os.sync()
    total = sum(sizes)
    ratios, cpus = [], []
    for number in range(rounds):
        # In turn first, so that what the disk's own cache keeps favours neither.
        order: list[Callable[[], tuple[float, float]]] = [
            lambda: _sha256sum(program, files),
            lambda: _scrub(files),
        ]
        first = number % 2
        results = {}
        for which in (first, 1 - first):
            _forget(files)
            results[which] = order[which]()
        (peer, peer_cpu), (ours, ours_cpu) = results[0], results[1]
        ratios.append(peer / ours)
        cpus.append(peer_cpu / ours_cpu)
        figure("sha256sum", total / MIB / peer, "MiB/s", round=number, cpu_s=round(peer_cpu, 2))
        figure("scrub", total / MIB / ours, "MiB/s", round=number, cpu_s=round(ours_cpu, 2))
    value = statistics.median(ratios)
    figure(NAME, value, "ratio", least=LEAST, met=value >= LEAST, cpu=round(statistics.median(cpus), 3))
    shutil.rmtree(folder)


def _forget(files: Sequence[Path]) -> None:
    for path in files:
        fd = os.open(path, os.O_RDONLY)
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(fd)


def _sha256sum(program: str, files: Sequence[Path]) -> tuple[float, float]:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.monotonic()
    subprocess.run([program, *map(str, files)], check=True, stdout=subprocess.DEVNULL)
    wall = time.monotonic() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _scrub(files: Sequence[Path]) -> tuple[float, float]:
    channel = ProcessChannel(python_worker("medkiosk.daemon.scrubworker"))
    try:
        _ask(channel, files[0])  # it has started when it answers
        _forget(files[:1])
        cpu, began = cpu_s(channel.process.pid), time.monotonic()
        for path in files:
            _ask(channel, path)
        return time.monotonic() - began, cpu_s(channel.process.pid) - cpu
    finally:
        channel.close()


def _ask(channel: ProcessChannel, path: Path) -> None:
    channel.writer.write(os.fsencode(path) + b"\n")
    channel.writer.flush()
    if len(channel.reader.readline()) != 65:
        raise AssertionError(f"{path} was not hashed")
