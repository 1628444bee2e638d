"""Run with a unit's settings: try what its process must not be able to do; print what happened as JSON.

Each answer is "ok" or the name of the error. Written for the standard library alone.
"""

from __future__ import annotations

import ctypes
import errno
import json
import mmap
import os
import resource
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path

libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
NEWUSER, NEWNET, NEWNS = 0x10000000, 0x40000000, 0x00020000
AF = {"unix": 1, "inet": 2, "inet6": 10, "netlink": 16, "packet": 17, "bluetooth": 31, "alg": 38, "vsock": 40}
_TOP = (
    "/etc", "/usr", "/var", "/var/lib", "/var/tmp", "/run", "/tmp", "/dev/shm", "/home", "/root", "/srv",
    "/mnt", "/boot", "/opt",
)  # fmt: skip


def tried(act: Callable[[], object]) -> str:
    try:
        act()
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, str(error))
    return "ok"


def call(number: int, *arguments: object) -> str:
    done = libc.syscall(ctypes.c_long(number), *arguments)
    return "ok" if done >= 0 else errno.errorcode[ctypes.get_errno()]


def in_child(act: Callable[[], str]) -> str:
    """What a process of its own gets, which may be left changed or be killed by it."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.write(write, act().encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as out:
        said = out.read()
    _, status = os.waitpid(pid, 0)
    return said or signal.Signals(os.WTERMSIG(status)).name


def anonymous(protection: int) -> mmap.mmap:
    return mmap.mmap(-1, 4096, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=protection)


def sockets() -> dict[str, str]:
    kinds = {AF["netlink"]: socket.SOCK_RAW, AF["packet"]: socket.SOCK_RAW, AF["alg"]: socket.SOCK_SEQPACKET}

    def opened(family: int) -> str:
        return tried(lambda: socket.socket(family, kinds.get(family, socket.SOCK_STREAM)).close())

    return {name: opened(family) for name, family in AF.items()}


def interfaces() -> list[str]:
    try:
        return [name for _, name in socket.if_nameindex()]
    except OSError:
        return []


def lists(folder: str) -> str:
    return tried(lambda: list(Path(folder).iterdir()))


def status(*names: str) -> list[str]:
    lines = Path("/proc/self/status").read_text().splitlines()
    return [line.split()[1] for line in lines if line.startswith(names)]


def make_suid() -> None:
    path = Path("/tmp/probe-suid")
    path.touch()
    path.chmod(0o4755)


def connects(path: str) -> str:
    def act() -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as made:
            made.settimeout(5)
            made.connect(path)

    return tried(act)


def writable() -> list[str]:
    found = []
    for top in _TOP:
        path = Path(top) / "probe-was-here"
        try:
            path.write_text("x")
        except OSError:
            continue
        path.unlink()
        found.append(top)
    return found


def main() -> None:
    words = ctypes.c_char_p(b"none")
    read_write_execute = mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC
    others = (int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit())
    found = {
        "uid": os.getuid(),
        "sockets": sockets(),
        "interfaces": interfaces(),
        "lists": {path: lists(path) for path in sys.argv[1].split(",")},
        "connects": {path: connects(path) for path in sys.argv[2].split(",")},
        "writable": writable(),
        "processes": sorted(number for number in others if number != os.getpid()),
        "devices": sorted(path.name for path in Path("/dev").iterdir()),
        "mknod": tried(lambda: os.mknod("/tmp/probe-node", 0o600 | 0o060000, os.makedev(8, 0))),
        "user namespace": in_child(lambda: call(272, ctypes.c_int(NEWUSER))),
        "network namespace": in_child(lambda: call(272, ctypes.c_int(NEWNET))),
        "mount namespace": in_child(lambda: call(272, ctypes.c_int(NEWNS))),
        "mount": in_child(
            lambda: call(165, words, ctypes.c_char_p(b"/tmp"), ctypes.c_char_p(b"tmpfs"), 0, None)
        ),
        "ptrace": in_child(lambda: call(101, 16, 1, None, None)),
        "bpf": in_child(lambda: call(321, 0, None, 0)),
        "setuid": in_child(lambda: tried(lambda: os.setuid(0 if os.getuid() else 1))),
        "chroot": in_child(lambda: tried(lambda: os.chroot("/tmp"))),
        "clock": in_child(lambda: call(227, 0, None)),
        "host name": in_child(lambda: call(170, ctypes.c_char_p(b"x"), 1)),
        "modules": in_child(lambda: call(175, None, 0, words)),
        "kexec": in_child(lambda: call(246, 0, 0, None, 0)),
        "io_uring": in_child(lambda: call(425, 0, None)),
        "personality": in_child(lambda: call(135, 0x0400000)),
        "real time": in_child(
            lambda: tried(lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1)))
        ),
        "suid": in_child(lambda: tried(make_suid)),
        "writable code": in_child(lambda: tried(lambda: anonymous(read_write_execute))),
        "core": str(resource.getrlimit(resource.RLIMIT_CORE)[1]),
        "capabilities": status("CapEff", "CapBnd"),
        "no new privileges": status("NoNewPrivs"),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
