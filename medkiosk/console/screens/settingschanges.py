"""What other settings would change, in words, whole; and the question whether that is meant."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.widgets import Static

from medkiosk.console.actions import Where, bindings
from medkiosk.console.language import tr
from medkiosk.console.screens.base import Dialog
from medkiosk.console.widgets.frame import Legend
from medkiosk.console.words import clean
from medkiosk.ipc.types import SettingChange

_VALUE = 1000


def change_text(changes: Sequence[SettingChange]) -> Text:
    """Every change, old and new; what weakens a protection comes first, and says so."""
    words = Text()
    for each in sorted(changes, key=lambda one: not one.weaker):
        if each.weaker:
            warning = clean(tr(each.weaker))
            words.append(tr("LESS PROTECTION: {warning}.", warning=warning), style="bold reverse").append(
                "\n"
            )
        words.append(clean(tr(each.title), 60), style="bold").append("\n")
        words.append(tr("  is now  "), style="dim").append(clean(each.old, _VALUE)).append("\n")
        words.append(tr("  becomes "), style="dim").append(clean(each.new, _VALUE), style="bold").append("\n")
        words.append(f"  {clean(tr(each.words), 400)}\n", style="dim")
    return words


class ShowChanges(Dialog[bool]):
    """Shows all of it, and asks.

    Args:
        question: what a yes does.
        changes: what would change.
        more: what else there is to know before.
    """

    BINDINGS = bindings(Where.CONFIRM)

    def __init__(self, question: str, changes: tuple[SettingChange, ...], more: str = "") -> None:
        super().__init__()
        self._question = question
        self._changes = changes
        self._more = more

    def compose(self) -> ComposeResult:
        """Question, all changes, keys."""
        with Vertical(classes="dialog changes"):
            yield Static(Text(clean(tr(self._question)), style="bold"), markup=False)
            with VerticalScroll(classes="explanation"):
                yield Static(change_text(self._changes), markup=False)
            if self._more:
                yield Static(Text(clean(self._more, 400)), markup=False)
            yield Legend(Where.CONFIRM)

    def action_yes(self) -> None:
        """Take it as a yes."""
        self.dismiss(True)
