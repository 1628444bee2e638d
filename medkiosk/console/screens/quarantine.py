"""The photos of an import that belong to nobody, by the reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.table import Table
from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Static

from medkiosk.console.actions import Where, bindings
from medkiosk.console.language import tr
from medkiosk.console.messages import QuarantineLoaded
from medkiosk.console.screens.base import KioskScreen
from medkiosk.console.words import clean, count
from medkiosk.core.ids import CaptureId, ImportId
from medkiosk.ipc.types import InQuarantine, Quarantine

_NOT_WHOLE = "Photos of this import are still read or redacted; slates are looked at when all are done."
_WHAT_TO_DO = "Go back, mark the photos (Space) and assign them (A). Look at each first: a name may be wrong."


def quarantine_table(frames: Sequence[InQuarantine], names: Mapping[CaptureId, str]) -> Table:
    """One row a reason, in the order in which the reasons come, with all its photos."""
    reasons: dict[str, list[str]] = {}
    for frame in frames:
        reasons.setdefault(clean(tr(frame.reason)), []).append(clean(names.get(frame.capture_id, "?"), 16))
    table = Table.grid(padding=(0, 2, 1, 0), expand=True)
    table.add_column(width=10, no_wrap=True)
    table.add_column(ratio=1)
    for reason, photos in reasons.items():
        words = Text(reason, style="bold")
        words.append("\n" + ", ".join(photos), style="not bold")
        table.add_row(Text(count(len(photos), "photo")), words)
    return table


class QuarantineScreen(KioskScreen):
    """Photos in quarantine, in a list that scrolls.

    Args:
        import_id: of which import.
        names: of its photos.
    """

    WHERE = Where.QUARANTINE
    BINDINGS = bindings(Where.QUARANTINE)

    def __init__(self, import_id: ImportId, names: Mapping[CaptureId, str]) -> None:
        super().__init__()
        self._import_id = import_id
        self._names = names

    def body(self) -> ComposeResult:
        """How many, and each reason."""
        yield Static(tr("Photos in quarantine"), id="quarantine-caption", classes="caption", markup=False)
        with VerticalScroll():
            yield Static(id="quarantine", markup=False)

    def on_mount(self) -> None:
        """Ask for them."""
        self.ask(lambda kiosk: kiosk.list_quarantine(self._import_id), QuarantineLoaded)

    @on(QuarantineLoaded)
    def _loaded(self, message: QuarantineLoaded) -> None:
        self._show(message.quarantine)

    def _show(self, found: Quarantine) -> None:
        words = tr(
            "{photos} of this import in quarantine: they belong to nobody",
            photos=count(len(found.frames), "photo"),
        )
        self.query_one("#quarantine-caption", Static).update(words)
        self.query_one("#quarantine", Static).update(quarantine_table(found.frames, self._names))
        if not found.whole:
            self.say(_NOT_WHOLE)
        elif found.frames:
            self.say(_WHAT_TO_DO)
