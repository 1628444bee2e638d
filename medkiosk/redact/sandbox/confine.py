"""What a worker takes away from itself, after its models are loaded and before it sees the first image.

Each layer is tried on its own and reported in READY: in a container or under systemd some are set already
or forbidden, and a worker with fewer layers still works; who uses it decides what is enough. In production
systemd's unit adds its own layers around this.
"""

from __future__ import annotations

import ctypes
import resource
import signal
from pathlib import Path

from medkiosk.redact.detectors import Layer
from medkiosk.redact.sandbox import landlock, seccomp

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_NO_NEW_PRIVS = 38
_CLONE_NEWNS = 0x00020000
_CLONE_NEWIPC = 0x08000000
_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000
_CAPABILITY_VERSION_3 = 0x20080522
_PAGE = resource.getpagesize()


class _CapabilityHeader(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


def address_space() -> int:
    """Bytes of address space in use; needs /proc, so ask before `confine`."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * _PAGE


def confine(readable: int | None = None) -> Layer:
    """Shut the worker in, for itself and all its children, for good.

    Args:
        readable: an open folder that it goes on reading; none for a worker that reads no files.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    active = Layer(0)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0:
        active |= Layer.NO_NEW_PRIVILEGES
    if _unshare(libc):
        active |= Layer.NAMESPACES
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    active |= Layer.NO_CORE
    # After the namespaces: a process that is not dumpable cannot enter a user namespace on every kernel.
    if libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) == 0:
        active |= Layer.NOT_DUMPABLE
    if _drop_capabilities(libc):
        active |= Layer.NO_CAPABILITIES
    active |= landlock.restrict(readable)
    if seccomp.filter_worker(files=readable is not None):
        active |= Layer.SECCOMP
    return active


def confine_child(memory: int) -> None:
    """Shut one photo's process in further: no children, no signals, nothing to read, bounded memory.

    Args:
        memory: largest address space it may have, bytes.

    Raises:
        OSError, ValueError: a limit cannot be set.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    landlock.restrict()
    seccomp.filter_child()


def _unshare(libc: ctypes.CDLL) -> bool:
    """Leave the network and the other namespaces, as a user if that is allowed, else as root can."""
    spaces = _CLONE_NEWNET | _CLONE_NEWIPC | _CLONE_NEWNS
    return bool(libc.unshare(_CLONE_NEWUSER | spaces) == 0 or libc.unshare(spaces) == 0)


def _drop_capabilities(libc: ctypes.CDLL) -> bool:
    """Empty the three capability sets (capset(2), two 32-bit halves of each)."""
    header = _CapabilityHeader(_CAPABILITY_VERSION_3, 0)
    sets = (ctypes.c_uint32 * 6)()
    return bool(libc.capset(ctypes.byref(header), sets) == 0)
