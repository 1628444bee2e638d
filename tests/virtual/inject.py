"""Stop or fail a process at its N-th durable operation, counted over all its threads.

The kernel asks us before each of these system calls (seccomp user notification, `seccomp(2)`), in the order
in which they are made, whichever thread makes them. We let it go on, answer it with an error, kill the
process before the operation happens, or do it ourselves in its place and say that it failed. Nothing in the
program under test knows of it, SQLite's own calls are seen too, and no tracer slows the rest down.

    with Injector(folder, at=17, errno=errno.EIO) as injector:
        subprocess.run([*injector.prefix, "program", "argument"])

As a program (``python -m tests.virtual.inject SOCKET PROGRAM ...``) it puts the filter on itself, hands the
listening descriptor over and becomes the program.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import mmap
import os
import select
import signal
import socket
import struct
import sys
import tempfile
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

_BY_DESCRIPTOR = ("write", "pwrite64", "ftruncate", "fsync", "fdatasync", "syncfs", "sync_file_range")
_BY_NAME = {
    "rename": "pp",
    "renameat": "dpdp",
    "renameat2": "dpdpf",
    "link": "pp",
    "linkat": "dpdpf",
    "unlink": "p",
    "unlinkat": "dpf",
}
"""What the arguments are: a path, the descriptor of a folder, flags."""
_MAX_PATH = 4096

_LD_NR, _JEQ, _RET = 0x20, 0x15, 0x06  # BPF: load a word, jump if equal, return
_NOTIFY, _ALLOW = 0x7FC00000, 0x7FFF0000
_SET_FILTER, _NEW_LISTENER = 1, 1 << 3
_RECV, _SEND, _CONTINUE = 0xC0502100, 0xC0182101, 1
_NO_NEW_PRIVS = 38
_PIDFD_GETFD = 438
_REQUEST, _ANSWER = struct.Struct("=QIIiIQ6Q"), struct.Struct("=QqiI")


def _numbers() -> dict[int, str]:
    import pyseccomp

    found = {
        pyseccomp.resolve_syscall(pyseccomp.Arch.NATIVE, name): name for name in (*_BY_DESCRIPTOR, *_BY_NAME)
    }
    return {number: name for number, name in found.items() if number >= 0}


class Injector:
    """Counts the durable operations of one process below ``folder``; see the module.

    Args:
        folder: only operations on files below it count.
        at: which one, from 1; 0 for none, to count them.
        error: what to answer it with; 0 kills the process.
        sticky: the same answer to every one from there on: a disk that stays full.
        done: it is done, and answered with the error all the same.

    Attributes:
        path: where a process that shall be counted connects (`confess`).
        made: the operations so far, as ``name path``.
        struck: whether it came to the chosen one.
    """

    def __init__(
        self, folder: Path, *, at: int = 0, error: int = 0, sticky: bool = False, done: bool = False
    ) -> None:
        self.made: list[str] = []
        self.struck = False
        self._folder = str(folder)
        self._at, self._error, self._sticky, self._done = at, error, sticky, done
        self._names = _numbers()
        self._runtime = tempfile.TemporaryDirectory(prefix="inject-")
        self.path = Path(self._runtime.name) / "s"
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(str(self.path))
        self._server.listen(1)
        self.prefix = [sys.executable, "-m", "tests.virtual.inject", str(self.path)]
        self._leave, self._leaving = os.pipe()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._leaving)
        self._thread.join(10)
        os.close(self._leave)
        self._server.close()
        self._runtime.cleanup()

    def _run(self) -> None:
        waiting: list[socket.socket | int] = [self._server, self._leave]
        if self._server not in select.select(waiting, [], [])[0]:
            return
        connection, _ = self._server.accept()
        message, [listener], _, _ = socket.recv_fds(connection, 16, 1)
        process = int(message)
        connection.close()
        poll = select.poll()
        poll.register(listener, select.POLLIN)
        poll.register(self._leave, select.POLLIN | select.POLLHUP)
        try:
            while True:
                ready = dict(poll.poll())
                if self._leave in ready or ready.get(listener, 0) & (select.POLLHUP | select.POLLERR):
                    return
                if ready.get(listener, 0) & select.POLLIN:
                    self._one(listener, process)
        finally:
            os.close(listener)

    def _one(self, listener: int, process: int) -> None:
        buffer = bytearray(_REQUEST.size)
        try:
            fcntl.ioctl(listener, _RECV, buffer)
        except FileNotFoundError:
            return  # the thread was killed while it waited
        id_, thread, _, number, _, _, *arguments = _REQUEST.unpack(buffer)
        name = self._names[number]
        error = self._decide(name, thread, arguments, process)
        if error and self._done:
            try:
                _do(name, number, process, arguments)
            except OSError as failed:  # as it would have without us
                error = failed.errno or errno.EIO
        answer = _ANSWER.pack(id_, 0, -error, 0) if error else _ANSWER.pack(id_, 0, 0, _CONTINUE)
        try:
            fcntl.ioctl(listener, _SEND, bytearray(answer))
        except FileNotFoundError:
            return

    def _decide(self, name: str, thread: int, arguments: list[int], process: int) -> int:
        where = self._where(name, thread, arguments)
        if where is None:
            return 0
        self.made.append(f"{name} {where}")
        here = len(self.made)
        if not self._at or here < self._at or (here > self._at and not self._sticky):
            return 0
        self.struck = True
        if self._error:
            return self._error
        os.kill(process, signal.SIGKILL)
        return 0

    def _where(self, name: str, thread: int, arguments: list[int]) -> str | None:
        """Which file of the folder is meant; None for any other."""
        if name in _BY_NAME:
            return "(by name)"
        try:
            path = str(Path(f"/proc/{thread}/fd/{arguments[0]}").readlink())
        except OSError:
            return None
        return path.removeprefix(self._folder) if path.startswith(self._folder) else None


def _do(name: str, number: int, process: int, arguments: list[int]) -> None:
    """Make a system call of another process in its place, on its own open files.

    Raises:
        OSError: it did not succeed.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    pidfd = os.pidfd_open(process)
    opened = [pidfd]

    def its(descriptor: int) -> int:
        opened.append(_checked(libc.syscall(_PIDFD_GETFD, pidfd, descriptor, 0)))
        return opened[-1]

    try:
        if (shape := _BY_NAME.get(name)) is not None:
            ours: list[ctypes.c_char_p | int] = []
            here = True  # a path that does not begin at the root begins in its working directory
            for kind, value in zip(shape, arguments, strict=False):
                at = ctypes.c_int(value & 0xFFFFFFFF).value
                if kind == "p":
                    path = _memory(process, value, _MAX_PATH).partition(b"\0")[0]
                    if here and not path.startswith(b"/"):
                        path = b"/proc/%d/cwd/%s" % (process, path)
                    ours.append(ctypes.c_char_p(path))
                else:
                    here = at < 0
                    ours.append(its(at) if kind == "d" and at >= 0 else at)
            _checked(libc.syscall(number, *ours))
            return
        descriptor = its(arguments[0])
        if name in ("write", "pwrite64"):
            length = arguments[2]
            with mmap.mmap(-1, length) as aligned:  # as O_DIRECT wants it
                aligned[:] = _memory(process, arguments[1], length)
                if name == "write":
                    wrote = os.write(descriptor, aligned)
                else:
                    wrote = os.pwrite(descriptor, aligned, arguments[3])
            assert wrote == length
        else:
            _checked(libc.syscall(number, descriptor, *map(ctypes.c_long, arguments[1:4])))
    finally:
        for each in opened:
            os.close(each)


