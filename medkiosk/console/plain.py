"""``--plain``: the console for a screen reader, a braille line or a serial terminal.

The same screens and the same keys, drawn nowhere: what they show is read out of the widgets and written as
lines, each change once (`medkiosk.console.speaking`). No boxes, no colours, no cursor positions, no escape
sequence is ever written. Pictures cannot be shown, so nothing can be approved here.
"""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Callable
from typing import Any

from textual.drivers.linux_driver import LinuxDriver
from textual.geometry import Region
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Button, DataTable, Input, Label, OptionList

from medkiosk.console.app import KioskApp
from medkiosk.console.language import tr
from medkiosk.console.speaking import Snapshot, Speaker
from medkiosk.console.widgets.bigwords import BigWords
from medkiosk.console.widgets.choice import Choice
from medkiosk.console.widgets.frame import Legend, TopLine
from medkiosk.console.widgets.paged import PagedList
from medkiosk.console.words import clean

_SIZE = (200, 100)
"""Columns and rows of the screen that nobody sees: wide enough that no sentence is broken."""
_LOOK_S = 0.1
_LONGEST = 2000
_FRAME = re.compile(r"[\u2500-\u259f]+")
"""Box drawing and block elements."""
_GAPS = re.compile(r"\s{2,}")


class PlainDriver(LinuxDriver):
    """Reads keys as the terminal sends them, and writes nothing."""

    def write(self, data: str) -> None:
        """Throw away what would be drawn."""

    def flush(self) -> None:
        """There is nothing."""

    def _get_terminal_size(self) -> tuple[int, int]:
        return _SIZE


def linear(lines: list[str]) -> tuple[str, ...]:
    """Lines without frames, gaps and what is empty."""
    found = (_GAPS.sub("  ", _FRAME.sub(" ", line)).strip() for line in lines)
    return tuple(clean(line, _LONGEST) for line in found if line)


def text_of(widget: Widget) -> tuple[str, ...]:
    """What a widget would draw, as lines of text."""
    if isinstance(widget, BigWords):
        return linear([tr(widget.words)])
    if isinstance(widget, TopLine):
        return linear([tr(widget.headline), clean(widget.person, 30) or tr("nobody is logged in")])
    width, height = widget.size
    strips = widget.render_lines(Region(0, 0, width, height)) if width and height else []
    return linear([strip.text for strip in strips])


def focus_words(widget: Widget | None, screen: Screen[Any]) -> str:
    """What the keys are on: a field with its label, a line of a list with its place."""
    match widget:
        case PagedList():
            item = widget.current
            if item is None:
                return ""
            lines = linear([line.plain for line in widget.lines_of(item)])
            return _placed("; ".join(lines), widget.cursor, widget.total)
        case OptionList():
            place = widget.highlighted
            if place is None:
                return ""
            prompt = str(widget.get_option_at_index(place).prompt)
            return _placed("; ".join(linear(prompt.splitlines())), place, widget.option_count)
        case DataTable():
            if not widget.is_valid_row_index(widget.cursor_row):
                return ""
            cells = [str(cell).strip() for cell in widget.get_row_at(widget.cursor_row)]
            return _placed("; ".join(cell for cell in cells if cell), widget.cursor_row, widget.row_count)
        case Choice():
            said = tr("{label}: {words}", label=_label(widget, screen), words=widget.spoken)
        case Input():
            said = tr("{label}: {words}", label=_label(widget, screen), words=_typed(widget))
        case Button():
            said = tr("Button: {words}", words=str(widget.label))
        case _:
            return ""
    return clean(said, _LONGEST)


def _placed(words: str, place: int, total: int) -> str:
    return tr("{place} of {total}: {words}", place=place + 1, total=total, words=words)


def _typed(field: Input) -> str:
    if not field.value:
        return tr("empty; {hint}", hint=field.placeholder) if field.placeholder else tr("empty")
    return tr("hidden") if field.password else field.value


def _label(widget: Widget, screen: Screen[Any]) -> str:
    words = [" ".join(text_of(each)) for each in screen.query(f"#{widget.id or 'none'}-label")]
    return words[0] if words and words[0] else tr("Field")


def _seen(screen: Screen[Any]) -> list[Widget]:
    """The widgets that show text by themselves, in reading order; not those that keys are on."""
    hands = (PagedList, OptionList, DataTable, Choice, Input, Button, Legend)
    return [
        widget
        for widget in screen.walk_children(Widget)
        if not isinstance(widget, hands)
        and not any(widget.children)
        and all(each.display for each in widget.ancestors_with_self if isinstance(each, Widget))
        and not (isinstance(widget, Label) and (widget.id or "").endswith("-label"))
    ]


def snapshot(screen: Screen[Any]) -> Snapshot:
    """A screen as text."""
    heading, keys = "", ""
    for top in screen.query(TopLine):
        heading = tr(top.title)
    for legend in screen.query(Legend):
        keys = tr("Keys: {keys}", keys=", ".join(f"{key} {label}" for key, label in legend.entries))
    return Snapshot(
        id(screen),
        heading or tr("Question"),
        {id(widget): text_of(widget) for widget in _seen(screen)},
        keys,
        focus_words(screen.focused, screen),
    )


class PlainApp(KioskApp):
    """The console that says what it shows."""

    def __init__(self, *args: Any, **named: Any) -> None:  # noqa: ANN401 - those of `KioskApp`
        super().__init__(*args, **named)
        self.driver_class = PlainDriver
        self._speaker = Speaker()
        self._before: Snapshot | None = None
        self._tells: list[Callable[[], object]] = []
        """Who wants to know once what is shown was said."""

    def on_mount(self) -> None:
        """Begin to look for what changed."""
        super().on_mount()
        self.set_interval(_LOOK_S, self._look)

    def when_seen(self, screen: Screen[Any]) -> None:
        """What is only drawn, nobody hears: `_look` tells when it was said."""

    def once_shown(self, screen: Screen[Any], tell: Callable[[], object]) -> None:  # noqa: ARG002
        """Call once what is shown now was said."""
        self._tells.append(tell)

    def _look(self) -> None:
        """Say what has changed, once it has stayed the same for a moment."""
        now = snapshot(self.screen)
        if now == self._before:
            for line in self._speaker.lines(now, time.monotonic()):
                _write(line)
            self.typed.painted(self.screen)
            tells, self._tells = self._tells, []
            for tell in tells:
                tell()
        self._before = now


def _write(line: str) -> None:
    os.write(sys.__stdout__.fileno() if sys.__stdout__ else 1, (line + "\n").encode(errors="replace"))
