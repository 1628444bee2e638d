"""A card with faults, made of a real folder: `RunningCard`. What the virtual camera is for cameras.

=====================  =======================================================================
``bad-sector=N[:AT]``  512 bytes of file N from AT on cannot be read (EIO)
``short=N[:BYTES]``    file N ends after BYTES (default: half), whatever size it says it has
``long=N``             file N goes on after the size that it says it has
``grow=N``             file N grows while it is read
``flip=N[:AT]``        one bit of file N is wrong whenever it is read; no error tells of it
``flip-once=N[:AT]``   the same, but only the first time that this part is read
``gone=N``             name N is listed and not there (file or folder)
``bad-folder=N``       the names in folder N, after the first, cannot be read (EIO)
``vanish-at=BYTES``    pulled out after that many bytes of all files
``stall=BYTES``        silent for good after that many bytes of all files
=====================  =======================================================================
"""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from tests.virtual import fuse

_SECTOR = 512

ONE_FILE = ("bad-sector", "short", "long", "grow", "gone")
"""Faults of one file that are told of."""
SILENT = ("flip", "flip-once")
FAULTS = (*ONE_FILE, *SILENT, "bad-folder", "vanish-at", "stall")


class RunningCard:
    """A folder, mounted at another place with these faults.

    Args:
        root: the folder; read whenever the card is.
        at: where it is mounted.
        faults: ``NAME=ARGUMENT``, as above.
    """

    def __init__(self, root: Path, at: Path, faults: Sequence[str] = ()) -> None:
        self._source = root
        self.root = at
        self._mounted = ExitStack()
        self._start(faults)

    def stop(self) -> None:
        """Pull it out; harmless when it is already out."""
        self._over.set()
        self._mounted.close()

    def restart(self, faults: Sequence[str] = ()) -> None:
        """Put it in again, at the same place, with these faults."""
        self.stop()
        self._start(faults)

    def _start(self, faults: Sequence[str]) -> None:
        self._over = threading.Event()
        self._left: dict[str, int] = {}
        self._named: dict[str, dict[str, int | None]] = {}
        for text in faults:
            fault, _, argument = text.partition("=")
            if fault not in FAULTS:
                raise ValueError(f"no such fault: {fault}")
            name, _, number = argument.partition(":")
            if fault in ("vanish-at", "stall"):
                self._left[fault] = int(argument)
            else:
                self._named.setdefault(name, {})[fault] = int(number) if number else None
        self._mounted.enter_context(fuse.mounted(self._folder(self._source), self.root))

    def _folder(self, path: Path) -> fuse.Folder:
        made: dict[bytes, fuse.Node | None] = {}
        for inner in sorted(path.iterdir()):
            made[os.fsencode(inner.name)] = self._folder(inner) if inner.is_dir() else self._file(inner)
        listed = [
            (name, None if "gone" in self._faults(os.fsdecode(name)) else node) for name, node in made.items()
        ]
        fails_after = 1 if "bad-folder" in self._faults(path.name) else None
        return fuse.Folder(lambda: listed, fails_after=fails_after)

    def _faults(self, name: str) -> dict[str, int | None]:
        return self._named.get(name, {})

    def _file(self, path: Path) -> fuse.File:
        size = path.stat().st_size
        faults = self._faults(path.name)

        def at(fault: str) -> int:
            given = faults[fault]
            return min(size // 2, max(0, size - 1)) if given is None else given

        def read(offset: int, count: int) -> bytes:
            with path.open("rb") as stream:
                block = bytearray(os.pread(stream.fileno(), count, offset))
            if (
                "bad-sector" in faults
                and offset < at("bad-sector") + _SECTOR
                and offset + count > at("bad-sector")
            ):
                raise OSError(errno.EIO, "bad sector")
            if "short" in faults:
                del block[max(0, at("short") - offset) :]
            if "long" in faults:
                block += bytes(count - len(block))
            if "grow" in faults:
                file.size += 1
                block += bytes(count - len(block))
            for flip in SILENT:
                if flip in faults and offset <= at(flip) < offset + len(block):
                    block[at(flip) - offset] ^= 1
                    if flip == "flip-once":
                        del faults[flip]
            self._sent(len(block))
            return bytes(block)

        file = fuse.File(size, read)
        return file

    def _sent(self, count: int) -> None:
        for fault, left in list(self._left.items()):
            self._left[fault] = left - count
            if self._left[fault] < 0 and fault == "vanish-at":
                fuse.pull_out(self.root)
            elif self._left[fault] < 0:
                self._over.wait()
                raise OSError(errno.EIO, "let go")
