"""The two facts that are read from EXIF: orientation and colour space. Pure, bounded (Exif 2.3, DCF 2.0)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

_ORIENTATION = 0x0112
_EXIF_IFD = 0x8769
_COLOR_SPACE = 0xA001
_INTEROP_IFD = 0xA005
_INTEROP_INDEX = 0x0001
_ASCII, _SHORT, _LONG = 2, 3, 4
_UNCALIBRATED = 0xFFFF


class Exif(NamedTuple):
    """Orientation 1 to 8 (1 when absent or malformed), and whether the colours are Adobe RGB (1998)."""

    orientation: int = 1
    adobe_rgb: bool = False


class _Entry(NamedTuple):
    tag: int
    kind: int
    value: bytes


def read_exif(tiff: bytes) -> Exif:
    """Read what follows the name in APP1; whatever is malformed counts as absent.

    Adobe RGB is told as DCF 2.0 has cameras write it: ColorSpace 65535 (uncalibrated) and the
    interoperability index ``R03``.
    """
    if tiff[:4] == b"II*\0":
        little = True
    elif tiff[:4] == b"MM\0*":
        little = False
    else:
        return Exif()

    def number(raw: bytes) -> int:
        return int.from_bytes(raw, "little" if little else "big")

    def entries(offset: int) -> Iterator[_Entry]:
        count = number(tiff[offset : offset + 2])
        for at in range(offset + 2, offset + 2 + 12 * count, 12):
            entry = tiff[at : at + 12]
            if len(entry) < 12:
                return
            yield _Entry(number(entry[:2]), number(entry[2:4]), entry[8:])

    def find(offset: int, tag: int, kind: int) -> _Entry | None:
        found = next((entry for entry in entries(offset) if entry.tag == tag), None)
        return found if found is not None and found.kind == kind else None

    first = number(tiff[4:8])
    orientation = find(first, _ORIENTATION, _SHORT)
    turned = number(orientation.value[:2]) if orientation else 1
    adobe = False
    if exif := find(first, _EXIF_IFD, _LONG):
        space = find(number(exif.value), _COLOR_SPACE, _SHORT)
        interop = find(number(exif.value), _INTEROP_IFD, _LONG)
        if space and interop and number(space.value[:2]) == _UNCALIBRATED:
            index = find(number(interop.value), _INTEROP_INDEX, _ASCII)
            adobe = index is not None and index.value[:3] == b"R03"
    return Exif(turned if 1 <= turned <= 8 else 1, adobe)
