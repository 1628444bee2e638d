"""Check a store without any key: is all that the ledger promises there, unchanged, and nothing else?

docs/format.md section 9. What is wrong with the ledger itself is found in `ledgercheck`, with the rows in
`rows`, with the sealed files in `blobs`; here they meet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from medkiosk.core.errors import KioskError
from medkiosk.ledger import entry
from medkiosk.ledger.note import LogKeys
from medkiosk.offline.blobs import BlobCheck, Progress
from medkiosk.offline.ledgercheck import CheckedLedger, check_ledger
from medkiosk.offline.promised import Blobs, Disposed
from medkiosk.offline.report import Finder, Report
from medkiosk.offline.rows import Rows
from medkiosk.vault.check import READ_ERRORS, StoreChecker
from medkiosk.vault.reader import in_use


def verify(
    root: Path, vkey: str | None = None, *, quick: bool = False, progress: Progress | None = None
) -> Report:
    """Check the store in ``root``; works beside a running kiosk, too.

    Args:
        root: the store's folder.
        vkey: verifier key of the ledger, from paper or from elsewhere than the store.
        quick: look at the sizes of sealed files only, do not read them.
        progress: told while files are read.

    Raises:
        CheckpointError: ``vkey`` is not a verifier key.
    """
    key = LogKeys.parse(vkey) if vkey else None
    return _Verification(root, key, quick=quick, progress=progress).run()


class _Verification:
    def __init__(self, root: Path, key: LogKeys | None, *, quick: bool, progress: Progress | None) -> None:
        self._root = root
        self._key = key
        self._quick = quick
        self._progress = progress
        self._finder = Finder()
        self._live = in_use(root)
        self._store_id = ""
        self._pending = 0

    def run(self) -> Report:
        # A running kiosk publishes blobs, then rows, then entries. Rows are read as of one instant, entries
        # after it are cut off, and blobs that no row names yet are no damage.
        try:
            with StoreChecker.open_for_reading(self._root) as checker, checker.reading():
                ledger, promised, blobs = self._with_rows(checker)
        except KioskError as error:
            ledger, promised, blobs = self._without_rows(error.message)
        except READ_ERRORS as error:
            ledger, promised, blobs = self._without_rows(f"{error}.")
        # The database is let go of first: reading everything takes hours, and its log would grow meanwhile.
        size = 0 if self._quick else blobs.read(self._progress)
        self._missing(blobs)
        self._finder.problems += ledger.problems
        self._finder.notes += ledger.notes
        head = ledger.head
        return Report(
            store_id=self._store_id,
            origin=head.origin if head else "",
            ledger_size=head.size if head else 0,
            ledger_root=head.root.hex() if head else "",
            signature=ledger.signature,
            objects=promised.objects,
            records=promised.records,
            bytes=size,
            pending=self._pending,
            problems=tuple(dict.fromkeys(self._finder.problems)),
            notes=tuple(self._finder.notes),
        )

    def _with_rows(self, checker: StoreChecker) -> tuple[CheckedLedger, _Promised, BlobCheck]:
        self._store_id = checker.store_id
        rows = Rows(checker, self._finder)
        rows.by_themselves()
        self._pending, promised_from = checker.pending()
        if self._pending:
            self._finder.note(
                f"{self._pending} ledger entries are promised and not yet acknowledged; the kiosk does that"
                " when it starts."
            )
        ledger = check_ledger(self._root / "ledger", self._key)
        if ledger.head is not None:
            self._compare_sizes(ledger.head.size, promised_from, checker.next_index)
        promised = _Promised(self._finder, rows)
        upto = checker.next_index if self._live else None
        for index, leaf in self._merged(ledger, checker, upto):
            promised.entry(index, leaf)
        rows.finish(promised.disposed, promised.blobs, incomplete=ledger.incomplete)
        blobs = self._walk(promised, lambda id_: checker.held_object(id_) is not None)
        return ledger, promised, blobs

    def _without_rows(self, why: str) -> tuple[CheckedLedger, _Promised, BlobCheck]:
        self._finder.found("store.unreadable", detail=why)
        ledger = check_ledger(self._root / "ledger", self._key)
        promised = _Promised(self._finder, None)
        for index, leaf in enumerate(ledger.leaves()):
            if leaf is not None:
                promised.entry(index, leaf)
        return ledger, promised, self._walk(promised, lambda _: False)

    def _walk(self, promised: _Promised, known: Callable[[str], bool]) -> BlobCheck:
        for ids in (promised.disposed.finished, promised.disposed.unfinished):
            for id_ in ids:
                promised.blobs.discard(id_)
        check = BlobCheck(self._root, promised.blobs, promised.disposed, self._finder, live=self._live)
        check.walk(known)
        return check

    def _missing(self, blobs: BlobCheck) -> None:
        """Name the files that are not there, but for those that a running kiosk disposed of meanwhile."""
        gone: set[str] = set()
        if self._live and blobs.missing:
            with StoreChecker.open_for_reading(self._root) as checker:
                gone = {blob.id for blob in blobs.missing if not checker.has_envelope(blob.id)}
        for blob in blobs.missing:
            if blob.id not in gone:
                self._finder.found("object.blob_missing", blob.id, detail=blob.kind)

    def _compare_sizes(self, size: int, promised_from: int, next_index: int) -> None:
        if size < promised_from:
            self._finder.found("ledger.rolled_back", detail=promised_from - size)
        elif size > next_index and not self._live:
            self._finder.found("store.rolled_back", detail=size - next_index)

    def _merged(
        self, ledger: CheckedLedger, checker: StoreChecker, upto: int | None
    ) -> Iterator[tuple[int, bytes]]:
        """Yield every entry of ledger and outbox once; where both have one, the outbox's: it was promised."""
        outbox = checker.promised()
        waiting = next(outbox, None)
        for index, leaf in enumerate(ledger.leaves()):
            while waiting is not None and waiting[0] < index:
                yield waiting
                waiting = next(outbox, None)
            if waiting is not None and waiting[0] == index:
                if leaf not in (None, waiting[1]) and (upto is None or index < upto):
                    self._finder.found("ledger.disagree", index)
                yield waiting
                waiting = next(outbox, None)
            elif leaf is not None and (upto is None or index < upto):
                yield index, leaf
        if waiting is not None:
            yield waiting
            yield from outbox


class _Promised:
    """What the entries say, one after another, compared with the rows where there are any."""

    def __init__(self, finder: Finder, rows: Rows | None) -> None:
        self._finder = finder
        self._rows = rows
        self.blobs = Blobs()
        self.disposed = Disposed()
        self.objects = 0
        self.records = 0

    def entry(self, index: int, data: bytes) -> None:
        try:
            leaf = entry.decode(data)
        except ValueError as error:
            self._finder.found("ledger.malformed", index, detail=error)
            return
        self.disposed.entry(leaf)
        for ref in leaf.objects:
            size = self._rows.object(ref) if self._rows else None
            self.blobs.add(ref.id, ref.kind, bytes.fromhex(ref.sha256), size)
        if leaf.record is not None:
            self.records += 1
            if self._rows:
                self._rows.record(leaf.record)
        self.objects += len(leaf.objects)
