"""Landlock by system call: no file system, no TCP, no signals or abstract sockets to the outside.

Documentation/userspace-api/landlock.rst of the kernel. A ruleset that handles every right it knows of and
allows none, or to read below one folder. Files that are open already stay usable, which is all that a worker
needs.
"""

from __future__ import annotations

import ctypes
import os

from medkiosk.redact.detectors import Layer

_CREATE_RULESET = 444
_ADD_RULE = 445
_RESTRICT_SELF = 446
_PATH_BENEATH = 1
_READ_FILE_AND_FOLDER = 0b1100
_VERSION_FLAG = 1
_SCOPE_ABSTRACT_SOCKETS = 1 << 0
_SCOPE_SIGNALS = 1 << 1
_NET_BIND_AND_CONNECT = 0b11


class _Ruleset(ctypes.Structure):
    _fields_ = (
        ("handled_access_fs", ctypes.c_uint64),
        ("handled_access_net", ctypes.c_uint64),
        ("scoped", ctypes.c_uint64),
    )


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed_access", ctypes.c_uint64), ("parent_fd", ctypes.c_int32))


def _file_rights(abi: int) -> int:
    bits = 13  # ABI 1: execute to make_sym
    bits += abi >= 2  # refer
    bits += abi >= 3  # truncate
    bits += abi >= 5  # ioctl_dev
    return (1 << bits) - 1


def restrict(readable: int | None = None) -> Layer:
    """Take every right away that this kernel's Landlock knows of; PR_SET_NO_NEW_PRIVS must be set.

    Args:
        readable: an open folder below which files and folders may still be read.

    Returns:
        The layers that are active now; none where the kernel has no Landlock or forbids it.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    abi = libc.syscall(
        ctypes.c_long(_CREATE_RULESET), None, ctypes.c_size_t(0), ctypes.c_uint32(_VERSION_FLAG)
    )
    if abi < 1:
        return Layer(0)
    rules = _Ruleset(_file_rights(abi), 0, 0)
    active = Layer.LANDLOCK_FILES
    size = 8
    if abi >= 4:
        rules.handled_access_net = _NET_BIND_AND_CONNECT
        active |= Layer.LANDLOCK_NETWORK
        size = 16
    if abi >= 6:
        rules.scoped = _SCOPE_ABSTRACT_SOCKETS | _SCOPE_SIGNALS
        active |= Layer.LANDLOCK_SCOPE
        size = 24
    ruleset = libc.syscall(
        ctypes.c_long(_CREATE_RULESET), ctypes.byref(rules), ctypes.c_size_t(size), ctypes.c_uint32(0)
    )
    if ruleset < 0:
        return Layer(0)
    try:
        if readable is not None and not _allow(libc, ruleset, readable):
            return Layer(0)
        if libc.syscall(ctypes.c_long(_RESTRICT_SELF), ctypes.c_int(ruleset), ctypes.c_uint32(0)):
            return Layer(0)
    finally:
        os.close(ruleset)
    return active


def _allow(libc: ctypes.CDLL, ruleset: int, readable: int) -> bool:
    beneath = _Beneath(_READ_FILE_AND_FOLDER, readable)
    added = libc.syscall(
        ctypes.c_long(_ADD_RULE),
        ctypes.c_int(ruleset),
        ctypes.c_int(_PATH_BENEATH),
        ctypes.byref(beneath),
        ctypes.c_uint32(0),
    )
    return bool(added == 0)
