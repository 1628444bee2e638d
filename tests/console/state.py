"""What the in-memory kiosk remembers, and the pictures that it makes."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from medkiosk.core.device import HEADLINES, DeviceState
from medkiosk.core.events import Role
from medkiosk.core.ids import (
    AccountId,
    CaptureId,
    EncounterId,
    ImportId,
)
from medkiosk.core.photo import Box, Category, Decision, Finding, MediaKind, RedactCode, ReviewState
from medkiosk.ipc import types as t

PASSPHRASE = "correct horse battery"
FULL = (2736, 1824)
PREVIEW = (912, 608)


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


@dataclass
class Photo:
    """One capture and its revisions."""

    info: t.CaptureInfo
    findings: tuple[Finding, ...] = FOUND
    words: str = ""


@dataclass
class Kiosk:
    """Everything that the daemon would remember. ``changed`` guards all of it and tells of changes.

    While ``answers`` is clear, lists of captures and approvals are held back, as by a slow disk.
    """

    accounts: dict[str, tuple[AccountId, str, tuple[Role, ...]]] = field(default_factory=dict)
    imports: list[t.ImportInfo] = field(default_factory=list)
    photos: dict[CaptureId, Photo] = field(default_factory=dict)
    encounters: dict[EncounterId, t.EncounterInfo] = field(default_factory=dict)
    recipients: list[t.RecipientInfo] = field(default_factory=list)
    devices: tuple[t.DeviceStatus, ...] = ()
    missing: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    logged_in: int = 0
    calls: list[str] = field(default_factory=list)
    scene: np.ndarray[tuple[int, ...], np.dtype[np.uint8]] | None = None
    serial: int = 0
    leaving: bool = False
    answers: threading.Event = field(default_factory=threading.Event)
    changed: threading.Condition = field(default_factory=threading.Condition)
    _ids: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def __post_init__(self) -> None:
        self.answers.set()

    def new_id(self) -> str:
        return f"{next(self._ids):032x}"

    def hire(self, user: str, name: str, *roles: Role) -> AccountId:
        account_id = AccountId(self.new_id())
        self.accounts[user] = (account_id, name, roles)
        return account_id

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
            headline=headline,
            devices=self.devices,
            redaction=t.RedactionStatus(
                waiting=0,
                done=len(self.photos),
                failed=0,
                deferred=0,
                detectors=("face",),
                missing=self.missing,
            ),
            unlocked=self.logged_in > 0,
            objects=2 * len(self.photos),
            ledger_size=0,
            problems=self.problems,
        )

    def picture(self, photo: Photo) -> bytes:
        """A scene with the masked boxes black."""
        width, height = PREVIEW
        if self.scene is None:
            across = np.linspace(40, 220, width, dtype=np.uint8)[None, :]
            down = np.linspace(200, 60, height, dtype=np.uint8)[:, None]
            blue = np.full((height, width), 130, dtype=np.uint8)
            rgb = np.stack([across + 0 * down, down + 0 * across, blue], axis=2)
        else:
            rgb = self.scene.copy()
        for each in photo.findings:
            if each.decision is Decision.MASK:
                box = each.box
                x0, y0 = box.x * width // FULL[0], box.y * height // FULL[1]
                x1, y1 = (box.x + box.w) * width // FULL[0], (box.y + box.h) * height // FULL[1]
                rgb[y0:y1, x0:x1] = 0
        return rgb.tobytes()


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
