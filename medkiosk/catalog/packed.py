"""What is known of each capture, packed small: of a hundred thousand of them few are looked at.

A capture's events are kept as compressed MessagePack (raw deflate with a dictionary of what all of them have
in common), about 650 bytes instead of five kilobytes of objects, and are unpacked when somebody asks. Those
that changed last stay open, because events about one capture come close together.
"""

from __future__ import annotations

import zlib
from collections import OrderedDict

import msgspec

from medkiosk.catalog.holdings import Capture, Detail
from medkiosk.core import events as ev
from medkiosk.core.ids import KIOSK, CaptureId, ImportId, ObjectId
from medkiosk.core.photo import Box, Category, Decision, Finding, ImageRole, MediaKind, RedactCode
from medkiosk.core.quality import Quality

_OPEN = 1024
_WBITS = -12  # raw deflate with a window of 4 KiB, twice the largest common capture
_LEVEL = 1
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Detail).decode


class Shelf:
    """Opens and packs captures. Belongs to one catalogue and, like it, to one thread at a time."""

    def __init__(self) -> None:
        self._open: OrderedDict[int, Capture] = OrderedDict()

    def add(self, capture: Capture, detail: Detail) -> None:
        """Take in a new capture."""
        capture.detail = detail
        self._open[capture.number] = capture
        if len(self._open) > _OPEN:
            _, oldest = self._open.popitem(last=False)
            oldest.packed, oldest.detail = packed(oldest), None

    def change(self, capture: Capture) -> Detail:
        """The detail of a capture, to be changed."""
        if capture.detail is not None:
            return capture.detail
        detail = _unpack(capture)
        capture.packed = b""
        self.add(capture, detail)
        return detail

    def drop(self, capture: Capture) -> None:
        """Let go of a capture that is no longer in the catalogue."""
        self._open.pop(capture.number, None)


def detail_of(capture: Capture) -> Detail:
    """What is known of a capture, to be read only."""
    return capture.detail if capture.detail is not None else _unpack(capture)


def packed(capture: Capture) -> bytes:
    """A capture's detail, packed; the same bytes for the same detail."""
    return _pack(capture, capture.detail) if capture.detail is not None else capture.packed


def _pack(capture: Capture, detail: Detail) -> bytes:
    squeeze = zlib.compressobj(_LEVEL, zlib.DEFLATED, _WBITS, zdict=_dictionary(capture))
    return squeeze.compress(_encode(detail)) + squeeze.flush()


def _unpack(capture: Capture) -> Detail:
    """The detail of a capture that is packed.

    Raises:
        ValueError: something else wrote it.
    """
    try:
        opened = zlib.decompressobj(_WBITS, zdict=_dictionary(capture))
        return _decode(opened.decompress(capture.packed))
    except zlib.error as error:
        raise ValueError("not a packed capture") from error


def _dictionary(capture: Capture) -> bytes:
    """What a capture's bytes are compressed against: its own ids are in most of its events."""
    return _COMMON + capture.import_id.encode() + capture.capture_id.encode()


def _sample() -> Detail:
    """A capture as most of them are: its bytes are what the others are compressed against."""
    at, none = "2026-01-01T00:00:00.000Z", ""
    capture_id, import_id, object_id = CaptureId(none), ImportId(none), ObjectId(none)
    original = ev.OriginalSealed(
        at=at, actor=KIOSK, import_id=import_id, capture_id=capture_id, object_id=object_id,
        storage="store_00010001", folder="/store_00010001/DCIM/100CANON", file="IMG_0001.JPG",
        size=8_000_000, mtime=1_780_000_000, media=MediaKind.JPEG,
    )  # fmt: skip
    raw = msgspec.structs.replace(original, file="IMG_0001.CR3", media=MediaKind.CR3)
    finding = Finding(Category.FACE, Box(1000, 1000, 100, 100), "centerface/1", none, 900, Decision.MASK)
    text = msgspec.structs.replace(finding, category=Category.TEXT)
    revision = ev.Redacted(
        at=at, actor=KIOSK, capture_id=capture_id, original_id=object_id, derivative_id=object_id,
        preview_id=object_id, revision=1, width=5472, height=3648, preview_width=1368, preview_height=912,
        code=RedactCode.OK, findings=(text, finding), policy=none,
        quality=Quality(500, 500, 500, 500, 500, 500, 500),
    )  # fmt: skip
    return Detail(
        originals=(raw, original),
        revisions=(revision,),
        approved=ev.Approved(at=at, actor=KIOSK, capture_id=capture_id, revision=1, derivative_id=object_id),
        said=ev.RoleGiven(at=at, actor=KIOSK, capture_id=capture_id, role=ImageRole.SLATE),
        seen=ev.SlateSeen(at=at, actor=KIOSK, capture_id=capture_id, slates=(), foreign=0),
    )


_COMMON = _encode(_sample())
