"""Where an event becomes a fact: sealed record, durable objects, ledger leaf, in this order.

The order is the promise of the design's invariant 3. `Journal.commit` returns only when

1. the objects are on disk, synced, renamed into place, read back and verified,
2. their envelopes, the event records and the leaves-to-be are in one SQLite transaction,
3. the leaves are in the ledger under a new signed checkpoint,
4. the outbox that held the leaves is empty again.

A crash after 2 is completed at the next start (`Journal.recover`), a crash before 2 leaves nothing.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

import msgspec

from medkiosk.core import canon
from medkiosk.core.clock import Clock, rfc3339
from medkiosk.core.errors import KioskError
from medkiosk.core.events import AnyEvent
from medkiosk.ledger import entry
from medkiosk.ledger.file import Log
from medkiosk.vault.batch import Batch
from medkiosk.vault.db import CommitUnknownError
from medkiosk.vault.errors import EpochEndedError
from medkiosk.vault.schema import SeenRow
from medkiosk.vault.store import Vault
from medkiosk.vault.writer import PendingObject, PendingRecord

_log = logging.getLogger(__name__)

RECORD_KIND = "event"
_EPOCHS = 4
"""How often in a row what is committed may meet a new epoch; each is opened by a person at work."""


@dataclass(frozen=True)
class Fact:
    """One event with the sealed objects that it brings.

    ``disposed`` and ``note`` are for its ledger entry: ids that are destroyed with it, a few machine words.
    """

    event: AnyEvent
    objects: Sequence[PendingObject] = ()
    seen: Sequence[SeenRow] = ()
    disposed: Sequence[str] = ()
    note: str = ""


Also = Callable[[sqlite3.Connection], None]
Listener = Callable[[Fact, int], None]
"""Told of each fact, in order, with its ledger index. Must not raise."""
Guard = Callable[[AnyEvent], str]
"""Asked before an event is recorded; returns why it must not be, or nothing."""


class JournalStoppedError(KioskError):
    """The kiosk cannot write its ledger ({detail}), so it takes nothing more until it was started again. What
    was acknowledged is safe; keep the card as it is and call the administrator."""

    code = "journal.stopped"


class OutOfDateError(KioskError):
    """This was overtaken by something else ({detail}). Nothing was changed; look again and decide anew."""

    code = "journal.out_of_date"


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
    guards: list[Guard] = field(default_factory=list)
    stopped: str = ""

    def now(self) -> str:
        """The time to put into an event."""
        return rfc3339(self.clock())

    @property
    def healthy(self) -> bool:
        """Whether more can be taken; if not, only a restart helps."""
        return not (self.stopped or self.vault.stopped)

    def recover(self) -> int:
        """Bring leaves that a crash left in the outbox into the ledger; return how many there were.

        None are where the ledger takes nothing (`Log.refusal`).
        """
        with self.lock:
            if self.log.refusal is not None:
                return 0
            return len(self._flush())

    def commit(self, facts: Iterable[Fact], also: Also | None = None) -> None:
        """Make events and their objects facts, all of them or none.

        Args:
            facts: in this order.
            also: what else is done in the same transaction of the vault, before them.

        Raises:
            JournalStoppedError: the ledger could not be written. What this call brought is in the vault and
                is completed at the next start; nothing of it was acknowledged, and nothing more is taken.
            OutOfDateError: a guard said no; nothing of this call happened.
            KioskError: the disk is full or failing; nothing of this call happened.
        """
        facts = list(facts)
        pending = [pending for fact in facts for pending in fact.objects]
        try:
            batch = self._batch(facts, also)
            with self.lock:
                self._ask(facts)
                for left in reversed(range(_EPOCHS)):
                    try:
                        self.vault.commit(batch)
                        break
                    except EpochEndedError:
                        if not left:
                            raise
                        # Since it was sealed a new epoch was opened: the same again, sealed to that one.
                        facts = [self._resealed(fact) for fact in facts]
                        batch = self._batch(facts, also)
                self._acknowledge(facts)
        except JournalStoppedError:
            raise  # the vault has the objects; the next start completes them
        except BaseException:
            for object_ in pending:
                self.vault.discard(object_)
            raise

    def _batch(self, facts: Sequence[Fact], also: Also | None) -> Batch:
        records = [self.vault.seal_record(RECORD_KIND, canon.encode(fact.event)) for fact in facts]
        return Batch(
            objects=[pending for fact in facts for pending in fact.objects],
            records=records,
            leaves=[_leaf(fact, record) for fact, record in zip(facts, records, strict=True)],
            seen=[row for fact in facts for row in fact.seen],
            also=also,
        )

    def _resealed(self, fact: Fact) -> Fact:
        return replace(fact, objects=[self.vault.reseal(pending) for pending in fact.objects])

    def check(self) -> None:
        """Raise why nothing more is taken, if so: JournalStoppedError until a restart, or `Log.refusal`."""
        if self.log.refusal is not None:
            raise self.log.refusal
        if not self.healthy:
            raise JournalStoppedError(detail=self.stopped or "the disk's state is unknown")

    def _ask(self, facts: Sequence[Fact]) -> None:
        self.check()
        for fact in facts:
            for guard in self.guards:
                if reason := guard(fact.event):
                    raise OutOfDateError(detail=reason)

    def _acknowledge(self, facts: Sequence[Fact]) -> None:
        try:
            indices = self._flush()[-len(facts) :]
        except (KioskError, OSError, ValueError, sqlite3.Error) as error:
            # From here on the vault is ahead of the ledger. Taking more would let a replugged card count as
            # acknowledged without a single ledger entry, so nothing is taken until a start has caught up.
            self.stopped = error.message if isinstance(error, KioskError) else type(error).__name__
            raise JournalStoppedError(detail=self.stopped) from error
        for fact, index in zip(facts, indices, strict=True):
            for listener in self.listeners:
                listener(fact, index)

    def _flush(self) -> list[int]:
        waiting = self.vault.outbox()
        if not waiting:
            return []
        indices = self.log.append_once(waiting)
        try:
            self.vault.outbox_done(waiting[-1][0])
        except (sqlite3.Error, CommitUnknownError):
            # The ledger has them: the rows that stay are recognised by their index the next time.
            _log.warning("the outbox could not be emptied; it is next time")
        return indices


def _leaf(fact: Fact, record: PendingRecord) -> bytes:
    leaf = entry.Leaf(
        type=fact.event.name,
        at=fact.event.at,
        actor=fact.event.actor,
        record=record.ref,
        objects=tuple(pending.ref for pending in fact.objects),
        note=fact.note,
        disposed=tuple(fact.disposed) or msgspec.UNSET,
    )
    return entry.encode(entry.blurred(leaf))
