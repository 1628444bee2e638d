"""All keys, from the one table that also makes the bindings."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Static

from medkiosk.console.actions import ACTIONS, Where, bindings, key_words
from medkiosk.console.language import key_said, tr
from medkiosk.console.screens.base import KioskScreen


class KeysScreen(KioskScreen):
    """The list of keys; the screen one comes from stands first."""

    WHERE = Where.KEYS
    BINDINGS = bindings(Where.KEYS)

    def __init__(self, first: Where) -> None:
        super().__init__()
        self._first = first

    def body(self) -> ComposeResult:
        """One table that scrolls."""
        table = Table.grid(padding=(0, 2, 0, 0), expand=True)
        table.add_column(width=18, no_wrap=True)
        table.add_column(ratio=1)
        order = sorted(Where, key=lambda where: (where is not self._first, where is not Where.EVERYWHERE))
        for where in order:
            table.add_row(Text(tr(where.value), style="bold underline"), Text(""))
            for action in ACTIONS:
                if action.where is where:
                    keys = tr(" or ").join(key_said(key_words(key)) for key in action.keys)
                    table.add_row(Text(keys, style="bold"), Text(tr(action.help)))
            table.add_row(Text(""), Text(""))
        with VerticalScroll():
            yield Static(table, markup=False)
