"""Practice: the review screen on pictures that are nobody's, and afterwards how it went."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar, cast

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.message import Message
from textual.widgets import Static

from medkiosk.console import words as w
from medkiosk.console.actions import Where, bindings
from medkiosk.console.language import tr
from medkiosk.console.messages import Refused
from medkiosk.console.practising import PracticeKiosk, Verdict
from medkiosk.console.screens.base import KioskScreen
from medkiosk.console.screens.review import ReviewScreen
from medkiosk.console.words import clean, count
from medkiosk.core.errors import KioskError
from medkiosk.ipc.client import Client
from medkiosk.ipc.types import CaptureDetail

T = TypeVar("T")
BEGIN = "PRACTICE: these pictures are shapes, nobody's. Review them as in earnest; nothing is recorded."


class PracticeScreen(ReviewScreen):
    """The review screen with its very keys and rules, which asks a `PracticeKiosk` in place of the daemon."""

    def __init__(self, practice: PracticeKiosk | None = None) -> None:
        super().__init__()
        self._practice = practice or PracticeKiosk()

    @property
    def heading(self) -> str:
        """Says at any time that this is no patient."""
        return "PRACTICE, no patient"

    def on_mount(self) -> None:
        """Say what this is."""
        self.say(BEGIN)

    def ask(self, request: Callable[[Client], T], answer: Callable[[T], Message]) -> None:
        """Ask the practice; the daemon hears nothing of it."""
        self._answer(lambda: answer(request(cast("Client", self._practice))))

    @work(thread=True, exit_on_error=False, group="practice", description="draw a practice picture")
    def _answer(self, made: Callable[[], Message]) -> None:
        try:
            self.post_message(made())
        except KioskError as error:
            self.post_message(Refused(error.message))
        except Exception:  # noqa: BLE001 - a fault of ours in one request must not leave the screen waiting
            self.post_message(Refused(w.INTERNAL))

    def _go_on(self, detail: CaptureDetail, done: str) -> None:
        super()._go_on(detail, done)
        verdicts = self._practice.verdicts()
        if len(verdicts) == len(self._captures):
            self.app.switch_screen(PracticeResultScreen(verdicts))


def verdict_text(verdicts: Sequence[Verdict]) -> Text:
    """How many were right; then each photo with what was wrong."""
    right = sum(not each.said for each in verdicts)
    words = Text(
        tr("{right} of {photos} right.", right=right, photos=count(len(verdicts), "photo")), style="bold"
    )
    words.append(tr(" Nothing was recorded, and nothing of it is kept."), style="not bold")
    for each in verdicts:
        words.append(f"\n\n{clean(each.title, 40)}: {'LOOK AGAIN' if each.said else 'RIGHT'}", style="bold")
        for sentence in each.said:
            words.append(f"\n{clean(sentence, 300)}", style="not bold")
    return words


class PracticeResultScreen(KioskScreen):
    """How the practice went.

    Args:
        verdicts: one a photo.
    """

    WHERE = Where.PRACTISED
    BINDINGS = bindings(Where.PRACTISED)

    def __init__(self, verdicts: Sequence[Verdict]) -> None:
        super().__init__()
        self._verdicts = tuple(verdicts)

    def body(self) -> ComposeResult:
        """One text that scrolls."""
        with VerticalScroll():
            yield Static(verdict_text(self._verdicts), id="verdicts", markup=False)

    def action_again(self) -> None:
        """Practise once more, from the beginning."""
        self.app.switch_screen(PracticeScreen())
