"""Start workers: as subprocesses on two pipes, or by connecting to a socket that systemd listens on."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, BinaryIO, cast

_PIPE_BYTES = 1 << 20
_GRACE_S = 3.0
_KEPT_ENVIRONMENT = ("PATH", "LANG", "LC_ALL", "TZ", "PYTHONPATH", "COVERAGE_PROCESS_START")


class ProcessChannel:
    """A worker that is our child: frames on its stdin and stdout, a process group of its own."""

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        environment: Mapping[str, str] | None = None,
        stderr: IO[bytes] | int = subprocess.DEVNULL,
    ) -> None:
        kept = {name: os.environ[name] for name in _KEPT_ENVIRONMENT if name in os.environ}
        self.process = subprocess.Popen(
            list(arguments),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            env={**kept, **(environment or {})},
            cwd="/",
            close_fds=True,
            start_new_session=True,
        )
        self.reader = cast("BinaryIO", self.process.stdout)
        self.writer = cast("BinaryIO", self.process.stdin)

    def kill(self) -> None:
        """Kill the worker's whole process group."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return

    def close(self) -> None:
        """Close the pipes; a worker that does not end by itself within three seconds is killed."""
        try:
            self.writer.close()
        except BrokenPipeError:
            self.kill()
        try:
            self.process.wait(_GRACE_S)
        except subprocess.TimeoutExpired:
            self.kill()
            self.process.wait()
        self.reader.close()


class SocketChannel:
    """A worker that systemd started for this connection (``Accept=yes``)."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.connect(str(path))
        self.reader = cast("BinaryIO", self._socket.makefile("rb", _PIPE_BYTES))
        self.writer = cast("BinaryIO", self._socket.makefile("wb", _PIPE_BYTES))

    def kill(self) -> None:
        """Shut the connection; the unit's stop rules end the worker."""
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # it is not connected any more: nothing is left to end

    def close(self) -> None:
        """Close the connection."""
        self.kill()
        self.reader.close()
        with contextlib.suppress(BrokenPipeError):  # what was not yet sent was for a worker that is gone
            self.writer.close()
        self._socket.close()


def python_worker(module: str, *arguments: str) -> list[str]:
    """The command line that runs one of our worker modules with this interpreter.

    ``-I`` keeps the working directory and user site out of ``sys.path``.
    """
    return [sys.executable, "-I", "-m", module, *arguments]
