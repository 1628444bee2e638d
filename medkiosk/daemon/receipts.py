"""The receipt of one import: what became of each file, and under which hash it is sealed."""

from __future__ import annotations

from medkiosk.catalog.views import ReceiptPage
from medkiosk.core.errors import NotFoundError
from medkiosk.core.events import FileFailed, Gap, ImportFinished, OriginalAgain, OriginalSealed
from medkiosk.core.ids import ImportId
from medkiosk.daemon import views
from medkiosk.daemon.kiosk import Kiosk
from medkiosk.ingest.machine import Outcome
from medkiosk.ipc import types as t
from medkiosk.source.model import DAMAGED_BEFORE

_LONGEST = 400
"""Characters of a place: folders on a card may be called anything, and a reply is bounded."""


def receipt(kiosk: Kiosk, import_id: ImportId, offset: int, limit: int) -> t.Receipt:
    """A page of an import's receipt.

    Raises:
        NotFoundError: no such import.
    """
    with kiosk.reading() as catalog:
        page = catalog.receipt(import_id, offset, limit)
    if page is None:
        raise NotFoundError(what="import", id=import_id)
    end = page.finished
    return t.Receipt(
        info=views.import_info(page.info),
        on_device=page.on_device,
        bytes=end.bytes if end else 0,
        sealed=page.sealed,
        already=end.already if end else 0,
        copies=page.copies,
        damaged=end.damaged if end else 0,
        failed=page.info.failed,
        safe=end is not None and end.safe,
        expendable=end is not None and _expendable(end),
        gaps=tuple(map(_gap, end.gaps)) if end else (),
        lines=_lines(kiosk, page),
        total=page.total,
        disposed=_disposed(page),
        deleted=page.deleted,
        kept=page.kept,
        unclear=page.unclear,
    )


def _disposed(page: ReceiptPage) -> int:
    """How many files were sealed and are not there: their records went with what was disposed of."""
    end = page.finished
    return 0 if end is None else max(end.files - end.already - end.failed - page.sealed - page.copies, 0)


def _expendable(end: ImportFinished) -> bool:
    """Whether the device was needed for no file; of old records, as far as their counts say."""
    return end.safe and not end.damaged if end.expendable is None else end.expendable


def _lines(kiosk: Kiosk, page: ReceiptPage) -> tuple[t.ReceiptLine, ...]:
    lines = []
    for file in page.files:
        at = f"{file.storage}/{file.folder}/{file.file}"
        commitment, words = "", ""
        match file:
            case OriginalSealed():
                outcome = Outcome.DAMAGED if file.damaged else Outcome.SEALED
            case OriginalAgain():
                outcome = Outcome.DAMAGED if file.damaged else Outcome.COPY
            case FileFailed():
                outcome, words = Outcome.FAILED, file.words
        if outcome is Outcome.DAMAGED:
            words = DAMAGED_BEFORE
        if not isinstance(file, FileFailed) and (row := kiosk.journal.vault.object(file.object_id)):
            commitment = row.commitment
        if len(at) > _LONGEST:
            at = at[: _LONGEST - 3] + "..."
        lines.append(
            t.ReceiptLine(place=at, size=file.size, outcome=outcome.value, commitment=commitment, words=words)
        )
    return tuple(lines)


def _gap(gap: Gap) -> str:
    """Missing numbers, as a person reads them."""
    numbers = f"{gap.first:04d}" if gap.first == gap.last else f"{gap.first:04d} to {gap.last:04d}"
    return f"{gap.storage}/{gap.folder}: {numbers}"
