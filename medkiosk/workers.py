"""Start workers: as subprocesses on two pipes, or by connecting to a socket that systemd listens on."""

from __future__ import annotations

import contextlib
import io
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, BinaryIO, cast

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_PIPE_BYTES = 1 << 20
_BUFFER_BYTES = 64 << 10
GRACE_S = 3.0
_LOOK_S = 0.01
_KEPT_ENVIRONMENT = ("PATH", "LANG", "LC_ALL", "TZ", "PYTHONPATH", "COVERAGE_PROCESS_START")


class _UntilKilled(io.RawIOBase):
    """A pipe from a process, which ends when it is told to, too.

    A process that waits inside the kernel for a device keeps its end of the pipe open, killed or not.
    """

    def __init__(self, pipe: IO[bytes]) -> None:
        self._pipe = pipe
        self._closing = threading.Lock()
        self._ended = os.eventfd(0, os.EFD_CLOEXEC)
        self._poll = select.poll()
        for descriptor in (pipe.fileno(), self._ended):
            self._poll.register(descriptor, select.POLLIN)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        ready = {descriptor for descriptor, _ in self._poll.poll()}
        return 0 if self._ended in ready else os.readv(self._pipe.fileno(), [buffer])

    def end(self) -> None:
        with self._closing:
            if not self.closed:
                os.eventfd_write(self._ended, 1)

    def close(self) -> None:
        with self._closing:
            if not self.closed:
                os.close(self._ended)
                self._pipe.close()
            super().close()


class ProcessChannel:
    """A worker that is our child: frames on its stdin and stdout, a process group of its own.

    Args:
        arguments: its command line.
        environment: what it gets besides the few variables that every worker keeps.
        stderr: where its complaints go.
        grace_s: how long `close` waits for its end before it is killed, and again after that, seconds.
        descriptors: what it gets open besides its pipes, under the same numbers.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        environment: Mapping[str, str] | None = None,
        stderr: IO[bytes] | int = subprocess.DEVNULL,
        grace_s: float = GRACE_S,
        descriptors: Sequence[int] = (),
    ) -> None:
        self._grace_s = grace_s
        kept = {name: os.environ[name] for name in _KEPT_ENVIRONMENT if name in os.environ}
        self.process = subprocess.Popen(
            list(arguments),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            env={**kept, **(environment or {})},
            cwd="/",
            close_fds=True,
            pass_fds=descriptors,
            start_new_session=True,
        )
        self._stdout = _UntilKilled(cast("IO[bytes]", self.process.stdout))
        self.reader = cast("BinaryIO", io.BufferedReader(self._stdout, _BUFFER_BYTES))
        self.writer = cast("BinaryIO", self.process.stdin)

        self._reaping = threading.Lock()

    def kill(self) -> None:
        """Kill the worker's whole process group; whoever reads from it reads the end at once."""
        self._stdout.end()
        # Until it is reaped, even a dead worker keeps the group's number from being given to anyone else.
        with self._reaping:
            if self.process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self.process.pid, signal.SIGKILL)

    def close(self) -> None:
        """Close the pipes; a worker that does not end by itself in time is killed.

        What it started and left behind is killed with it. One that not even that ends, since it waits inside
        the kernel for a device that does not answer, is left behind: it holds nothing but its device.
        """
        try:
            self.writer.close()
        except BrokenPipeError:
            self.kill()
        self._ends_soon()
        self.kill()
        if self._ends_soon():
            self._reap()
        else:
            threading.Thread(target=self._reap, name="reap-worker", daemon=True).start()
        self.reader.close()

    def _ends_soon(self) -> bool:
        deadline = time.monotonic() + self._grace_s
        while not (ended := self._has_ended(os.WNOHANG)) and time.monotonic() < deadline:
            time.sleep(_LOOK_S)
        return ended

    def _reap(self) -> None:
        self._has_ended()
        with self._reaping:
            self.process.wait()

    def _has_ended(self, options: int = 0) -> bool:
        """Wait for the end (or, with ``WNOHANG``, look), without reaping."""
        try:
            return os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOWAIT | options) is not None
        except ChildProcessError:
            return True  # reaped already


class SocketChannel:
    """A worker that systemd started for this connection (``Accept=yes``)."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._socket.connect(str(path))
        except OSError:
            self._socket.close()
            raise
        self.reader = cast("BinaryIO", self._socket.makefile("rb", _PIPE_BYTES))
        self.writer = cast("BinaryIO", self._socket.makefile("wb", _PIPE_BYTES))

    def kill(self) -> None:
        """Shut the connection, all that can be done from here: the worker is systemd's child, not ours.

        It leaves when it finds its input at the end or its output shut. One that hangs inside a library
        never looks; its unit's ``RuntimeMaxSec=`` ends it.
        """
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
