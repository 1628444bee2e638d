"""What crosses the socket about how the kiosk stands; `medkiosk.ipc.types` exports all of it."""

from __future__ import annotations

from medkiosk.core.device import DeviceState
from medkiosk.core.quality import Advice
from medkiosk.ipc.exporttypes import StickInfo
from medkiosk.ipc.healthtypes import Health
from medkiosk.ipc.maintenancetypes import CheckStatus
from medkiosk.ipc.settingstypes import SettingsStatus
from medkiosk.ipc.storetypes import BackupStatus, ScrubStatus, Wire
from medkiosk.ipc.updatetypes import UpdateStatus
from medkiosk.ipc.usbtypes import RefusedDevice


class DeviceStatus(Wire, frozen=True):
    """One camera or card.

    Attributes:
        key: names the plug, stable while the daemon runs.
        state: what it is doing.
        files: on the device; 0 until it is listed.
        sealed: sealed and acknowledged in this import.
        already: acknowledged earlier and skipped.
        failed: could not be read.
        bytes_total: declared by the device.
        bytes_done: read so far (sealed, already there, or failed).
        detail: one sentence when there is something to say.
        copies: files whose bytes were sealed before from another place.
        damaged: sealed files that look cut off, or are not built like what they are called.
        doing: how far it is in words, while it is being read.
        passport: of a card, whether it may be used again.
        notes: what else there is to know: missing numbers, the camera's clock, what was deleted.
    """

    key: str
    kind: str
    model: str
    serial: str
    state: DeviceState
    files: int
    sealed: int
    already: int
    failed: int
    bytes_total: int
    bytes_done: int
    detail: str
    copies: int = 0
    damaged: int = 0
    doing: str = ""
    passport: str = ""
    notes: tuple[str, ...] = ()


class PhotoAdvice(Wire, frozen=True):
    """What there is to say to the photographer about one shot, most important first."""

    name: str
    advice: tuple[Advice, ...]


class RedactionStatus(Wire, frozen=True):
    """The queue behind the import.

    ``deferred`` photos wait for the next login: their keys were forgotten by a restart. ``advice`` is about
    shots that were just imported, newest first, the last few of them only.
    """

    waiting: int
    done: int
    failed: int
    deferred: int
    detectors: tuple[str, ...]
    missing: tuple[str, ...]
    advice: tuple[PhotoAdvice, ...] = ()


class Status(Wire, frozen=True):
    """The kiosk at a glance; nothing personal in it.

    ``serial`` counts changes since the daemon started. ``alarm``: why nothing at all is taken, in big words.
    ``keys``: where the kiosk's own secrets are and what that is worth, a sentence each, for administrators.
    ``opening``: how far a login is that reads years of records; empty while none is.
    """

    serial: int
    version: str
    headline: str
    devices: tuple[DeviceStatus, ...]
    redaction: RedactionStatus
    unlocked: bool
    objects: int
    ledger_size: int
    problems: tuple[str, ...]
    backups: tuple[BackupStatus, ...] = ()
    sticks: tuple[StickInfo, ...] = ()
    alarm: str = ""
    disposal: str = ""
    """How far a disposal is, in big words; empty while there is none."""
    opening: str = ""
    keys: tuple[str, ...] = ()
    scrub: ScrubStatus = ScrubStatus()
    check: CheckStatus = CheckStatus()
    health: Health = Health()
    refused: tuple[RefusedDevice, ...] = ()
    """USB devices that are not used, newest first; some that were just pulled out are still among them."""
    update: UpdateStatus = UpdateStatus()
    settings: SettingsStatus = SettingsStatus()
