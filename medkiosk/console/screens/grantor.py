"""The text for the person who answers: one part of it at a time, large and alone on the screen."""

from __future__ import annotations

import textwrap

from textual.app import ComposeResult
from textual.containers import Middle
from textual.widgets import Static

from medkiosk.console.actions import Where, bindings
from medkiosk.console.language import tr
from medkiosk.console.screens.base import KioskScreen
from medkiosk.console.widgets.bigwords import BigWords
from medkiosk.core.explanation import Explanation

_WIDTH = 56
"""Columns of a line; short lines with a blank one between are what a terminal has for large print."""


class GrantorScreen(KioskScreen):
    """Shows the wording and nothing else: no patient, no list, no other person's name.

    Args:
        explanation: what is read.
    """

    WHERE = Where.GRANTOR
    BINDINGS = bindings(Where.GRANTOR)

    def __init__(self, explanation: Explanation) -> None:
        super().__init__()
        self._parts = explanation.lines()
        self._at = 0

    def body(self) -> ComposeResult:
        """Which part, in large figures, and the part."""
        yield BigWords(id="part")
        with Middle():
            yield Static(id="words", markup=False)

    def on_mount(self) -> None:
        """Begin at the beginning."""
        super().on_mount()
        self.action_turn(0)

    def action_turn(self, by: int) -> None:
        """Go to the next part, or back."""
        self._at = min(max(self._at + by, 0), len(self._parts) - 1)
        self.query_one(BigWords).words = tr("{at} of {number}", at=self._at + 1, number=len(self._parts))
        lines = textwrap.wrap(self._parts[self._at], _WIDTH)
        self.query_one("#words", Static).update("\n\n".join(lines))