def _memory(process: int, address: int, length: int) -> bytes:
    """That much of a process's memory, or what of it there is."""
    with Path(f"/proc/{process}/mem").open("rb", buffering=0) as memory:
        memory.seek(address)
        return memory.read(length)


def _checked(result: int) -> int:
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def confess(path: str) -> None:
    """Ask the injector behind ``path`` before each such system call of this process from now on.

    Raises:
        OSError: the kernel does not do this.
    """
    numbers = _numbers()
    program = [(_LD_NR, 0, 0, 0)]
    program += [(_JEQ, len(numbers) - at, 0, number) for at, number in enumerate(numbers)]
    program += [(_RET, 0, 0, _ALLOW), (_RET, 0, 0, _NOTIFY)]
    code = b"".join(struct.pack("=HBBI", *line) for line in program)
    held = ctypes.create_string_buffer(code)
    fprog = struct.pack("@HP", len(program), ctypes.addressof(held))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")
    import pyseccomp

    seccomp = pyseccomp.resolve_syscall(pyseccomp.Arch.NATIVE, "seccomp")
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(path)
    listener = libc.syscall(seccomp, _SET_FILTER, _NEW_LISTENER, ctypes.c_char_p(fprog))
    if listener < 0:
        raise OSError(ctypes.get_errno(), "seccomp")
    socket.send_fds(connection, [str(os.getpid()).encode()], [listener])
    connection.close()
    os.close(listener)


def works() -> bool:
    """Whether the kernel asks here."""
    import subprocess

    with tempfile.TemporaryDirectory() as folder, Injector(Path(folder)) as injector:
        script = f"import os; f = os.open({folder!r} + '/x', os.O_CREAT | os.O_RDWR); os.fsync(f)"
        done = subprocess.run(
            [*injector.prefix, sys.executable, "-c", script],
            cwd=Path(__file__).resolve().parents[2],
            capture_output=True,
            timeout=20,
            check=False,
        )
        return done.returncode == 0 and injector.made == ["fsync /x"]


if __name__ == "__main__":
    confess(sys.argv[1])
    os.execvp(sys.argv[2], sys.argv[2:])
