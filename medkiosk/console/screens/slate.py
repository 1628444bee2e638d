"""The slate of an encounter: a QR code to be photographed before or after the patient's pictures."""

from __future__ import annotations

from rich.text import Text
from textual import events, on
from textual.app import ComposeResult
from textual.widgets import Static

from medkiosk.console.actions import Where, bindings
from medkiosk.console.language import tr
from medkiosk.console.messages import Refused, SlateLoaded
from medkiosk.console.screens.base import KioskScreen
from medkiosk.console.theme import ANSI, textual_name
from medkiosk.console.widgets.qr import drawn
from medkiosk.console.words import clock_time
from medkiosk.core.ids import EncounterId
from medkiosk.core.slate import SlateKind
from medkiosk.ipc.types import SlateShown

_AGAIN_S = 2.0
"""How often the time in it goes on, seconds; a camera's clock is read from it."""
_NO_ROOM = "This terminal is too small to show a slate. Use the kiosk's own screen, or a larger window."
_WORDS = {
    SlateKind.OPEN: "OPENING SLATE, {time}. Photograph it, the patient, and the closing slate (C).",
    SlateKind.CLOSE: "CLOSING SLATE, {time}. Photograph it: this patient's series ends.",
}


class SlateScreen(KioskScreen):
    """Shows the slate and nothing of the patient: what is photographed here names nobody.

    Args:
        encounter_id: whose slate.
    """

    WHERE = Where.SLATE
    BINDINGS = bindings(Where.SLATE)

    def __init__(self, encounter_id: EncounterId) -> None:
        super().__init__()
        self._encounter_id = encounter_id
        self._kind = SlateKind.OPEN
        self._slate: SlateShown | None = None
        self._asking = False

    def body(self) -> ComposeResult:
        """The code."""
        yield Static(id="slate", markup=False)

    def on_mount(self) -> None:
        """Ask for it, again and again."""
        self._ask_again()
        self.set_interval(_AGAIN_S, self._ask_again)

    def _ask_again(self) -> None:
        if not self._asking:
            self._asking = True
            kind = self._kind
            self.ask(lambda kiosk: kiosk.show_slate(self._encounter_id, kind), SlateLoaded)

    @on(SlateLoaded)
    def _loaded(self, message: SlateLoaded) -> None:
        self._asking = False
        if message.slate.kind is not self._kind:
            self._ask_again()  # the other one was chosen meanwhile
            return
        self._slate = message.slate
        self._draw()

    @on(Refused)
    def _hide(self) -> None:
        """A slate whose time stands still would set a camera's clock wrong: show none."""
        self._asking, self._slate = False, None
        self.query_one("#slate", Static).update("")

    @on(events.Resize)
    def _resized(self) -> None:
        self.call_after_refresh(self._draw)

    def _draw(self) -> None:
        if self._slate is None or not self.is_mounted:
            return
        place = self.query_one("#slate", Static)
        halves = self.kiosk.theme != textual_name(ANSI)
        code = drawn(self._slate.text, *place.content_size, halves=halves)
        place.update(code or Text(tr(_NO_ROOM)))
        self.say(tr(_WORDS[self._kind], time=clock_time(self._slate.at)) if code else "", wrong=False)

    def _show(self, kind: SlateKind) -> None:
        if kind is not self._kind:
            self._kind, self._slate = kind, None
            self.query_one("#slate", Static).update("")
            self._ask_again()

    def action_opening(self) -> None:
        """Show the opening slate."""
        self._show(SlateKind.OPEN)

    def action_closing(self) -> None:
        """Show the closing slate."""
        self._show(SlateKind.CLOSE)
