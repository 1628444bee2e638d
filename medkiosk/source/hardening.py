"""What a source worker does to itself before it touches a device."""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import resource
from typing import BinaryIO

_PR_SET_DUMPABLE = 4
_PR_SET_NO_NEW_PRIVS = 38
_PIPE_BYTES = 1 << 20


def forbid_core_dumps() -> None:
    """No core file, no tracing by others, no new privileges: a photo in memory stays there.

    Raises:
        OSError: the kernel refused.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    libc = ctypes.CDLL(None, use_errno=True)
    for option, value in ((_PR_SET_DUMPABLE, 0), (_PR_SET_NO_NEW_PRIVS, 1)):
        if libc.prctl(option, value, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "prctl")


def private_streams() -> tuple[BinaryIO, BinaryIO]:
    """Take standard input and output for frames and leave `/dev/null` in their places.

    A C library that prints to standard output would otherwise write into the frames.
    """
    reader = os.fdopen(os.dup(0), "rb")
    writer = os.fdopen(os.dup(1), "wb")
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    os.close(null)
    with contextlib.suppress(OSError):  # a socket, or the user's allowance is used up: slower, that is all
        fcntl.fcntl(writer.fileno(), fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    return reader, writer
