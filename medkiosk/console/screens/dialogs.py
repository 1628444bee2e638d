"""Questions over a screen: a reason, a yes or no, an encounter."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from medkiosk.console.actions import Where, bindings
from medkiosk.console.encounterlines import found_words
from medkiosk.console.language import tr
from medkiosk.console.screens.base import Dialog
from medkiosk.console.widgets.field import Field, settled
from medkiosk.console.widgets.finder import EncounterFinder
from medkiosk.console.widgets.frame import Legend
from medkiosk.console.widgets.paged import PagedList
from medkiosk.console.words import ROLES, ROLES_EXPLAINED, clean
from medkiosk.core.ids import EncounterId
from medkiosk.core.photo import ImageRole

NEW = EncounterId("")
"""The answer of `ChooseEncounter` when a new one is wanted."""
_LONGEST = 2000


def _whole(explanation: str) -> Text:
    """An explanation is read before something is done: none of it is cut."""
    return Text(clean(tr(explanation), _LONGEST))


class AskReason(Dialog[str]):
    """Asks for a reason, or something else in words; an empty one is no answer.

    Args:
        question: what is asked.
        explanation: what it is for.
        asked: what stands in the empty field.
    """

    BINDINGS = bindings(Where.REASON)

    def __init__(self, question: str, explanation: str = "", *, asked: str = "Reason") -> None:
        super().__init__()
        self._asked = asked
        self._question = question
        self._explanation = explanation

    def compose(self) -> ComposeResult:
        """Question, field, keys."""
        with Vertical(classes="dialog"):
            yield Static(Text(clean(tr(self._question)), style="bold"), markup=False)
            if self._explanation:
                yield Static(_whole(self._explanation), markup=False)
            yield Field(placeholder=self._asked, max_length=200)
            yield Legend(Where.REASON)

    def action_enter(self) -> None:
        """Take the reason, when it has been typed."""
        settled(self.query(Field), self._given)

    def _given(self) -> None:
        if reason := self.query_one(Field).value.strip():
            self.dismiss(reason)


class ChooseReason(Dialog[str]):
    """Asks for a reason: one of a few usual ones, or own words."""

    BINDINGS = bindings(Where.QUICK)

    def __init__(self, question: str, explanation: str, reasons: Sequence[str]) -> None:
        super().__init__()
        self._question = question
        self._explanation = explanation
        self._reasons = tuple(reasons)

    def compose(self) -> ComposeResult:
        """Question, reasons, field, keys."""
        with Vertical(classes="dialog"):
            yield Static(Text(clean(tr(self._question)), style="bold"), markup=False)
            yield Static(_whole(self._explanation), markup=False)
            yield OptionList(*(f"{n}  {tr(each)}" for n, each in enumerate(self._reasons, 1)), markup=False)
            yield Field(placeholder="Own words", max_length=200)
            yield Legend(Where.QUICK)

    def action_pick(self, place: int) -> None:
        """Take one of the usual reasons."""
        self.dismiss(self._reasons[place])

    def action_enter(self) -> None:
        """Take the chosen reason, or the words when they have been typed."""
        if isinstance(self.focused, Field):
            settled(self.query(Field), self._given)
        else:
            settled(self.query(OptionList), self._chosen)

    def _given(self) -> None:
        if reason := self.query_one(Field).value.strip():
            self.dismiss(reason)

    def _chosen(self) -> None:
        if (place := self.query_one(OptionList).highlighted) is not None:
            self.action_pick(place)


class Confirm(Dialog[bool]):
    """Asks before something that leaves the kiosk or cannot be taken back.

    Args:
        question: what a yes does.
        explanation: a sentence; or lines that were made safe to draw, however many.
    """

    BINDINGS = bindings(Where.CONFIRM)

    def __init__(self, question: str, explanation: str | Text = "") -> None:
        super().__init__()
        self._question = question
        self._explanation = explanation

    def compose(self) -> ComposeResult:
        """Question and keys."""
        with Vertical(classes="dialog"):
            yield Static(Text(clean(tr(self._question)), style="bold"), markup=False)
            with VerticalScroll(classes="explanation"):
                said = self._explanation
                yield Static(said if isinstance(said, Text) else _whole(said), markup=False)
            yield Legend(Where.CONFIRM)

    def action_yes(self) -> None:
        """Take it as a yes."""
        self.dismiss(True)


class ChooseEncounter(Dialog[EncounterId]):
    """Asks whose photos these are: the field finds, the arrows choose."""

    BINDINGS = bindings(Where.CHOICE)
    AUTO_FOCUS = "Field"

    def __init__(self, question: str, explanation: str) -> None:
        super().__init__()
        self._question = question
        self._explanation = explanation
        self._warned_at: str | None = None

    def compose(self) -> ComposeResult:
        """All encounters, newest first, and those that are found."""
        with Vertical(classes="dialog"):
            yield Static(Text(clean(tr(self._question)), style="bold"), markup=False)
            yield Static(_whole(self._explanation), markup=False)
            yield EncounterFinder()
            yield Static(id="found", markup=False)
            yield Legend(Where.CHOICE)

    def on_mount(self) -> None:
        """Ask for them."""
        self.query_one(EncounterFinder).list.reload()

    @on(EncounterFinder.Found)
    def _found(self, message: EncounterFinder.Found) -> None:
        if message.text != self._warned_at:
            self.query_one("#found", Static).update(found_words(message.text, message.total))
            self._warned_at = None

    def warn(self, words: str) -> None:
        """Show a sentence where it stands how many were found, until something else is looked for."""
        self._warned_at = self.query_one(EncounterFinder).text
        self.query_one("#found", Static).update(Text(clean(tr(words), 400), style="bold"))

    @on(PagedList.Chosen)
    def _chosen(self) -> None:
        if (chosen := self.query_one(EncounterFinder).list.current) is not None:
            self.dismiss(chosen.encounter_id)

    def action_new(self) -> None:
        """Write down a new one."""
        self.dismiss(NEW)


class ChooseRole(Dialog[ImageRole]):
    """Asks what a frame is for; begins at what it is now."""

    BINDINGS = bindings(Where.ROLE)

    def __init__(self, question: str, now: ImageRole) -> None:
        super().__init__()
        self._question = question
        self._now = now

    def compose(self) -> ComposeResult:
        """One line a role."""
        with Vertical(classes="dialog"):
            yield Static(Text(clean(tr(self._question)), style="bold"), markup=False)
            yield OptionList(*(Option(_role_text(each), id=each) for each in ImageRole), markup=False)
            yield Legend(Where.ROLE)

    def on_mount(self) -> None:
        """Begin at what it is now."""
        self.query_one(OptionList).highlighted = list(ImageRole).index(self._now)

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(ImageRole(str(event.option.id)))


def _role_text(role: ImageRole) -> Text:
    words = Text(f"{tr(ROLES[role]):<18}", style="bold")
    words.append(tr(ROLES_EXPLAINED[role]), style="not bold")
    return words
