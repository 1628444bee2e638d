"""Lay a page of the guide out for a terminal, pure: lines of a width, screens of a height."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.text import Text

from medkiosk.console.words import clean
from medkiosk.ipc.guidetypes import GuideBlock

WIDEST = 96
"""Columns of a line: longer ones are hard to read."""
_LONGEST = 2000
_HEADING, _NOTE = "heading", "note"


@dataclass(frozen=True)
class Line:
    """A line; ``block`` is the place in the page of what it belongs to."""

    words: str
    style: str
    block: int


def laid_out(blocks: Iterable[GuideBlock], width: int) -> list[Line]:
    """Cut a page into lines.

    Args:
        blocks: what the daemon said; cleaned here.
        width: columns, at least 10.
    """
    lines: list[Line] = []
    before = ""
    for place, block in enumerate(blocks):
        if lines and not (_listed(block.kind) and _listed(before)):
            lines.append(Line("", "", place))
        first = _mark(block)
        style = "bold" if block.kind == _HEADING else "italic" if block.kind == _NOTE else ""
        cut = textwrap.wrap(
            clean(block.text, _LONGEST),
            max(min(width, WIDEST), 10),
            initial_indent=first,
            subsequent_indent="| " if block.kind == _NOTE else " " * len(first),
        )
        lines += [Line(words, style, place) for words in cut]
        before = block.kind
    return lines


def _listed(kind: str) -> bool:
    return kind in ("item", "step")


def _mark(block: GuideBlock) -> str:
    """What stands before the first line."""
    if block.kind == "step":
        return f"{block.number:>2}. "
    return {"item": "  - ", _NOTE: "| "}.get(block.kind, "")


def screens(lines: Sequence[Line], height: int) -> list[int]:
    """Where each screen begins: as many lines as fit, and no heading alone at the foot of one."""
    starts, at = [0], 0
    while at + height < len(lines):
        end = at + height
        while end > at + height // 2 and _keeps_with_next(lines[end - 1]):
            end -= 1
        at = end
        starts.append(at)
    return starts


def _keeps_with_next(line: Line) -> bool:
    return line.style == "bold" or not line.words


def drawn(lines: Sequence[Line]) -> Text:
    """The lines of one screen; blank ones at its head are left out."""
    shown = list(lines)
    while shown and not shown[0].words:
        shown.pop(0)
    return Text("\n").join(Text(line.words, style=line.style) for line in shown)
