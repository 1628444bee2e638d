"""Hold, class and disposal of what is chosen on any screen, also before it is due: for a privacy officer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from medkiosk.console.actions import Where, bindings
from medkiosk.console.language import tr
from medkiosk.console.messages import KeepingDone, KeptFor
from medkiosk.console.screens.base import Dialog, KioskScreen
from medkiosk.console.screens.dialogs import AskReason
from medkiosk.console.widgets.frame import Legend
from medkiosk.console.words import clean, count
from medkiosk.core.clock import rfc3339
from medkiosk.core.events import Role
from medkiosk.core.ids import CaptureId, EncounterId
from medkiosk.core.lifecycle import RetentionClass
from medkiosk.ipc.client import Client
from medkiosk.ipc.types import RetentionInfo

_NOT_YOURS = "Only a privacy officer decides how long something is kept."
_NO_NAMES = "Name no patient here: this is kept for ever."
_RULE = "Which rule or order allows it?"
_CLASSES = {
    RetentionClass.ADULT: "8 years after the patient was last seen.",
    RetentionClass.CHILD: "Until the 25th birthday, or the 26th.",
    RetentionClass.RESEARCH: "Until the day that the protocol names.",
    RetentionClass.PERMANENT: "For ever.",
}


@dataclass(frozen=True)
class Chosen:
    """What a decision is about.

    Attributes:
        encounters: wholly.
        captures: single pictures.
        whose: the encounters that say when it is due; None stands for pictures that belong to nobody.
        words: what it is, for the person who decides.
    """

    encounters: tuple[EncounterId, ...]
    captures: tuple[CaptureId, ...]
    whose: tuple[EncounterId | None, ...]
    words: str


class ChooseClass(Dialog[RetentionClass]):
    """Asks how long an encounter is kept; says how long that is now."""

    BINDINGS = bindings(Where.CLASS)

    def __init__(self, words: str, now: RetentionInfo) -> None:
        super().__init__()
        self._words = words
        self._now = now

    def compose(self) -> ComposeResult:
        """What it is now, and one line a class."""
        with Vertical(classes="dialog"):
            yield Static(
                Text(tr("How long is it kept: {words}?", words=self._words), style="bold"), markup=False
            )
            yield Static(
                Text(
                    tr(
                        "Now {retention}. {words}",
                        retention=self._now.retention,
                        words=clean(tr(self._now.words), 400),
                    )
                ),
                markup=False,
            )
            yield OptionList(*(Option(_class_text(each), id=each) for each in RetentionClass), markup=False)
            yield Legend(Where.CLASS)

    def on_mount(self) -> None:
        """Begin at what it is now."""
        self.query_one(OptionList).highlighted = list(RetentionClass).index(self._now.retention)

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(RetentionClass(str(event.option.id)))


def _class_text(retention: RetentionClass) -> Text:
    words = Text(f"{tr(retention):<11}", style="bold")
    words.append(tr(_CLASSES[retention]), style="not bold")
    return words


class KeepingScreen(KioskScreen):
    """A screen whose encounters or pictures a privacy officer may hold, class and propose to destroy."""

    def hold(self, chosen: Chosen) -> None:
        """Ask why and by which order, and keep it until the hold is lifted."""

        def place(reason: str, authority: str) -> None:
            self._do(
                lambda kiosk: kiosk.place_hold(chosen.encounters, chosen.captures, reason, authority),
                tr(
                    "Held: {words}. It is kept until the hold is lifted, on the screen Retention.",
                    words=chosen.words,
                ),
            )

        if self._may():
            about = f"{chosen.words}. {_NO_NAMES}"
            self._ask_both("Why is it to be kept?", about, "Whose order or claim is it?", place)

    def give_class(self, chosen: Chosen) -> None:
        """Show how long an encounter is kept, and ask for another class."""
        if self._may():
            self._look(chosen, self._ask_class)

    def dispose(self, chosen: Chosen) -> None:
        """Show whether it is due, ask why and by which order, and propose to destroy it."""
        if self._may():
            self._look(chosen, self._ask_disposal)

    def _may(self) -> bool:
        session = self.kiosk.session
        if session is not None and Role.PRIVACY_OFFICER in session.roles:
            return True
        self.say(_NOT_YOURS, wrong=True)
        return False

    def _look(self, chosen: Chosen, then: Callable[[Chosen, tuple[RetentionInfo, ...]], None]) -> None:
        whose = [each for each in chosen.whose if each is not None]
        self.ask(
            lambda kiosk: tuple(kiosk.get_retention(each) for each in whose),
            lambda kept: KeptFor(kept, lambda: then(chosen, kept)),
        )

    @on(KeptFor)
    def _looked(self, message: KeptFor) -> None:
        message.stop()
        if self.is_current:  # nobody left meanwhile
            message.then()

    def _ask_class(self, chosen: Chosen, kept: tuple[RetentionInfo, ...]) -> None:
        [now] = kept

        def classed(retention: RetentionClass | None) -> None:
            if retention is RetentionClass.RESEARCH:
                self.app.push_screen(
                    AskReason(
                        "When does the protocol end?", "YYYY-MM-DD; the day after, it is due.", asked="Day"
                    ),
                    lambda until: give(retention, until) if until else None,
                )
            elif retention is not None:
                give(retention, "")

        def give(retention: RetentionClass, until: str) -> None:
            def reasoned(reason: str | None) -> None:
                if reason:
                    self._do(
                        lambda kiosk: kiosk.set_retention(now.encounter_id, retention, reason, until),
                        f"{retention.capitalize()}: {chosen.words}.",
                    )

            self.app.push_screen(AskReason(tr("Why {retention}?", retention=retention), _NO_NAMES), reasoned)

        self.app.push_screen(ChooseClass(chosen.words, now), classed)

    def _ask_disposal(self, chosen: Chosen, kept: tuple[RetentionInfo, ...]) -> None:
        today = rfc3339(self.kiosk.clock())[:10]
        stand = [each.words for each in kept if not each.due or each.due > today]
        if None in chosen.whose:
            stand.append(tr("It belongs to no encounter, so no period has begun."))
        early = bool(stand)
        about = f"{chosen.words}. {clean((stand or [each.words for each in kept])[0], 300)}"
        if early and len(chosen.whose) > 1:
            about += tr(
                " {number} of {number2} encounters are not due.", number=len(stand), number2=len(chosen.whose)
            )
        rule = tr("NOT DUE: which order demands it all the same?") if early else _RULE

        def propose(reason: str, authority: str) -> None:
            self._do(
                lambda kiosk: kiosk.propose_disposal(
                    chosen.encounters, chosen.captures, reason, authority, early
                ),
                tr(
                    "Proposed: {words}. A second person has to approve it, on the screen Retention.",
                    words=chosen.words,
                ),
            )

        self._ask_both("Why is it to be destroyed?", f"{about} {_NO_NAMES}", rule, propose)

    def _ask_both(self, question: str, about: str, rule: str, then: Callable[[str, str], None]) -> None:
        def reasoned(reason: str | None) -> None:
            def ordered(authority: str | None) -> None:
                if reason and authority:
                    then(reason, authority)

            if reason:
                self.app.push_screen(AskReason(rule, _NO_NAMES, asked="Rule or order"), ordered)

        self.app.push_screen(AskReason(question, about), reasoned)

    def _do(self, request: Callable[[Client], object], words: str) -> None:
        self.ask(request, lambda _: KeepingDone(words))

    @on(KeepingDone)
    def _done(self, message: KeepingDone) -> None:
        message.stop()
        self.say(message.words)


def pictures(captures: list[tuple[CaptureId, EncounterId | None, str]]) -> Chosen:
    """Single pictures: each with its encounter and its name."""
    names = clean(captures[0][2], 16)
    if len(captures) > 1:
        names += tr(" to {captures}", captures=clean(captures[-1][2], 16))
    return Chosen(
        encounters=(),
        captures=tuple(each[0] for each in captures),
        whose=tuple(dict.fromkeys(each[1] for each in captures)),
        words=f"{count(len(captures), 'picture')}, {names}",
    )
