"""A real store that holds years: sealed records, envelopes, epochs, ledger."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import msgspec

from medkiosk import keyfiles
from medkiosk.core import canon, config
from medkiosk.core import events as ev
from medkiosk.core.ids import CaptureId, ObjectId
from medkiosk.devicesecret import FileSecrets
from medkiosk.durable import TmpFile
from medkiosk.journal import RECORD_KIND, Fact, Journal
from medkiosk.ledger import entry
from medkiosk.ledger.file import Log
from medkiosk.ledger.sign import Signer
from medkiosk.vault import envelope
from medkiosk.vault.batch import Batch, insert_batch
from medkiosk.vault.epochs import check_pin
from medkiosk.vault.keys import DataKey
from medkiosk.vault.store import Vault
from medkiosk.vault.writer import PendingObject
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
        batch: list[ev.AnyEvent] = []
        for event in events:
            if isinstance(event, ev.ImportStarted) and batch:
                self._commit(batch)
                batch = []
            batch.append(event)
        self._commit(batch)

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
        objects = [self._objects(event) for event in events]
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

    def _objects(self, event: ev.AnyEvent) -> list[PendingObject]:
        match event:
            case ev.OriginalSealed():
                return [self._object(event.object_id, "original")]
            case ev.Redacted():
                return [
                    self._object(event.derivative_id, "derivative"),
                    self._object(event.preview_id, "preview"),
                ]
            case _:
                return []

    def _object(self, object_id: ObjectId, kind: str) -> PendingObject:
        key = DataKey(os.urandom(32))
        epoch = self._vault._current()
        public = check_pin(epoch, self._vault._index)
        return PendingObject(
            id=object_id,
            kind=kind,
            size=8_000_000,
            sealed_size=8_010_000,
            sha256=hashlib.sha256(object_id.encode()).hexdigest(),
            plain_sha256=b"",
            commitment=hashlib.sha256(kind.encode()).hexdigest(),
            epoch=epoch.epoch,
            envelope=envelope.seal_key(key, public, envelope.Name("object", object_id, kind), epoch.epoch),
            data_key=key,
            file=cast("TmpFile", None),
        )


def _now() -> datetime:
    return datetime.now(UTC)
