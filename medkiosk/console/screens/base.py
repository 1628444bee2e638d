"""What all screens share. A screen never waits: it asks, and a message brings the answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, TypeVar, cast

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message
from textual.screen import ModalScreen, Screen
from textual.widget import Widget
from textual.widgets import Static

from medkiosk.console.actions import Where
from medkiosk.console.language import tr
from medkiosk.console.messages import Refused
from medkiosk.console.widgets.frame import Legend, Notice, TopLine
from medkiosk.console.widgets.glass import GlassBanner
from medkiosk.console.words import clean
from medkiosk.core.events import Role
from medkiosk.ipc.client import Client
from medkiosk.ipc.types import Session, Status

if TYPE_CHECKING:
    from medkiosk.console.app import KioskApp

T = TypeVar("T")
R = TypeVar("R")
NO_ANSWER = "NO ANSWER"


class KioskScreen(Screen[None]):
    """A full screen: line above, body, notice, keys.

    Attributes:
        WHERE: its entry in the table of actions.
        AHEAD: names of actions that only open or show something, and act on nothing that the screen lists:
            their keys may be pressed before the screen is seen.
        LOOKS: names of actions that only look at something else, or elsewhere: they do no harm to what came
            on the screen after their key was pressed.
    """

    WHERE: ClassVar[Where]
    AHEAD: ClassVar[frozenset[str]] = frozenset()
    LOOKS: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, notice: str = "") -> None:
        super().__init__()
        self._first_notice = notice

    @property
    def kiosk(self) -> KioskApp:
        """The application."""
        return cast("KioskApp", self.app)

    @property
    def holds_keys(self) -> bool:
        """Whether keys wait: another screen comes, or this one says why not, when the daemon has answered."""
        return False

    def goes_ahead(self, name: str) -> bool:
        """Whether an action may be asked for before the screen is seen."""
        return name in self.AHEAD

    @property
    def seen_at(self) -> float | None:
        """When what keys act on was first on this screen, in seconds of the monotonic clock; None while it is
        not. Only where one thing comes after another is it later than the screen itself.
        """
        return 0.0

    @property
    def heading(self) -> str:
        """What stands at the top left."""
        return self.WHERE.value

    def body(self) -> ComposeResult:
        """The widgets between the line above and the notice."""
        yield from ()

    def compose(self) -> ComposeResult:
        """Put the frame around the body."""
        yield TopLine(self.heading)
        yield GlassBanner()
        with Vertical(id="body"):
            yield from self.body()
        yield Notice()
        yield Legend(self.WHERE)

    def on_mount(self) -> None:
        """Follow the status and the session in the top line; say what the screen before had to say."""
        self.watch(self.kiosk, "status", self._show_headline)
        self.watch(self.kiosk, "session", self._show_person)
        self.watch(self.kiosk, "glass", self.query_one(GlassBanner).show)
        if self._first_notice:
            self.say(self._first_notice)

    def _show_headline(self, status: Status | None) -> None:
        self.query_one(TopLine).headline = status.headline if status else NO_ANSWER

    def _show_person(self, session: Session | None) -> None:
        self.query_one(TopLine).person = session.display_name if session else ""

    def say(self, words: str, *, wrong: bool = False) -> None:
        """Show a sentence above the keys."""
        self.query_one(Notice).say(clean(tr(words), 400), wrong=wrong)

    def ask(self, request: Callable[[Client], T], answer: Callable[[T], Message]) -> None:
        """Ask the daemon from a worker thread; ``answer`` or `Refused` is posted to this screen."""
        self.kiosk.ask(request, answer, self)

    @on(Refused)
    def _refused(self, message: Refused) -> None:
        message.stop()
        self.say(message.words, wrong=True)

    def may_export(self) -> bool:
        """Whether whoever is logged in may export; where not, say who may."""
        session = self.kiosk.session
        if session is None or Role.PRIVACY_OFFICER in session.roles:
            return True
        self.say("Only a privacy officer exports. F9 logs you out, so that one can log in.", wrong=True)
        return False

    def may_record(self) -> bool:
        """Whether whoever is logged in may record answers; where not, say who may."""
        session = self.kiosk.session
        if session is None or {Role.PHOTOGRAPHER, Role.REVIEWER} & set(session.roles):
            return True
        self.say(
            "Only a photographer or reviewer records this. F9 logs out, so that one can log in.", wrong=True
        )
        return False

    def leave(self, words: str = "") -> None:
        """Go back to the screen before, which then says something."""
        self.app.pop_screen()
        below = self.app.screen
        if words and isinstance(below, KioskScreen):
            below.call_later(below.say, words)

    def action_back(self) -> None:
        """Go back to the screen before."""
        self.leave()


class Warned(Static):
    """Says why a key did nothing; not there until then."""

    def __init__(self) -> None:
        super().__init__("", markup=False)
        self.display = False


class Dialog(ModalScreen[R]):
    """A question over the screen; Esc answers None."""

    def on_mount(self) -> None:
        """Keep a place above the keys for `warn`."""
        for legend in self.query(Legend):
            cast("Widget", legend.parent).mount(Warned(), before=legend)

    def warn(self, words: str) -> None:
        """Show a sentence until the question is answered."""
        for warned in self.query(Warned):
            warned.update(Text(clean(tr(words), 400)))
            warned.display = True

    def action_back(self) -> None:
        """Close without an answer."""
        self.dismiss(None)
