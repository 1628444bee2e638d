"""Check a store without any key: is all that the ledger promises there, unchanged, and nothing else?

docs/format.md section 9.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from medkiosk.core.errors import KioskError
from medkiosk.core.ids import is_id
from medkiosk.core.refs import ObjectRef, RecordRef
from medkiosk.ledger import entry
from medkiosk.ledger.note import LogKeys
from medkiosk.offline.ledgercheck import CheckedLedger, check_ledger
from medkiosk.offline.report import Problem, Report, problem
from medkiosk.vault.check import READ_ERRORS, Snapshot, StoreChecker
from medkiosk.vault.reader import in_use
from medkiosk.vault.schema import ObjectRow

Progress = Callable[[int, int], None]
"""Told (bytes read, bytes in all) after each sealed file."""

_READ = 1 << 20
_THREADS = 2


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
        self._problems: list[Problem] = []
        self._notes: list[str] = []
        self._live = in_use(root)
        self._bytes = 0

    def run(self) -> Report:
        # In this order: a running kiosk publishes blobs, then rows, then entries. What is seen of the later
        # kinds can then only be more than what is seen of the earlier ones, and is cut to fit.
        blobs = self._blobs()
        snapshot = self._snapshot()
        ledger = check_ledger(self._root / "ledger", self._key)
        self._problems += ledger.problems
        self._notes += ledger.notes
        objects, records = self._promised(ledger, snapshot)
        if snapshot is not None:
            self._check_rows(snapshot, objects, records)
        self._check_blobs(blobs, objects, snapshot)
        head = ledger.head
        return Report(
            store_id=snapshot.store_id if snapshot else "",
            origin=head.origin if head else "",
            ledger_size=head.size if head else 0,
            ledger_root=head.root.hex() if head else "",
            signature=ledger.signature,
            objects=len(objects),
            records=len(records),
            bytes=self._bytes,
            pending=len(snapshot.outbox) if snapshot else 0,
            problems=tuple(self._problems),
            notes=tuple(self._notes),
        )

    def _found(self, code: str, subject: object = "", **values: object) -> None:
        self._problems.append(problem(code, subject, **values))

    def _snapshot(self) -> Snapshot | None:
        try:
            with StoreChecker.open_for_reading(self._root) as checker:
                snapshot = checker.snapshot()
        except KioskError as error:
            self._found("store.unreadable", detail=error.message)
            return None
        except READ_ERRORS as error:
            self._found("store.unreadable", detail=f"{error}.")
            return None
        if snapshot.corrupt:
            self._found("store.corrupt", detail="; ".join(snapshot.corrupt))
        for table, row in snapshot.damaged:
            self._found("row.damaged", f"{table}/{row}")
        if snapshot.recovery_slots != 1:
            self._found("slot.no_recovery")
        if snapshot.outbox:
            self._notes.append(
                f"{len(snapshot.outbox)} ledger entries are promised and not yet acknowledged; the kiosk does"
                " that when it starts."
            )
        return snapshot

    def _promised(
        self, ledger: CheckedLedger, snapshot: Snapshot | None
    ) -> tuple[dict[str, ObjectRef], dict[str, RecordRef]]:
        """Return what the ledger and the outbox say must be there."""
        leaves = dict(enumerate(ledger.leaves))
        if snapshot is not None:
            if ledger.head is not None:
                self._compare_sizes(ledger.head.size, snapshot)
            if self._live:
                leaves = {index: leaf for index, leaf in leaves.items() if index < snapshot.next_index}
            for index, promised in snapshot.outbox:
                if leaves.get(index) not in (None, promised):
                    self._found("ledger.disagree", index)
                leaves[index] = promised
        objects: dict[str, ObjectRef] = {}
        records: dict[str, RecordRef] = {}
        for index, data in leaves.items():
            if data is None:
                continue
            try:
                leaf = entry.decode(data)
            except ValueError as error:
                self._found("ledger.malformed", index, detail=error)
                continue
            objects |= {ref.id: ref for ref in leaf.objects}
            if leaf.record is not None:
                records[leaf.record.id] = leaf.record
        return objects, records

    def _compare_sizes(self, size: int, snapshot: Snapshot) -> None:
        promised_from = snapshot.outbox[0][0] if snapshot.outbox else snapshot.next_index
        if size < promised_from:
            self._found("ledger.rolled_back", detail=promised_from - size)
        elif size > snapshot.next_index and not self._live:
            self._found("store.rolled_back", detail=size - snapshot.next_index)

    def _check_rows(
        self, snapshot: Snapshot, objects: dict[str, ObjectRef], records: dict[str, RecordRef]
    ) -> None:
        for id_, ref in objects.items():
            row = snapshot.objects.get(id_)
            if row is None:
                there = "there" if self._path(id_).exists() else "missing, too"
                self._found("object.row_missing", id_, detail=ref.kind, blob=there)
                continue
            if differing := _differing(ref, row, ("kind", "size", "sha256", "commitment")):
                self._found("object.facts", id_, detail=differing)
            self._check_envelope(snapshot, "object", ref)
        for id_, record in records.items():
            facts = snapshot.records.get(id_)
            if facts is None:
                self._found("record.row_missing", id_)
                continue
            if differing := _differing(record, facts, ("kind", "sha256", "commitment")):
                self._found("record.facts", id_, detail=differing)
            if facts.actual != record.sha256:
                self._found("record.changed", id_)
            self._check_envelope(snapshot, "record", record)
        for id_ in snapshot.objects.keys() - objects.keys():
            self._found("object.unlogged", id_)
        for id_ in snapshot.records.keys() - records.keys():
            self._found("record.unlogged", id_)

    def _check_envelope(self, snapshot: Snapshot, what: str, ref: ObjectRef | RecordRef) -> None:
        envelope = snapshot.envelopes.get((what, ref.id))
        if envelope is None:
            self._found(f"{what}.envelope_missing", ref.id, detail=ref.kind)
        elif envelope != ref.envelope:
            self._found(f"{what}.envelope_changed", ref.id, detail=ref.kind)

    def _blobs(self) -> dict[str, int]:
        """Return the size of every file below ``objects``, by path."""
        return {
            str(path.relative_to(self._root)): path.lstat().st_size for path in _walk(self._root / "objects")
        }

    def _path(self, object_id: str) -> Path:
        return self._root / "objects" / object_id[:2] / object_id

    def _check_blobs(
        self, blobs: dict[str, int], objects: dict[str, ObjectRef], snapshot: Snapshot | None
    ) -> None:
        rows: dict[str, ObjectRow] = snapshot.objects if snapshot else {}
        known = {str(self._path(id_).relative_to(self._root)) for id_ in objects.keys() | rows.keys()}
        self._check_extra(sorted(blobs.keys() - known))
        to_read = []
        for id_, ref in objects.items():
            size = _size(self._path(id_))
            row = rows.get(id_)
            if size is None:
                self._found("object.blob_missing", id_, detail=ref.kind)
            elif row is not None and size != row.sealed_size:
                self._found("object.blob_size", id_, detail=f"{size} bytes instead of {row.sealed_size}")
            else:
                to_read.append((ref, size))
        if not self._quick:
            self._read_blobs(to_read, objects)

    def _check_extra(self, extra: list[str]) -> None:
        for path in extra:
            # A crash leaves such files behind, and so does an import in progress.
            if self._live or self._listed_as_unfinished(Path(path).name):
                self._notes.append(f"{path} belongs to an import that was not finished.")
            else:
                self._found("blob.unlogged", path)

    def _listed_as_unfinished(self, name: str) -> bool:
        if not is_id(name):
            return False
        manifests = (self._root / "tmp").glob("*.batch")
        return any(name in path.read_text("ascii", errors="replace").split("\n") for path in manifests)

    def _read_blobs(self, to_read: list[tuple[ObjectRef, int]], objects: dict[str, ObjectRef]) -> None:
        owner = {ref.sha256: id_ for id_, ref in objects.items()}
        total = sum(size for _, size in to_read)
        with ThreadPoolExecutor(_THREADS) as pool:
            hashes = pool.map(_sha256, (self._path(ref.id) for ref, _ in to_read))
            for (ref, size), hash_ in zip(to_read, hashes, strict=True):
                self._bytes += size
                if isinstance(hash_, OSError):
                    self._found("object.blob_unreadable", ref.id, detail=hash_.strerror)
                elif hash_ != ref.sha256 and hash_ in owner:
                    self._found("object.blob_swapped", ref.id, detail=owner[hash_])
                elif hash_ != ref.sha256:
                    self._found("object.blob_changed", ref.id, detail=ref.kind)
                if self._progress:
                    self._progress(self._bytes, total)


def _walk(folder: Path) -> Iterator[Path]:
    for top, _, names in os.walk(folder):
        yield from (Path(top) / name for name in names)


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None


def _sha256(path: Path) -> str | OSError:
    try:
        with path.open("rb", buffering=0) as file:
            hash_ = hashlib.sha256()
            buffer = bytearray(_READ)
            view = memoryview(buffer)
            while count := file.readinto(buffer):
                hash_.update(view[:count])
            return hash_.hexdigest()
    except OSError as error:
        return error


def _differing(ref: object, row: object, names: Iterable[str]) -> str:
    return ", ".join(name for name in names if getattr(ref, name) != getattr(row, name))
