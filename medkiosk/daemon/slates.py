"""Slates: show them, check what a worker read, and file imports by them (docs/slate.md)."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

from medkiosk.catalog.views import Series, SeriesFrame
from medkiosk.core.clock import rfc3339
from medkiosk.core.errors import KioskError
from medkiosk.core.events import (
    AccountCreated,
    AnyEvent,
    Assigned,
    ImportFinished,
    Redacted,
    RedactionFailed,
    RoleGiven,
    SlateClock,
    SlateSeen,
    SlateShown,
)
from medkiosk.core.ids import KIOSK, CaptureId, EncounterId, ImportId
from medkiosk.core.photo import ImageRole
from medkiosk.core.slate import TOKEN_BYTES, Slate, SlateKind, read_slate, write_slate
from medkiosk.daemon.kiosk import Kiosk
from medkiosk.ingest.slate import DOUBT_WORDS, Filed, Frame, file_import
from medkiosk.ipc import types as t
from medkiosk.journal import Fact, OutOfDateError
from medkiosk.vault.keys import derive

_log = logging.getLogger(__name__)
REASON = "slate"
_MOST = 2000
"""Captures in one event: a record holds 256 KiB."""
_MATTERS = ImportFinished | Redacted | RedactionFailed | RoleGiven


def slate_key(index_key: bytes) -> bytes:
    """The key of the slates' checks, 32 bytes."""
    return derive(index_key, "medkiosk/slate/v1")


def seen(capture_id: CaptureId, at: str, untrusted_slates: Sequence[str], key: bytes) -> list[AnyEvent]:
    """What it means that a worker read these texts in a frame: nothing where there is none.

    Args:
        capture_id: the frame.
        at: the time now.
        untrusted_slates: what the worker says that it read.
        key: see `slate_key`.
    """
    if not untrusted_slates:
        return []
    slates = [read_slate(text, key) for text in untrusted_slates]
    own = tuple(slate for slate in slates if slate is not None)
    return [
        SlateSeen(
            at=at, actor=KIOSK, capture_id=capture_id, slates=own, foreign=len(untrusted_slates) - len(own)
        ),
        RoleGiven(at=at, actor=KIOSK, capture_id=capture_id, role=ImageRole.SLATE),
    ]


def show(kiosk: Kiosk, who: AccountCreated, encounter_id: EncounterId, kind: SlateKind) -> t.SlateShown:
    """The slate to show now; a new one where the last one was of another encounter or kind.

    Raises:
        NotFoundError: no such encounter.
    """
    with kiosk.journal.lock:
        kiosk.encounter(encounter_id)
        with kiosk.reading() as catalog:
            last = catalog.slates.last
        if last is not None and (last.encounter_id, last.kind) == (encounter_id, kind):
            token = last.token
        else:
            token = kiosk.random(TOKEN_BYTES).hex()
            event = SlateShown(
                at=kiosk.journal.now(),
                actor=who.account_id,
                encounter_id=encounter_id,
                token=token,
                kind=kind,
            )
            kiosk.journal.commit([Fact(event)])
    now = kiosk.clock()
    text = write_slate(Slate(kind, token, int(now.timestamp())), slate_key(kiosk.keys.index))
    return t.SlateShown(encounter_id=encounter_id, kind=kind, at=rfc3339(now), text=text)


def quarantine(kiosk: Kiosk, import_id: ImportId) -> t.Quarantine:
    """The frames of an import that belong to nobody, with the reason."""
    with kiosk.reading() as catalog:
        series = catalog.series(import_id)
    filed = _file(series, unclosed=_unclosed(kiosk))
    return t.Quarantine(
        import_id=import_id,
        whole=series.whole,
        frames=tuple(
            t.InQuarantine(capture_id=frame.original.capture_id, reason=_reason(frame, filed))
            for frame in series.frames
            if frame.encounter_id is None
        ),
    )


def _reason(frame: SeriesFrame, filed: Filed) -> str:
    doubt = filed.quarantine.get(frame.original.capture_id)
    return DOUBT_WORDS[doubt] if doubt else "Its slate was read only now; it is assigned in a moment."


