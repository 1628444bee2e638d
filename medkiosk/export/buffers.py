"""Memory for large files that is used again and again.

A fresh 10 MiB costs more in page faults than encrypting into it does (measured: 15 ms against 4 ms), and what
begins on a page can be written past the page cache.
"""

from __future__ import annotations

import mmap
import threading
from dataclasses import dataclass

from medkiosk import durable
from medkiosk.durable import CHUNK


@dataclass(frozen=True)
class Block:
    """Bytes in a lent buffer: valid until it is given back."""

    memory: mmap.mmap
    size: int

    @property
    def view(self) -> memoryview:
        """The bytes."""
        return memoryview(self.memory)[: self.size]


class Buffers:
    """Lends buffers; thread-safe. As many are kept as were ever lent at once."""

    def __init__(self) -> None:
        self._free: list[mmap.mmap] = []
        self._lock = threading.Lock()

    def lend(self, size: int) -> Block:
        """Return a buffer of at least so many bytes; what is in it is left from before."""
        with self._lock:
            self._free.sort(key=len)
            for at, memory in enumerate(self._free):
                if len(memory) >= size:
                    del self._free[at]
                    return Block(memory, size)
            if self._free:
                self._free.pop(0)  # too small now: its memory goes when nobody refers to it
        return Block(durable.aligned(-(-max(size, 1) // CHUNK) * CHUNK), size)

    def give_back(self, block: Block) -> None:
        """Take a buffer back; its block must not be used any more."""
        with self._lock:
            self._free.append(block.memory)
