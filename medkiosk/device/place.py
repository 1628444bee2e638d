"""What is at a path right now: tells one card from another that was put into the same place."""

from __future__ import annotations

import ctypes
import os
import struct

_AT_FDCWD = -100
_STATX_INO = 0x100
_STATX_MNT_ID = 0x1000
_STATX_MNT_ID_UNIQUE = 0x4000
_STATX_BYTES = 256
_MASK = struct.Struct("=I")
_INODE = struct.Struct("=Q")
_PLACE = struct.Struct("=IIQ")  # device major, minor, mount id
_MASK_AT, _INODE_AT, _PLACE_AT = 0, 32, 136

_libc = ctypes.CDLL(None, use_errno=True)


def identity_of(path: str) -> str:
    """Return a text that differs when another directory, or another file system, is at this path.

    Device and inode alone do not tell two cards in one reader apart: FAT's root always has inode 1, and the
    reader's slot keeps its device number. The number of the mount does: since Linux 6.8 the kernel gives it
    out once and never again (statx(2), STATX_MNT_ID_UNIQUE); an older kernel's number may come again.

    Raises:
        OSError: nothing is there.
    """
    buffer = ctypes.create_string_buffer(_STATX_BYTES)
    wanted = _STATX_INO | _STATX_MNT_ID | _STATX_MNT_ID_UNIQUE
    if _libc.statx(_AT_FDCWD, os.fsencode(path), 0, wanted, buffer) != 0:
        raise OSError(ctypes.get_errno(), "statx")
    (mask,) = _MASK.unpack_from(buffer, _MASK_AT)
    (inode,) = _INODE.unpack_from(buffer, _INODE_AT)
    major, minor, mount = _PLACE.unpack_from(buffer, _PLACE_AT)
    return f"{major}:{minor}:{inode}:{mount if mask & (_STATX_MNT_ID | _STATX_MNT_ID_UNIQUE) else 0}"
