"""The unlocked vault's contents: keys and catalogue, and how the catalogue comes to be.

Loaded from the sealed catalogue where there is one that fits, then every record since is read. A kiosk that
finds none reads all records, which takes minutes after years, and says how far it is.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

import medkiosk
from medkiosk.catalog import saved
from medkiosk.catalog.fold import Catalog
from medkiosk.catalog.saved import Reach
from medkiosk.core.errors import KioskError
from medkiosk.core.events import AnyEvent, decode
from medkiosk.journal import Journal
from medkiosk.ledger import entry
from medkiosk.review import machine
from medkiosk.vault.errors import LockedError
from medkiosk.vault.identity import Identity
from medkiosk.vault.schema import RecordRow
from medkiosk.vault.snapshot import SnapshotError, catalogue_path

_log = logging.getLogger(__name__)
_STEP = 1000
_DERIVATIVE, _DISPOSED = b'"kind":"derivative"', b'"disposed":['
_MEANING = ("catalog", "core", "review")

Progress = Callable[[int, int], None]
"""Told how many records of how many were read; the same twice when it is over."""


@functools.cache
def code_name() -> str:
    """Name the code that gives events their meaning: another one must read every record again."""
    digest = hashlib.sha256(medkiosk.__version__.encode())
    root = Path(medkiosk.__file__).parent
    for path in sorted(path for part in _MEANING for path in (root / part).rglob("*.py")):
        digest.update(f"\n{path.relative_to(root)}\n".encode() + path.read_bytes())
    return digest.hexdigest()


@dataclass
class Opened:
    """What an unlocked vault gives; dropped as a whole when the last session ends.

    Attributes:
        identity: the private keys.
        catalog: the index; read and changed only under ``lock``.
        reach: how far it goes.
        saved: ``seq`` of the last record in the sealed catalogue; 0 where there is none that fits.
        tried: ``seq`` of the last record when it was saved last, or could not be.
    """

    identity: Identity = field(repr=False)
    catalog: Catalog = field(default_factory=lambda: Catalog(machine.step))
    reach: Reach = field(default_factory=lambda: Reach(code_name()))
    saved: int = 0
    tried: int = 0
    lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def unreadable(self) -> int:
        """Records and stretches of the ledger that do not open. While there is one, nothing leaves."""
        return self.reach.unreadable + len(self.reach.missing)

    @property
    def damage(self) -> str:
        """Why nothing can be decided about destroying now, in words; empty where every record was read."""
        with self.lock:
            unreadable, problems = self.unreadable, len(self.catalog.problems)
        if not (unreadable or problems):
            return ""
        return (
            f"{unreadable} records of this kiosk cannot be read, and {problems} do not fit the others. One of"
            " them may be a legal hold, a refusal or a later visit: no disposal is proposed, approved or"
            " begun until that is clear, and none was destroyed for it. Keep the backup drives, and"
            " call the administrator: what is damaged is put back from a drive."
        )

    @property
    def newest(self) -> str:
        """The latest time in any event, RFC 3339."""
        return self.reach.newest

    def unsaved(self, journal: Journal) -> int:
        """How many records the next login would have to read. A disposal removes the sealed catalogue."""
        there = catalogue_path(journal.vault.root).exists()
        return self.reach.record - (self.saved if there else 0)

    def load(self, journal: Journal) -> None:
        """Take the sealed catalogue, if one fits; otherwise begin empty. Never an error: it is a cache."""
        catalog = Catalog(machine.step)
        sealed = None
        try:
            sealed = self.identity.sealed_catalogue(journal.vault.root)
            reach = saved.load(catalog, sealed.read(), code_name())
            _check_fits(journal, reach)
        except (KioskError, SnapshotError, saved.UnusableError) as error:
            _log.info("the sealed catalogue is not used, every record is read: %s", error)
            return
        finally:
            if sealed is not None:
                sealed.close()
        with self.lock:
            self.catalog, self.reach, self.saved = catalog, reach, reach.record

    def save(self, journal: Journal) -> None:
        """Replace the sealed catalogue. Whatever fails is logged: the records are still there."""
        self.tried = self.reach.record
        try:
            sealed = self.identity.sealed_catalogue(journal.vault.root)
            try:
                with self.lock:
                    self.reach.last = journal.vault.record_id(self.reach.record)
                    size = sealed.write(saved.save(self.catalog, self.reach))
                    self.saved = self.reach.record
                if sealed.generation != journal.vault.generation:
                    sealed.remove()  # a disposal came meanwhile
            finally:
                sealed.close()
        except (KioskError, OSError) as error:
            _log.warning("the sealed catalogue could not be written; the next login takes longer: %s", error)
            return
        _log.info("the sealed catalogue has %d bytes and goes up to record %d", size, self.saved)

    def catch_up(self, journal: Journal, progress: Progress = lambda _done, _of: None) -> None:
        """Take in every record and leaf that is new since the last call. What is damaged is counted.

        Raises:
            LockedError: the keys were closed meanwhile.
        """
        with journal.lock:  # so that the leaf of every record up to here is below there
            last, size = journal.vault.last_record, journal.log.size
        leaves, disposed = self._read_leaves(journal, size)
        first = self.reach.record
        for row in journal.vault.records(after=first):
            if row.seq > last:
                break
            with self.lock:
                self._take(row, leaves.get(row.id, -1), disposed)
            if (row.seq - first) % _STEP == 0:
                progress(row.seq - first, last - first)
        self.reach.missing -= disposed

    def told(self, journal: Journal, event: AnyEvent, index: int) -> None:
        """Take in what the journal has just committed, with its ledger index. Under the journal's lock."""
        with self.lock:
            if index < self.reach.leaf:
                return  # taken in below, with one that came before it
            if index > self.reach.leaf:
                with contextlib.suppress(LockedError):  # then all of this is about to go
                    self.catch_up(journal)  # something was committed that nobody told
                return
            self._apply(event, self.reach.record + 1, index)
            self.reach.leaf = index + 1

    def _read_leaves(self, journal: Journal, size: int) -> tuple[dict[str, int], set[str]]:
        """The entry that brought each derivative, by record id; and what entries list as disposed of."""
        found: dict[str, int] = {}
        disposed: set[str] = set()
        try:
            for data in journal.log.entries(self.reach.leaf):
                if self.reach.leaf == size:
                    break
                if _DERIVATIVE in data or _DISPOSED in data:  # decoding all of them would take a minute
                    self._read_leaf(data, found, disposed)
                self.reach.leaf += 1
        except KioskError:
            self.reach.unreadable += 1
        self.reach.leaf = size
        return found, disposed

    def _read_leaf(self, data: bytes, found: dict[str, int], disposed: set[str]) -> None:
        try:
            leaf = entry.decode(data)
        except ValueError:
            return  # of a later version: nothing that could be exported from here
        if leaf.disposed is not msgspec.UNSET:
            disposed.update(leaf.disposed)
        if leaf.record is not None and any(item.kind == "derivative" for item in leaf.objects):
            found[leaf.record.id] = self.reach.leaf

    def _take(self, row: RecordRow, leaf: int, disposed: set[str]) -> None:
        if row.epoch is not None:
            try:
                event = decode(self.identity.open_record(row))
            except LockedError:
                raise
            except (KioskError, ValueError):
                self.reach.unreadable += 1  # the others must still be reached; nothing is exported meanwhile
            else:
                self._apply(event, row.seq, leaf)
        elif row.id not in disposed:
            self.reach.missing.add(row.id)
        self.reach.record = row.seq

    def _apply(self, event: AnyEvent, seq: int, leaf: int) -> None:
        self.catalog.apply(event, seq, leaf)
        self.reach.record = seq
        self.reach.newest = max(self.reach.newest, event.at)


def _check_fits(journal: Journal, reach: Reach) -> None:
    """Raise UnusableError where the store is not the one that the catalogue was made of, grown since."""
    if reach.leaf > journal.log.size or journal.vault.record_id(reach.record) != reach.last:
        raise saved.UnusableError("it goes further than the store, or is of another one")
