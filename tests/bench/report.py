"""One JSON line a figure, and what the kernel says about a process and its workers."""

from __future__ import annotations

import json
import os
import statistics
import threading
from collections.abc import Sequence
from pathlib import Path

import psutil

MIB = 1 << 20
_TICK = os.sysconf("SC_CLK_TCK")


missed: list[str] = []
"""Names of the figures so far that are not what they must be."""


def figure(name: str, value: float, unit: str, **more: object) -> None:
    """Print one figure. With ``met=False`` among ``more`` it is remembered as `missed`."""
    if more.get("met") is False:
        missed.append(name)
    print(json.dumps({"figure": name, "value": round(value, 3), "unit": unit, **more}), flush=True)


def left_out(name: str, why: str) -> None:
    """Say loudly that a figure could not be measured; there is a line of it all the same."""
    print(json.dumps({"figure": name, "value": None, "left_out": why}), flush=True)


def median(name: str, ratios: Sequence[float], most: float, **more: object) -> None:
    """Print the median of ratios that were taken round by round, beside the most that it may be."""
    value = statistics.median(ratios)
    rounds = [round(ratio, 3) for ratio in ratios]
    figure(name, value, "ratio", most=most, met=value <= most, rounds=rounds, **more)


def cpu_s(pid: int) -> float:
    """CPU seconds of a process, and of its children that have ended and been waited for."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / _TICK


def peak_bytes(pid: int) -> int:
    """The most resident memory that a process ever had (VmHWM)."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    found = [int(line.split()[1]) for line in lines if line.startswith("VmHWM:")]
    return found[0] * 1024 if found else 0


class Peaks:
    """Watches the peak resident memory of the daemon and its workers, by role."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._stop = threading.Event()
        self.bytes: dict[str, int] = {}
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self) -> dict[str, int]:
        """End it; the most of each role, bytes."""
        self._stop.set()
        self._thread.join()
        return self.bytes

    def _watch(self) -> None:
        # A process keeps its own peak, so what is missed between two looks is at most its very end.
        while not self._stop.wait(0.2):
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
            peak = peak_bytes(pid)
        except OSError:
            return  # it has just ended
        self.bytes[role] = max(self.bytes.get(role, 0), peak)
