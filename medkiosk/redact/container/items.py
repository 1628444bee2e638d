"""The items of a HEIF file: which is the picture, its parts, its properties, its bytes. Pure and bounded.

ISO/IEC 14496-12, 8.11 (meta, pitm, iloc, iinf, iref) and 23008-12, 9.3 (iprp: ipco, ipma).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from medkiosk.core.photo import RedactCode
from medkiosk.redact.container.isobmff import Box, boxes, child, find, number, truncated
from medkiosk.redact.errors import ContainerError

_MAX_ITEMS = 1024
_MAX_EXTENTS = 64
_IN_FILE, _IN_IDAT = 0, 1


class Property(NamedTuple):
    """One property of an item; a reader that does not know an essential one must not show the item."""

    box: Box
    essential: bool


@dataclass(frozen=True)
class Item:
    """One item: its number, its type (``hvc1``, ``grid``) and its properties in order."""

    id: int
    type: bytes
    properties: tuple[Property, ...]

    def property(self, type_: bytes) -> memoryview | None:
        """The body of the first property of a type, or None."""
        return find([entry.box for entry in self.properties], type_)


class _Extent(NamedTuple):
    start: int
    size: int


class _Place(NamedTuple):
    method: int
    extents: tuple[_Extent, ...]


@dataclass(frozen=True)
class Items:
    """All that is needed to get at the picture."""

    primary: Item
    _file: memoryview
    _idat: memoryview
    _all: dict[int, Item]
    _places: dict[int, _Place]
    _derived: dict[int, tuple[int, ...]]

    def parts(self, item: Item) -> list[Item]:
        """The items that an item is derived from, in order (references ``dimg``).

        Raises:
            ContainerError: TRUNCATED when one is not there.
        """
        return [_get(self._all, id_) for id_ in self._derived.get(item.id, ())]

    def data(self, item: Item) -> memoryview:
        """An item's bytes: a view where they lie together, else a copy.

        Raises:
            ContainerError: TRUNCATED when they are not all there, UNSUPPORTED for a construction by items.
        """
        place = self._places.get(item.id)
        if place is None or not place.extents:
            raise truncated(f"item {item.id} is nowhere")
        if place.method not in {_IN_FILE, _IN_IDAT}:
            raise ContainerError(RedactCode.UNSUPPORTED, "an item made of other items' bytes")
        source = self._file if place.method == _IN_FILE else self._idat
        pieces = []
        for start, size in place.extents:
            # A size of 0 is "to the end", which no camera writes for a picture.
            if not size or start + size > len(source):
                raise truncated(f"{size} bytes at {start} of {len(source)}")
            pieces.append(source[start : start + size])
        if len(pieces) == 1:
            return pieces[0]
        if sum(len(piece) for piece in pieces) > len(source):
            raise truncated("extents that overlap")
        return memoryview(b"".join(pieces))


def read_items(meta: list[Box], file: memoryview) -> Items:
    """Read the boxes of a ``meta`` box.

    Args:
        meta: its boxes.
        file: the whole file, in which items have their bytes.

    Raises:
        ContainerError: TRUNCATED or UNSUPPORTED.
    """

    def body(type_: bytes) -> memoryview:
        found = find(meta, type_)
        if found is None:
            raise truncated(f"no {type_!r}")
        return found

    properties = boxes(child(body(b"iprp"), b"ipco"))
    of_item = dict(_associations(child(body(b"iprp"), b"ipma"), properties))
    items = {id_: Item(id_, type_, of_item.get(id_, ())) for id_, type_ in _entries(body(b"iinf"))}
    pitm = body(b"pitm")
    return Items(
        primary=_get(items, number(pitm, 4, 4 if number(pitm, 0, 1) else 2)),
        _file=file,
        _idat=find(meta, b"idat") or memoryview(b""),
        _all=items,
        _places=dict(_places(body(b"iloc"))),
        _derived=dict(_derivations(find(meta, b"iref"))),
    )


def _get(items: dict[int, Item], id_: int) -> Item:
    if id_ not in items:
        raise truncated(f"no item {id_}")
    return items[id_]


def _bounded(count: int, most: int) -> int:
    if count > most:
        raise ContainerError(RedactCode.UNSUPPORTED, f"{count} where {most} are enough")
    return count


def _entries(iinf: memoryview) -> Iterator[tuple[int, bytes]]:
    """Number and type of each item; entries of the old versions 0 and 1 have no type and are no pictures."""
    for box in boxes(iinf[8 if number(iinf, 0, 1) else 6 :]):
        version = number(box.body, 0, 1)
        if box.type == b"infe" and version >= 2:
            size = 4 if version == 3 else 2
            yield number(box.body, 4, size), bytes(box.body[6 + size : 10 + size])


def _associations(ipma: memoryview, properties: list[Box]) -> Iterator[tuple[int, tuple[Property, ...]]]:
    version, wide = number(ipma, 0, 1), number(ipma, 3, 1) & 1
    id_size, index_size = 2 if version == 0 else 4, 2 if wide else 1
    top_bit = 8 * index_size - 1
    at = 8
    for _ in range(_bounded(number(ipma, 4, 4), _MAX_ITEMS)):
        id_, count = number(ipma, at, id_size), number(ipma, at + id_size, 1)
        at += id_size + 1
        found = []
        for _ in range(count):
            value = number(ipma, at, index_size)
            index = value & ((1 << top_bit) - 1)
            at += index_size
            if index > len(properties):
                raise truncated(f"no property {index}")
            if index:  # 0: no property
                found.append(Property(properties[index - 1], bool(value >> top_bit)))
        yield id_, tuple(found)


def _places(iloc: memoryview) -> Iterator[tuple[int, _Place]]:
    version = number(iloc, 0, 1)
    sizes = number(iloc, 4, 2)
    offset_size, length_size, base_size, index_size = (sizes >> shift & 15 for shift in (12, 8, 4, 0))
    if version == 0:
        index_size = 0
    if version > 2 or any(
        size not in {0, 4, 8} for size in (offset_size, length_size, base_size, index_size)
    ):
        raise ContainerError(RedactCode.UNSUPPORTED, "another kind of iloc")
    id_size = 4 if version == 2 else 2
    at = 6 + id_size
    for _ in range(_bounded(number(iloc, 6, id_size), _MAX_ITEMS)):
        id_ = number(iloc, at, id_size)
        at += id_size
        method = number(iloc, at, 2) & 15 if version else _IN_FILE
        at += 2 if version else 0
        other_file = number(iloc, at, 2)
        base = number(iloc, at + 2, base_size)
        count = _bounded(number(iloc, at + 2 + base_size, 2), _MAX_EXTENTS)
        at += 4 + base_size
        extents = []
        for _ in range(count):
            at += index_size
            start = base + number(iloc, at, offset_size)
            extents.append(_Extent(start, number(iloc, at + offset_size, length_size)))
            at += offset_size + length_size
        yield id_, _Place(method, () if other_file else tuple(extents))


def _derivations(iref: memoryview | None) -> Iterator[tuple[int, tuple[int, ...]]]:
    if iref is None:
        return
    size = 4 if number(iref, 0, 1) else 2
    for box in boxes(iref[4:]):
        count = _bounded(number(box.body, size, 2), _MAX_ITEMS)
        if box.type == b"dimg":
            ids = (number(box.body, size + 2 + size * index, size) for index in range(count))
            yield number(box.body, 0, size), tuple(ids)
