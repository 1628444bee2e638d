"""Walk the boxes of an ISO base media file (ISO/IEC 14496-12, section 4.2): CR3, HEIF. Pure and bounded.

Nothing here recurses: who reads a format goes down along a path of box types that it names, so a file
cannot choose how deep it is read. Bodies are views of the file, never copies.
"""

from __future__ import annotations

from typing import NamedTuple

from medkiosk.core.photo import RedactCode
from medkiosk.redact.errors import ContainerError

MAX_BOXES = 512
"""In one container. An R6's file has at most 12 in one; a HEIF picture needs one for each tile."""

_UUID = b"uuid"


class Box(NamedTuple):
    """One box.

    Attributes:
        type: four bytes; for a ``uuid`` box these four, not its user type.
        user: the 16 bytes of a ``uuid`` box's user type, else empty.
        body: what follows the header, a view of the file.
    """

    type: bytes
    user: bytes
    body: memoryview


def truncated(detail: str) -> ContainerError:
    """The error for a file that ends early or contradicts itself."""
    return ContainerError(RedactCode.TRUNCATED, detail)


def number(data: memoryview, at: int, size: int) -> int:
    """An unsigned big-endian integer.

    Raises:
        ContainerError: TRUNCATED, it reaches over the end.
    """
    if at + size > len(data):
        raise truncated(f"a number at {at} reaches over the end")
    return int.from_bytes(data[at : at + size], "big")


def boxes(data: memoryview, *, file: bool = False) -> list[Box]:
    """The boxes that lie side by side in a file or in a container's body.

    Args:
        data: the file, or a body from where its first box starts.
        file: this is the file itself, whose last box may have size 0: it reaches to the end.

    Raises:
        ContainerError: TRUNCATED when a box reaches over the end, is smaller than its header, or bytes are
            left over; UNSUPPORTED when there are more than `MAX_BOXES`.
    """
    found: list[Box] = []
    at = 0
    while at < len(data):
        if len(found) == MAX_BOXES:
            raise ContainerError(RedactCode.UNSUPPORTED, f"more than {MAX_BOXES} boxes in one")
        header, size = _size(data, at, file=file)
        type_, user = bytes(data[at + 4 : at + 8]), b""
        if type_ == _UUID:
            user = bytes(data[at + header : at + header + 16])
            header += 16
        if size < header or at + size > len(data):
            raise truncated(f"box {type_!r} of {size} bytes at {at}")
        found.append(Box(type_, user, data[at + header : at + size]))
        at += size
    return found


def _size(data: memoryview, at: int, *, file: bool) -> tuple[int, int]:
    """Length of a box's header before any user type, and of the whole box."""
    size = number(data, at, 4)
    number(data, at + 4, 4)
    if size == 1:
        return 16, number(data, at + 8, 8)
    if size == 0 and file:
        return 8, len(data) - at
    return 8, size


def child(parent: memoryview, *path: bytes) -> memoryview:
    """The body of the first box at a path of types.

    Raises:
        ContainerError: TRUNCATED when there is none, or as `boxes`.
    """
    for type_ in path:
        body = find(boxes(parent), type_)
        if body is None:
            raise truncated(f"no {type_!r}")
        parent = body
    return parent


def find(among: list[Box], type_: bytes, user: bytes = b"") -> memoryview | None:
    """The body of the first box of a type (and user type) among some, or None."""
    return next((box.body for box in among if box.type == type_ and box.user == user), None)


def complete(data: memoryview) -> bool:
    """Whether a file starts with ``ftyp`` and its boxes end exactly where it ends.

    A copy that lost its end does not pass, unless it was cut exactly between two boxes: a file format that
    must have a certain box (``mdat``) is to be asked for it too.
    """
    try:
        found = boxes(data, file=True)
    except ContainerError:
        return False
    return bool(found) and found[0].type == b"ftyp"
