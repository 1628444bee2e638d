"""The files for which a card or camera is still needed, and why; for whoever stands here, without a login."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Static

from medkiosk.console.actions import Where, bindings
from medkiosk.console.kept import PAGE, kept_table, load_kept, page_words
from medkiosk.console.messages import KeptLoaded
from medkiosk.console.screens.base import KioskScreen


class KeptScreen(KioskScreen):
    """A page of such files, in a list that scrolls."""

    WHERE = Where.KEPT
    BINDINGS = bindings(Where.KEPT)

    def __init__(self) -> None:
        super().__init__()
        self._offset = 0
        self._total = 0

    def body(self) -> ComposeResult:
        """Which page, and the files."""
        yield Static(id="page", classes="caption", markup=False)
        with VerticalScroll(id="kept-list"):
            yield Static(id="kept", markup=False)

    def on_mount(self) -> None:
        """Ask for the first page."""
        self._load()

    def _load(self) -> None:
        status = self.kiosk.status
        devices, offset = status.devices if status else (), self._offset
        self.ask(lambda kiosk: load_kept(kiosk, devices, offset), KeptLoaded)

    @on(KeptLoaded)
    def _loaded(self, message: KeptLoaded) -> None:
        self._total = message.kept.total
        self.say("")
        self.query_one("#page", Static).update(page_words(message.kept))
        self.query_one("#kept", Static).update(kept_table(message.kept))
        self.query_one("#kept-list", VerticalScroll).scroll_home(animate=False)

    def action_turn(self, pages: int) -> None:
        """Turn the page."""
        wanted = self._offset + pages * PAGE
        if 0 <= wanted < max(self._total, 1):
            self._offset = wanted
            self._load()
        else:
            self.say("This is the last page." if pages > 0 else "This is the first page.")
