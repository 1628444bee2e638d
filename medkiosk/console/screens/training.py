"""Who is current in which check: oneself, and for those who may know it everybody."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from medkiosk.console.actions import Where, bindings
from medkiosk.console.guidemessages import TrainingLoaded
from medkiosk.console.language import tr
from medkiosk.console.screens.base import KioskScreen
from medkiosk.console.words import clean, moment
from medkiosk.ipc.guidetypes import PersonTraining, Stand

PAGE = 50
"""People on a page of the list."""
_NOTHING = "You passed no check yet, and none is demanded of you. Choose a page of the guide, then C."


def stand_table(stands: tuple[Stand, ...]) -> Table:
    """One line a module: how one stands, when it was passed, what it is demanded for."""
    table = Table.grid(padding=(0, 2, 0, 0), expand=True)
    table.add_column(width=11, no_wrap=True)
    table.add_column(ratio=1)
    for each in stands:
        state = "CURRENT" if each.current else "NEEDED" if each.needed_for else tr("not current")
        words = Text(clean(each.title, 60) or clean(each.module, 40), style="bold")
        about = [each.words]
        if each.passed:
            about.append(tr("passed {passed}", passed=moment(each.passed)[:10]))
        if each.until:
            about.append(tr("counts until {until}", until=moment(each.until)[:10]))
        if each.needed_for:
            about.append(tr("demanded to {names}", names=tr(" and to ").join(each.needed_for)))
        words.append("\n" + clean("; ".join(about), 200), style="not bold")
        table.add_row(Text(state, style="bold"), words)
    return table


class OwnTrainingScreen(KioskScreen):
    """How one stands oneself."""

    WHERE = Where.TRAINING
    BINDINGS = bindings(Where.TRAINING)

    def body(self) -> ComposeResult:
        """One list."""
        with VerticalScroll():
            yield Static(id="stands", markup=False)

    def on_mount(self) -> None:
        """Ask for it."""
        self.ask(lambda kiosk: kiosk.get_training(), lambda own: TrainingLoaded((own,)))

    @on(TrainingLoaded)
    def _loaded(self, message: TrainingLoaded) -> None:
        stands = message.people[0].stands
        self.query_one("#stands", Static).update(stand_table(stands) if stands else Text(tr(_NOTHING)))


def person_text(person: PersonTraining) -> Text:
    """Who, and how many of their modules count, with those that are lacking."""
    words = Text(f"{clean(person.user, 16):<17}", style="bold")
    words.append(f"{clean(person.display_name, 26):<27}", style="not bold")
    current = sum(each.current for each in person.stands)
    lacking = [each for each in person.stands if each.needed_for and not each.current]
    words.append(tr("{current} current", current=current), style="not bold")
    if lacking:
        words.append(tr(", LACKS {number}", number=len(lacking)), style="bold")
    return words


class TrainingScreen(KioskScreen):
    """How everybody stands, a page at a time; below the list, the one that is chosen."""

    WHERE = Where.TRAINED
    BINDINGS = bindings(Where.TRAINED)

    def __init__(self) -> None:
        super().__init__()
        self._people: tuple[PersonTraining, ...] = ()
        self._offset = 0
        self._total = 0

    def body(self) -> ComposeResult:
        """The people, and one of them."""
        yield Static(id="people-caption", classes="caption", markup=False)
        yield OptionList(id="people", markup=False)
        with VerticalScroll(id="person", can_focus=False):
            yield Static(id="stands", markup=False)

    def on_mount(self) -> None:
        """Ask for the first page."""
        self._load()

    def _load(self) -> None:
        offset = self._offset
        self.ask(
            lambda kiosk: kiosk.list_training(offset, PAGE),
            lambda found: TrainingLoaded(found.people, found.total),
        )

    @on(TrainingLoaded)
    def _loaded(self, message: TrainingLoaded) -> None:
        self._people, self._total = message.people, message.total
        first, last = self._offset + 1, self._offset + len(self._people)
        caption = tr(
            "People {first} to {last} of {total}, oldest account first",
            first=first,
            last=last,
            total=self._total,
        )
        self.query_one("#people-caption", Static).update(caption)
        options = self.query_one(OptionList)
        options.clear_options()
        options.add_options(Option(person_text(each)) for each in self._people)
        if self._people:
            options.highlighted = 0

    @on(OptionList.OptionHighlighted)
    def _chosen(self, event: OptionList.OptionHighlighted) -> None:
        if event.option_index < len(self._people):
            stands = self._people[event.option_index].stands
            words = stand_table(stands) if stands else Text(tr("No check was passed, and none is demanded."))
            self.query_one("#stands", Static).update(words)

    def action_turn(self, pages: int) -> None:
        """Turn the page."""
        wanted = self._offset + pages * PAGE
        if 0 <= wanted < max(self._total, 1):
            self._offset = wanted
            self.say("")
            self._load()
        else:
            self.say("This is the last page." if pages > 0 else "This is the first page.")
