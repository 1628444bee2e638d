"""What there is to say about the photos as pictures, while the patient is still there."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Static

from medkiosk.console.actions import Where, bindings
from medkiosk.console.language import tr
from medkiosk.console.screens.base import KioskScreen
from medkiosk.console.words import clean, count, heaviest_first
from medkiosk.core.quality import ADVICE_WORDS
from medkiosk.ipc.types import CaptureInfo


def advice_table(captures: Sequence[CaptureInfo]) -> Table:
    """Photos with advice, the most important first: the name, and a sentence for each thing."""
    table = Table.grid(padding=(0, 2, 0, 0), expand=True)
    table.add_column(width=18, no_wrap=True)
    table.add_column(ratio=1)
    for name, advice in heaviest_first((each.name, each.advice) for each in captures):
        sentences = "\n".join(ADVICE_WORDS[each] for each in advice)
        table.add_row(Text(clean(name, 16), style="bold"), Text(sentences))
    return table


class AdviceScreen(KioskScreen):
    """The advice about the photos of one import, in a list that scrolls."""

    WHERE = Where.ADVICE
    BINDINGS = bindings(Where.ADVICE)

    def __init__(self, captures: Sequence[CaptureInfo]) -> None:
        super().__init__()
        self._captures = captures

    def body(self) -> ComposeResult:
        """How many, and each."""
        advised = sum(bool(each.advice) for each in self._captures)
        photos = count(len(self._captures), "photo")
        words = tr(
            "Advice on {advised} of {photos} in this import, most important first",
            advised=advised,
            photos=photos,
        )
        yield Static(words, classes="caption", markup=False)
        with VerticalScroll():
            yield Static(advice_table(self._captures), markup=False)
