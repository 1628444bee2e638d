"""The receipt of an import: what became of each file, and whether the card is still needed."""

from __future__ import annotations

from collections.abc import Iterable

from rich.table import Table
from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Static

from medkiosk.console.actions import Where, bindings
from medkiosk.console.language import tr
from medkiosk.console.messages import ReceiptLoaded
from medkiosk.console.screens.base import KioskScreen
from medkiosk.console.words import clean, count, moment, size
from medkiosk.core.device import KEEP_CARD
from medkiosk.core.ids import ImportId
from medkiosk.ipc.types import Receipt

_PLACE = 60
_HASH = 12
"""Digits of the hash under seal that are shown; the whole one is in the ledger."""


def receipt_words(receipt: Receipt) -> str:
    """The sums, in sentences."""
    info = receipt.info
    device = f"{clean(info.model, 24)} {clean(info.serial, 16)}".strip()
    parts = [
        tr("{sealed} sealed", sealed=receipt.sealed),
        tr("{copies} copies", copies=receipt.copies),
        tr("{disposed} disposed of since", disposed=receipt.disposed),
        tr("{already} known before", already=receipt.already),
        tr("{damaged} damaged on the card", damaged=receipt.damaged),
        tr("{failed} not read", failed=receipt.failed),
    ]
    deletions = [
        tr("{deleted} deleted from the device", deleted=receipt.deleted),
        tr("{kept} to be deleted and still there", kept=receipt.kept),
        tr("{unclear} of which nobody knows whether they are still there", unclear=receipt.unclear),
    ]
    sums = tr("{files}, {bytes} read", files=count(receipt.on_device, "file"), bytes=size(receipt.bytes))
    lines = [
        tr("Import of {at} from {device}: {sums}", at=moment(info.at), device=device, sums=sums),
        _told(parts) or tr("nothing was new"),
    ]
    if receipt.gaps:
        lines.append(
            tr("Numbers that are not on the device: {names}", names=clean("; ".join(receipt.gaps), 200))
        )
    if not info.finished:
        lines.append(tr("It was cut short, or goes on: the device is still needed."))
    elif not receipt.safe:
        lines.append(tr("NOT EVERYTHING WAS READ: keep the card."))
    elif not receipt.expendable:
        lines.append(
            tr("{keep_card}: everything was sealed, but not every file on it is whole.", keep_card=KEEP_CARD)
        )
    else:
        lines.append(tr("Everything on the device was sealed then; it was needed for no file any more."))
    if told := _told(deletions):
        lines.append(tr("Afterwards {told}.", told=told))
    return "\n".join(lines)


def _told(counts: Iterable[str]) -> str:
    """What there was, of sentences that begin with how many."""
    return ", ".join(words for words in counts if not words.startswith("0 "))


def receipt_table(receipt: Receipt) -> Table:
    """One line a file, and its sentence below where it has one."""
    table = Table.grid(padding=(0, 2, 0, 0), expand=True)
    table.add_column(width=8, no_wrap=True)
    table.add_column(width=9, no_wrap=True, justify="right")
    table.add_column(width=_HASH, no_wrap=True)
    table.add_column(ratio=1)
    for line in receipt.lines:
        words = Text(clean(line.place, _PLACE))
        if line.words:
            words.append("\n" + clean(tr(line.words)))
        style = "bold" if line.outcome in ("failed", "damaged") else ""
        table.add_row(
            Text(line.outcome, style=style),
            Text(size(line.size)),
            Text(line.commitment[:_HASH] or "-"),
            words,
        )
    if receipt.total > len(receipt.lines):
        more = count(receipt.total - len(receipt.lines), "more file")
        table.add_row("", "", "", Text(tr("and {more}, not shown here", more=more)))
    return table


class ReceiptScreen(KioskScreen):
    """The receipt of one import, in a list that scrolls."""

    WHERE = Where.RECEIPT
    BINDINGS = bindings(Where.RECEIPT)

    def __init__(self, import_id: ImportId) -> None:
        super().__init__()
        self._import_id = import_id

    def body(self) -> ComposeResult:
        """The sums, and each file."""
        yield Static(id="sums", markup=False)
        with VerticalScroll():
            yield Static(id="files", markup=False)

    def on_mount(self) -> None:
        """Ask for it."""
        wanted = self._import_id
        self.ask(lambda kiosk: kiosk.get_receipt(wanted), ReceiptLoaded)

    @on(ReceiptLoaded)
    def _loaded(self, message: ReceiptLoaded) -> None:
        self.query_one("#sums", Static).update(receipt_words(message.receipt))
        self.query_one("#files", Static).update(receipt_table(message.receipt))
