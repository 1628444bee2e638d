"""What was exported: to be said to the recipient, the passphrase once and never again."""

from __future__ import annotations

from rich.text import Text
from textual.app import ComposeResult
from textual.widgets import Static

from medkiosk.console.actions import Where, bindings
from medkiosk.console.language import tr
from medkiosk.console.screens.base import KioskScreen
from medkiosk.console.screens.dialogs import Confirm
from medkiosk.console.widgets.bigwords import BigWords
from medkiosk.console.words import clean, count, size, stick_words
from medkiosk.core.sticks import READ_BACK_WORDS, ReadBack
from medkiosk.ipc.types import ExportResult

_COLUMNS = 2
_GROUP = 8
_GROUPS = 4


class ExportedScreen(KioskScreen):
    """Shown once; nothing of it is kept.

    Args:
        result: of the export.
    """

    WHERE = Where.EXPORTED
    BINDINGS = bindings(Where.EXPORTED)

    def __init__(self, result: ExportResult) -> None:
        super().__init__()
        self._result = result

    def body(self) -> ComposeResult:
        """Whether the stick may be pulled out, the passphrase, what to compare."""
        big = BigWords()
        big.words = stick_words(self._result.stick)
        yield big
        if self._result.passphrase:
            yield Static(passphrase_text(self._result.passphrase), id="passphrase", markup=False)
        yield Static(result_facts(self._result), id="facts", markup=False)

    def action_back(self) -> None:
        """Go back; where there is a passphrase, ask whether it was said."""
        if not self._result.passphrase:
            self.leave()
            return
        self.app.push_screen(
            Confirm(
                "Did you say the passphrase, or write it down?",
                "It is kept nowhere. Without it nobody opens this bundle; it would have to be exported anew.",
            ),
            lambda answer: self.leave() if answer else None,
        )


def passphrase_text(passphrase: str) -> Text:
    """The words in two columns, numbered, to be read out on the telephone."""
    words = [clean(word, 16) for word in passphrase.split(" ")]
    half = -(-len(words) // _COLUMNS)
    shown = Text(tr("The passphrase. Say it on the telephone; it is shown only now.\n"))
    for row in range(half):
        for number in range(row, len(words), half):
            shown.append(f"{number + 1:>6}  ", style="not bold")
            shown.append(f"{words[number]:<20}", style="bold")
        shown.append("\n")
    return shown


def result_facts(result: ExportResult) -> Text:
    """What was written, to be compared aloud with the recipient."""
    words = Text()
    facts = [
        ("Folder", clean(result.folder)),
        ("Photos", f"{result.images} ({size(result.bytes)})"),
        ("Signer", clean(result.signer)),
    ]
    if result.page_sha256:
        page = clean(result.page_sha256, 64)
        groups = [page[at : at + _GROUP] for at in range(0, len(page), _GROUP)]
        facts.append(("Page", " ".join(groups[:_GROUPS])))  # two lines, so that none is cut in the middle
        facts.append(("", " ".join(groups[_GROUPS:])))
    if result.read_back not in (None, ReadBack.CACHED):
        facts.append(("Checked", tr(READ_BACK_WORDS[result.read_back])))
    if result.recalled:
        facts.append(
            ("Recall", tr("a notice about {photos} is with it", photos=count(result.recalled, "photo")))
        )
    if result.stick is not None and result.stick.detail:
        facts.append(("Stick", clean(tr(result.stick.detail), 400)))
    for label, value in facts:
        words.append(f"{label:<9}", style="dim")
        words.append(f"{value}\n", style="bold" if label in ("Signer", "Page", "") else "")
    words.append(tr("Compare signer and page aloud with the recipient."), style="not bold")
    if result.read_back is ReadBack.CACHED:
        words.append(
            tr("\nWARNING: {read_back_words}.", read_back_words=tr(READ_BACK_WORDS[ReadBack.CACHED])),
            style="bold reverse",
        )
    return words
