"""Words to choose among, in plain characters, on as many lines as they need: ``(*) self  ( ) parent``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import ClassVar, Generic, TypeVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from medkiosk.console.language import tr

E = TypeVar("E", bound=str)
_BOX = 4
_BETWEEN = 2


def _breaks(words: Iterable[str], width: int) -> set[int]:
    """The alternatives with which a new line begins; a box and its word stay together."""
    breaks, used = set(), 0
    for number, word in enumerate(words):
        needed = _BOX + len(word)
        if number and used + _BETWEEN + needed > width:
            breaks.add(number)
            used = 0
        used += needed + (_BETWEEN if used else 0)
    return breaks


def _said(words: Mapping[E, str]) -> dict[E, str]:
    """The alternatives in the chosen language."""
    return {value: tr(word) for value, word in words.items()}


class Choice(Widget, Generic[E], can_focus=True):
    """A row of alternatives; with ``several``, any number of them can be chosen.

    Args:
        words: the alternatives in order, and how each is written.
        chosen: what is chosen at first.
        several: whether any number can be chosen.
        name: id of the widget.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "go(-1)", show=False),
        Binding("right", "go(1)", show=False),
        Binding("space", "choose", show=False),
    ]
    at: reactive[int] = reactive(0)

    class Changed(Message):
        """Something else is chosen."""

        def __init__(self, choice: Widget) -> None:
            self.choice = choice
            super().__init__()

        @property
        def control(self) -> Widget:
            """The line, so that a handler can name the one it means."""
            return self.choice

    def __init__(
        self, words: Mapping[E, str], chosen: tuple[E, ...], *, several: bool = False, name: str
    ) -> None:
        super().__init__(id=name)
        self._words = _said(words)
        self._several = several
        self._chosen = set(chosen)
        self.at = list(self._words).index(chosen[0]) if chosen else 0

    @property
    def chosen(self) -> tuple[E, ...]:
        """What is chosen, in the order of the line."""
        return tuple(value for value in self._words if value in self._chosen)

    @property
    def spoken(self) -> str:
        """What is chosen, and where the keys are, in words."""
        marked = ", ".join(self._words[value] for value in self.chosen) or tr("nothing")
        values = list(self._words)
        if not self._several or not values:
            return marked
        here = values[self.at]
        box = tr("ticked") if here in self._chosen else tr("not ticked")
        return tr("{marked}; at {word}, {box}", marked=marked, word=self._words[here], box=box)

    @property
    def offered(self) -> tuple[E, ...]:
        """All alternatives, in order."""
        return tuple(self._words)

    def offer(self, words: Mapping[E, str], *chosen: E) -> None:
        """Offer other alternatives."""
        self._words = _said(words)
        self._chosen = set(chosen)
        self.at = list(self._words).index(chosen[0]) if chosen else 0
        self.refresh(layout=True)

    def render(self) -> Text:
        """Draw them; where the keys are is in reverse video."""
        drawn = Text(no_wrap=True, overflow="ellipsis")
        breaks = _breaks(self._words.values(), self.size.width)
        for number, (value, word) in enumerate(self._words.items()):
            marked = value in self._chosen
            box = ("[x]" if marked else "[ ]") if self._several else ("(*)" if marked else "( )")
            style = "reverse" if self.has_focus and number == self.at else ("bold" if marked else "")
            drawn.append("\n" if number in breaks else "  " if number else "")
            drawn.append(f"{box} {word}", style=style)
        return drawn

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:  # noqa: ARG002
        """How many lines there are at a width."""
        return 1 + len(_breaks(self._words.values(), width))

    def action_go(self, by: int) -> None:
        """Go along the line; where only one can be chosen, choose it."""
        self.at = min(max(self.at + by, 0), len(self._words) - 1)
        if not self._several:
            self.action_choose()

    def action_choose(self) -> None:
        """Choose what the keys are on, or take it back where several can be chosen."""
        value = list(self._words)[self.at]
        before = set(self._chosen)
        self._chosen = self._chosen ^ {value} if self._several else {value}
        if self._chosen != before:
            self.refresh()
            self.post_message(self.Changed(self))
