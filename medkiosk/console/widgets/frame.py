"""What every screen has: the line above, the line of words that stays, and the keys at the foot."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text
from textual.geometry import Size
from textual.reactive import reactive
from textual.widget import Widget
from textual.widgets import Static

from medkiosk.console import actions
from medkiosk.console.language import key_said, tr
from medkiosk.console.words import clean
from medkiosk.ipc.types import Session


class TopLine(Widget):
    """Where one is, what the kiosk says, and who is logged in."""

    headline: reactive[str] = reactive("")
    person: reactive[str] = reactive("")

    def __init__(self, title: str) -> None:
        super().__init__()
        self.title = title

    def render(self) -> Table:
        """Draw the three parts."""
        line = Table.grid(expand=True)
        line.add_column(justify="left", ratio=1, no_wrap=True)
        line.add_column(justify="center", no_wrap=True, min_width=1)
        line.add_column(justify="right", ratio=1, no_wrap=True)
        line.add_row(
            Text(tr(self.title), style="bold"),
            Text(clean(tr(self.headline), 40)),
            Text(clean(self.person, 30) or tr("nobody is logged in")),
        )
        return line


class Notice(Static):
    """One line (two on a small screen) that says what just happened or why not; it stays until the next."""

    def __init__(self) -> None:
        super().__init__("", markup=False)

    def say(self, words: str, *, wrong: bool = False) -> None:
        """Show a sentence; a wrong one is marked in words too."""
        self.set_class(wrong, "-wrong")
        self.update(Text((tr("NOT DONE: ") if wrong else "") + words if words else ""))


def _said(entries: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Keys and labels in the chosen language."""
    return [(key_said(key), tr(label)) for key, label in entries]


class Legend(Widget):
    """The keys of this screen, on as many lines as they need; a key and its label stay together."""

    _BETWEEN = 3

    def __init__(self, where: actions.Where) -> None:
        super().__init__()
        self._where = where
        self._entries = _said(actions.legend(where))

    @property
    def entries(self) -> list[tuple[str, str]]:
        """Keys and labels as they are shown."""
        return self._entries

    def show_to(self, session: Session | None) -> None:
        """Show whoever is logged in the keys of their roles."""
        self._entries = _said(actions.legend(self._where, session.roles if session else None))
        self.refresh(layout=True)

    def _lines(self, width: int) -> list[list[tuple[str, str]]]:
        lines: list[list[tuple[str, str]]] = [[]]
        used = 0
        for key, label in self._entries:
            needed = len(key) + len(label) + 3
            if lines[-1] and used + self._BETWEEN + needed > width:
                lines.append([])
                used = 0
            used += needed + (self._BETWEEN if lines[-1] else 0)
            lines[-1].append((key, label))
        return lines

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:  # noqa: ARG002
        """How many lines there are at a width."""
        return len(self._lines(width))

    def render(self) -> Text:
        """Draw the keys in reverse video."""
        text = Text(no_wrap=True)
        for number, line in enumerate(self._lines(self.size.width)):
            text.append("\n" if number else "")
            for place, (key, label) in enumerate(line):
                text.append(" " * self._BETWEEN if place else "")
                text.append(f" {key} ", style="reverse")
                text.append(f" {label}")
        return text


def facts(rows: list[tuple[str, Text | str]], label_width: int = 12) -> Table:
    """Lay out labels and values in two columns."""
    table = Table.grid(padding=(0, 2, 0, 0), expand=True)
    table.add_column(width=label_width, no_wrap=True, style="dim")
    table.add_column(ratio=1)
    for label, value in rows:
        table.add_row(Text(tr(label)), value if isinstance(value, Text) else Text(value))
    return table
