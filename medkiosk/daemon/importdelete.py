"""Deleting from a device what is sealed. Off unless the configuration says ``delete = "after_verified"``.

In batches: a session in which what is to go is written into the ledger and then asked for, and a new session
whose listing says what became of it. The first batch is one file, each later one ten times the last: a device
that does something else than asked is found after one file, and few listings are needed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from itertools import islice
from typing import TypeVar

from medkiosk.core.events import AnyEvent, FileDeleted, FileDeleting, FileKept, FileUnclear
from medkiosk.core.ids import KIOSK, ImportId, ObjectId
from medkiosk.daemon import deletewords as say
from medkiosk.daemon.importfile import FileReader
from medkiosk.daemon.importtools import Place, StoppedError, Tools, Watcher, place
from medkiosk.journal import Fact
from medkiosk.source.client import SourceSession
from medkiosk.source.model import DeviceInfo, Entry, Grant, SourceCode, SourceError

E = TypeVar("E", FileDeleting, FileDeleted, FileKept, FileUnclear)
Open = Callable[[Grant], AbstractContextManager[SourceSession]]
"""Opens the device anew."""

_GROWTH, _LARGEST = 10, 1000
_STAYS = frozenset({SourceCode.PROTECTED, SourceCode.UNSUPPORTED})
"""Refusals that concern one file, given before anything was asked of the device."""


class _ChangedError(Exception):
    """What is on the device is not what was imported."""


@dataclass
class _Batch:
    """Files that are deleted together.

    Attributes:
        import_id: the import that they were acknowledged before.
        info: which device they are on; None before it was opened.
        entries: where they are in the listing of the session.
        objects: what holds their bytes in the vault.
        is_written: whether they are in the ledger as about to be deleted.
        asked: what the device was asked to delete.
        done: what it said that it had deleted.
        refused: why something was not deleted.
    """

    import_id: ImportId
    info: DeviceInfo | None = None
    entries: dict[Place, Entry] = field(default_factory=dict)
    objects: dict[Place, ObjectId] = field(default_factory=dict)
    is_written: bool = False
    asked: set[Place] = field(default_factory=set)
    done: set[Place] = field(default_factory=set)
    refused: dict[Place, str] = field(default_factory=dict)


class Deletion:
    """Deletes the files of one device, from plug to unplug, each after it was acknowledged.

    Whatever goes otherwise than expected ends it for this plug: what is left stays, and the person is told.

    Args:
        tools: the vault, the journal.
        watcher: asked whether to stop.
        open_: opens the device.
        doing: told how far it is, in words.

    Attributes:
        gone: how many files are gone.
        damaged: a sealed copy could not be read back, so the device is still needed.
    """

    def __init__(self, tools: Tools, watcher: Watcher, open_: Open, doing: Callable[[str], None]) -> None:
        self._tools = tools
        self._watcher = watcher
        self._open = open_
        self._doing = doing
        self._over = False
        self._why = ""
        self._stay: set[Place] = set()
        self.gone = 0
        self._unclear = 0
        self._total = 0
        self.damaged = False

    @property
    def words(self) -> str:
        """What to tell the person; empty where there was nothing to delete."""
        return say.summary(self.gone, len(self._stay), self._unclear, self._why)

    def refuse(self, words: str) -> None:
        """Delete nothing after this import, and say why."""
        if not self._over:
            self._why = words

    def all(self, import_id: ImportId, entries: Iterable[Entry]) -> set[Place]:
        """Delete every file of a listing in which each is acknowledged.

        Returns:
            What may still be on the device. Anything else that is there was not imported.

        Raises:
            KioskError: the ledger cannot be written, so nothing more is deleted.
        """
        left = {place(entry) for entry in entries}
        if self._over:
            return left
        doomed = sorted(left - self._stay)
        todo, size = iter(doomed), 1
        self._total = self.gone + len(doomed)
        self._why = ""
        while places := list(islice(todo, size)):
            if not self._batch(_Batch(import_id), places, left):
                break
            size = min(size * _GROWTH, _LARGEST)
        return left

    def _batch(self, batch: _Batch, places: list[Place], left: set[Place]) -> bool:
        """Delete some files and look what became of them; return whether to go on."""
        self._over = True  # also where an error leads out of here
        try:
            with self._open(Grant.DELETE) as session:
                self._choose(session, batch, places, left)
                self._record(self._event(FileDeleting, batch, at) for at in batch.objects)
                batch.is_written = True
                self._why = self._ask(session, batch)
        except _ChangedError:
            self._over, self._why = False, say.CHANGED
            return False
        except SourceError as error:
            self._why = say.ENDED.get(error.reason, say.FAILED)
        except StoppedError:
            self._why = say.FAILED
        if not batch.is_written:
            return False
        now = self._look_again(batch)
        self._settle(batch, now, left)
        self._over = bool(self._why)
        if not self._over and now != left:
            self._why = say.CHANGED  # what is new is imported first; then the caller comes again
        return not self._why

    def _choose(self, session: SourceSession, batch: _Batch, places: list[Place], left: set[Place]) -> None:
        """Find what is to be deleted on a device that must be exactly as it was imported."""
        batch.info = session.hello()
        listed = {place(entry): entry for entry in session.list()}
        if listed.keys() != left:
            raise _ChangedError
        reader = FileReader(self._watcher, self._tools, session, batch.info)
        for at in places:
            self._watcher.check_stop()
            row = self._tools.journal.vault.seen(reader.look(listed[at]).tag)
            if row is None:
                raise _ChangedError
            batch.entries[at], batch.objects[at] = listed[at], ObjectId(row.object_id)

    def _ask(self, session: SourceSession, batch: _Batch) -> str:
        """Ask the device to delete each; return why it was not asked for all, or why that must be the end."""
        for number, (at, object_id) in enumerate(batch.objects.items(), self.gone + 1):
            self._watcher.check_stop()
            self._doing(f"deleting file {number} of {self._total} from the device")
            if self._tools.journal.vault.disposed(object_id):
                batch.refused[at] = say.DISPOSED
                self._stay.add(at)
                continue
            if not self._tools.journal.vault.intact(object_id):
                self.damaged = True
                batch.refused[at] = say.DAMAGED
                return say.DAMAGED
            try:
                batch.asked.add(at)
                session.delete(batch.entries[at].index)
                batch.done.add(at)
            except SourceError as error:
                batch.refused[at] = say.REFUSED.get(error.reason, say.FAILED)
                if error.reason not in _STAYS:
                    return say.ENDED.get(error.reason, say.FAILED)
                self._stay.add(at)
        return ""

    def _look_again(self, batch: _Batch) -> set[Place] | None:
        """What is on the device by a new session; None if that cannot be told, for all of it or in part."""
        try:
            with self._open(Grant.NONE) as session:  # a new one: libgphoto2 lists once
                info, entries = session.hello(), session.list()
        except (SourceError, StoppedError):
            return None
        if info != batch.info or any(entry.failure is not None for entry in entries):
            return None
        return {place(entry) for entry in entries}

    def _settle(self, batch: _Batch, now: set[Place] | None, left: set[Place]) -> None:
        """Write down what became of each file of a batch, and take what is gone from ``left``.

        A file counts as gone only by a listing that has every file that was to stay. An empty one proves
        that only of a device that said of every file that it was deleted: an unmounted card is empty, too.
        """
        batched = batch.objects.keys()
        believed = now is not None and left - batched <= now and (bool(now) or batch.done == batched)
        names = {at[:3] for at in now or ()}
        events: list[AnyEvent] = []
        for at in batched:
            if now is not None and at in now:
                words = say.STILL_THERE if at in batch.done else batch.refused.get(at, say.NOT_ASKED)
                events.append(self._event(FileKept, batch, at, words=words))
                if at in batch.done:
                    self._why = say.STILL_THERE
            elif believed and at in batch.asked and at[:3] not in names:
                events.append(self._event(FileDeleted, batch, at))
                left.discard(at)
                self.gone += 1
            else:
                events.append(self._event(FileUnclear, batch, at, words=say.UNCLEAR))
                self._unclear += 1
                self._why = self._why or say.FAILED
        self._record(events)

    def _event(self, kind: type[E], batch: _Batch, at: Place, **more: str) -> E:
        storage, folder, name, size = at
        return kind(
            at=self._tools.journal.now(),
            actor=KIOSK,
            import_id=batch.import_id,
            object_id=batch.objects[at],
            storage=storage,
            folder=folder,
            file=name,
            size=size,
            **more,
        )

    def _record(self, events: Iterable[AnyEvent]) -> None:
        self._tools.journal.commit([Fact(event) for event in events])
