"""The viewer's page and the files that it loads, as bytes of a bundle (docs/export-format.md, section 6)."""

from __future__ import annotations

import binascii
import hashlib
from collections.abc import Iterator
from pathlib import Path

from medkiosk.core.errors import KioskError

PAGE_SHA256 = "ae6c80a0ad621434d623d661a605e67c5929a7bbb5babd603124c64b9130d6b6"
"""Of the built page; `image-build/viewer.sh` compares it, and says the new one after a change."""
FOLDER = "view"
SUFFIX = ".css"
_PAGE = Path(__file__).parent / "built" / "index.html"
_PIECE = 1 << 20
"""Characters of base64 in one property: Chromium drops properties of 2 MiB and more."""


class NoViewerError(KioskError):
    """The page that opens pictures in a browser is not installed on this kiosk, or is not of this version.
    Nothing was written; export without the viewer, or ask the installer to run image-build/viewer.sh."""

    code = "export.no_viewer"


def page() -> bytes:
    """The built ``index.html``.

    Raises:
        NoViewerError: it was not built, or has another hash than `PAGE_SHA256`.
    """
    try:
        built = _PAGE.read_bytes()
    except OSError as error:
        raise NoViewerError from error
    if hashlib.sha256(built).hexdigest() != PAGE_SHA256:
        raise NoViewerError
    return built


def path(name: str) -> str:
    """Where a chunk lies in the bundle's folder."""
    return f"{FOLDER}/{name}{SUFFIX}"


def chunk(name: str, data: bytes) -> bytes:
    """One file of the bundle as a style sheet: a page may load it from its folder, and it can run nothing.

    Args:
        name: as in `path`; the text does not depend on it.
        data: the file's bytes, at least one.

    Raises:
        ValueError: there are none.
    """
    if not data:
        raise ValueError(f"nothing to put into the chunk {name}")
    return b"".join(pieces(memoryview(data)))


def pieces(data: memoryview) -> Iterator[bytes]:
    """Yield the text of a chunk a part at a time: the whole is half as large again as the data.

    Args:
        data: at least one byte.
    """
    step = _PIECE // 4 * 3
    for number, start in enumerate(range(0, len(data), step)):
        yield b'%s--%d:"' % (b";" if number else b":host{", number)
        yield binascii.b2a_base64(data[start : start + step], newline=False)
        yield b'"'
    yield b"}\n"


def chunk_size(size: int) -> int:
    """Return how long the chunk of so many bytes is."""
    count = -(-size // (_PIECE // 4 * 3))
    numbers = sum(len(str(number)) for number in range(count))
    return len(":host{}\n") + -(-size // 3) * 4 + count * len('--:""') + numbers + count - 1
