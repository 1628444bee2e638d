"""Listing ten thousand files through a source worker, from HELLO to the last entry."""

from __future__ import annotations

import time
from pathlib import Path

from medkiosk.source.client import SourceSession
from medkiosk.workers import ProcessChannel, python_worker
from tests.bench.report import MIB, cpu_s, figure, peak_bytes
from tests.virtual.camera import RunningCamera

FILES = 10_000
MOST_S = 2.0
_IN_FOLDER = 1000


def list_many(work: Path) -> None:
    """A camera and a card with `FILES` files in ten folders."""
    root = work / "many"
    for number in range(FILES):
        folder = root / f"DCIM/{100 + number // _IN_FOLDER}CANON"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"IMG_{number % _IN_FOLDER + 1:04d}.JPG").write_bytes(b"x")
    camera = RunningCamera(root)
    try:
        _list("camera", "--camera", camera.gphoto_port, "--model", camera.model)
    finally:
        camera.stop()
    _list("card", "--card", str(root))


def _list(kind: str, *arguments: str) -> None:
    channel = ProcessChannel(python_worker("medkiosk.source.worker", *arguments))
    with SourceSession(channel) as session:
        session.hello()
        cpu_before, began = cpu_s(channel.process.pid), time.monotonic()
        entries = session.list()
        wall, cpu = time.monotonic() - began, cpu_s(channel.process.pid) - cpu_before
        if len({(entry.folder, entry.name) for entry in entries}) != FILES:
            raise AssertionError("not every file was listed")
        figure(
            f"listing {FILES} files, {kind}",
            wall,
            "s",
            most=MOST_S,
            met=wall <= MOST_S,
            worker_cpu_s=round(cpu, 2),
            worker_mib=round(peak_bytes(channel.process.pid) / MIB, 1),
        )
