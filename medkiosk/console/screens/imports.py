"""Imports and the photos in them: choose, assign to an encounter, go on to review."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.widgets import DataTable, Static

from medkiosk.console.actions import Where, bindings
from medkiosk.console.messages import (
    CapturesLoaded,
    EncounterSaved,
    EncountersLoaded,
    ImportsLoaded,
)
from medkiosk.console.screens.advice import AdviceScreen
from medkiosk.console.screens.dialogs import NEW, AskReason, ChooseEncounter
from medkiosk.console.screens.encounter import EncounterScreen
from medkiosk.console.screens.keeping import Chosen, KeepingScreen, pictures
from medkiosk.console.screens.quarantine import QuarantineScreen
from medkiosk.console.screens.receipt import ReceiptScreen
from medkiosk.console.screens.review import ReviewScreen
from medkiosk.console.widgets.field import settled
from medkiosk.console.words import clean, count, moment, short_advice, state_words, subject_words
from medkiosk.core.ids import CaptureId, EncounterId, ImportId
from medkiosk.ipc.types import CaptureInfo, EncounterInfo, ImportInfo

_MARK = "x"
_NOT_SHOWN = "The photos of this import are not shown yet. Wait a moment and press the key again."


def import_words(entry: ImportInfo) -> str:
    """How far an import is."""
    words = "finished" if entry.finished else "importing now"
    return f"{words}, {entry.failed} not read" if entry.failed else words


def assigning_words(entry: ImportInfo, chosen: Sequence[CaptureInfo]) -> str:
    """Which photos are about to get an encounter, so that a slip of the cursor shows."""
    first, last = clean(chosen[0].name, 16), clean(chosen[-1].name, 16)
    names = first if len(chosen) == 1 else f"{first} to {last}"
    device = f"{clean(entry.model, 24)} {clean(entry.serial, 16)}".strip()
    return f"{count(len(chosen), 'photo')}, {names}, of the import of {moment(entry.at)} from {device}."


def capture_advice(capture: CaptureInfo) -> str:
    """The most important thing about a photo, and how many more there are; empty where there is nothing."""
    if not capture.advice:
        return ""
    more = f" (+{len(capture.advice) - 1})" if len(capture.advice) > 1 else ""
    return short_advice(capture.advice[0]) + more


class ImportsScreen(KeepingScreen):
    """Imports above, the photos of the chosen one below.

    Keys act on photos only while those that are listed are known to be of the import under the cursor.
    """

    WHERE = Where.IMPORTS
    BINDINGS = bindings(Where.IMPORTS)
    AUTO_FOCUS = "#imports"

    def __init__(self) -> None:
        super().__init__()
        self._imports: tuple[ImportInfo, ...] = ()
        self._captures: tuple[CaptureInfo, ...] = ()
        self._encounters: dict[EncounterId, EncounterInfo] = {}
        self._shown: ImportId | None = None
        self._loaded: ImportId | None = None
        self._marked: set[CaptureId] = set()
        self._to_assign: tuple[CaptureId, ...] = ()

    def body(self) -> ComposeResult:
        """Two tables."""
        yield Static("Imports, newest first", classes="caption", markup=False)
        imports: DataTable[Text] = DataTable(id="imports", cursor_type="row")
        imports.add_columns("When", "Device", "Photos", "Assigned", "State")
        yield imports
        yield Static("Photos", id="captures-caption", classes="caption", markup=False)
        captures: DataTable[Text] = DataTable(id="captures", cursor_type="row")
        captures.add_columns(" ", "Photo", "Files", "Findings", "State", "Encounter", "Advice")
        yield captures

    def on_screen_resume(self) -> None:
        """Ask for what is there, now and after every other screen."""
        if self.kiosk.session is None:
            return  # on the way home, past this screen
        self.say("")
        self._load()

    def _load(self) -> None:
        self.ask(lambda kiosk: kiosk.list_encounters(), EncountersLoaded)
        self.ask(lambda kiosk: kiosk.list_imports(), ImportsLoaded)

    @on(EncountersLoaded)
    def _encounters_loaded(self, message: EncountersLoaded) -> None:
        self._encounters = {each.encounter_id: each for each in message.encounters}
        self._draw_captures()

    @on(ImportsLoaded)
    def _imports_loaded(self, message: ImportsLoaded) -> None:
        chosen = self._under_cursor()
        self._imports = message.imports
        ids = [each.import_id for each in self._imports]
        table = self.query_one("#imports", DataTable)
        with self.prevent(DataTable.RowHighlighted):  # nobody moved
            table.clear()
            for entry in self._imports:
                table.add_row(
                    Text(moment(entry.at)),
                    Text(f"{clean(entry.model, 24)} {clean(entry.serial, 16)}".strip()),
                    Text(f"{entry.captures:>6}"),
                    Text(f"{entry.assigned} of {entry.captures}"),
                    Text(import_words(entry)),
                )
            # by id: a newer import pushes every row down
            table.move_cursor(row=ids.index(chosen.import_id) if chosen and chosen.import_id in ids else 0)
        if not self._imports:
            self.say("Nothing was imported yet. Plug in the camera or a card.")
        self._load_captures()

    def _under_cursor(self) -> ImportInfo | None:
        row = self.query_one("#imports", DataTable).cursor_row
        return self._imports[row] if 0 <= row < len(self._imports) else None

    @on(DataTable.RowHighlighted, "#imports")
    def _moved(self) -> None:
        entry = self._under_cursor()
        if entry is not None and entry.import_id != self._shown:
            self._load_captures()

    def _load_captures(self) -> None:
        entry = self._under_cursor()
        if entry is None:
            return
        wanted = entry.import_id
        if wanted != self._shown:
            self._shown, self._loaded = wanted, None
            self._captures, self._marked = (), set()
            self.query_one("#captures-caption", Static).update("Photos")
            self._draw_captures()
        self.ask(
            lambda kiosk: kiosk.list_captures(import_id=wanted),
            lambda answer: CapturesLoaded(answer, wanted),
        )

    def _is_shown(self) -> bool:
        """Whether the photos below are those of the import under the cursor; says so where not."""
        entry = self._under_cursor()
        if entry is not None and entry.import_id == self._shown == self._loaded:
            return True
        self.say(_NOT_SHOWN)
        return False

    @on(CapturesLoaded)
    def _captures_loaded(self, message: CapturesLoaded) -> None:
        if message.import_id != self._shown:
            return  # the answer for another import, which came late
        self._loaded, self._captures = message.import_id, message.captures
        caption = f"{count(message.total, 'photo')} in this import"
        if message.total > len(message.captures):
            caption += f"; the first {len(message.captures)} are shown"
        if advised := sum(bool(each.advice) for each in message.captures):
            caption += f"; advice on {advised}: Q"
        self.query_one("#captures-caption", Static).update(caption)
        self._draw_captures()

    def _draw_captures(self) -> None:
        table = self.query_one("#captures", DataTable)
        row = table.cursor_row
        table.clear()
        for capture in self._captures:
            encounter = self._encounters.get(capture.encounter_id) if capture.encounter_id else None
            table.add_row(
                Text(_MARK if capture.capture_id in self._marked else " "),
                Text(clean(capture.name, 16)),
                Text("+".join(kind.value.upper() for kind in capture.media)),
                Text(f"{capture.findings:>8}"),
                Text(state_words(capture)),
                Text(subject_words(encounter) if encounter else "none"),
                Text(capture_advice(capture)),
            )
        table.move_cursor(row=min(row, len(self._captures) - 1))

    def action_open(self) -> None:
        """Go on to the photos; on a photo, review it, once the keys before have moved the cursor."""
        captures = self.query_one("#captures", DataTable)
        if self.focused is captures:
            settled([captures], self._review)
        else:
            self.set_focus(captures)  # at once, for an Enter that follows at once

    def _review(self) -> None:
        row = self.query_one("#captures", DataTable).cursor_row
        if self._is_shown() and 0 <= row < len(self._captures):
            chosen = self._captures[row].capture_id
            self.app.push_screen(ReviewScreen(import_id=self._shown, first=chosen))

    def action_receipt(self) -> None:
        """Show what became of each file of the import under the cursor."""
        if (entry := self._under_cursor()) is not None:
            self.app.push_screen(ReceiptScreen(entry.import_id))

    def action_advice(self) -> None:
        """Show what there is to say about the photos of this import."""
        if self._is_shown():
            if any(each.advice for each in self._captures):
                self.app.push_screen(AdviceScreen(self._captures))
            else:
                self.say("There is nothing to say about the photos of this import.")

    def action_quarantine(self) -> None:
        """Show which photos of this import belong to nobody, and why."""
        if self._is_shown() and self._shown is not None:
            names = {each.capture_id: each.name for each in self._captures}
            self.app.push_screen(QuarantineScreen(self._shown, names))

    def action_mark(self) -> None:
        """Mark the photo under the cursor, or take the mark back, and go down."""
        table = self.query_one("#captures", DataTable)
        if not self._is_shown() or not self._captures:
            return
        table.focus()
        row = table.cursor_row
        self._marked ^= {self._captures[row].capture_id}
        self._draw_captures()
        table.move_cursor(row=min(row + 1, len(self._captures) - 1))
        self.say(f"{count(len(self._marked), 'photo')} marked.")

    def action_hold(self) -> None:
        """Keep single pictures whatever is due."""
        if (chosen := self._pictures()) is not None:
            self.hold(chosen)

    def action_dispose(self) -> None:
        """Propose to destroy single pictures, due or not."""
        if (chosen := self._pictures()) is not None:
            self.dispose(chosen)

    def _pictures(self) -> Chosen | None:
        """The marked photos; with none marked, the one under the cursor in the list of photos."""
        table = self.query_one("#captures", DataTable)
        if not self._is_shown():
            return None
        chosen = [each for each in self._captures if each.capture_id in self._marked]
        if not chosen and self.focused is table and 0 <= table.cursor_row < len(self._captures):
            chosen = [self._captures[table.cursor_row]]
        if not chosen:
            self.say("Go to a photo (Enter), or mark some (Space).")
            return None
        return pictures([(each.capture_id, each.encounter_id, each.name) for each in chosen])

    def action_assign(self) -> None:
        """Ask for the encounter of the marked photos, or of all that have none."""
        entry = self._under_cursor()
        if not self._is_shown() or entry is None:
            return
        chosen = [each for each in self._captures if each.capture_id in self._marked]
        if not self._marked:
            chosen = [each for each in self._captures if each.encounter_id is None]
        if not chosen:
            self.say("Every photo here has an encounter. Mark (Space) those that belong to another one.")
            return
        self._to_assign = tuple(each.capture_id for each in chosen)
        moving = sum(each.encounter_id is not None for each in chosen)
        self.app.push_screen(
            ChooseEncounter(
                f"Whose {'photo is this' if len(chosen) == 1 else f'{len(chosen)} photos are these'}?",
                assigning_words(entry, chosen),
                list(self._encounters.values()),
            ),
            lambda answer: self._encounter_chosen(answer, moving),
        )

    def _encounter_chosen(self, encounter_id: EncounterId | None, moving: int) -> None:
        if encounter_id is None:
            return
        if encounter_id == NEW:
            self.app.push_screen(EncounterScreen(tuple(self._encounters.values())))
            return
        if moving:
            self.app.push_screen(
                AskReason(
                    f"Why do {count(moving, 'photo')} belong to another encounter?",
                    "They have one already. The correction and your reason stay on record.",
                ),
                lambda reason: self._assign(encounter_id, reason) if reason else None,
            )
        else:
            self._assign(encounter_id, "")

    def _assign(self, encounter_id: EncounterId, reason: str) -> None:
        captures = self._to_assign
        self.ask(lambda kiosk: kiosk.assign(encounter_id, captures, reason), EncounterSaved)

    @on(EncounterSaved)
    def _assigned(self, message: EncounterSaved) -> None:
        self._marked = set()
        photos = count(len(self._to_assign), "photo")
        self.say(f"{photos} assigned to {subject_words(message.encounter)}. Enter on a photo reviews it.")
        self._load()
