"""Runs a program that asks for a passphrase on the terminal."""

from __future__ import annotations

import os
import pty
import select
import time
from collections.abc import Mapping, Sequence
from pathlib import Path


def on_terminal(
    command: Sequence[str], cwd: Path, passphrase: str, env: Mapping[str, str] | None = None
) -> tuple[int, str]:
    """Run a command on a terminal of its own; type ``passphrase`` when it asks. Gives status and output.

    Raises:
        TimeoutError: it did not end within 60 s.
    """
    pid, terminal = pty.fork()
    if pid == 0:
        try:
            os.chdir(cwd)
            os.execvpe(command[0], list(command), dict(env if env is not None else os.environ))
        finally:
            os._exit(127)
    shown, asked, deadline = b"", False, time.monotonic() + 60
    while True:
        if time.monotonic() > deadline:
            os.kill(pid, 9)
            os.waitpid(pid, 0)
            raise TimeoutError(f"{command[0]} did not end: {shown!r}")
        if select.select([terminal], [], [], 0.5)[0]:
            try:
                data = os.read(terminal, 4096)
            except OSError:  # the terminal's other end is closed
                data = b""
            if not data:
                break
            shown += data
        if not asked and b"passphrase" in shown.lower():
            os.write(terminal, passphrase.encode() + b"\n")
            asked = True
    os.close(terminal)
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status), shown.decode(errors="replace")
