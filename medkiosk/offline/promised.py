"""What the ledger promises: the objects that it names, and what it says was disposed of.

Held in few bytes each, since a store has hundreds of thousands.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from medkiosk.core.ids import is_id
from medkiosk.ledger.entry import Leaf

_MOVED = re.compile(r"epoch=([0-9]{1,18}) envelopes=([0-9]{1,18}) sha256=([0-9a-f]{64})", re.ASCII)
_SIZE = 8
_KINDS = 1 << 16


class Blob(NamedTuple):
    """A blob that must be there; ``size`` is None where the database does not know the object."""

    id: str
    kind: str
    sha256: bytes
    size: int | None


class Blobs:
    """The blobs that must be there, by the folder that they are in: about 200 bytes each."""

    def __init__(self) -> None:
        self._kinds: list[str] = []
        self._folders: tuple[dict[bytes, bytes], ...] = tuple({} for _ in range(256))

    def __len__(self) -> int:
        return sum(map(len, self._folders))

    def add(self, object_id: str, kind: str, sha256: bytes, size: int | None) -> None:
        """Add one. ``sha256`` and ``size`` are of the sealed bytes."""
        if kind not in self._kinds and len(self._kinds) < _KINDS:
            self._kinds.append(kind)
        number = self._kinds.index(kind) if kind in self._kinds else 0
        id_ = bytes.fromhex(object_id)
        packed = number.to_bytes(2, "big")
        packed += (size if size is not None and size >= 0 else (1 << 64) - 1).to_bytes(_SIZE, "big")
        self._folders[id_[0]][id_] = packed + sha256

    def discard(self, id_: bytes) -> None:
        """Take one away: it was disposed of."""
        self._folders[id_[0]].pop(id_, None)

    def get(self, id_: bytes) -> Blob | None:
        """Return one by its id."""
        packed = self._folders[id_[0]].get(id_)
        return None if packed is None else self._unpack(id_, packed)

    def of_folder(self, first: int) -> Iterator[Blob]:
        """Yield those whose id begins with this byte."""
        for id_, packed in self._folders[first].items():
            yield self._unpack(id_, packed)

    def _unpack(self, id_: bytes, packed: bytes) -> Blob:
        kind = self._kinds[int.from_bytes(packed[:2], "big")]
        size = int.from_bytes(packed[2 : 2 + _SIZE], "big")
        return Blob(id_.hex(), kind, packed[2 + _SIZE :], None if size == (1 << 64) - 1 else size)


class Disposed:
    """What the ledger says was destroyed.

    Attributes:
        finished: ids whose blobs are removed, too.
        unfinished: ids whose keys are gone; the rest of it was not logged yet.
        moved: (count, SHA-256) of the moved envelopes of an epoch, as its disposal's entry has them.
    """

    def __init__(self) -> None:
        self.finished: set[bytes] = set()
        self.unfinished: set[bytes] = set()
        self.moved: dict[int, tuple[int, str]] = {}

    def __contains__(self, name: object) -> bool:
        if not (isinstance(name, str) and is_id(name)):
            return False
        key = bytes.fromhex(name)
        return key in self.finished or key in self.unfinished

    def is_finished(self, name: str) -> bool:
        """Tell whether nothing may be left of what has this id."""
        return is_id(name) and bytes.fromhex(name) in self.finished

    def entry(self, leaf: Leaf) -> None:
        """Take the next entry of the ledger."""
        if leaf.type == "disposal.finished":
            # One at a time, so what was destroyed before is what is finished.
            self.finished |= self.unfinished
            self.unfinished = set()
        elif leaf.type == "disposal.destroyed":
            if leaf.disposed is not msgspec.UNSET:
                self.unfinished.update(map(bytes.fromhex, leaf.disposed))
            if found := _MOVED.fullmatch(leaf.note):
                self.moved[int(found[1])] = (int(found[2]), found[3])
