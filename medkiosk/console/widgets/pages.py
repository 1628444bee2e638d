"""A page of a list, and a line of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from rich.style import Style
from rich.text import Text
from textual.strip import Strip
from textual.widget import Widget

from medkiosk.ipc.client import Client

T = TypeVar("T")


@dataclass(frozen=True)
class Page(Generic[T]):
    """Some entries of a list, and how many it has in all."""

    items: Sequence[T]
    total: int


Load = Callable[[Client, int, int], Page[T]]
"""Asks for a page by offset and limit, in a worker thread."""


def strip_of(text: Text, width: int, style: Style, widget: Widget) -> Strip:
    """A text as one line of exactly this width; what is longer is cut, and says so."""
    text = text.copy()
    text.truncate(width, overflow="ellipsis")
    text.stylize_before(style)
    return Strip(text.render(widget.app.console)).adjust_cell_length(width, style)
