"""A QR code in character cells: dark on light whatever the theme, with its quiet zone, to be photographed."""

from __future__ import annotations

import segno
from rich.color import Color
from rich.style import Style
from rich.text import Text

QUIET = 4
"""Light modules around it (ISO/IEC 18004, 9.1)."""
_UPPER_HALF = "\N{UPPER HALF BLOCK}"
_DARK, _LIGHT = Color.from_rgb(0, 0, 0), Color.from_rgb(255, 255, 255)


def modules(text: str, error: str = "m") -> list[list[bool]]:
    """The code of a text, True where dark, with its quiet zone; error correction M, or L."""
    code = segno.make(text, error=error, micro=False, boost_error=False)
    return [[bool(dark) for dark in row] for row in code.matrix_iter(border=QUIET)]


def drawn(text: str, columns: int, rows: int, *, halves: bool) -> Text | None:
    """The largest code that fits; None where not even the smallest does.

    Args:
        text: what it says.
        columns: character cells across.
        rows: character cells down.
        halves: whether the terminal can draw half blocks. A cell is taken to be twice as high as wide.
    """
    for error in ("m", "l"):  # a screen is neither torn nor dirty: where M has no room, L is as good
        code = modules(text, error)
        scale = min(columns // (2 * len(code)), rows // len(code))
        if scale >= 1:
            return _whole(code, scale)
        if halves and columns >= len(code) and rows >= -(-len(code) // 2):
            return _halved(code)
    return None


def _whole(code: list[list[bool]], scale: int) -> Text:
    lines = []
    for row in code:
        line = Text()
        for dark in row:
            line.append(" " * 2 * scale, Style(bgcolor=_DARK if dark else _LIGHT))
        lines += [line] * scale
    return Text("\n").join(lines)


def _halved(code: list[list[bool]]) -> Text:
    lines = []
    for top in range(0, len(code), 2):
        upper = code[top]
        lower = code[top + 1] if top + 1 < len(code) else [False] * len(upper)
        line = Text()
        for above, below in zip(upper, lower, strict=True):
            style = Style(color=_DARK if above else _LIGHT, bgcolor=_DARK if below else _LIGHT)
            line.append(_UPPER_HALF, style)
        lines.append(line)
    return Text("\n").join(lines)
