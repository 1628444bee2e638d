"""The tlog-tiles layout: where hashes and entries stand, and the right edge that grows. Pure.

Only the edge is held in memory: for each tile level the hashes of its last, partial tile, and the entries
of the last, partial bundle.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from medkiosk.ledger import merkle
from medkiosk.ledger.merkle import HASH_SIZE

WIDTH = 256
HEIGHT = 8

Tile = Callable[[int, int], bytes]
"""``tile(level, number)``: the bytes of a full tile."""


def tile_path(kind: int | str, number: int, width: int) -> str:
    """Return the path of a tile or (``kind = "entries"``) bundle below the log's folder.

    Args:
        kind: tile level, or ``entries``.
        number: of the tile within its level.
        width: 256 for a full one, 1 to 255 for a partial one.
    """
    digits = f"{number:03d}"
    digits = "0" * (-len(digits) % 3) + digits
    groups = [digits[i : i + 3] for i in range(0, len(digits), 3)]
    path = "/".join([*(f"x{group}" for group in groups[:-1]), groups[-1]])
    return f"tile/{kind}/{path}" + ("" if width == WIDTH else f".p/{width}")


def levels(size: int) -> Iterator[tuple[int, int, int]]:
    """Yield (level, full tiles, width of the partial tile) for each tile level of a tree."""
    level = 0
    while count := size >> (HEIGHT * level):
        yield level, count // WIDTH, count % WIDTH
        level += 1


def pack(leaf: bytes) -> bytes:
    """Return an entry as it stands in a bundle."""
    return len(leaf).to_bytes(2, "big") + leaf


def unpack(bundle: bytes) -> list[bytes]:
    """Return the entries of a bundle.

    Raises:
        ValueError: it ends inside an entry.
    """
    entries = []
    at = 0
    while at < len(bundle):
        end = at + 2 + int.from_bytes(bundle[at : at + 2], "big")
        if at + 2 > len(bundle) or end > len(bundle):
            raise ValueError("a bundle that ends inside an entry")
        entries.append(bundle[at + 2 : end])
        at = end
    return entries


def split(tile: bytes) -> list[bytes]:
    """Return the hashes of a tile."""
    return [tile[i : i + HASH_SIZE] for i in range(0, len(tile), HASH_SIZE)]


class Edge:
    """The right edge of a tree. A value: `grown` returns another one."""

    def __init__(self, size: int, hashes: list[list[bytes]], bundle: bytes) -> None:
        """Take the partial tile of each level (maybe empty) and the partial bundle."""
        self.size = size
        self.hashes = hashes
        self.bundle = bundle

    def grown(self, leaves: list[bytes]) -> tuple[Edge, dict[str, bytes]]:
        """Append leaves; return the new edge and the files to write, by path."""
        hashes = [list(row) for row in self.hashes]
        bundle = bytearray(self.bundle)
        files: dict[str, bytes] = {}
        changed: set[int] = set()
        size = self.size
        for leaf in leaves:
            bundle += pack(leaf)
            size += 1
            carry: bytes | None = merkle.leaf_hash(leaf)
            level = 0
            while carry is not None:
                if level == len(hashes):
                    hashes.append([])
                row = hashes[level]
                row.append(carry)
                changed.add(level)
                carry = None
                if len(row) == WIDTH:
                    number = (size >> (HEIGHT * (level + 1))) - 1
                    files[tile_path(level, number, WIDTH)] = b"".join(row)
                    if level == 0:
                        files[tile_path("entries", number, WIDTH)] = bytes(bundle)
                        bundle.clear()
                    carry = merkle.fold(row)
                    row.clear()
                    level += 1
        for level, full, width in levels(size):
            if width and level in changed:
                files[tile_path(level, full, width)] = b"".join(hashes[level])
        if size % WIDTH and leaves:
            files[tile_path("entries", size // WIDTH, size % WIDTH)] = bytes(bundle)
        return Edge(size, hashes, bytes(bundle)), files

    def node(self, tile: Tile) -> merkle.Node:
        """Return a reader of subtree hashes: partial tiles from here, full ones from ``tile``."""

        def node(level: int, index: int) -> bytes:
            tile_level, within = divmod(level, HEIGHT)
            first = index << within
            number, offset = divmod(first, WIDTH)
            if number == (self.size >> (HEIGHT * tile_level)) // WIDTH:
                row = self.hashes[tile_level][offset : offset + (1 << within)]
            else:
                data = tile(tile_level, number)
                row = split(data[offset * HASH_SIZE : (offset + (1 << within)) * HASH_SIZE])
            return merkle.fold(row)

        return node
