"""Workers that are our children: ended with all that they started, and nobody else is hit."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from medkiosk.workers import ProcessChannel


def gone(pid: int) -> bool:
    """Whether a process has ended (a zombie that nobody collects counts)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_a_worker_that_was_collected_is_not_killed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    # Its number may be another process group's by now.
    channel = ProcessChannel([sys.executable, "-c", "input()"])
    channel.close()
    assert channel.process.returncode is not None
    killed: list[int] = []
    monkeypatch.setattr(os, "killpg", lambda pid, _: killed.append(pid))
    channel.kill()
    channel.close()
    assert killed == []


def test_what_a_worker_left_behind_ends_with_it() -> None:
    code = "import subprocess as s; print(s.Popen(['sleep', '60'], stdout=s.DEVNULL).pid, flush=True)"
    channel = ProcessChannel([sys.executable, "-c", code])
    child = int(channel.reader.readline())
    channel.close()
    deadline = time.monotonic() + 5
    while not gone(child) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert gone(child)


def test_a_worker_that_does_not_leave_is_killed() -> None:
    channel = ProcessChannel([sys.executable, "-c", "import time; time.sleep(60)"], grace_s=0.3)
    channel.close()
    assert channel.process.returncode == -signal.SIGKILL


def test_a_worker_that_leaves_by_itself_is_not_killed() -> None:
    channel = ProcessChannel([sys.executable, "-c", "import sys; sys.stdin.read(); sys.exit(7)"])
    channel.close()
    assert channel.process.returncode == 7
