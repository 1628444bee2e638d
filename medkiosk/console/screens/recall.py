"""Recall: what left and must be destroyed, and who was told when."""

from __future__ import annotations

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from medkiosk.console.actions import Where, bindings
from medkiosk.console.language import tr
from medkiosk.console.messages import RecallLoaded, RecallWritten
from medkiosk.console.screens.base import KioskScreen
from medkiosk.console.screens.dialogs import AskReason, Confirm
from medkiosk.console.words import PURPOSES, clean, count, is_safe, moment, stick_words
from medkiosk.core.sticks import READ_BACK_WORDS, ReadBack
from medkiosk.ipc.types import RecallInfo

_NOTHING = "Nothing that left is recalled."


class RecallScreen(KioskScreen):
    """The list, oldest export first.

    Args:
        stick: name of the place that a notice is written to; empty for the first.
    """

    WHERE = Where.RECALL
    BINDINGS = bindings(Where.RECALL)

    def __init__(self, stick: str = "") -> None:
        super().__init__()
        self._stick = stick
        self._lines: tuple[RecallInfo, ...] = ()

    def body(self) -> ComposeResult:
        """One list."""
        yield Static(tr("What left and must be destroyed"), classes="caption", markup=False)
        yield OptionList(id="recall", markup=False)

    def on_mount(self) -> None:
        """Ask for it."""
        self._ask()

    def _ask(self) -> None:
        self.ask(lambda kiosk: kiosk.list_recall(), RecallLoaded)

    @on(RecallLoaded)
    def _loaded(self, message: RecallLoaded) -> None:
        self._lines = message.lines
        options = self.query_one(OptionList)
        row = options.highlighted or 0
        options.clear_options()
        options.add_options(Option(recall_text(each)) for each in self._lines)
        if self._lines:
            options.highlighted = min(row, len(self._lines) - 1)
        else:
            self.say(_NOTHING)

    def action_write(self) -> None:
        """Write a notice for the recipient of the chosen bundle."""
        row = self.query_one(OptionList).highlighted
        if row is None or row >= len(self._lines):
            return
        chosen, stick = self._lines[row], self._stick
        self.app.push_screen(
            Confirm(
                tr("Write a notice for {recipient} to the stick?", recipient=clean(chosen.recipient, 40)),
                "It names everything that they must destroy, by random ids, and is signed. It goes with their"
                " next bundle, too, until they acknowledge that.",
            ),
            lambda answer: (
                self.ask(lambda kiosk: kiosk.write_recall(chosen.recipient_id, stick), RecallWritten)
                if answer
                else None
            ),
        )

    def action_told(self) -> None:
        """Record that the recipient of the chosen bundle said that they know."""
        row = self.query_one(OptionList).highlighted
        if row is None or row >= len(self._lines):
            return
        chosen = self._lines[row]
        self.app.push_screen(
            AskReason(
                tr("Who of {recipient} said that they know, and how?", recipient=clean(chosen.recipient, 40)),
                "It closes every notice that was written for them until now. For one that went with a bundle,"
                " their acknowledgement says it, too.",
                asked=tr("For example: Dr. Sousa, on the telephone"),
            ),
            lambda words: (
                self.ask(
                    lambda kiosk: kiosk.confirm_recall(chosen.recipient_id, words),
                    RecallLoaded,
                )
                if words
                else None
            ),
        )

    @on(RecallWritten)
    def _written(self, message: RecallWritten) -> None:
        result = message.result
        cached = result.read_back is ReadBack.CACHED
        stick = result.stick
        read = tr(READ_BACK_WORDS[ReadBack.CACHED]) if cached else tr("read back")
        named = tr(
            "{photos} of {bundles} named",
            photos=count(result.images, "photo"),
            bundles=count(result.exports, "bundle"),
        )
        self.say(
            tr(
                "{stick}. {named} in {folder}, {read}. {value}",
                stick=stick_words(stick),
                named=named,
                folder=clean(result.folder),
                read=read,
                value=clean(tr(stick.detail), 400) if stick else "",
            ).rstrip(),
            wrong=cached or not is_safe(stick),
        )
        self._ask()


def recall_text(each: RecallInfo) -> Text:
    """Who has what; below, why, and since when they know."""
    words = Text(clean(each.recipient, 40) or each.recipient_id[:8], style="bold")
    perhaps = tr("; perhaps never handed over") if each.perhaps else ""
    words.append(
        tr(
            "  {photos}, {purposes}{perhaps}\n  Bundle {export_id} of {at}. {words}",
            photos=count(len(each.captures), "photo"),
            purposes=tr(PURPOSES[each.purpose]),
            perhaps=perhaps,
            export_id=each.export_id[:8],
            at=moment(each.at)[:10],
            words=clean(tr(each.words)),
        ),
        style="not bold",
    )
    if each.confirmed:
        told = tr("They know since {confirmed}.", confirmed=moment(each.confirmed))
    elif each.told:
        told = tr("A notice was written on {told}; not acknowledged yet.", told=moment(each.told))
    else:
        told = "NOT TOLD YET."
    words.append(f"\n  {told}", style="not bold" if each.told or each.confirmed else "bold")
    return words
