"""Does a file end where its own structure ends? A second opinion beside the byte count, in passing.

A device can give exactly as many bytes as it announced and still give half a picture: an announced size of
a file that was never written to its end, zeros where a read failed. What a picture says of itself is
independent of that: a JPEG ends with EOI (ITU-T T.81, B.2.1), a file of boxes (CR3, HIF, MP4; ISO/IEC
14496-12, 4.2) is as long as its top-level boxes. Only the skeleton is looked at, block by block, with a few
bytes held back; nothing is decoded. A flipped bit inside the picture is not seen here. The work is bounded: a
file of more parts than any camera writes is `Shape.UNKNOWN`.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from enum import IntEnum

from medkiosk.core.dcf import media_extension
from medkiosk.source.model import Shape


class Form(IntEnum):
    """What a file's name promises of its structure."""

    ANY = 0
    JPEG = 1
    BOXES = 2


_FORMS = {
    "JPG": Form.JPEG,
    "THM": Form.JPEG,
    "CR3": Form.BOXES,
    "HIF": Form.BOXES,
    "MP4": Form.BOXES,
    "CRM": Form.BOXES,
}
_SOI = b"\xff\xd8"
_EOI = b"\xff\xd9"
_SOI_OR_EOI = re.compile(rb"\xff[\xd8\xd9]")  # 0.4 ns a byte; two searches by `find`: 1.9
_NOT_ZERO = re.compile(rb"[^\0]")
_FILL = re.compile(rb"\xff+")
_RST0, _RST7, _TEM = 0xD0, 0xD7, 0x01
_SOS = 0xDA
_BOX = struct.Struct(">I4s")
_LONG_BOX = struct.Struct(">I4sQ")
_MORE = -1  # a step needs bytes that have not come yet
_MOST_PARTS = 10_000
"""Segments and boxes that are followed in one file: 0.03 s of the processor at most. A camera's file has some
60 of them at most; who makes thousands wants to keep the kiosk busy."""


def _is_all_coded(block: bytes | bytearray | memoryview) -> bool:
    """Whether the scan neither ends in this block nor may end across its last byte."""
    return block[-1] != _EOI[0] and _SOI_OR_EOI.search(block) is None


def form_of(name: str) -> Form:
    """What a file of this name should be built like."""
    return _FORMS.get(media_extension(name) or "", Form.ANY)


class Whole:
    """Follows one file's structure while its bytes pass.

    Args:
        form: what its name promises; another beginning than that is `Shape.BROKEN`.
    """

    def __init__(self, form: Form = Form.ANY) -> None:
        self._form = form
        self._held = b""
        self._skip = 0
        self._parts = 0
        self._step: Callable[[bytes, int], int] = self._begin
        self._verdict: Shape | None = None

    def update(self, block: bytes | bytearray | memoryview) -> None:
        """Take the next bytes of the file."""
        if self._verdict is not None:
            return
        if self._skip >= len(block):
            self._skip -= len(block)
            return
        if not (self._skip or self._held) and self._step == self._scan and _is_all_coded(block):
            return  # nearly all of a picture passes here, and is not copied
        data = self._held + bytes(memoryview(block)[self._skip :])
        at = 0
        while at < len(data) and self._verdict is None:
            after = self._step(data, at)
            if after == _MORE:
                break
            at = after
        self._skip = max(0, at - len(data))
        self._held = data[at:]

    def shape(self) -> Shape:
        """What can be said when no more bytes follow."""
        if self._verdict is not None:
            return self._verdict
        if self._step == self._begin:
            return Shape.UNKNOWN if self._form is Form.ANY else Shape.CUT
        if self._step == self._rest:
            return Shape.WHOLE
        if self._skip or self._step not in (self._after_eoi, self._box):
            return Shape.CUT
        return Shape.TRAILING if self._held else Shape.WHOLE

    def _part(self, after: int, data: bytes) -> int:
        """Count one part, which ends at ``after``."""
        self._parts += 1
        return self._ends(Shape.UNKNOWN, data) if self._parts > _MOST_PARTS else after

    def _ends(self, verdict: Shape, data: bytes) -> int:
        self._verdict = verdict
        return len(data)

    def _begin(self, data: bytes, at: int) -> int:
        if len(data) - at < _BOX.size:
            return _MORE
        if data.startswith(_SOI, at) and self._form is not Form.BOXES:
            self._step = self._segment
            return at + len(_SOI)
        if data.startswith(b"ftyp", at + 4) and self._form is not Form.JPEG:
            self._step = self._box
            return at
        return self._ends(Shape.UNKNOWN if self._form is Form.ANY else Shape.BROKEN, data)

    def _segment(self, data: bytes, at: int) -> int:
        """One marker outside of a scan, and the segment that belongs to it."""
        if len(data) - at < 4:
            return _MORE if data.startswith(_EOI[:1], at) else self._ends(Shape.BROKEN, data)
        first, marker = data[at], data[at + 1]
        if first != 0xFF or marker in {0x00, _SOI[1]}:
            return self._ends(Shape.BROKEN, data)
        if marker == 0xFF:  # fill bytes; the last one begins the marker
            fill = _FILL.match(data, at)
            return fill.end() - 1 if fill else at + 1
        if marker == _EOI[1]:
            return self._ends(Shape.BROKEN, data)  # a picture without a scan
        if marker == _TEM or _RST0 <= marker <= _RST7:
            return self._part(at + 2, data)
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        if length < 2:
            return self._ends(Shape.BROKEN, data)
        if marker == _SOS:
            self._step = self._scan
        return self._part(at + 2 + length, data)

    def _scan(self, data: bytes, at: int) -> int:
        """Coded data up to EOI. Neither EOI nor SOI can be in it: a byte FF in it is followed by 00.

        Tables between the scans of a progressive picture are passed over as if they were coded data.
        """
        found = _SOI_OR_EOI.search(data, at)
        if found is None:
            end = len(data) - data.endswith(_EOI[:1])  # that may be its first half
            return end if end > at else _MORE
        if found.group() == _SOI:
            return self._ends(Shape.BROKEN, data)  # another picture begins in the middle of this one
        self._step = self._after_eoi
        return found.end()

    def _after_eoi(self, data: bytes, start: int) -> int:
        """Nothing, zeros, or the next picture (a preview after the first one: CIPA DC-007, MPF)."""
        found = _NOT_ZERO.search(data, start)
        if found is None:
            return len(data)
        at = found.start()
        if len(data) - at == 1 and data[at] == _SOI[0]:
            return at if at > start else _MORE
        if not data.startswith(_SOI, at):
            return self._ends(Shape.TRAILING, data)
        self._step = self._segment
        return at + len(_SOI)

    def _box(self, data: bytes, at: int) -> int:
        """One top-level box: its header is read, the rest passed over."""
        if len(data) - at < _BOX.size:
            return _MORE
        size, kind = _BOX.unpack_from(data, at)
        if not all(0x20 <= byte <= 0x7E for byte in kind):
            return self._ends(Shape.TRAILING, data)
        header = _BOX.size
        if size == 1:
            header = _LONG_BOX.size
            if len(data) - at < header:
                return _MORE
            size = _LONG_BOX.unpack_from(data, at)[2]
        if size == 0:  # up to the end of the file
            self._step = self._rest
            return len(data)
        return self._part(at + size, data) if size >= header else self._ends(Shape.BROKEN, data)

    def _rest(self, data: bytes, at: int) -> int:  # noqa: ARG002 a step like the others
        return len(data)
