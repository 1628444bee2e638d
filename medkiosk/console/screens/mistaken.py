"""Questions before a patient is written down: is it one of these, and which of two spellings is right."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum, auto

from rich.table import Table
from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from medkiosk.console.actions import Where, bindings
from medkiosk.console.language import tr
from medkiosk.console.screens.base import Dialog
from medkiosk.console.widgets.frame import Legend
from medkiosk.console.words import clean
from medkiosk.core.consent import Subject
from medkiosk.ipc.types import SimilarInfo


def subject_text(subject: Subject, words: str = "") -> Text:
    """A patient by all identifiers, the birth date first: it is what tells them apart."""
    text = Text(clean(subject.name, 40), style="bold")
    born = clean(subject.birth_date, 10) or tr("birth date not known")
    text.append(
        tr(
            "\n  born {born}, MRN {mrn} ({issuer})",
            born=born,
            mrn=clean(subject.mrn, 24),
            issuer=clean(subject.issuer, 24),
        ),
        style="not bold",
    )
    if words:
        text.append(f"\n  {clean(tr(words), 160)}", style="not bold")
    return text


class ChooseSimilar(Dialog[Subject | bool]):
    """Asks whether one of the similar patients is meant; True: none of them.

    Nothing is chosen when it opens: an Enter that comes too early, from a scanner too, means nobody.
    """

    BINDINGS = bindings(Where.SIMILAR)

    def __init__(self, typed: Subject, similar: Sequence[SimilarInfo]) -> None:
        super().__init__()
        self._typed = typed
        self._similar = tuple(similar)

    def compose(self) -> ComposeResult:
        """The typed one above, the others below."""
        with Vertical(classes="dialog"):
            yield Static(Text(tr("Is it one of these patients?"), style="bold"), markup=False)
            yield Static(Text.assemble(tr("You typed:  "), subject_text(self._typed)), markup=False)
            yield OptionList(
                *(Option(subject_text(each.subject, each.words)) for each in self._similar), markup=False
            )
            yield Static(
                Text(tr("Compare the number and the birth date with the wristband, and ask the patient.")),
                markup=False,
            )
            yield Legend(Where.SIMILAR)

    def on_mount(self) -> None:
        """Let nobody be chosen."""
        self.query_one(OptionList).highlighted = None

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._similar[event.option_index].subject)

    def action_none(self) -> None:
        """It is somebody else."""
        self.dismiss(True)


class Right(Enum):
    """Which of two is right."""

    KNOWN = auto()
    TYPED = auto()


class SettleConflict(Dialog[Right]):
    """Shows two spellings of one number side by side, and asks which is right."""

    BINDINGS = bindings(Where.CONFLICT)

    def __init__(self, typed: Subject, known: Subject) -> None:
        super().__init__()
        self._typed = typed
        self._known = known

    def compose(self) -> ComposeResult:
        """Both, line by line."""
        table = Table.grid(padding=(0, 2, 0, 0))
        table.add_row("", Text(tr("known here"), style="bold"), Text(tr("typed now"), style="bold"))
        rows = (
            ("Name", self._known.name, self._typed.name),
            (
                "Birth date",
                self._known.birth_date or tr("not known"),
                self._typed.birth_date or tr("not known"),
            ),
        )
        for label, known, typed in rows:
            style = "bold" if known != typed else "not bold"
            table.add_row(label, Text(clean(known, 30), style=style), Text(clean(typed, 30), style=style))
        number = f"{clean(self._typed.mrn, 24)} ({clean(self._typed.issuer, 24)})"
        with Vertical(classes="dialog"):
            yield Static(
                Text(
                    tr("The number {number} is known with another name or birth date.", number=number),
                    style="bold",
                )
            )
            yield Static(table)
            yield Static(
                Text(
                    tr(
                        "If the number is wrong, go back and type it again: these would be the wrong"
                        " patient's pictures. Compare with the wristband."
                    )
                ),
                markup=False,
            )
            yield Legend(Where.CONFLICT)

    def action_known(self) -> None:
        """What is known is right."""
        self.dismiss(Right.KNOWN)

    def action_typed(self) -> None:
        """What is typed is right."""
        self.dismiss(Right.TYPED)
