"""Corrections: what was filed under the wrong patient, what that means, and the second person's word."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Static

from medkiosk.console.actions import Where, bindings
from medkiosk.console.language import tr
from medkiosk.console.messages import CorrectionSaved
from medkiosk.console.screens.base import KioskScreen
from medkiosk.console.screens.dialogs import AskReason, Confirm
from medkiosk.console.widgets.paged import Page, PagedList
from medkiosk.console.words import PURPOSES, clean, count, moment
from medkiosk.core.consent import Subject
from medkiosk.core.correctionevents import CorrectionState, Outcome
from medkiosk.ipc.client import Client
from medkiosk.ipc.types import CorrectionInfo

_STATES = {
    CorrectionState.PROPOSED: "WAITS for a second person",
    CorrectionState.DONE: "done",
    CorrectionState.REFUSED: "refused",
    CorrectionState.TAKEN_BACK: "taken back",
}
_NAMED = 6


def load_corrections(kiosk: Client, offset: int, limit: int) -> Page[CorrectionInfo]:
    """A page of corrections."""
    found = kiosk.list_corrections(offset, limit)
    return Page(found.corrections, found.total)


def who(subject: Subject) -> str:
    """A patient in one line."""
    born = tr(", born {birth_date}", birth_date=clean(subject.birth_date, 10)) if subject.birth_date else ""
    return tr(
        "{name}, MRN {mrn} ({issuer}){born}",
        name=clean(subject.name, 40),
        mrn=clean(subject.mrn, 24),
        issuer=clean(subject.issuer, 24),
        born=born,
    )


def correction_lines(each: CorrectionInfo) -> Sequence[Text]:
    """From whom to whom, and where it stands."""
    first = Text(
        tr(_STATES[each.state]), style="bold" if each.state is CorrectionState.PROPOSED else "not bold"
    )
    first.append(
        tr(
            "  {photos}, {at}, by {by}",
            photos=count(len(each.captures), "photo"),
            at=moment(each.at),
            by=clean(each.by, 40),
        )
    )
    before = "; ".join(clean(one.name, 30) for one in each.before)
    return first, Text(f"  {before} -> {clean(each.after.name, 30)}: {clean(each.reason, 80)}")


def correction_text(each: CorrectionInfo) -> Text:
    """All that the second person has to know."""
    words = Text()
    for one in each.before:
        words.append(tr("Filed under  "), style="bold").append(f"{who(one)}\n")
    words.append(tr("Belongs to   "), style="bold").append(f"{who(each.after)}\n")
    if each.names:
        names = ", ".join(clean(name, 16) for name in each.names[:_NAMED])
        more = tr(" and {number} more", number=len(each.names) - _NAMED) if len(each.names) > _NAMED else ""
        words.append(tr("Photos       "), style="bold").append(f"{names}{more}\n")
    words.append("Reason       ", style="bold").append(f"{clean(each.reason, 200)}\n")
    for left in each.left:
        perhaps = tr(", perhaps") if left.perhaps else ""
        words.append(tr("HAS LEFT     "), style="bold").append(
            tr(
                "{photos} to {recipient} on {at}, {purposes}{perhaps}\n",
                photos=count(left.pictures, "photo"),
                recipient=clean(left.recipient, 40),
                at=moment(left.at),
                purposes=tr(PURPOSES[left.purpose]),
                perhaps=perhaps,
            )
        )
    for sentence in (*each.obstacles, *each.needs):
        words.append(f"- {clean(sentence, 300)}\n")
    if each.decided_by:
        said = f": {clean(each.decision, 200)}" if each.decision else ""
        words.append(
            tr(
                "{state} by {decided_by} on",
                state=tr(_STATES[each.state]).capitalize(),
                decided_by=clean(each.decided_by, 40),
            )
        )
        words.append(f" {moment(each.decided_at)}{said}\n")
    return words


class CorrectionsScreen(KioskScreen):
    """Those that wait first; below, what the chosen one means.

    Args:
        fresh: one that was just proposed.
    """

    WHERE = Where.CORRECTIONS
    BINDINGS = bindings(Where.CORRECTIONS)
    AUTO_FOCUS = "#corrections"

    def __init__(self, fresh: CorrectionInfo | None = None) -> None:
        super().__init__("Proposed. Until a second person decides, nothing of it leaves." if fresh else "")

    def body(self) -> ComposeResult:
        """A list, and the chosen one whole."""
        yield Static(tr("Corrections of a wrong patient"), classes="caption", markup=False)
        yield PagedList(
            load_corrections, correction_lines, lambda each: each.correction_id, height=2, name="corrections"
        )
        with VerticalScroll(id="correction", can_focus=False):
            yield Static(id="correction-text", markup=False)

    @property
    def _list(self) -> PagedList[CorrectionInfo]:
        return self.query_one("#corrections", PagedList)

    def on_screen_resume(self) -> None:
        """Ask for what is there."""
        if self.kiosk.session is not None:
            self._list.reload()

    @on(PagedList.Loaded)
    def _loaded(self) -> None:
        if not self._list.total:
            self.say("Nothing was proposed. Imports, A: other photos' patient; Encounters, I: who it is.")

    @on(PagedList.Moved)
    def _moved(self) -> None:
        chosen = self._list.current
        self.query_one("#correction-text", Static).update(correction_text(chosen) if chosen else "")

    def _waiting(self) -> CorrectionInfo | None:
        chosen = self._list.current
        if chosen is None or chosen.state is not CorrectionState.PROPOSED:
            self.say("Choose a correction that waits.", wrong=True)
            return None
        return chosen

    def action_approve(self) -> None:
        """Ask once more, and have it done."""
        if (chosen := self._waiting()) is None:
            return

        def approve(yes: bool | None) -> None:
            if yes:
                self._do(lambda kiosk: kiosk.decide_correction(chosen.correction_id, Outcome.APPROVED))

        self.app.push_screen(
            Confirm(
                tr(
                    "{photos}: {name}. Is that right?",
                    photos=count(len(chosen.captures), "photo"),
                    name=clean(chosen.after.name, 40),
                ),
                tr(
                    "{plain}\nLook at the photos and at both patients' numbers first.",
                    plain=correction_text(chosen).plain,
                ),
            ),
            approve,
        )

    def action_refuse(self) -> None:
        """Ask why, and say no."""
        if (chosen := self._waiting()) is None:
            return

        def refuse(reason: str | None) -> None:
            if reason:
                self._do(lambda kiosk: kiosk.decide_correction(chosen.correction_id, Outcome.REFUSED, reason))

        self.app.push_screen(AskReason("Why not?", "Everything stays where it is."), refuse)

    def action_take_back(self) -> None:
        """Take back one's own."""
        if (chosen := self._waiting()) is not None:
            self._do(lambda kiosk: kiosk.take_back_correction(chosen.correction_id))

    def _do(self, request: Callable[[Client], CorrectionInfo]) -> None:
        self.ask(request, CorrectionSaved)

    @on(CorrectionSaved)
    def _saved(self, message: CorrectionSaved) -> None:
        message.stop()
        done = message.correction
        words = tr(_STATES[done.state]).capitalize()
        if done.state is CorrectionState.DONE and done.left:
            words += tr(
                ". Photos have left under the wrong patient: the recall list has them, for a privacy officer"
            )
        self.say(f"{words}.")
        self._list.reload()
