"""What the connections of the daemon share."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

from medkiosk.catalog.fold import Catalog
from medkiosk.catalog.views import CaptureView, EncounterView
from medkiosk.core.clock import Clock
from medkiosk.core.config import Config
from medkiosk.core.errors import NotFoundError
from medkiosk.core.ids import CaptureId, EncounterId, Random
from medkiosk.daemon.backups import Backups
from medkiosk.daemon.board import Board
from medkiosk.daemon.disposing import Disposer
from medkiosk.daemon.drives import DriveDesk
from medkiosk.daemon.headmemory import HeadMemory
from medkiosk.daemon.keyring import Keyring
from medkiosk.daemon.redactor import Redactor
from medkiosk.daemon.scrub import Scrubber
from medkiosk.daemon.sessions import Sessions
from medkiosk.daemon.sheets import SheetDesk
from medkiosk.journal import Journal
from medkiosk.keyfiles import KeyFiles


@dataclass(frozen=True)
class Kiosk:
    """The running kiosk's parts."""

    config: Config
    keys: KeyFiles
    journal: Journal
    board: Board
    keyring: Keyring
    sessions: Sessions
    redactor: Redactor
    memory: HeadMemory
    backups: Backups
    drives: DriveDesk
    scrubber: Scrubber
    disposer: Disposer
    clock: Clock
    random: Random
    stick: threading.Lock = field(default_factory=threading.Lock)
    """One export at a time: two would clear away each other's unfinished folder."""
    sheets: SheetDesk = field(default_factory=SheetDesk)

    @contextlib.contextmanager
    def reading(self) -> Iterator[Catalog]:
        """The catalogue, held still for the length of the block, while somebody is logged in.

        Raises:
            NotAllowedError: nobody is.
        """
        opened = self.keyring.opened
        with opened.lock:
            yield opened.catalog

    def capture(self, capture_id: CaptureId) -> CaptureView:
        """One capture.

        Raises:
            NotFoundError: there is none with this id.
        """
        with self.reading() as catalog:
            view = catalog.capture(capture_id)
        if view is None:
            raise NotFoundError(what="capture", id=capture_id)
        return view

    def encounter(self, encounter_id: EncounterId) -> EncounterView:
        """One encounter.

        Raises:
            NotFoundError: there is none with this id.
        """
        with self.reading() as catalog:
            view = catalog.encounter(encounter_id)
        if view is None:
            raise NotFoundError(what="encounter", id=encounter_id)
        return view


@dataclass
class Looks:
    """What this session was shown.

    Attributes:
        revisions: the last revision of each capture whose whole picture it got.
        closely: captures and revisions of which it got parts at full size.
    """

    revisions: dict[CaptureId, int] = field(default_factory=dict)
    closely: set[tuple[CaptureId, int]] = field(default_factory=set)
