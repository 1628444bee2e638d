"""Work that must not be felt: threads that only get what others leave of processor and disk."""

from __future__ import annotations

import ctypes
import logging
import os
import platform
import threading

_log = logging.getLogger(__name__)
_IOPRIO_SET = {"x86_64": 251, "aarch64": 30}
_WHO_PROCESS = 1
_CLASS_IDLE = 3 << 13
_NICEST = 19
_libc = ctypes.CDLL(None, use_errno=True)


def make_idle() -> None:
    """Give the calling thread the lowest processor priority and the idle class of ioprio_set(2).

    Where the kernel refuses, the work is done all the same.
    """
    thread = threading.get_native_id()
    number = _IOPRIO_SET.get(platform.machine())
    if number is None or _libc.syscall(number, _WHO_PROCESS, thread, _CLASS_IDLE) != 0:
        _log.warning("the disk priority of a thread stays as it is")
    try:
        os.setpriority(os.PRIO_PROCESS, thread, _NICEST)
    except OSError:
        _log.warning("the processor priority of a thread stays as it is")
