"""Encounters: who was photographed, what they agreed to, and how many photos there are."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from medkiosk.console.actions import Where, bindings
from medkiosk.console.messages import EncountersLoaded
from medkiosk.console.screens.consent import ConsentScreen
from medkiosk.console.screens.dialogs import encounter_text
from medkiosk.console.screens.encounter import EncounterScreen
from medkiosk.console.screens.export import ExportScreen
from medkiosk.console.screens.keeping import Chosen, KeepingScreen
from medkiosk.console.screens.review import ReviewScreen
from medkiosk.console.screens.slate import SlateScreen
from medkiosk.console.words import clean, count
from medkiosk.ipc.types import EncounterInfo


class EncountersScreen(KeepingScreen):
    """All encounters, newest first."""

    WHERE = Where.ENCOUNTERS
    BINDINGS = bindings(Where.ENCOUNTERS)

    def __init__(self) -> None:
        super().__init__()
        self._encounters: tuple[EncounterInfo, ...] = ()

    def body(self) -> ComposeResult:
        """One list."""
        yield Static("Encounters, newest first", classes="caption", markup=False)
        yield OptionList(id="encounters", markup=False)

    def on_screen_resume(self) -> None:
        """Ask for what is there, now and after every other screen."""
        if self.kiosk.session is None:
            return  # on the way home, past this screen
        self.say("")
        self.ask(lambda kiosk: kiosk.list_encounters(), EncountersLoaded)

    @on(EncountersLoaded)
    def _loaded(self, message: EncountersLoaded) -> None:
        self._encounters = message.encounters
        options = self.query_one(OptionList)
        row = options.highlighted or 0
        options.clear_options()
        options.add_options(Option(encounter_text(each)) for each in self._encounters)
        if self._encounters:
            options.highlighted = min(row, len(self._encounters) - 1)
        else:
            self.say("There is no encounter yet. N writes down who is photographed.")

    def _chosen(self) -> EncounterInfo | None:
        row = self.query_one(OptionList).highlighted
        return self._encounters[row] if row is not None and row < len(self._encounters) else None

    def action_new(self) -> None:
        """Write down who is photographed."""
        self.app.push_screen(EncounterScreen(self._encounters))

    def action_consent(self) -> None:
        """Record an answer for the chosen encounter."""
        if (encounter := self._chosen()) is not None:
            self.app.push_screen(ConsentScreen(encounter))

    def action_slate(self) -> None:
        """Show the slate of the chosen encounter."""
        if (encounter := self._chosen()) is not None:
            self.app.push_screen(SlateScreen(encounter.encounter_id))

    @on(OptionList.OptionSelected)
    def _review(self) -> None:
        if (encounter := self._chosen()) is not None:
            self.app.push_screen(ReviewScreen(encounter_id=encounter.encounter_id))

    def action_export(self) -> None:
        """Export the approved photos of the chosen encounter."""
        if (encounter := self._chosen()) is not None:
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


def whole(encounter: EncounterInfo) -> Chosen:
    """An encounter with all its pictures."""
    return Chosen(
        encounters=(encounter.encounter_id,),
        captures=(),
        whose=(encounter.encounter_id,),
        words=f"{clean(encounter.subject.name, 40)}, {count(encounter.captures, 'picture')}",
    )
