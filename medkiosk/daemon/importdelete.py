"""Deleting from a device what is sealed. Off unless the configuration says ``delete = "after_verified"``.

One file at a time, each in a session of its own that begins with a listing: what is on the device must be
exactly what is expected, before the first deletion and after each. Anything else ends it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

from medkiosk.core.events import AnyEvent, FileDeleted, FileKept
from medkiosk.core.ids import KIOSK, ImportId, ObjectId
from medkiosk.daemon.importfile import FileReader
from medkiosk.daemon.importtools import Tools, Watcher
from medkiosk.journal import Fact
from medkiosk.source.client import SourceSession
from medkiosk.source.model import Entry, SourceCode, SourceError

Place = tuple[str, str, str, int]
Open = Callable[[], AbstractContextManager[SourceSession]]
"""Opens the device anew, with the grant to delete."""

_CHANGED = "What is on the device is not what was imported. Nothing more was deleted; plug it in again."
_PROTECTED = "The device is write-protected, so nothing was deleted. Everything on it is sealed."
_NOT_KNOWN = "Not everything on the device is acknowledged, so nothing was deleted."
_DAMAGED = (
    "The sealed copy of a file could not be read back, so it was not deleted and nothing more was. Keep the"
    " card and call the administrator."
)


def place(entry: Entry) -> Place:
    """What tells a file of a listing from the others."""
    return entry.storage, entry.folder, entry.name, entry.size


class Deletion:
    """Deletes the files of one device after an import in which every one of them was acknowledged.

    Args:
        tools: the vault, the journal.
        watcher: asked whether to stop.
        open_: opens the device for a deletion.
        import_id: which import.
        doing: told how far it is, in words.
    """

    def __init__(
        self, tools: Tools, watcher: Watcher, open_: Open, import_id: ImportId, doing: Callable[[str], None]
    ) -> None:
        self._tools = tools
        self._watcher = watcher
        self._open = open_
        self._import_id = import_id
        self._doing = doing

    def all(self, entries: Sequence[Entry]) -> str:
        """Delete every file of the listing that was just imported; return what to tell the person.

        Raises:
            StoppedError: the device was unplugged.
            KioskError: the ledger cannot be written, so nothing more is deleted.
        """
        left = {place(entry) for entry in entries}
        total = len(left)
        try:
            objects = self._acknowledged(left)
            if objects is None:
                return _NOT_KNOWN
            for number, at in enumerate(sorted(left), 1):
                self._watcher.check_stop()
                self._doing(f"deleting file {number} of {total} from the device")
                if words := self._one(at, objects[at], left):
                    return words
                left.discard(at)
        except SourceError as error:
            return f"{total - len(left)} of {total} files were deleted. {error.message}"
        return f"{total} files were deleted from the device; all of them are sealed." if total else ""

    def _acknowledged(self, expected: set[Place]) -> dict[Place, ObjectId] | None:
        """The object of every file, looked up afresh; None if one has none, or other files are there."""
        found: dict[Place, ObjectId] = {}
        with self._open() as session:
            info = session.hello()
            reader = FileReader(self._watcher, self._tools, session, info)
            for entry in session.list():
                row = self._tools.journal.vault.seen(reader.look(entry).tag)
                if row is None:
                    return None
                found[place(entry)] = ObjectId(row.object_id)
        return found if set(found) == expected else None

    def _one(self, at: Place, object_id: ObjectId, left: set[Place]) -> str:
        """Delete one file; return why not, and why nothing more is to be."""
        if not self._tools.journal.vault.intact(object_id):
            self._record(self._kept(at, object_id, _DAMAGED))
            return _DAMAGED
        with self._open() as session:
            session.hello()
            listed = {place(entry): entry.index for entry in session.list()}
            if set(listed) != left:
                return _CHANGED
            try:
                session.delete(listed[at])
            except SourceError as error:
                self._record(self._kept(at, object_id, error.message))
                if error.reason is SourceCode.PROTECTED:
                    return _PROTECTED
                raise
        with self._open() as session:  # a new session: libgphoto2 lists once
            session.hello()
            now = {place(entry) for entry in session.list()}
        if now != left - {at}:
            self._record(self._kept(at, object_id, _CHANGED))
            return _CHANGED
        storage, folder, name, size = at
        self._record(
            FileDeleted(
                at=self._tools.journal.now(),
                actor=KIOSK,
                import_id=self._import_id,
                object_id=object_id,
                storage=storage,
                folder=folder,
                file=name,
                size=size,
            )
        )
        return ""

    def _kept(self, at: Place, object_id: ObjectId, words: str) -> FileKept:
        storage, folder, name, size = at
        return FileKept(
            at=self._tools.journal.now(),
            actor=KIOSK,
            import_id=self._import_id,
            object_id=object_id,
            storage=storage,
            folder=folder,
            file=name,
            size=size,
            words=words,
        )

    def _record(self, event: AnyEvent) -> None:
        self._tools.journal.commit([Fact(event)])