class Filer:
    """Assigns the frames of imports to the encounters of their slates, while somebody is logged in.

    Args:
        kiosk: the running kiosk.
    """

    def __init__(self, kiosk: Kiosk) -> None:
        self._kiosk = kiosk
        self._one = ThreadPoolExecutor(1, "file")
        self._lock = threading.Lock()
        self._asked = False
        self._all = False
        self._imports: set[ImportId] = set()
        self._captures: set[CaptureId] = set()
        self._closed = False
        kiosk.journal.listeners.append(self._heard)

    def wake(self) -> None:
        """Look at all imports, soon: somebody logged in."""
        with self._lock:
            self._all = True
            self._ask()

    def _ask(self) -> None:
        if not (self._asked or self._closed):
            self._asked = True
            self._one.submit(self._look)

    def close(self) -> None:
        """Begin nothing more, and wait for what was begun."""
        with self._lock:
            self._closed = True
        self._one.shutdown(cancel_futures=True)

    def _heard(self, fact: Fact, _index: int) -> None:
        """An event matters to its own import only; all others stay as they were."""
        event = fact.event
        if not (isinstance(event, _MATTERS) and self._kiosk.keyring.is_open):
            return
        with self._lock:
            if isinstance(event, ImportFinished):
                self._imports.add(event.import_id)
            else:
                self._captures.add(event.capture_id)
            self._ask()

    def _look(self) -> None:
        with self._lock:
            all_, imports, captures = self._all, self._imports, self._captures
            self._asked, self._all, self._imports, self._captures = False, False, set(), set()
        try:
            with self._kiosk.reading() as catalog:
                imports.update(id_ for each in captures if (id_ := catalog.import_of(each)) is not None)
                to_file = catalog.imports_to_file(None if all_ else imports)
            for import_id in to_file:
                try:
                    self._file(import_id)
                except OutOfDateError:
                    # A frame of it is being destroyed. The others of it wait, and the other imports do not.
                    _log.info("slates: an import is filed when a disposal that names it is over")
        except (KioskError, OSError, RuntimeError) as error:
            # Nobody is logged in any more, or the disk is full: looked at again at the next login.
            _log.info("slates: %s", type(error).__name__)

    def _file(self, import_id: ImportId) -> None:
        journal = self._kiosk.journal
        with journal.lock:  # nobody may assign a frame between the look and the record
            with self._kiosk.reading() as catalog:
                series, gone = catalog.series(import_id), frozenset(catalog.keeping.gone)
            if series.whole:
                filed = _file(series, unclosed=_unclosed(self._kiosk))
                facts = [Fact(event) for event in _events(series, filed, gone, journal.now())]
                if facts:
                    journal.commit(facts)


def _unclosed(kiosk: Kiosk) -> bool:
    return kiosk.config.ingest.slates == "opening"


def _file(series: Series, *, unclosed: bool) -> Filed:
    frames = (
        Frame(
            capture_id=each.original.capture_id,
            storage=each.original.storage,
            folder=each.original.folder,
            file=each.original.file,
            taken=each.original.mtime,
            slates=each.slates,
            foreign=each.foreign,
            shown=max((mark.shown for mark in each.marks), default=0),
        )
        for each in series.frames
    )
    return file_import(frames, last=series.last, unclosed=unclosed)


def _events(series: Series, filed: Filed, gone: frozenset[str], at: str) -> list[AnyEvent]:
    """What is to be recorded: of frames that nobody has assigned, whose they are; of slates, the clock.

    Nothing is given to an encounter that was disposed of: its frames that come late stay in quarantine.
    """
    new: dict[EncounterId, list[CaptureId]] = {}
    events: list[AnyEvent] = []
    for frame in series.frames:
        capture_id = frame.original.capture_id
        owner = filed.owners.get(capture_id)
        if frame.encounter_id is None and owner is not None and owner not in gone:
            new.setdefault(owner, []).append(capture_id)
        if frame.slates and not (frame.foreign or frame.clocked) and frame.original.mtime > 0:
            mark = min(frame.marks, key=lambda each: each.shown)
            events.append(
                SlateClock(
                    at=at,
                    actor=KIOSK,
                    capture_id=capture_id,
                    shown=rfc3339(mark.moment),
                    mtime=frame.original.mtime,
                    offset_s=frame.original.mtime - mark.shown,
                )
            )
    for owner, captures in new.items():
        rest = iter(captures)
        while some := tuple(islice(rest, _MOST)):
            events.append(Assigned(at=at, actor=KIOSK, encounter_id=owner, captures=some, reason=REASON))
    return events
