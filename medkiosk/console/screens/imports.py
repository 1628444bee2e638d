"""Imports and the photos in them: choose, assign to an encounter, go on to review."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from textual import on
from textual.app import ComposeResult
from textual.widgets import Static

from medkiosk.console.actions import Where, bindings
from medkiosk.console.language import tr
from medkiosk.console.messages import CapturesGathered, CorrectionSaved, EncounterSaved, Refused
from medkiosk.console.scanning import TakesScans
from medkiosk.console.screens.advice import AdviceScreen
from medkiosk.console.screens.correction import CorrectionsScreen
from medkiosk.console.screens.dialogs import NEW, AskReason, ChooseEncounter
from medkiosk.console.screens.encounter import EncounterScreen
from medkiosk.console.screens.encounters import EncountersScreen
from medkiosk.console.screens.keeping import Chosen, KeepingScreen, pictures
from medkiosk.console.screens.quarantine import QuarantineScreen
from medkiosk.console.screens.receipt import ReceiptScreen
from medkiosk.console.screens.review import ReviewScreen
from medkiosk.console.widgets.caption import Caption
from medkiosk.console.widgets.field import settled
from medkiosk.console.widgets.paged import Load, Page, PagedList, PagedTable
from medkiosk.console.words import clean, count, moment, short_advice, state_words, subject_words
from medkiosk.core.consent import subject_key
from medkiosk.core.ids import CaptureId, EncounterId, ImportId
from medkiosk.ipc.client import Client
from medkiosk.ipc.types import CaptureInfo, CorrectionInfo, EncounterInfo, ImportInfo

_MARK = "x"
_ALL_AT_ONCE = 500
_NOT_SHOWN = "The photos of this import are not shown yet. Wait a moment and press the key again."


def import_words(entry: ImportInfo) -> str:
    """How far an import is."""
    words = tr("finished") if entry.finished else tr("importing now")
    return words + tr(", {number} not read", number=entry.failed) if entry.failed else words


def assigning_words(entry: ImportInfo, chosen: Sequence[CaptureInfo]) -> str:
    """Which photos are about to get an encounter, so that a slip of the cursor shows."""
    first, last = clean(chosen[0].name, 16), clean(chosen[-1].name, 16)
    names = first if len(chosen) == 1 else tr("{first} to {last}", first=first, last=last)
    device = f"{clean(entry.model, 24)} {clean(entry.serial, 16)}".strip()
    return tr(
        "{photos}, {names}, of the import of {when} from {device}.",
        photos=count(len(chosen), "photo"),
        names=names,
        when=moment(entry.at),
        device=device,
    )


def capture_advice(capture: CaptureInfo) -> str:
    """The most important thing about a photo, and how many more there are; empty where there is nothing."""
    if not capture.advice:
        return ""
    more = f" (+{len(capture.advice) - 1})" if len(capture.advice) > 1 else ""
    return short_advice(capture.advice[0]) + more


def import_cells(entry: ImportInfo) -> tuple[str, ...]:
    """An import in columns."""
    return (
        moment(entry.at),
        f"{clean(entry.model, 24)} {clean(entry.serial, 16)}".strip(),
        f"{entry.captures:>6}",
        tr("{number} of {total}", number=entry.assigned, total=entry.captures),
        import_words(entry),
    )


Line = tuple[CaptureInfo, EncounterInfo | None]
"""A photo, and the encounter that it belongs to."""


def load_imports(kiosk: Client, offset: int, limit: int) -> Page[ImportInfo]:
    """A page of imports."""
    found = kiosk.list_imports(offset, limit)
    return Page(found.imports, found.total)


def _nothing(kiosk: Client, offset: int, limit: int) -> Page[Line]:  # noqa: ARG001
    """The photos of no import yet."""
    return Page((), 0)


def load_photos(import_id: ImportId) -> Load[Line]:
    """Asks for photos of an import, with the encounters of those that have one."""

    def load(kiosk: Client, offset: int, limit: int) -> Page[Line]:
        found = kiosk.list_captures(import_id=import_id, offset=offset, limit=limit)
        wanted = tuple({each.encounter_id: None for each in found.captures if each.encounter_id})
        known = kiosk.get_encounters(wanted).encounters if wanted else ()
        by_id = {each.encounter_id: each for each in known}
        return Page(
            [(each, by_id.get(each.encounter_id) if each.encounter_id else None) for each in found.captures],
            found.total,
        )

    return load


def all_photos(kiosk: Client, import_id: ImportId) -> tuple[CaptureInfo, ...]:
    """Every photo of an import, page by page."""
    found: list[CaptureInfo] = []
    while True:
        page = kiosk.list_captures(import_id=import_id, offset=len(found), limit=_ALL_AT_ONCE)
        found += page.captures
        if not page.captures or len(found) >= page.total:
            return tuple(found)


class ImportsScreen(KeepingScreen, TakesScans):
    """Imports above, the photos of the chosen one below.

    Keys act on photos only while those that are listed are known to be of the import under the cursor.
    """

    WHERE = Where.IMPORTS
    BINDINGS = bindings(Where.IMPORTS)
    AUTO_FOCUS = "#imports"

    def __init__(self) -> None:
        super().__init__()
        self._shown: ImportId | None = None
        self._marked: dict[CaptureId, CaptureInfo] = {}
        self._to_assign: tuple[CaptureId, ...] = ()
        self._gathering = False

    @property
    def holds_keys(self) -> bool:
        """Keys wait while all photos are asked for: they are for what opens then."""
        return self._gathering

    def goes_ahead(self, name: str) -> bool:
        """Enter may go to the photos unseen, but open none of them."""
        return name == "open" and self.focused is not self._photos

    def body(self) -> ComposeResult:
        """Two tables."""
        yield Static(tr("Imports, newest first"), classes="caption", markup=False)
        yield PagedTable(
            load_imports,
            import_cells,
            lambda each: each.import_id,
            titles=("When", "Device", "Photos", "Assigned", "State"),
            widest=(16, 41, 6, 14),
            name="imports",
        )
        yield Caption(tr("Photos"), name="captures-caption")
        yield PagedTable(
            _nothing,
            self._photo_cells,
            lambda each: each[0].capture_id,
            titles=(" ", "Photo", "Files", "Findings", "State", "Encounter", "Advice"),
            widest=(1, 16, 12, 8, 24, 60),
            growing=False,
            name="captures",
        )

    @property
    def _imports(self) -> PagedTable[ImportInfo]:
        return self.query_one("#imports", PagedTable)

    @property
    def _photos(self) -> PagedTable[Line]:
        return self.query_one("#captures", PagedTable)

    def on_screen_resume(self) -> None:
        """Ask for what is there, now and after every other screen."""
        if self.kiosk.session is None:
            return  # on the way home, past this screen
        self.say("")
        self._load()

    def _load(self) -> None:
        self._imports.reload()
        if self._shown is not None:
            self._photos.reload()

    @on(PagedList.Loaded, "#imports")
    def _imports_loaded(self) -> None:
        if not self._imports.total:
            self.say("Nothing was imported yet. Plug in the camera or a card.")

    @on(PagedList.Moved, "#imports")
    def _moved(self) -> None:
        entry = self._imports.current
        if entry is not None and entry.import_id != self._shown:
            self._shown, self._marked = entry.import_id, {}
            self.query_one(Caption).tell(tr("Photos"))
            self._photos.reload(load_photos(entry.import_id))

    def _is_shown(self) -> bool:
        """Whether the photos below are those of the import under the cursor; says so where not."""
        entry = self._imports.current
        if entry is not None and entry.import_id == self._shown and self._photos.ready:
            return True
        self.say(_NOT_SHOWN)
        return False

    @on(PagedList.Loaded, "#captures")
    def _photos_loaded(self) -> None:
        photos, lines = self._photos, self._photos.shown()
        caption = tr("{photos} in this import", photos=count(photos.total, "photo"))
        if advised := sum(bool(each.advice) for each, _ in lines):
            # Of a long import only a part is here; which photos they are, Q says.
            known = tr("; advice on {number}: Q", number=advised)
            caption += known if len(lines) == photos.total else tr("; advice: Q")
        self.query_one(Caption).tell(caption)

    def _photo_cells(self, line: Line) -> tuple[str, ...]:
        capture, encounter = line
        return (
            _MARK if capture.capture_id in self._marked else " ",
            clean(capture.name, 16),
            "+".join(kind.value.upper() for kind in capture.media),
            f"{capture.findings:>8}",
            state_words(capture),
            subject_words(encounter) if encounter else tr("another's" if capture.encounter_id else "none"),
            capture_advice(capture),
        )

    def action_open(self) -> None:
        """Go on to the photos; on a photo, review it, once the keys before have moved the cursor."""
        photos = self._photos
        if self.focused is photos:
            settled([photos], self._review)
        else:
            self.set_focus(photos)  # at once, for an Enter that follows at once

    def _review(self) -> None:
        if self._is_shown() and (line := self._photos.current) is not None:
            self.app.push_screen(ReviewScreen(import_id=self._shown, first=line[0].capture_id))

    def action_receipt(self) -> None:
        """Show what became of each file of the import under the cursor."""
        if (entry := self._imports.current) is not None:
            self.app.push_screen(ReceiptScreen(entry.import_id))

    def _with_all(self, then: Callable[[tuple[CaptureInfo, ...]], None]) -> None:
        """Go on with every photo of the import under the cursor, also those that are not listed yet."""
        if self._is_shown() and self._shown is not None:
            wanted, self._gathering = self._shown, True
            self.ask(
                lambda kiosk: all_photos(kiosk, wanted), lambda found: CapturesGathered(found, wanted, then)
            )

    @on(Refused)
    def _not_gathered(self) -> None:
        self._gathering = False

    @on(CapturesGathered)
    def _gathered(self, message: CapturesGathered) -> None:
        self._gathering = False
        if message.import_id == self._shown and self.is_current:
            message.then(message.captures)

    def action_advice(self) -> None:
        """Show what there is to say about the photos of this import."""
        self._with_all(self._advise)

    def _advise(self, captures: tuple[CaptureInfo, ...]) -> None:
        if any(each.advice for each in captures):
            self.app.push_screen(AdviceScreen(captures))
        else:
            self.say("There is nothing to say about the photos of this import.")

    def action_quarantine(self) -> None:
        """Show which photos of this import belong to nobody, and why."""
        self._with_all(self._show_quarantine)

    def _show_quarantine(self, captures: tuple[CaptureInfo, ...]) -> None:
        if self._shown is not None:
            names = {each.capture_id: each.name for each in captures}
            self.app.push_screen(QuarantineScreen(self._shown, names))

    def action_mark(self) -> None:
        """Mark the photo under the cursor, or take the mark back, and go down."""
        photos = self._photos
        if not self._is_shown() or (line := photos.current) is None:
            return
        photos.focus()
        capture = line[0]
        if self._marked.pop(capture.capture_id, None) is None:
            self._marked[capture.capture_id] = capture
        photos.redraw()
        photos.action_go(1)
        self.say(tr("{photos} marked.", photos=count(len(self._marked), "photo")))

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
        photos = self._photos
        if not self._is_shown():
            return None
        chosen = self._marked_in_order()
        if not chosen and self.focused is photos and (line := photos.current) is not None:
            chosen = [line[0]]
        if not chosen:
            self.say("Go to a photo (Enter), or mark some (Space).")
            return None
        return pictures([(each.capture_id, each.encounter_id, each.name) for each in chosen])

    def _marked_in_order(self) -> list[CaptureInfo]:
        return sorted(self._marked.values(), key=lambda each: (each.at, each.name))

    def action_assign(self) -> None:
        """Ask for the encounter of the marked photos, or of all that have none."""
        if not self._is_shown():
            return
        if self._marked:
            self._ask_whose(self._marked_in_order())
        else:
            self._with_all(
                lambda captures: self._ask_whose([each for each in captures if each.encounter_id is None])
            )

    def _ask_whose(self, chosen: Sequence[CaptureInfo]) -> None:
        if (entry := self._imports.current) is None:
            return
        if not chosen:
            self.say("Every photo here has an encounter. Mark (Space) those that belong to another one.")
            return
        self._to_assign = tuple(each.capture_id for each in chosen)
        moving = sum(each.encounter_id is not None for each in chosen)
        if 0 < moving < len(chosen):
            self.say(
                "Some of the marked photos have an encounter, some have none. Mark either, not both.",
                wrong=True,
            )
            return
        self.app.push_screen(
            ChooseEncounter(
                tr("Whose photo is this?")
                if len(chosen) == 1
                else tr("Whose {number} photos are these?", number=len(chosen)),
                assigning_words(entry, chosen),
            ),
            lambda answer: self._encounter_chosen(answer, moving),
        )

    def _encounter_chosen(self, encounter_id: EncounterId | None, moving: int) -> None:
        if encounter_id is None:
            return
        if encounter_id == NEW:
            self.app.push_screen(EncounterScreen([known for _, known in self._photos.shown() if known]))
            return
        if moving:
            they = tr("does 1 photo") if moving == 1 else tr("do {moving} photos", moving=moving)
            self.app.push_screen(
                AskReason(
                    tr("Why {they} belong to another encounter?", they=they),
                    "They have one already. If it is another patient's, a second person decides, and until"
                    " then nothing of them leaves. Your reason stays on record.",
                ),
                lambda reason: self._move(encounter_id, reason) if reason else None,
            )
        else:
            self._assign(encounter_id, "")

    def _assign(self, encounter_id: EncounterId, reason: str) -> None:
        captures = self._to_assign
        self.ask(lambda kiosk: kiosk.assign(encounter_id, captures, reason), EncounterSaved)

    def _move(self, encounter_id: EncounterId, reason: str) -> None:
        captures = self._to_assign

        def move(kiosk: Client) -> EncounterInfo | CorrectionInfo:
            whose = {kiosk.get_capture(each).info.encounter_id for each in captures}
            wanted = tuple(each for each in (*whose, encounter_id) if each is not None)
            known = {each.encounter_id: each.subject for each in kiosk.get_encounters(wanted).encounters}
            if all(id_ in known for id_ in wanted) and len(set(map(subject_key, known.values()))) == 1:
                return kiosk.assign(encounter_id, captures, reason)  # another visit of the same patient
            return kiosk.propose_correction(encounter_id, captures, reason)

        self.ask(
            move,
            lambda done: EncounterSaved(done) if isinstance(done, EncounterInfo) else CorrectionSaved(done),
        )

    @on(CorrectionSaved)
    def _proposed(self, message: CorrectionSaved) -> None:
        message.stop()
        self._marked = {}
        self.app.push_screen(CorrectionsScreen(message.correction))

    def scanned(self, text: str) -> None:
        """Show the patient whose wristband was scanned."""
        self.app.push_screen(EncountersScreen(text))

    @on(EncounterSaved)
    def _assigned(self, message: EncounterSaved) -> None:
        self._marked = {}
        photos = count(len(self._to_assign), "photo")
        whose = subject_words(message.encounter)
        self.say(tr("{photos} assigned to {whose}. Enter on a photo reviews it.", photos=photos, whose=whose))
        self._load()
