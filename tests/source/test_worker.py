"""The worker process itself: what it does before it reads anything."""

from __future__ import annotations

import io
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from medkiosk.core.frames import read_frame, write_frame
from medkiosk.source.card import CardReader
from medkiosk.source.model import Grant
from medkiosk.source.protocol import FromWorker, RawEntry, ToWorker
from medkiosk.source.worker import serve
from medkiosk.workers import python_worker

_STRAY = """
import os
from medkiosk.source.hardening import private_streams
reader, writer = private_streams()
os.write(1, b"printed by a C library")
os.system("echo printed by a child")
writer.write(b"frame " + reader.read(3))
writer.flush()
"""

_LIMITS = """
import ctypes, resource
from medkiosk.source.hardening import forbid_core_dumps
forbid_core_dumps()
print(resource.getrlimit(resource.RLIMIT_CORE), ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))
"""


def test_stray_output_does_not_reach_the_frames() -> None:
    result = subprocess.run([sys.executable, "-c", _STRAY], input=b"abc", capture_output=True, check=True)
    assert result.stdout == b"frame abc"


def test_no_core_dumps() -> None:
    result = subprocess.run([sys.executable, "-c", _LIMITS], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "(0, 0) 0"


def test_nonsense_from_the_daemon_ends_it(tmp_path: object) -> None:
    command = python_worker("medkiosk.source.worker", "--card", str(tmp_path))
    for nonsense in (b"\xff" * 50, b"\x02\0\0\0\4\0\0\0\7", b"\x01\0\0"):
        result = subprocess.run(command, input=nonsense, capture_output=True, timeout=30, check=False)
        assert result.returncode == 1
        assert result.stderr == b""


def test_the_end_of_the_stream_is_a_normal_end(tmp_path: object) -> None:
    command = python_worker("medkiosk.source.worker", "--card", str(tmp_path))
    result = subprocess.run(command, input=b"", capture_output=True, timeout=30, check=False)
    assert (result.returncode, result.stderr) == (0, b"")


class _Written(io.BytesIO):
    """What the worker wrote, and how much of it was handed on at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.flushed: list[int] = []

    def flush(self) -> None:
        self.flushed.append(self.tell())


class _SlowCard(CardReader):
    """A card that thinks before each entry."""

    def entries(self) -> Iterator[RawEntry]:
        for entry in super().entries():
            time.sleep(0.2)
            yield entry


def _listed(reader: type[CardReader], root: Path, files: int) -> _Written:
    (root / "DCIM/100CANON").mkdir(parents=True)
    for number in range(files):
        (root / f"DCIM/100CANON/IMG_{number + 1:04d}.JPG").write_bytes(b"x")
    asked, written = io.BytesIO(), _Written()
    for request in (ToWorker.LIST, ToWorker.BYE):
        write_frame(asked, request)
    asked.seek(0)
    serve(lambda: (reader(root), Grant.NONE), asked, written)
    written.seek(0)
    types = [frame.type for frame in iter(lambda: read_frame(written), None)]
    assert types == [FromWorker.HELLO, *[FromWorker.ENTRY] * files, FromWorker.LISTED]
    return written


def test_many_entries_are_handed_on_together(tmp_path: Path) -> None:
    assert len(_listed(CardReader, tmp_path, 500).flushed) < 50


def test_entries_of_a_slow_device_are_not_held_back(tmp_path: Path) -> None:
    hello, *between, listed = _listed(_SlowCard, tmp_path, 8).flushed
    assert sum(hello < how_much < listed for how_much in between) >= 2  # it took 1.6 s: three times a half
