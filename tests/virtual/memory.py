"""A card that is a file system of its own, in memory. Mounting it needs root."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="mounting a file system needs root")

_MS_RDONLY, _MS_REMOUNT, _MNT_DETACH = 1, 32, 2
_libc = ctypes.CDLL(None, use_errno=True)


@contextmanager
def memory_card(at: Path) -> Iterator[Path]:
    """Mount a fresh one at a folder until the block ends."""
    _mount(at, 0, b"size=16m")
    try:
        yield at
    finally:
        assert _libc.umount2(os.fsencode(at), _MNT_DETACH) == 0


def set_lock_switch(card: Path) -> None:
    """From now on it can only be read."""
    _mount(card, _MS_REMOUNT | _MS_RDONLY, b"")


def _mount(at: Path, flags: int, options: bytes) -> None:
    assert _libc.mount(b"card", os.fsencode(at), b"tmpfs", flags, options) == 0
