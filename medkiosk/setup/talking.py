"""A program that does its work as the daemon's user, and is talked to in JSON, a line each.

Over pipes: passphrases and the words of sheets are in no file and no argument list. Where the set-up ends in
the middle, the program is killed.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import pwd
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from medkiosk.core.errors import KioskError
from medkiosk.setup.errors import StepFailedError

MOST = 1 << 16
"""Bytes of a line."""
_PR_SET_PDEATHSIG = 1
Say = Callable[..., None]
Hear = Callable[[], dict[str, Any]]


@contextlib.contextmanager
def talking(
    program: Sequence[str], user: str | None, step: str, failed: type[KioskError] = StepFailedError
) -> Iterator[tuple[Say, Hear]]:
    """Start a program; give what is said to it and what it answers. It has ended when the block has.

    Args:
        program: its command line.
        user: who it is; None for whoever calls.
        step: what it does, for the words of an error.
        failed: the error.

    Raises:
        KioskError: ``failed``: it said so, or ended early.
    """
    process = subprocess.Popen(
        program,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        user=user,
        group=user,
        extra_groups=_groups(user) if user else None,
        cwd="/" if user else None,
    )
    to, of = process.stdin, process.stdout
    if to is None or of is None:  # they are, with PIPE
        raise failed(step=step, detail="no pipes")

    def say(**values: object) -> None:
        to.write(json.dumps(values).encode() + b"\n")
        to.flush()

    def hear() -> dict[str, Any]:
        line = of.readline(MOST)
        if not line:
            raise failed(step=step, detail="its process ended early")
        said: dict[str, Any] = json.loads(line)
        if "error" in said:
            raise failed(step=step, detail=str(said["message"]))
        return said

    try:
        yield say, hear
    except BrokenPipeError as error:
        raise failed(step=step, detail="its process ended early") from error
    finally:
        with contextlib.suppress(BrokenPipeError):  # what could not be said to it
            to.close()
        of.close()
        process.wait()


def _groups(user: str) -> list[int]:
    """Those of the user, as systemd gives them to the daemon: one opens the TPM."""
    return os.getgrouplist(user, pwd.getpwnam(user).pw_gid)


def begun() -> dict[str, Any]:
    """In such a program: die with whoever started it, and return the first thing that was said."""
    # After the power is cut nothing is undone either, so it need not be undone here.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    os.umask(0o077)
    asked: dict[str, Any] = json.loads(sys.stdin.buffer.readline(MOST))
    return asked


def answer_with(**values: object) -> None:
    """In such a program: say something."""
    sys.stdout.buffer.write(json.dumps(values).encode() + b"\n")
    sys.stdout.buffer.flush()
