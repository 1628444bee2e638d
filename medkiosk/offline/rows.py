"""The rows of vault.db beside the ledger: is all that an entry names there, as it says, and nothing else?"""

from __future__ import annotations

import hashlib
from collections import Counter

from medkiosk.core.ids import is_id
from medkiosk.core.refs import ObjectRef, RecordRef
from medkiosk.offline.promised import Blobs, Disposed
from medkiosk.offline.report import Finder
from medkiosk.vault.check import Held, StoreChecker
from medkiosk.vault.envelope import MOVED_SIZE
from medkiosk.vault.recovery import ESCROWED
from medkiosk.vault.slots import FIDO2, PASSPHRASE

_DENSE = 4096


class _Marks:
    """A set of row numbers: one bit each where they are as small as they should be."""

    def __init__(self) -> None:
        self._bits = bytearray()
        self._far: set[int] = set()
        self._count = 0

    def add(self, number: int) -> None:
        self._count += 1
        if 0 <= number < 8 * (self._count + _DENSE):
            place = number >> 3
            if place >= len(self._bits):
                self._bits.extend(bytes(place + _DENSE - len(self._bits)))
            self._bits[place] |= 1 << (number & 7)
        else:
            self._far.add(number)

    def __contains__(self, number: int) -> bool:
        place = number >> 3
        if 0 <= place < len(self._bits) and self._bits[place] & 1 << (number & 7):
            return True
        return number in self._far


class Rows:
    """The check of one database; every method inside `StoreChecker.reading`.

    Raises:
        sqlite3.Error: any method; the database cannot be read to the end.
    """

    def __init__(self, checker: StoreChecker, finder: Finder) -> None:
        self._checker = checker
        self._finder = finder
        self._objects, self._records = _Marks(), _Marks()
        self._closed: list[tuple[str, str, str]] = []

    def by_themselves(self) -> None:
        """Check what needs no ledger."""
        found, checker = self._finder.found, self._checker
        if corrupt := checker.corrupt():
            found("store.corrupt", detail="; ".join(corrupt))
        self._scan = checker.scan()
        for table, row in self._scan.damaged:
            found("row.damaged", f"{table}/{row}")
        if sum(slot.kind == "recovery" for slot in checker.slots()) != 1:
            found("slot.no_recovery")
        ways = Counter(slot.name_tag for slot in checker.slots() if slot.kind in (PASSPHRASE, FIDO2))
        for _ in range(sum(count > 1 for count in ways.values())):
            found("slot.two_ways")
        for name in sorted(set(ESCROWED) - checker.escrowed()):
            found("escrow.missing", name)
        self._disposing = checker.disposing()
        moving = any(one.step == "moving" for one in self._disposing)
        if checker.newest_generation() - checker.generation not in ({0, 1} if moving else {0}):
            found("store.state", detail="the generation of the device secret is not that of its newest epoch")
        if checker.current_epoch != max((epoch.epoch for epoch in checker.epochs()), default=0):
            found("store.state", detail="the epoch that it seals to is not the newest")

    def object(self, ref: ObjectRef) -> int | None:
        """Compare an object with its entry; return the size of its blob."""
        held = self._checker.held_object(ref.id)
        if held is None:
            path = self._checker.blob_path(ref.id)
            there = "there" if path.exists() else "missing, too"
            self._finder.found("object.row_missing", ref.id, detail=ref.kind, blob=there)
            return None
        self._objects.add(held.seq)
        differing = _differing(ref, held)
        if ref.size != held.size:
            differing.insert(0, "size")
        if differing:
            self._finder.found("object.facts", ref.id, detail=", ".join(differing))
        self._envelope("object", ref, held)
        return held.sealed_size

    def record(self, ref: RecordRef) -> None:
        """Compare a record with its entry."""
        held = self._checker.held_record(ref.id)
        if held is None:
            self._finder.found("record.row_missing", ref.id)
            return
        self._records.add(held.seq)
        if differing := _differing(ref, held):
            self._finder.found("record.facts", ref.id, detail=", ".join(differing))
        if ref.id in self._scan.changed:
            self._finder.found("record.changed", ref.id)
        self._envelope("record", ref, held)

    def _envelope(self, what: str, ref: ObjectRef | RecordRef, held: Held) -> None:
        if held.envelope is None:
            self._closed.append((what, ref.id, ref.kind))
        elif len(held.envelope) == MOVED_SIZE:
            pass  # vouched for together with all others of its epoch: `finish`
        elif hashlib.sha256(held.envelope).hexdigest() != ref.envelope:
            self._finder.found(f"{what}.envelope_changed", ref.id, detail=ref.kind)

    def finish(self, disposed: Disposed, blobs: Blobs, *, incomplete: bool) -> None:
        """Check what can be told only when every entry is known.

        Args:
            disposed: what the ledger says was destroyed.
            blobs: gets the objects that no entry names: their blobs are compared with their rows.
            incomplete: whether entries are lost that may have named something.
        """
        for what, id_, kind in self._closed:
            if id_ not in disposed:
                self._finder.found(f"{what}.envelope_missing", id_, detail=kind)
        for id_ in (key.hex() for ids in (disposed.finished, disposed.unfinished) for key in ids):
            if self._checker.has_envelope(id_):
                self._finder.found("disposal.envelope_left", id_)
        unlogged = 0
        for table, marks in (("objects", self._objects), ("records", self._records)):
            for seq, id_ in self._checker.ids(table):
                if seq in marks:
                    continue
                unlogged += 1
                if not incomplete:
                    self._finder.found(f"{table[:-1]}.unlogged", id_)
                held = self._checker.held_object(id_) if table == "objects" and is_id(id_) else None
                if held is not None and held.envelope is not None:
                    blobs.add(id_, held.kind, held.sha256, held.sealed_size)
        if unlogged and incomplete:
            self._finder.note(
                f"{unlogged} objects and records are named by no ledger entry that can be read. Those that"
                " are lost may have named them; the sealed files were compared with the database instead."
            )
        self._moved(disposed, incomplete=incomplete)
        if disposed.unfinished or self._disposing:
            self._finder.note(
                "A disposal is not finished: start the kiosk and log in, and it goes on by itself. Nothing is"
                " damaged by that."
            )

    def _moved(self, disposed: Disposed, *, incomplete: bool) -> None:
        # Between two epochs: no entry can say yet what is where.
        moving = {epoch for one in self._disposing if one.step == "moving" for epoch in one.epochs}
        epochs = {epoch.epoch for epoch in self._checker.epochs()}
        for epoch in sorted((self._scan.moved | (disposed.moved.keys() & epochs)) - moving):
            count, digest = self._checker.moved(epoch)
            promised = disposed.moved.get(epoch)
            if promised is None and incomplete:
                continue
            if promised is None:
                self._finder.found("disposal.moved_unvouched", epoch, detail=count)
            elif count != promised[0]:
                self._finder.found(
                    "disposal.moved_changed", epoch, detail=f"{count} instead of {promised[0]}"
                )
            elif digest != promised[1]:
                self._finder.found("disposal.moved_changed", epoch, detail="at least one is another")


def _differing(ref: ObjectRef | RecordRef, held: Held) -> list[str]:
    pairs = {
        "kind": (ref.kind, held.kind),
        "sha256": (ref.sha256, held.sha256.hex()),
        "commitment": (ref.commitment, held.commitment.hex()),
    }
    return [name for name, (one, other) in pairs.items() if one != other]
