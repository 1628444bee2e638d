"""Run by `test_sandbox`: shut this process in as a worker does, then try everything that is forbidden.

Prints one line an attempt: its name, and ``escaped`` or what stopped it.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from medkiosk.redact.sandbox import confine as sandbox

LIBC = ctypes.CDLL(None, use_errno=True)
IO_URING_SETUP, BPF, MEMFD_CREATE, OPEN_BY_HANDLE, USERFAULTFD, KEYCTL = 425, 321, 319, 304, 323, 250


def system_call(number: int, *arguments: object) -> None:
    if LIBC.syscall(ctypes.c_long(number), *arguments) < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def check(result: int) -> None:
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def connect(family: int, kind: int, address: object) -> None:
    with socket.socket(family, kind) as opened:
        opened.connect(address)  # type: ignore[arg-type]


def copy_memory_of_parent() -> None:
    check(LIBC.process_vm_readv(os.getppid(), None, 0, None, 0, 0))


def attempts(readable: Path) -> dict[str, Callable[[], object]]:
    return {
        "read a file": readable.read_bytes,
        "read /etc/passwd": lambda: Path("/etc/passwd").read_bytes(),
        "read /proc/self/maps": lambda: Path("/proc/self/maps").read_bytes(),
        "read a device": lambda: Path("/dev/urandom").open("rb"),
        "write a file": lambda: readable.with_name("new").write_bytes(b"x"),
        "list a folder": lambda: list(Path("/").iterdir()),
        "look at a file": lambda: readable.stat(),
        "rename": lambda: readable.rename(readable.with_name("other")),
        "delete": readable.unlink,
        "make a folder": lambda: readable.with_name("folder").mkdir(),
        "change mode": lambda: readable.chmod(0o777),
        "change folder": lambda: os.chdir("/"),
        "memory file": lambda: os.memfd_create("x"),
        "TCP socket": lambda: connect(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 9)),
        "UDP socket": lambda: connect(socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 9)),
        "Unix socket": lambda: connect(socket.AF_UNIX, socket.SOCK_STREAM, "\0abstract"),
        "raw netlink": lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW),
        "run a program": lambda: subprocess.run([sys.executable, "-c", ""], check=True),
        "replace myself": lambda: os.execv("/bin/true", ["true"]),
        "ptrace": lambda: check(LIBC.ptrace(16, os.getppid(), None, None)),
        "read a process": copy_memory_of_parent,
        "mount": lambda: check(LIBC.mount(b"none", b"/mnt", b"tmpfs", 0, None)),
        "unshare": lambda: check(LIBC.unshare(0x10000000)),
        "io_uring": lambda: system_call(
            IO_URING_SETUP, ctypes.c_uint(1), ctypes.byref((ctypes.c_uint * 30)())
        ),
        "bpf": lambda: system_call(BPF, ctypes.c_int(0), None, ctypes.c_uint(0)),
        "memfd by number": lambda: system_call(MEMFD_CREATE, b"x", ctypes.c_uint(0)),
        "userfaultfd": lambda: system_call(USERFAULTFD, ctypes.c_int(0)),
        "keyring": lambda: system_call(KEYCTL, ctypes.c_int(0), ctypes.c_int(-3), ctypes.c_int(0)),
        "be root": lambda: os.setuid(0),
    }


def child_attempts(parent: int) -> dict[str, Callable[[], object]]:
    return {
        "fork": os.fork,
        "signal the parent": lambda: os.kill(parent, 0),
        "signal anybody": lambda: os.kill(1, 0),
        "read the daemon's pipe": lambda: os.read(0, 1),
        "raise a limit": lambda: resource.setrlimit(resource.RLIMIT_AS, (1 << 40, 1 << 40)),
        "be dumpable again": lambda: check(LIBC.prctl(4, 1, 0, 0, 0)),
        "take too much memory": lambda: mmap.mmap(-1, 1 << 34),
    }


def attempt_all(attempts: dict[str, Callable[[], object]], prefix: str) -> None:
    for name, attempt in attempts.items():
        try:
            attempt()
            outcome = "escaped"
        except (OSError, ValueError, MemoryError) as error:
            outcome = type(error).__name__
        os.write(1, f"{prefix}{name}: {outcome}\n".encode())


def main() -> None:
    readable = Path(sys.argv[1])
    readable.read_bytes()
    baseline = sandbox.address_space()
    layers = sandbox.confine()
    os.write(1, f"layers: {int(layers)}\n".encode())
    attempt_all(attempts(readable), "")
    parent = os.getpid()
    child = os.fork()
    if child == 0:
        sandbox.confine_child(baseline + (256 << 20))
        attempt_all(attempts(readable) | child_attempts(parent), "child: ")
        os.write(1, b"child: still here\n")
        os._exit(0)
    os.waitpid(child, 0)
    # What a worker must still be able to do.
    other = os.fork()
    if other == 0:
        while True:
            pass
    os.kill(other, signal.SIGKILL)
    os.waitpid(other, 0)
    os.write(1, b"still works\n")


if __name__ == "__main__":
    main()
