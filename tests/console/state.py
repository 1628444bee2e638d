"""What the in-memory kiosk remembers, and the pictures that it makes."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import msgspec
import numpy as np

from medkiosk.core.device import HEADLINES, DeviceState
from medkiosk.core.drives import DriveState
from medkiosk.core.events import Role
from medkiosk.core.ids import (
    AccountId,
    CaptureId,
    CorrectionId,
    DriveId,
    EncounterId,
    ImportId,
)
from medkiosk.core.photo import Box, Category, Decision, Finding, MediaKind, RedactCode, ReviewState
from medkiosk.core.quality import Quality
from medkiosk.core.sticks import STICK_WORDS, ReadBack, StickState
from medkiosk.core.trainingevents import TrainingPassed
from medkiosk.ipc import types as t
from medkiosk.ipc.maintenancetypes import CheckReport, CheckStatus, WitnessesRead
from tests.console.altered import Altered

Places = np.ndarray[tuple[int], np.dtype[np.intp]]
Pixels = np.ndarray[tuple[int, ...], np.dtype[np.uint8]]

PASSPHRASE = "correct horse battery"
FULL = (2736, 1824)
PREVIEW = (912, 608)
STRIPES = Box(2600, 1700, 136, 124)
"""Where columns of the scene are black and white in turn: only the full resolution tells them apart."""
_MCU = 16


def finding(category: Category, box: tuple[int, int, int, int], confidence: int = 980) -> Finding:
    """What a detector found."""
    return Finding(
        category=category,
        box=Box(*box),
        detector="centerface/1" if category is Category.FACE else "ppocr/5",
        model="",
        confidence=confidence,
        decision=Decision.MASK,
    )


FOUND = (
    finding(Category.FACE, (900, 260, 640, 760)),
    finding(Category.TEXT, (1760, 1280, 480, 96), 710),
)


def suggested(category: Category, box: tuple[int, int, int, int], confidence: int) -> Finding:
    """What a detector is not sure of."""
    return msgspec.structs.replace(
        finding(category, box, confidence), detector="close-faces/1", decision=Decision.SUGGEST
    )


HINTS = (
    suggested(Category.FACE, (200, 300, 320, 240), 620),
    suggested(Category.MARK, (1800, 300, 160, 160), 410),
    suggested(Category.MARK, (2100, 700, 120, 200), 330),
)


@dataclass
class Photo:
    """One capture and its revisions."""

    info: t.CaptureInfo
    findings: tuple[Finding, ...] = FOUND
    words: str = ""
    quality: Quality | None = None
    named: Finding | None = None
    second: tuple[str, ...] = ()
    needed: int = 1

    @property
    def crop(self) -> Box | None:
        """The part that leaves, on borders of MCUs; None for all of it."""
        wanted = next((each.box for each in self.findings if each.decision is Decision.CROP), None)
        if wanted is None:
            return None
        x, y = wanted.x // _MCU * _MCU, wanted.y // _MCU * _MCU
        right, bottom = (-(-end // _MCU) * _MCU for end in (wanted.x + wanted.w, wanted.y + wanted.h))
        return Box(x, y, min(right, FULL[0]) - x, min(bottom, FULL[1]) - y)

    @property
    def shown(self) -> Box:
        """What the derivative shows of the whole picture."""
        return self.crop or Box(0, 0, *FULL)

    @property
    def preview_size(self) -> tuple[int, int]:
        """As large as `PREVIEW` allows, never enlarged."""
        return reduced(self.shown.w, self.shown.h, *PREVIEW)


def reduced(width: int, height: int, most_width: int, most_height: int) -> tuple[int, int]:
    """A size reduced to fit, its proportions kept."""
    factor = min(most_width / width, most_height / height, 1.0)
    return max(round(width * factor), 1), max(round(height * factor), 1)


_DONE = t.StickInfo(name="usb", state=StickState.DONE, words=STICK_WORDS[StickState.DONE], detail="", free=0)


@dataclass
class Kiosk:
    """Everything that the daemon would remember. ``changed`` guards all of it and tells of changes.

    While ``answers`` is clear, lists of captures and approvals are held back, as by a slow disk; while
    ``part_answers`` is, so are parts of pictures. ``parts`` are those that were asked for.
    """

    accounts: dict[str, tuple[AccountId, str, tuple[Role, ...]]] = field(default_factory=dict)
    imports: list[t.ImportInfo] = field(default_factory=list)
    photos: dict[CaptureId, Photo] = field(default_factory=dict)
    encounters: dict[EncounterId, t.EncounterInfo] = field(default_factory=dict)
    recipients: list[t.RecipientInfo] = field(default_factory=list)
    exported: list[t.ExportInfo] = field(default_factory=list)
    recall: tuple[t.RecallInfo, ...] = ()
    read_back: ReadBack = ReadBack.DIRECT
    written: t.StickInfo | None = _DONE
    """What a stick is after an export or a notice."""
    sticks: tuple[t.StickInfo, ...] = (
        t.StickInfo(name="usb", state=StickState.READY, words="STICK READY", detail="", free=30 << 30),
    )
    export_answers: threading.Event = field(default_factory=threading.Event)
    devices: tuple[t.DeviceStatus, ...] = ()
    kept: dict[str, tuple[t.KeptFile, ...]] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    health: t.Health = field(default_factory=t.Health)
    opening: str = ""
    keys: tuple[str, ...] = ()
    advice: tuple[t.PhotoAdvice, ...] = ()
    backups: tuple[t.BackupStatus, ...] = ()
    due: tuple[t.DueItem, ...] = ()
    holds: tuple[t.HoldInfo, ...] = ()
    corrections: dict[CorrectionId, t.CorrectionInfo] = field(default_factory=dict)
    left: tuple[t.LeftInfo, ...] = ()
    """What left of pictures that somebody says are another patient's."""
    disposals: tuple[t.DisposalInfo, ...] = ()
    terms: dict[EncounterId, t.RetentionInfo] = field(default_factory=dict)
    update: t.UpdateStatus = field(default_factory=t.UpdateStatus)
    alarm: str = ""
    check: CheckStatus = field(default_factory=CheckStatus)
    report: CheckReport = field(default_factory=CheckReport)
    witnesses: WitnessesRead = field(default_factory=WitnessesRead)
    found: t.UpdateFound | None = None
    original_seconds: float = 60.0
    usb: t.Usb = field(default_factory=lambda: t.Usb(keyboards=(), refused=(), strangers=()))
    ended: tuple[str, ...] = ()
    departments: tuple[str, ...] = ()
    altered: Altered = field(default_factory=Altered)
    works: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Where people work, by user name."""
    hidden: dict[EncounterId, str] = field(default_factory=dict)
    shut: set[EncounterId] = field(default_factory=set)
    """Encounters that are another team's, by the number of their patient."""
    open_glasses: tuple[t.OpenGlassInfo, ...] = ()
    glass_seconds: float = 3600.0
    glasses: list[t.GlassInfo] = field(default_factory=list)
    guide: dict[str, bytes] = field(default_factory=dict)
    brought: tuple[bytes, ...] = ()
    passed: list[TrainingPassed] = field(default_factory=list)
    demanded: tuple[str, ...] = ()
    drives: t.Drives = field(default_factory=lambda: t.Drives(drives=(), places=("left",)))
    logged_in: int = 0
    locks: int = 0
    given: set[str] = field(default_factory=set)
    closed: dict[str, str] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    scene: Pixels | None = None
    serial: int = 0
    leaving: bool = False
    answers: threading.Event = field(default_factory=threading.Event)
    parts: list[Box] = field(default_factory=list)
    part_answers: threading.Event = field(default_factory=threading.Event)
    changed: threading.Condition = field(default_factory=threading.Condition)
    _ids: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def __post_init__(self) -> None:
        self.answers.set()
        self.part_answers.set()
        self.export_answers.set()

    def new_id(self) -> str:
        return f"{next(self._ids):032x}"

    def hire(self, user: str, name: str, *roles: Role) -> AccountId:
        account_id = AccountId(self.new_id())
        self.accounts[user] = (account_id, name, roles)
        return account_id

    def judge(self, photo: Photo, quality: Quality) -> None:
        """Say what a picture is worth, as its redaction does."""
        photo.quality = quality
        photo.info = msgspec.structs.replace(photo.info, advice=quality.advice)
        self.advice = (t.PhotoAdvice(name=photo.info.name, advice=quality.advice), *self.advice)
        self.touch()

    def touch(self) -> None:
        """Something changed: every watcher gets the new status."""
        with self.changed:
            self.serial += 1
            self.changed.notify_all()

    def plug_in(self, photos: int, *, model: str = "Canon EOS R6", name: str = "IMG_{:04d}") -> ImportId:
        """A camera came, and everything on it is imported and redacted."""
        import_id = ImportId(self.new_id())
        for number in range(1, photos + 1):
            capture_id = CaptureId(self.new_id())
            self.photos[capture_id] = Photo(
                t.CaptureInfo(
                    capture_id=capture_id,
                    import_id=import_id,
                    encounter_id=None,
                    name=name.format(number),
                    at="2026-11-22T08:30:00.000Z",
                    media=(MediaKind.JPEG,),
                    state=ReviewState.PROPOSED,
                    revision=1,
                    code=RedactCode.OK,
                    findings=len(FOUND),
                )
            )
        self.imports.insert(
            0,
            t.ImportInfo(
                import_id=import_id,
                at="2026-11-22T08:31:00.000Z",
                device_kind="camera",
                model=model,
                serial="013021001234",
                captures=photos,
                assigned=0,
                finished=True,
                failed=0,
            ),
        )
        self.devices = (device(DeviceState.SAFE, photos, photos, model),)
        self.touch()
        return import_id

    def status(self) -> t.Status:
        states = [each.state for each in self.devices]
        headline = HEADLINES[states[0]] if states else "PLUG IN A CAMERA"
        return t.Status(
            serial=self.serial,
            version="0",
            headline=self.alarm or headline,
            devices=self.devices,
            redaction=t.RedactionStatus(
                waiting=0,
                done=len(self.photos),
                failed=0,
                deferred=0,
                detectors=("face",),
                missing=self.missing,
                advice=self.advice,
            ),
            unlocked=self.logged_in > 0,
            objects=2 * len(self.photos),
            ledger_size=0,
            problems=self.problems,
            check=self.check,
            health=self.health,
            backups=self.backups,
            opening=self.opening,
            keys=self.keys,
            sticks=self.sticks,
            refused=self.usb.refused,
            update=self.update,
            settings=self.altered.status,
            alarm=self.alarm,
        )

    def picture(self, photo: Photo) -> bytes:
        """The preview."""
        return self.drawn(photo, Box(0, 0, photo.shown.w, photo.shown.h), *photo.preview_size)

    def drawn(self, photo: Photo, part: Box, width: int, height: int) -> bytes:
        """A part of the derivative: a scene with the masked boxes black, the nearest pixels of each."""
        shown = photo.shown
        across = shown.x + part.x + (np.arange(width) * 2 + 1) * part.w // (2 * width)
        down = shown.y + part.y + (np.arange(height) * 2 + 1) * part.h // (2 * height)
        rgb = self._scene(across, down)
        for each in photo.findings:
            if each.decision is Decision.MASK:
                rgb[
                    np.ix_(_within(down, each.box.y, each.box.h), _within(across, each.box.x, each.box.w))
                ] = 0
        return rgb.tobytes()

    def _scene(self, across: Places, down: Places) -> Pixels:
        if self.scene is not None:
            height, width = self.scene.shape[:2]
            return self.scene[np.ix_(down * height // FULL[1], across * width // FULL[0])]
        rgb = np.full((len(down), len(across), 3), 130, dtype=np.uint8)
        rgb[..., 0] = (40 + across * 180 // FULL[0])[None, :]
        rgb[..., 1] = (200 - down * 140 // FULL[1])[:, None]
        striped = np.ix_(_within(down, STRIPES.y, STRIPES.h), _within(across, STRIPES.x, STRIPES.w))
        rgb[striped] = (across[striped[1][0]] % 2 * 255)[None, :, None]
        return rgb


def _within(places: Places, start: int, length: int) -> Places:
    """Numbers of the places that lie in a stretch."""
    return np.flatnonzero((places >= start) & (places < start + length))


def drive(label: str, number: int = 1, *held: t.HeldDisposal) -> t.DriveInfo:
    """A backup drive that was complete on a day."""
    return t.DriveInfo(
        drive_id=DriveId(f"{number:032x}"),
        label=label,
        enrolled_at="2026-01-02T08:00:00.000Z",
        finished_at="2026-11-20T18:00:00.000Z",
        ledger_size=40,
        behind=3,
        forgotten="",
        plugged_in="",
        still_holds=held,
    )


def backup(state: DriveState, detail: str = "") -> t.BackupStatus:
    """A drive that is plugged in."""
    return t.BackupStatus(
        name="left",
        state=state,
        drive_id="",
        bytes_done=300 << 20,
        bytes_total=900 << 20,
        detail=detail,
    )


def device(state: DeviceState, files: int, known: int, model: str = "Canon EOS R6") -> t.DeviceStatus:
    """A camera with files of 9 MB."""
    return t.DeviceStatus(
        key="usb:1",
        kind="camera",
        model=model,
        serial="013021001234",
        state=state,
        files=files,
        sealed=known,
        already=0,
        failed=0,
        bytes_total=files * 9_000_000,
        bytes_done=known * 9_000_000,
        detail="",
    )
