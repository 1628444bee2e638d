"""The hash of a file as its device returns it, for checking what was written long ago."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

CHUNK = 1 << 20
_AHEAD = 8 << 20


def sha256_of(path: Path) -> bytes:
    """Return the SHA-256 of a file, read from the device, and leave nothing of it in the page cache.

    The kernel is asked for what comes next while this much is hashed, so that neither waits for the other.

    Raises:
        OSError: it is no plain file, or cannot be read.
    """
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_SEQUENTIAL)
        os.posix_fadvise(fd, 0, _AHEAD, os.POSIX_FADV_WILLNEED)
        hash_ = hashlib.sha256()
        buffer = bytearray(CHUNK)
        view = memoryview(buffer)
        at = 0
        while count := os.readv(fd, [buffer]):
            at += count
            os.posix_fadvise(fd, at + _AHEAD - CHUNK, CHUNK, os.POSIX_FADV_WILLNEED)
            hash_.update(view[:count])
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        return hash_.digest()
    finally:
        os.close(fd)
