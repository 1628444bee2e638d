"""A TPM in software (swtpm), for what keeps secrets in one; its memory is a folder that outlives a stop."""

from __future__ import annotations

import contextlib
import shutil
import socket
import struct
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Self

AVAILABLE = shutil.which("swtpm") is not None
NEEDED = "swtpm is not installed"
OWNERS = 1 << 1 | 1 << 17
"""Attributes of an index that is read and written with the owner's authorisation."""


class SoftTpm:
    """One TPM, running until `stop`; ``path`` is where it is spoken to, as to ``/dev/tpmrm0``.

    Args:
        state: its memory; made if it is not there.
    """

    def __init__(self, state: Path) -> None:
        state.mkdir(exist_ok=True)
        self._state = state
        self._socket = tempfile.TemporaryDirectory(prefix="tpm-")  # a socket's path must be short
        self.path = Path(self._socket.name) / "tpm"
        self._child: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        """Switch it on."""
        self.path.unlink(missing_ok=True)
        self._child = subprocess.Popen(
            [
                *("swtpm", "socket", "--tpm2", "--tpmstate", f"dir={self._state}"),
                *("--server", f"type=unixio,path={self.path}"),
                *("--flags", "not-need-init,startup-clear"),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        end = time.monotonic() + 30
        while not self._listens():  # the socket is there a moment before anybody may connect
            if self._child.poll() is not None or time.monotonic() > end:
                raise RuntimeError("swtpm does not start")
            time.sleep(0.01)

    def _listens(self) -> bool:
        try:
            with spoken_to(self.path):
                return True
        except (FileNotFoundError, ConnectionRefusedError):
            return False

    def stop(self) -> None:
        """Pull the plug."""
        if self._child is not None:
            self._child.kill()
            self._child.wait()
            self._child = None

    def memory(self) -> bytes:
        """All that it remembers."""
        return b"".join(path.read_bytes() for path in sorted(self._state.iterdir()) if path.is_file())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._socket.cleanup()


class Cut:
    """A line to a TPM that breaks at one command: before the TPM has it, or after it did what it says.

    Args:
        to: the TPM's socket.
        path: where this one listens.
        after: at which command, from 1, over all connections.
        persisted: whether that one still gets there.
    """

    def __init__(self, to: Path, path: Path, *, after: int, persisted: bool) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="cut-")
        self.path = Path(self._folder.name) / path.name
        self.happened = False
        self._to, self._left, self._persisted = to, after, persisted
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(str(self.path))
        self._listening.listen()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listening.close()
        self._folder.cleanup()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):  # how listening ends
            while True:
                near, _ = self._listening.accept()
                with near, socket.socket(socket.AF_UNIX) as far:
                    far.connect(str(self._to))
                    while (command := near.recv(4096)) and self._passes(command, near, far):
                        pass

    def _passes(self, command: bytes, near: socket.socket, far: socket.socket) -> bool:
        self._left -= 1
        if cut := self._left == 0:
            self.happened = True
            if not self._persisted:
                return False
        far.sendall(command)
        answer = far.recv(4096)
        if not cut:
            near.sendall(answer)
        return not cut


@contextlib.contextmanager
def spoken_to(path: Path) -> Iterator[socket.socket]:
    """A line to a TPM."""
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(str(path))
        yield line


def define(line: socket.socket, handle: int, *, size: int, attributes: int = 1 << 2 | 1 << 18) -> None:
    """TPM2_NV_DefineSpace with the owner's empty password."""
    public = struct.pack(">IHIHH", handle, 0x000B, attributes, 0, size)
    body = struct.pack(">IIIHBH", 0x40000001, 9, 0x40000009, 0, 0, 0) + struct.pack(">HH", 0, len(public))
    _asked(line, 0x8002, 0x12A, body + public)


def handles(line: socket.socket, first: int, count: int) -> list[int]:
    """TPM2_GetCapability for the NV indices from one handle on."""
    answer = _asked(line, 0x8001, 0x17A, struct.pack(">III", 1, first, count))
    (found,) = struct.unpack_from(">I", answer, 15)
    return list(struct.unpack_from(f">{found}I", answer, 19))


def _asked(line: socket.socket, tag: int, code: int, body: bytes) -> bytes:
    line.sendall(struct.pack(">HII", tag, 10 + len(body), code) + body)
    answer = line.recv(4096)
    if code_ := int.from_bytes(answer[6:10], "big"):
        raise RuntimeError(f"the TPM refused: {code_:#x}")
    return answer
