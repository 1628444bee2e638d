"""The kiosk's store as a backup run needs it: vault and ledger at one instant (`medkiosk.backup.source`)."""

from __future__ import annotations

import contextlib
import itertools
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import msgspec

from medkiosk.backup.errors import DisposingError, DriveDamagedError, KioskRolledBackError
from medkiosk.journal import Journal
from medkiosk.ledger import checkpoint, entry, held, merkle
from medkiosk.ledger.errors import CheckpointError, ProofError
from medkiosk.ledger.note import LogKeys
from medkiosk.ledger.tiles import WIDTH, levels, tile_path
from medkiosk.vault.schema import COLUMNS, row_digest


class StoreSource:
    """The store behind a journal.

    Args:
        journal: the only writer; it is held for some milliseconds at the start of a run.
        key: the ledger's verifier key.
    """

    def __init__(self, journal: Journal, key: LogKeys) -> None:
        self._journal = journal
        self._key = key

    @property
    def root(self) -> Path:
        """The store's folder."""
        return self._journal.vault.root

    @property
    def store_id(self) -> str:
        """The store's id."""
        return self._journal.vault.store_id

    def disposed(self, object_id: str) -> bool:
        """See `medkiosk.backup.source.Source.disposed`."""
        return self._journal.vault.disposed(object_id)

    @contextlib.contextmanager
    def freeze(self) -> Iterator[StoreInstant]:
        """See `medkiosk.backup.source.Source.freeze`."""
        uri = f"file:{quote(str((self.root / 'vault.db').absolute()))}?mode=ro"
        with closing(
            sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False, timeout=10)
        ) as database:
            with self._journal.lock:
                database.execute("BEGIN")
                [(disposing,)] = database.execute("SELECT count(*) FROM disposals WHERE step <> 'done'")
                if disposing:
                    raise DisposingError
                instant = StoreInstant(self._journal, self._key, database)
            yield instant


class StoreInstant:
    """See `medkiosk.backup.source.Instant`. Made while the journal is held."""

    def __init__(self, journal: Journal, key: LogKeys, database: sqlite3.Connection) -> None:
        self._journal = journal
        self._key = key
        self.database = database
        self.checkpoint = journal.log.checkpoint
        self.size = journal.log.size
        self._ledger = journal.vault.root / "ledger"
        # The kiosk keeps only the widest partial tiles; those of this instant are gone at the next entry.
        self._partials = {name: (self._ledger / name).read_bytes() for name in _partial_paths(self.size)}

    def extends(self, untrusted_checkpoint: bytes) -> int:
        """See `Instant.extends`."""
        try:
            head = checkpoint.verify(untrusted_checkpoint, self._key)
        except CheckpointError as error:
            raise DriveDamagedError(detail=error.message) from error
        if head.size > self.size:
            raise KioskRolledBackError(
                detail=f"its ledger has {head.size} entries, the kiosk's only {self.size}"
            )
        if head.size:
            with self._journal.lock:
                newest, proof = self._journal.log.head, self._journal.log.consistency(head.size)
            try:
                merkle.verify_consistency(head.size, head.root, newest.size, newest.root, proof)
            except ProofError as error:
                raise KioskRolledBackError(
                    detail=f"the first {head.size} entries of its ledger are others than the kiosk's"
                ) from error
        return head.size

    def entries(self, start: int) -> Iterator[bytes]:
        """See `Instant.entries`."""
        return itertools.islice(self._journal.log.entries(start), max(self.size - start, 0))

    def disposed(self) -> Iterator[tuple[str, ...]]:
        """See `Instant.disposed`."""
        promised = (bytes(leaf) for (leaf,) in self.database.execute("SELECT leaf FROM outbox"))
        for data in itertools.chain(self.entries(0), promised):
            if b'"disposed":[' in data:
                with contextlib.suppress(ValueError):
                    leaf = entry.decode(data)
                    if leaf.disposed is not msgspec.UNSET:
                        yield leaf.disposed

    def ledger_files(self, since: int) -> Iterator[tuple[str, bytes]]:
        """See `Instant.ledger_files`."""
        if not since:
            yield "vkey", (self._ledger / "vkey").read_bytes()
        for path in (self._ledger / held.WITNESSES, *held.files(self._ledger)):
            if path.exists():
                yield str(path.relative_to(self._ledger)), path.read_bytes()
        before = {level: full for level, full, _ in levels(since)}
        for level, full, _ in levels(self.size):
            for number in range(before.get(level, 0), full):
                for kind in (level, "entries") if level == 0 else (level,):
                    name = tile_path(kind, number, WIDTH)
                    yield name, (self._ledger / name).read_bytes()
        yield from self._partials.items()

    def partials(self) -> frozenset[str]:
        """See `Instant.partials`."""
        return frozenset(self._partials)

    def release(self) -> None:
        """See `Instant.release`."""
        self.database.rollback()

    def damage(self) -> str:
        """See `Instant.damage`."""
        for table, columns in COLUMNS.items():
            rows = self.database.execute(f"SELECT {', '.join(columns)}, digest FROM {table}")  # noqa: S608 -- names from COLUMNS only
            for *values, digest in rows:
                if row_digest(table, *values) != digest:
                    named = values[columns.index("id")] if "id" in columns else values[0]
                    return f"the row {table}/{named} of vault.db"
        return ""


def _partial_paths(size: int) -> Iterator[str]:
    for level, full, width in levels(size):
        if width:
            yield tile_path(level, full, width)
            if level == 0:
                yield tile_path("entries", full, width)
