"""Listing ten thousand files through a source worker, from HELLO to the last entry.

In ten folders, and in one: libgphoto2 looks through the whole folder for each file that it is asked about.
"""

from __future__ import annotations

import time
from pathlib import Path

from medkiosk.source.client import SourceSession
from medkiosk.workers import ProcessChannel, python_worker
from tests.bench.report import MIB, cpu_s, figure, peak_bytes
from tests.virtual.camera import RunningCamera
from tests.virtual.faults import many_files

FILES = 10_000
MOST_S = 2.0
_IN_FOLDER = 1000
_MOST_IN_FOLDER = 9999  # DCF, and the R6 itself


def list_many(work: Path) -> None:
    """A camera and a card with `FILES` files in ten folders, and a camera with one full folder."""
    spread = many_files(work / "many", FILES, _IN_FOLDER)
    full = many_files(work / "full", _MOST_IN_FOLDER, _MOST_IN_FOLDER)
    _list_camera("camera", spread, FILES)
    _list("card", FILES, "--card", str(spread))
    _list_camera("camera, all in one folder", full, _MOST_IN_FOLDER)


def _list_camera(kind: str, root: Path, files: int) -> None:
    camera = RunningCamera(root)
    try:
        _list(kind, files, "--camera", camera.gphoto_port, "--model", camera.model)
    finally:
        camera.stop()


def _list(kind: str, files: int, *arguments: str) -> None:
    channel = ProcessChannel(python_worker("medkiosk.source.worker", *arguments))
    with SourceSession(channel) as session:
        session.hello()
        cpu_before, began = cpu_s(channel.process.pid), time.monotonic()
        entries = session.list()
        wall, cpu = time.monotonic() - began, cpu_s(channel.process.pid) - cpu_before
        if len({(entry.folder, entry.name) for entry in entries}) != files:
            raise AssertionError("not every file was listed")
        figure(
            f"listing {files} files, {kind}",
            wall,
            "s",
            most=MOST_S,
            met=wall <= MOST_S,
            worker_cpu_s=round(cpu, 2),
            worker_mib=round(peak_bytes(channel.process.pid) / MIB, 1),
        )
