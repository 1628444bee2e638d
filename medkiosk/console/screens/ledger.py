"""The ledger's head to be photographed or written down, and what each witness last saw."""

from __future__ import annotations

from rich.text import Text
from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widgets import Static

from medkiosk.console.actions import Where, bindings
from medkiosk.console.language import tr
from medkiosk.console.messages import LedgerLoaded
from medkiosk.console.screens.base import Dialog, KioskScreen
from medkiosk.console.theme import ANSI, textual_name
from medkiosk.console.widgets.qr import drawn
from medkiosk.console.words import clean, moment
from medkiosk.ipc.types import LedgerHead

_GROUP = 8
_KEEP = (
    "Photograph this once a day, or write the name, the number and the root down, and keep it where this"
    " kiosk is not. Later, on another computer with a backup drive, kioskctl ledger compare takes these words"
    " as they stand here, and says whether everything up to here is still there, unchanged."
)
_NO_ROOM = "This terminal is too small for the code; the words say the same."
_ON_A_KEY = "C shows the code to be photographed.\n\n"
_SHOWN = 4
"""Witnesses that are shown; of the others their number."""


def grouped(root: str) -> str:
    """A root in groups of digits, to be compared by eye."""
    return " ".join(root[at : at + _GROUP] for at in range(0, len(root), _GROUP))


def head_words(head: LedgerHead, *, alone: bool = False) -> Text:
    """The head, as `kioskctl ledger compare` takes it; what to do with it; the witnesses.

    Args:
        head: the newest one.
        alone: whether there is no room for the code beside it.
    """
    words = Text()
    if head.refusal:
        words.append(clean(head.refusal, 600) + "\n\n", style="bold")
    words.append(f"{clean(head.origin, 100)}\n{head.size}\n{grouped(clean(head.root, 64))}\n\n", style="bold")
    words.append(
        tr("The ledger's name, its {size} entries, their root; {at}.\n\n", size=head.size, at=moment(head.at))
    )
    words.append(tr(_KEEP) + "\n\n" + (tr(_ON_A_KEY) if alone else ""), style="not bold")
    for witness in head.witnesses[:_SHOWN]:
        saw = tr("saw {size} entries", size=witness.size) if witness.size else tr("saw nothing yet")
        when = f", {moment(witness.at)}" if witness.at else ""
        words.append(tr("Witness {name} {saw}{when}\n", name=clean(witness.name, 60), saw=saw, when=when))
    if len(head.witnesses) > _SHOWN:
        words.append(tr("and {number} more that are not shown here\n", number=len(head.witnesses) - _SHOWN))
    if not head.witnesses:
        words.append(tr("No witness signs this ledger: what is kept on paper is what proves it.\n"))
    return words


class CodeScreen(Dialog[None]):
    """The code alone, on the whole terminal: 80 columns and 24 lines are enough for it.

    Args:
        text: what it says.
    """

    BINDINGS = bindings(Where.CODE)

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text

    def compose(self) -> ComposeResult:
        """Nothing but the code."""
        yield Static(id="code", markup=False)

    @on(events.Resize)
    def _resized(self) -> None:
        self.call_after_refresh(self._draw)

    def _draw(self) -> None:
        if self.is_mounted:
            halves = self.app.theme != textual_name(ANSI)
            code = drawn(self._text, *self.size, halves=halves)
            self.query_one("#code", Static).update(code or Text(tr(_NO_ROOM)))


class LedgerScreen(KioskScreen):
    """The newest head; nothing on it names a patient."""

    WHERE = Where.LEDGER
    BINDINGS = bindings(Where.LEDGER)

    def __init__(self) -> None:
        super().__init__()
        self._head: LedgerHead | None = None

    def body(self) -> ComposeResult:
        """The code, and the words."""
        with Horizontal():
            yield Static(id="code", markup=False)
            yield Static(id="head", markup=False)

    def on_mount(self) -> None:
        """Ask for it."""
        self.action_again()

    def action_again(self) -> None:
        """Show the newest one."""
        self.ask(lambda kiosk: kiosk.get_ledger_head(), LedgerLoaded)

    @on(LedgerLoaded)
    def _loaded(self, message: LedgerLoaded) -> None:
        self._head = message.head
        self._draw()

    @on(events.Resize)
    def _resized(self) -> None:
        self.call_after_refresh(self._draw)

    def action_code(self) -> None:
        """Show the code alone, as large as it can be."""
        if self._head is not None:
            self.app.push_screen(CodeScreen(self._head.text))

    def _draw(self) -> None:
        if self._head is None or not self.is_mounted:
            return
        columns, rows = self.query_one("#body").content_size
        halves = self.kiosk.theme != textual_name(ANSI)
        code = drawn(self._head.text, columns // 2, rows, halves=halves)
        place = self.query_one("#code", Static)
        place.display = code is not None
        place.update(code or "")
        self.query_one("#head", Static).update(head_words(self._head, alone=code is None))
