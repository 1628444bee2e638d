"""A real store that holds years: sealed records, envelopes, epochs, ledger."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import msgspec

from medkiosk import keyfiles
from medkiosk.core import canon, config
from medkiosk.core import events as ev
from medkiosk.core.ids import CaptureId, ObjectId, RecordId
from medkiosk.daemon.opened import Opened
from medkiosk.devicesecret import FileSecrets
from medkiosk.durable import TmpFile
from medkiosk.journal import RECORD_KIND, Fact, Journal
from medkiosk.ledger import entry
from medkiosk.ledger.file import Log
from medkiosk.ledger.sign import Signer
from medkiosk.vault import envelope
from medkiosk.vault.batch import Batch, insert_batch
from medkiosk.vault.epochs import MAX_ENVELOPES, check_pin
from medkiosk.vault.keys import DataKey
from medkiosk.vault.store import Vault
from medkiosk.vault.writer import PendingObject, PendingRecord
from tests.bench.years import Years
from tests.kiosk import ADMIN, PASSPHRASE, ScratchKiosk


class Builder:
    """Fills a scratch kiosk's store with years: real records, envelopes, epochs and ledger entries.

    What one import brings is one transaction, since a commit for each event would take hours, and its objects
    are rows and envelopes without blobs. `photo` adds a capture that can be looked at.
    """

    def __init__(self, kiosk: ScratchKiosk) -> None:
        store, keys = kiosk.store, keyfiles.load(kiosk.keys)
        settings = config.parse(kiosk.config.read_text(), name=str(kiosk.config))
        self._vault = Vault.open(
            store,
            index_key=keys.index,
            device=FileSecrets(Path(settings.store.device_folder)),
            random=os.urandom,
            clock=_now,
        )
        self._log = Log.open(store / "ledger", Signer(settings.site.origin, keys.ledger))
        self.identity = self._vault.unlock(ADMIN, PASSPHRASE)
        self.journal = Journal(self._vault, self._log, _now)

    def close(self) -> None:
        self.identity.close()
        self._vault.close()

    def fill(self, events: Iterable[ev.AnyEvent]) -> None:
        """Seal events and the rows of the objects that they name."""
        for batch in _batches(events):
            self._commit(batch)

    def fill_lightly(self, events: Iterable[ev.AnyEvent]) -> None:
        """Leave the same as `fill` and a login, where only the sealed catalogue is read and no old record.

        Records and envelopes are rows of the right size with noise in them, ledger entries are short ones:
        sealing hundreds of thousands takes half an hour. The catalogue is what the events really give.
        """
        opened = Opened(self.identity)
        opened.catch_up(self.journal)
        for batch in _batches(events):
            leaf = self._log.size
            records = [self._noise(event) for event in batch]
            objects = [self._noisy_object(id_, kind) for event in batch for id_, kind in _objects(event)]
            leaves = [f"{leaf + number}".encode() for number in range(len(batch))]
            with self._vault._db.transaction() as tx:
                insert_batch(tx, Batch(objects=objects, records=records, leaves=leaves))
            self._log.append_once(self._vault.outbox())
            self._vault.outbox_done(self._log.size)
            for event, index in zip(batch, range(leaf, self._log.size), strict=True):
                opened.told(self.journal, event, index)
            with self._vault._db.transaction() as tx:
                held = tx.execute(
                    "SELECT count(*) FROM envelopes WHERE epoch = ?", (self._vault.current_epoch,)
                )
                if held.fetchone()[0] >= MAX_ENVELOPES:
                    self.identity.open_epoch_under(tx, self._vault.generation)
        opened.save(self.journal)

    def _noise(self, event: ev.AnyEvent) -> PendingRecord:
        padded = -(-(len(canon.encode(event)) + 4) // 512) * 512
        return PendingRecord(
            id=RecordId(os.urandom(16).hex()),
            kind=RECORD_KIND,
            sha256=os.urandom(32).hex(),
            commitment=os.urandom(32).hex(),
            epoch=self._vault.current_epoch,
            envelope=os.urandom(envelope.ENVELOPE_SIZE),
            sealed=os.urandom(envelope.sealed_size(padded)),
        )

    def _noisy_object(self, object_id: ObjectId, kind: str) -> PendingObject:
        return self._pending(object_id, kind, self._vault.current_epoch, os.urandom(envelope.ENVELOPE_SIZE))

    def photo(self, derivative: bytes, preview: bytes) -> CaptureId:
        """Add a capture whose derivative and preview are really there."""
        pending = []
        for kind, data in (("original", derivative), ("derivative", derivative), ("preview", preview)):
            writer = self._vault.start(kind)
            writer.write(data)
            pending.append(writer.finish())
        original, made, shown = pending
        events = list(Years(1, seed=2))
        sealed = next(event for event in events if isinstance(event, ev.OriginalSealed))
        redacted = next(event for event in events if isinstance(event, ev.Redacted))
        sealed = msgspec.structs.replace(sealed, object_id=original.id)
        redacted = msgspec.structs.replace(
            redacted, original_id=original.id, derivative_id=made.id, preview_id=shown.id
        )
        start = next(event for event in events if isinstance(event, ev.ImportStarted))
        self.journal.commit([Fact(start), Fact(sealed, (original,)), Fact(redacted, (made, shown))])
        return sealed.capture_id

    def _commit(self, events: list[ev.AnyEvent]) -> None:
        objects = [[self._object(id_, kind) for id_, kind in _objects(event)] for event in events]
        records = [self._vault.seal_record(RECORD_KIND, canon.encode(event)) for event in events]
        leaves = [
            entry.encode(
                entry.Leaf(
                    type=event.name,
                    at=event.at,
                    actor=event.actor,
                    record=record.ref,
                    objects=tuple(each.ref for each in brought),
                )
            )
            for event, record, brought in zip(events, records, objects, strict=True)
        ]
        batch = Batch(objects=[each for some in objects for each in some], records=records, leaves=leaves)
        with self._vault._db.transaction() as tx:
            insert_batch(tx, batch)
        waiting = self._vault.outbox()
        self._log.append_once(waiting)
        self._vault.outbox_done(waiting[-1][0])
        self.identity.rotate()

    def _object(self, object_id: ObjectId, kind: str) -> PendingObject:
        key = DataKey(os.urandom(32))
        epoch = self._vault._current()
        public = check_pin(epoch, self._vault._index)
        sealed = envelope.seal_key(key, public, envelope.Name("object", object_id, kind), epoch.epoch)
        return self._pending(object_id, kind, epoch.epoch, sealed)

    def _pending(self, object_id: ObjectId, kind: str, epoch: int, sealed: bytes) -> PendingObject:
        return PendingObject(
            id=object_id,
            kind=kind,
            size=8_000_000,
            sealed_size=8_010_000,
            sha256=hashlib.sha256(object_id.encode()).hexdigest(),
            plain_sha256=b"",
            commitment=hashlib.sha256(kind.encode()).hexdigest(),
            epoch=epoch,
            envelope=sealed,
            data_key=DataKey(bytes(32)),
            file=cast("TmpFile", None),
        )


def _batches(events: Iterable[ev.AnyEvent]) -> Iterator[list[ev.AnyEvent]]:
    """What one import brings, one after the other."""
    batch: list[ev.AnyEvent] = []
    for event in events:
        if isinstance(event, ev.ImportStarted) and batch:
            yield batch
            batch = []
        batch.append(event)
    yield batch


def _objects(event: ev.AnyEvent) -> list[tuple[ObjectId, str]]:
    match event:
        case ev.OriginalSealed():
            return [(event.object_id, "original")]
        case ev.Redacted():
            return [(event.derivative_id, "derivative"), (event.preview_id, "preview")]
        case _:
            return []


def _now() -> datetime:
    return datetime.now(UTC)
