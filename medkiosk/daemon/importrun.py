"""One pass over one device's listing: what is new is read, sealed, made durable and acknowledged.

While a group of files is made durable, the next one is already being read and encrypted: at most one group
waits, so memory and the amount of unacknowledged work stay bounded.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor

from medkiosk.core import dcf
from medkiosk.core.errors import KioskError
from medkiosk.core.events import FileFailed, Gap, ImportFinished, ImportStarted
from medkiosk.core.ids import KIOSK, CaptureId, ImportId, new_id
from medkiosk.daemon.importcommit import Committer
from medkiosk.daemon.importfile import FileReader, Looked, Sealed
from medkiosk.daemon.importstuck import Stuck
from medkiosk.daemon.importtools import Counts, StoppedError, Tools, Watcher, shot_place
from medkiosk.ingest.machine import Outcome, expendable
from medkiosk.ingest.numbers import gaps, recordable
from medkiosk.ingest.plan import CaptureIds, Group
from medkiosk.ingest.shot import Shot, Shots
from medkiosk.ipc.types import KeptFile
from medkiosk.journal import Fact
from medkiosk.source.client import SourceSession
from medkiosk.source.model import DAMAGED_BEFORE, DeviceInfo, Entry, SourceCode, SourceError
from medkiosk.vault.schema import SeenRow

_MOST_FAILURES = 500
"""Named in the ledger, of one import: a card full of unreadable folders must not fill the kiosk's disk."""


class SealedGoneError(KioskError):
    """The sealed copies of {count} files of this device are not on the kiosk's disk any more. Keep the card
    as it is, in its place: they are imported again by themselves. Call the administrator.
    """

    code = "import.sealed_gone"


