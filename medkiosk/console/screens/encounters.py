"""Encounters: who was photographed, what they agreed to, and how many photos there are."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult

from medkiosk.console.actions import Where, bindings
from medkiosk.console.encounterlines import found_words
from medkiosk.console.messages import ScanRead
from medkiosk.console.scanning import TakesScans
from medkiosk.console.screens.access import BreakGlassScreen, WhoSeesScreen
from medkiosk.console.screens.bodyparts import BodyPartsScreen
from medkiosk.console.screens.consent import ConsentScreen
from medkiosk.console.screens.encounter import EncounterScreen, IdentityScreen
from medkiosk.console.screens.export import ExportScreen
from medkiosk.console.screens.keeping import Chosen, KeepingScreen
from medkiosk.console.screens.review import ReviewScreen
from medkiosk.console.screens.slate import SlateScreen
from medkiosk.console.widgets.caption import Caption
from medkiosk.console.widgets.finder import EncounterFinder, load_encounters
from medkiosk.console.widgets.paged import Load, Page, PagedList
from medkiosk.console.words import clean, count
from medkiosk.core.ids import EncounterId
from medkiosk.ipc.client import Client
from medkiosk.ipc.types import EncounterInfo

_NONE = "There is no encounter yet. N writes down who is photographed."
_NONE_FOUND = "Nobody was found. Esc lists all again; N writes down somebody new."


class EncountersScreen(KeepingScreen, TakesScans):
    """All encounters, newest first; or those of a patient whose wristband was scanned.

    Args:
        scan: what a scanner read on the screen before.
    """

    WHERE = Where.ENCOUNTERS
    BINDINGS = bindings(Where.ENCOUNTERS)

    AUTO_FOCUS = "#encounters"
    AHEAD = frozenset({"find", "new", "glass"})

    def __init__(self, scan: str = "") -> None:
        super().__init__()
        self._scan = scan
        self._theirs: tuple[EncounterId, ...] = ()

    def body(self) -> ComposeResult:
        """One list, and a field to find some of it."""
        yield Caption(name="encounters-caption")
        yield EncounterFinder()

    @property
    def _finder(self) -> EncounterFinder:
        return self.query_one(EncounterFinder)

    def on_screen_resume(self) -> None:
        """Ask for what is there, now and after every other screen."""
        if self.kiosk.session is None:
            return  # on the way home, past this screen
        self.say("")
        if self._scan:
            scan, self._scan = self._scan, ""
            self.scanned(scan)
        elif self._theirs:
            self._finder.list.reload(load_these(self._theirs), keep=True)
        else:
            self._finder.list.reload()

    def scanned(self, text: str) -> None:
        """Show the patient whose wristband was scanned."""
        self.ask(lambda kiosk: kiosk.read_scan(text), ScanRead)

    @on(ScanRead)
    def _scan_read(self, message: ScanRead) -> None:
        message.stop()
        scan = message.scan
        if not scan.encounters:
            self.say(scan.words or "This patient has no encounter here that you may see.", wrong=True)
            return
        self._finder.clear()
        self._theirs = scan.encounters
        self._finder.list.reload(load_these(scan.encounters))
        self.say("The patient of the wristband. Esc lists all again.")

    @on(EncounterFinder.Found)
    def _found(self, message: EncounterFinder.Found) -> None:
        self.query_one(Caption).tell(found_words(message.text, message.total))
        if not message.total:
            self.say(_NONE_FOUND if message.text else _NONE)

    def _chosen(self) -> EncounterInfo | None:
        return self._finder.list.current

    def action_find(self) -> None:
        """Type what is looked for."""
        self._finder.field.focus()

    def action_back(self) -> None:
        """From what is looked for back to all; then to the screen before."""
        if self._theirs:
            self._theirs = ()
            self._finder.list.reload(load_encounters(self._finder.text))
        elif self._finder.field.has_focus or self._finder.text:
            self._finder.clear()
        else:
            self.leave()

    def action_new(self) -> None:
        """Write down who is photographed."""
        if self.may_record():
            self.app.push_screen(EncounterScreen(self._finder.list.shown()))

    def action_consent(self) -> None:
        """Record an answer for the chosen encounter."""
        if (encounter := self._chosen()) is not None and self.may_record():
            self.app.push_screen(ConsentScreen(encounter))

    def action_body(self) -> None:
        """Say which parts of the body the photos of the chosen encounter show."""
        if (encounter := self._chosen()) is not None and self.may_record():
            self.app.push_screen(BodyPartsScreen(encounter))

    def action_identity(self) -> None:
        """Propose that the chosen encounter is of somebody else."""
        if (encounter := self._chosen()) is not None and self.may_record():
            self.app.push_screen(IdentityScreen(encounter))

    def action_access(self) -> None:
        """Say who sees the chosen encounter."""
        if (encounter := self._chosen()) is not None and self.may_record():
            self.app.push_screen(WhoSeesScreen(encounter))

    def action_glass(self) -> None:
        """Open a patient of another team."""
        self.app.push_screen(BreakGlassScreen())

    def action_slate(self) -> None:
        """Show the slate of the chosen encounter."""
        if (encounter := self._chosen()) is not None:
            self.app.push_screen(SlateScreen(encounter.encounter_id))

    @on(PagedList.Chosen)
    def _review(self) -> None:
        if (encounter := self._chosen()) is not None:
            self.app.push_screen(ReviewScreen(encounter_id=encounter.encounter_id))

    def action_export(self) -> None:
        """Export the approved photos of the chosen encounter."""
        if (encounter := self._chosen()) is not None and self.may_export():
            self.app.push_screen(ExportScreen(encounter.encounter_id))

    def action_hold(self) -> None:
        """Keep the chosen encounter whatever is due."""
        if (encounter := self._chosen()) is not None:
            self.hold(whole(encounter))

    def action_give_class(self) -> None:
        """Say how long the chosen encounter is kept."""
        if (encounter := self._chosen()) is not None:
            self.give_class(whole(encounter))

    def action_dispose(self) -> None:
        """Propose to destroy the chosen encounter, due or not."""
        if (encounter := self._chosen()) is not None:
            self.dispose(whole(encounter))


def load_these(encounters: tuple[EncounterId, ...]) -> Load[EncounterInfo]:
    """Asks for some encounters."""

    def load(kiosk: Client, offset: int, limit: int) -> Page[EncounterInfo]:
        found = kiosk.get_encounters(encounters[offset : offset + limit]).encounters
        return Page(found, len(encounters))

    return load


def whole(encounter: EncounterInfo) -> Chosen:
    """An encounter with all its pictures."""
    return Chosen(
        encounters=(encounter.encounter_id,),
        captures=(),
        whose=(encounter.encounter_id,),
        words=f"{clean(encounter.subject.name, 40)}, {count(encounter.captures, 'picture')}",
    )
