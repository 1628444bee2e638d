"""Which records name which capture, encounter, export or account, so that not all are opened. Pure.

Eight bytes for each pair. A key is the CRC-32 of an id, so a few records are found that name another one:
whoever asks opens what is found and looks.
"""

from __future__ import annotations

import sys
import zlib
from array import array
from collections.abc import Iterable

from medkiosk.core.event import Event
from medkiosk.core.ids import KIOSK
from medkiosk.core.named import names, names_actor, plain

_ITEM = "I"


class Trail:
    """Pairs of an id's key and the ``seq`` of a record that names it, in the order of the records."""

    def __init__(self) -> None:
        self._keys = array(_ITEM)
        self._seqs = array(_ITEM)

    def __len__(self) -> int:
        return len(self._seqs)

    def take(self, event: Event, seq: int) -> None:
        """Remember what a record names."""
        type_ = type(event)
        members = plain(type_)
        ids: Iterable[str]
        if members is None or (names_actor(type_) and event.actor != KIOSK):
            ids = set(names(event))
        elif len(members) == 1:
            ids = (getattr(event, members[0]),)
        else:
            ids = {getattr(event, member) for member in members}
        for id_ in ids:
            if id_:
                self._keys.append(_key(id_))
                self._seqs.append(seq)

    def of(self, ids: Iterable[str]) -> list[int]:
        """``seq`` of every record that names one of these, ascending, and of a few others."""
        wanted = {_key(id_) for id_ in ids}
        pairs = zip(self._keys, self._seqs, strict=True)
        return sorted({seq for key, seq in pairs if key in wanted})

    def save(self) -> bytes:
        """Both columns, one after the other, little-endian."""
        return b"".join(_little(column).tobytes() for column in (self._keys, self._seqs))

    def restore(self, data: bytes) -> None:
        """Take what `save` gave.

        Raises:
            ValueError: it cannot be that.
        """
        half, odd = divmod(len(data), 2)
        if odd or half % self._keys.itemsize:
            raise ValueError("not two columns of one length")
        for column, part in ((self._keys, data[:half]), (self._seqs, data[half:])):
            del column[:]
            column.frombytes(part)
            if sys.byteorder == "big":
                column.byteswap()


def _key(id_: str) -> int:
    return zlib.crc32(id_.encode())


def _little(column: array[int]) -> array[int]:
    if sys.byteorder == "big":
        column = column[:]
        column.byteswap()
    return column
