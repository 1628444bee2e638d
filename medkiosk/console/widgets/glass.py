"""The banner of a broken glass: on every screen, as long as another team's patient is open."""

from __future__ import annotations

from rich.text import Text
from textual.widgets import Static

from medkiosk.console.language import tr


def banner_words(seconds: float) -> str:
    """What stands in the banner; empty where nothing is open."""
    if seconds <= 0:
        return ""
    left = f"{seconds / 60:.0f} minutes" if seconds > 90 else tr("a minute")
    return tr(
        "GLASS BROKEN: another team's patient is open to you; every look is logged. {left} left. F8: close",
        left=left,
    )


class GlassBanner(Static):
    """One line, or none."""

    def __init__(self) -> None:
        super().__init__("", markup=False)
        self.display = False

    def show(self, words: str) -> None:
        """Show the words, or go away where there are none."""
        self.display = bool(words)
        self.update(Text(words))
