"""Where an event becomes a fact: sealed record, durable objects, ledger leaf, in this order.

The order is the promise of the design's invariant 3. `Journal.commit` returns only when

1. the objects are on disk, synced, renamed into place, read back and verified,
2. their envelopes, the event records and the leaves-to-be are in one SQLite transaction,
3. the leaves are in the ledger under a new signed checkpoint,
4. the outbox that held the leaves is empty again.

A crash after 2 is completed at the next start (`Journal.recover`), a crash before 2 leaves nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from medkiosk.core import canon
from medkiosk.core.clock import Clock, rfc3339
from medkiosk.core.events import AnyEvent
from medkiosk.ledger import entry
from medkiosk.ledger.file import Log
from medkiosk.vault.batch import Batch
from medkiosk.vault.schema import SeenRow
from medkiosk.vault.store import Vault
from medkiosk.vault.writer import PendingObject

RECORD_KIND = "event"


@dataclass(frozen=True)
class Fact:
    """One event with the sealed objects that it brings."""

    event: AnyEvent
    objects: Sequence[PendingObject] = ()
    seen: Sequence[SeenRow] = ()


Listener = Callable[[Fact, int], None]
"""Told of each fact, in order, with its ledger index."""


@dataclass
class Journal:
    """The only writer of the vault and the ledger.

    Thread-safe: commits are serial, sealing (the expensive part) happens before and in parallel.
    """

    vault: Vault
    log: Log
    clock: Clock
    lock: threading.RLock = field(default_factory=threading.RLock)
    listeners: list[Listener] = field(default_factory=list)

    def now(self) -> str:
        """The time to put into an event."""
        return rfc3339(self.clock())

    def recover(self) -> int:
        """Bring leaves that a crash left in the outbox into the ledger; return how many there were."""
        with self.lock:
            return len(self._flush())

    def commit(self, facts: Iterable[Fact]) -> None:
        """Make events and their objects facts, all of them or none.

        Raises:
            OSError: the disk is full or failing; nothing of this call is acknowledged.
            VaultDamagedError: what was read back is not what was written.
        """
        facts = list(facts)
        records = [self.vault.seal_record(RECORD_KIND, canon.encode(fact.event)) for fact in facts]
        leaves = [
            entry.encode(
                entry.Leaf(
                    type=fact.event.name,
                    at=fact.event.at,
                    actor=fact.event.actor,
                    record=record.ref,
                    objects=tuple(pending.ref for pending in fact.objects),
                )
            )
            for fact, record in zip(facts, records, strict=True)
        ]
        batch = Batch(
            objects=[o for fact in facts for o in fact.objects],
            records=records,
            leaves=leaves,
            seen=[row for fact in facts for row in fact.seen],
        )
        with self.lock:
            self.vault.commit(batch)
            indices = self._flush()[-len(facts) :]
            for fact, index in zip(facts, indices, strict=True):
                for listener in self.listeners:
                    listener(fact, index)

    def _flush(self) -> list[int]:
        waiting = self.vault.outbox()
        if not waiting:
            return []
        indices = self.log.append_once(waiting)
        self.vault.outbox_done(waiting[-1][0])
        return indices
