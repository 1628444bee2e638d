"""The worker process itself: what it does before it reads anything."""

from __future__ import annotations

import subprocess
import sys

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
