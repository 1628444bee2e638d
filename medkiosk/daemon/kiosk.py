"""What the connections of the daemon share."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from medkiosk.catalog.fold import Catalog
from medkiosk.catalog.views import CaptureView, EncounterView
from medkiosk.core.clock import Clock
from medkiosk.core.config import Config
from medkiosk.core.errors import NotFoundError
from medkiosk.core.ids import CaptureId, EncounterId, ObjectId, Random
from medkiosk.daemon.backups import Backups
from medkiosk.daemon.board import Board
from medkiosk.daemon.disposing import Disposer
from medkiosk.daemon.drives import DriveDesk
from medkiosk.daemon.guidefiles import GuideShelf
from medkiosk.daemon.headmemory import HeadMemory
from medkiosk.daemon.keyring import Keyring
from medkiosk.daemon.maintaining import Checker
from medkiosk.daemon.redactor import Redactor
from medkiosk.daemon.scrub import Scrubber
from medkiosk.daemon.searches import Searches
from medkiosk.daemon.sessions import Sessions
from medkiosk.daemon.settingsdesk import SettingsDesk
from medkiosk.daemon.sheets import SheetDesk
from medkiosk.daemon.sticks import StickDesk
from medkiosk.daemon.updating import UpdateDesk
from medkiosk.daemon.usbdesk import UsbDesk
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
    searches: Searches
    redactor: Redactor
    memory: HeadMemory
    backups: Backups
    drives: DriveDesk
    scrubber: Scrubber
    disposer: Disposer
    sticks: StickDesk
    usb: UsbDesk
    updates: UpdateDesk
    checker: Checker
    guide: GuideShelf
    settings: SettingsDesk
    clock: Clock
    random: Random
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


@dataclass(frozen=True)
class OpenOriginal:
    """The original that a session may look at; ``until`` is a time of `Sessions.now`.

    ``glass``: the broken glass that its look is on record under; empty where none was needed.
    """

    capture_id: CaptureId
    revision: int
    glass: str
    until: float


@dataclass
class Looks:
    """What this session was shown.

    Attributes:
        revisions: the last revision of each capture whose whole picture it got.
        sites: which parts of the body were recorded of each of them then.
        closely: captures and revisions of which it got parts at full size, and under which broken glass.
        original: which original it may look at now.
        prepared: previews that are probably asked for next, opened; nobody has seen them.
    """

    revisions: dict[CaptureId, int] = field(default_factory=dict)
    sites: dict[CaptureId, tuple[str, ...]] = field(default_factory=dict)
    closely: set[tuple[CaptureId, int, str]] = field(default_factory=set)
    original: OpenOriginal | None = None
    prepared: dict[ObjectId, bytes] = field(default_factory=dict, repr=False)
