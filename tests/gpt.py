"""The GUID partition table of a disk in a file (UEFI 2.10, section 5.3.3)."""

from __future__ import annotations

import struct
import uuid
from pathlib import Path
from typing import NamedTuple

_SECTOR = 512


class Partition(NamedTuple):
    """One line of the table; ``kind`` and ``unique`` as there, the rest in bytes."""

    kind: uuid.UUID
    unique: uuid.UUID
    label: str
    offset: int
    size: int


def read(disk: Path) -> list[Partition]:
    """Return every partition, in the table's order.

    Raises:
        ValueError: there is no such table.
    """
    with disk.open("rb") as file:
        file.seek(_SECTOR)
        header = file.read(92)
        if not header.startswith(b"EFI PART"):
            raise ValueError(f"{disk} has no GUID partition table")
        first, count, length = struct.unpack_from("<QII", header, 72)
        file.seek(first * _SECTOR)
        table = file.read(count * length)
    found = []
    for at in range(0, count * length, length):
        kind, unique = (uuid.UUID(bytes_le=table[at + i : at + i + 16]) for i in (0, 16))
        start, end = struct.unpack_from("<QQ", table, at + 32)
        label = table[at + 56 : at + 128].decode("utf-16-le").rstrip("\0")
        if kind.int:
            found.append(Partition(kind, unique, label, start * _SECTOR, (end + 1 - start) * _SECTOR))
    return found
