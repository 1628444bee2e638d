"""``make bench``: import, seal and redact frames of 8 to 10 MB; one JSON line a figure.

``python -m tests.bench [--frames 100] [--dir DIR] [--only seal|kiosk]``
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from tests.kiosk import ScratchKiosk, redacted, safe
from tests.virtual.camera import RunningCamera
from tests.virtual.photos import make_card

MIB = 1 << 20


def figure(name: str, value: float, unit: str, **more: object) -> None:
    """Print one figure."""
    print(json.dumps({"figure": name, "value": round(value, 3), "unit": unit, **more}), flush=True)


class Peaks:
    """Watches the peak resident memory (VmHWM) of the daemon and its workers, by role."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._stop = threading.Event()
        self.bytes: dict[str, int] = {}
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self) -> dict[str, int]:
        self._stop.set()
        self._thread.join()
        return self.bytes

    def _watch(self) -> None:
        while not self._stop.wait(0.05):
            self._look("daemon", self._pid)
            for child in psutil.Process(self._pid).children(recursive=True):
                try:
                    line = " ".join(child.cmdline())
                except psutil.Error:
                    continue
                for role in ("source", "redact"):
                    if f"medkiosk.{role}.worker" in line:
                        self._look(f"{role} worker", child.pid)

    def _look(self, role: str, pid: int) -> None:
        try:
            status = Path(f"/proc/{pid}/status").read_text()
        except OSError:
            return
        for line in status.splitlines():
            if line.startswith("VmHWM:"):
                self.bytes[role] = max(self.bytes.get(role, 0), int(line.split()[1]) * 1024)


def kiosk_run(frames: list[Path], card: Path, work: Path) -> None:
    """The real daemon, from the virtual camera to the last derivative."""
    size = sum(path.stat().st_size for path in frames)
    with_camera = RunningCamera(card)
    kiosk = ScratchKiosk(work / "kiosk", cameras=[with_camera.gphoto_port])
    try:
        kiosk.init()
        kiosk.start(wait=True)
        peaks = Peaks(kiosk.pid)
        began = time.monotonic()
        kiosk.wait(safe, timeout_s=900)
        imported = time.monotonic() - began
        kiosk.wait(redacted, timeout_s=3600)
        total = time.monotonic() - began
        memory = peaks.stop()
    finally:
        kiosk.close()
        with_camera.stop()
    figure(
        "import+seal to SAFE TO UNPLUG",
        size / MIB / imported,
        "MB/s",
        frames=len(frames),
        redaction="behind it",
    )
    figure("import+seal to SAFE TO UNPLUG", len(frames) / imported, "frames/s")
    figure("import+seal+redact", len(frames) / total, "frames/s")
    figure("import+seal+redact", size / MIB / total, "MB/s")
    figure("redaction of one frame, wall", total / len(frames), "s")
    for role, peak in sorted(memory.items()):
        figure(f"peak memory, {role}", peak / MIB, "MiB")


def seal_run(frames: list[Path], work: Path, rounds: int = 3) -> None:
    """Seal the files through the vault and the ledger, against ``cp`` and sync of the same files."""
    from tests.bench.seal import copy_and_sync, seal_all

    ratios = []
    size = sum(path.stat().st_size for path in frames)
    for number in range(rounds):
        copied = timed(copy_and_sync, frames, work / f"copy{number}")
        sealed = timed(seal_all, frames, work / f"store{number}")
        ratios.append(copied / sealed)
        figure("cp + sync", size / MIB / copied, "MB/s", round=number)
        figure("seal (hash, encrypt, sync, read back, ledger)", size / MIB / sealed, "MB/s", round=number)
        shutil.rmtree(work / f"copy{number}")
        shutil.rmtree(work / f"store{number}")
    figure("seal throughput / cp + sync", statistics.median(ratios), "ratio", rounds=rounds)


def timed(work: Callable[[list[Path], Path], None], frames: list[Path], into: Path) -> float:
    """Seconds that a call takes."""
    began = time.monotonic()
    work(frames, into)
    return time.monotonic() - began


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--frames", type=int, default=100)
    parser.add_argument("--dir", type=Path, help="where the files go; default: a temporary folder")
    parser.add_argument("--only", choices=["seal", "kiosk"])
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=args.dir, prefix="medkiosk-bench-") as folder:
        work = Path(folder)
        make_card(work / "camera", args.frames, fast=True)
        frames = sorted((work / "camera").rglob("*.JPG"))
        sizes = [path.stat().st_size / MIB for path in frames]
        figure(
            "frames", len(frames), "files", smallest_mb=round(min(sizes), 1), largest_mb=round(max(sizes), 1)
        )
        if args.only != "kiosk":
            seal_run(frames, work)
        if args.only != "seal":
            kiosk_run(frames, work / "camera", work)
    return 0


if __name__ == "__main__":
    sys.exit(main())