class ImportRun:
    """One pass over one listing.

    Attributes:
        import_id: which import; after `finish` the one under which the ledger holds its verdict, which is an
            earlier pass's where this one found nothing new and says the same.
        failures: the files that could not be read.
        gaps: file numbers that the device has not.
        verdict: what the ledger last holds of this plug: written once, however often the device is looked at.
    """

    def __init__(
        self,
        watcher: Watcher,
        tools: Tools,
        session: SourceSession,
        info: DeviceInfo,
        stuck: Stuck,
        verdict: ImportFinished | None,
    ) -> None:
        self._watcher = watcher
        self.verdict = verdict
        self._stuck = stuck
        self._tools = tools
        self._reader = FileReader(watcher, tools, session, info)
        self._info = info
        self.import_id = ImportId(new_id(tools.random))
        self._shots = Shots()
        self._captures: CaptureIds[Shot] = CaptureIds(lambda: CaptureId(new_id(tools.random)))
        self._committer = Committer(watcher, tools, self.import_id, self._shots, self._captures)
        self._group: Group[Sealed] = Group(tools.settings.group_files, tools.settings.group_bytes)
        self._pending: Future[None] | None = None
        self.failures: list[FileFailed] = []
        self.gaps: tuple[Gap, ...] = ()
        self._bytes = 0
        self._already = 0
        self._began = False

    def all(self, entries: list[Entry], durable: ThreadPoolExecutor) -> None:
        """Seal every file that is not acknowledged yet.

        Raises:
            SourceError: the device is gone. What was sealed before is acknowledged all the same.
        """
        self.gaps = gaps((entry.storage, entry.folder, entry.name) for entry in entries)
        new = self._look(entries)
        if new or self.failures:
            self._begin(entries)
        try:
            for looked in new:
                self._watcher.check_stop()
                self._seal(looked)
                if self._group.full:
                    self._hand_over(durable)
            self._hand_over(durable)
            self._settle()
        except (SourceError, StoppedError):
            # The device is gone: what was read whole becomes durable all the same.
            self._hand_over(durable)
            self._settle()
            raise
        finally:
            for item in self._group.take():
                self._tools.journal.vault.discard(item.object)

    def finish(self, entries: list[Entry]) -> None:
        """Write the end of the import into the ledger; also of one that found nothing new, once for a plug.

        Raises:
            JournalStoppedError: what counts as seen may not be in the ledger yet, so nothing is safe.
            SealedGoneError: an object that holds a file of this listing is not there.
        """
        # With the lock: what another import has in the vault by now is in the ledger, or the journal stopped.
        with self._tools.journal.lock:
            self._tools.journal.check()
        gone = sum(not self._tools.journal.vault.present(object_) for object_ in self._committer.objects)
        if gone:
            raise SealedGoneError(count=gone)
        if not self._began:
            said = self.verdict
            if said is not None and said.safe and said.expendable == expendable(self.outcomes):
                self.import_id = said.import_id  # a deletion that follows is in the ledger under this one
                return
            if not entries:
                return  # nothing was asked of the kiosk, and nothing can be deleted
            self._begin(entries)
        end = ImportFinished(
            at=self._tools.journal.now(),
            actor=KIOSK,
            import_id=self.import_id,
            files=len(entries),
            bytes=self._bytes,
            already=self._already,
            failed=len(self.failures),
            safe=not self.failures,
            copies=self._committer.copies,
            damaged=len(self._committer.damaged),
            gaps=recordable(self.gaps),
            expendable=expendable(self.outcomes),
        )
        facts = [*map(Fact, self._recorded_failures()), Fact(end)]
        step = self._tools.settings.group_files  # so that nobody waits for the journal as long as for all
        for start in range(0, len(facts), step):
            self._tools.journal.commit(facts[start : start + step])
        self.verdict = end

    @property
    def outcomes(self) -> dict[Outcome, int]:
        """How many files ended how."""
        return {
            Outcome.FAILED: len(self.failures),
            Outcome.DAMAGED: len(self._committer.damaged),
            Outcome.COPY: self._committer.copies,
            Outcome.KNOWN: self._already,
        }

    @property
    def kept(self) -> tuple[KeptFile, ...]:
        """The files for which the device is still needed, with nothing personal about them."""
        failed = [KeptFile(name=dcf.public_name(f.folder, f.file), words=f.words) for f in self.failures]
        return (
            *failed,
            *(KeptFile(name=_name(entry), words=words) for entry, words in self._committer.damaged),
        )

    def _look(self, entries: list[Entry]) -> list[Looked]:
        """Read every head; give the files that are not acknowledged yet."""
        new: list[Looked] = []
        known: list[tuple[Looked, CaptureId]] = []
        vault = self._tools.journal.vault
        for entry in self._stuck.last(entries):
            self._watcher.check_stop()
            try:
                with self._stuck.reading(entry):
                    looked = self._reader.look(entry)
            except SourceError as error:
                self._fail(entry, error)
                continue
            self._shots.add(shot_place(entry), looked.dated, dcf.media_extension(entry.name))
            row = self._known(looked)
            if row is None:
                new.append(looked)
                continue
            if vault.disposed(row.object_id):
                # Two people decided that the kiosk has it no more: it is known, and nothing else joins it.
                self._already += 1
                self._watcher.progress(Counts(already=1, bytes_done=entry.size))
                continue
            if row.tag == looked.damaged:
                self._committer.damaged.append((entry, DAMAGED_BEFORE))
                self._watcher.progress(Counts(damaged=1))
            self._committer.objects.add(row.object_id)
            known.append((looked, CaptureId(row.group_id)))
            self._already += 1
            self._watcher.progress(Counts(already=1, bytes_done=entry.size))
        for file, capture_id in known:  # only now are the shots' names settled
            self._captures.known(self._shots.of(shot_place(file.entry), file.dated), capture_id)
        return new

    def _known(self, looked: Looked) -> SeenRow | None:
        """What is known of a file; None also where its object is not there: it is read like a new one."""
        vault = self._tools.journal.vault
        for tag in (looked.tag, looked.damaged):
            row = vault.seen(tag)
            if row is not None and (vault.disposed(row.object_id) or vault.present(row.object_id)):
                return row
        return None

    def _begin(self, entries: list[Entry]) -> None:
        self._began = True
        start = ImportStarted(
            at=self._tools.journal.now(),
            actor=KIOSK,
            import_id=self.import_id,
            device_kind=self._info.kind,
            model=self._info.model,
            serial=self._info.serial,
            files=len(entries),
        )
        self._tools.journal.commit([Fact(start)])

    def _seal(self, looked: Looked) -> None:
        try:
            with self._stuck.reading(looked.entry):
                sealed = self._reader.seal(looked)
        except SourceError as error:
            self._fail(looked.entry, error)
            return
        self._bytes += looked.entry.size
        self._group.add(sealed, looked.entry.size)

    def _fail(self, entry: Entry, error: SourceError) -> None:
        if error.ends_session:
            raise error
        self.failures.append(self._failed(entry, error.reason, error.message))
        self._watcher.progress(Counts(failed=1))

    def _failed(self, entry: Entry, reason: SourceCode, words: str) -> FileFailed:
        return FileFailed(
            at=self._tools.journal.now(),
            actor=KIOSK,
            import_id=self.import_id,
            storage=entry.storage,
            folder=entry.folder,
            file=entry.name,
            size=entry.size,
            code=int(reason),
            words=words,
        )

    def _recorded_failures(self) -> list[FileFailed]:
        """What could not be read; beyond `_MOST_FAILURES` one event stands for the rest."""
        rest = len(self.failures) - _MOST_FAILURES
        if rest <= 0:
            return self.failures
        nowhere = Entry(index=0, storage="", folder="", name="", size=0, mtime=0)
        words = (
            f"{rest} more files and folders could not be read, too many to name each; the device still has"
            " them. Keep the card as it is and ask the installer to look at it."
        )
        return [*self.failures[:_MOST_FAILURES], self._failed(nowhere, SourceCode.TOO_MANY, words)]

    def _hand_over(self, durable: ThreadPoolExecutor) -> None:
        self._settle()
        group = self._group.take()
        if group:
            self._pending = durable.submit(self._committer.acknowledge, group)

    def _settle(self) -> None:
        pending, self._pending = self._pending, None
        if pending is not None:
            pending.result()


def _name(entry: Entry) -> str:
    return dcf.public_name(entry.folder, entry.name)
