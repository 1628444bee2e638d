"""What the review screen asks of the daemon, answered from scenes made of shapes; nothing reaches the daemon.

It has the methods of the client that the review screen calls, and their types. Its captures have ids that no
daemon takes for one. What it does not have is refused in words.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NoReturn

import msgspec

from medkiosk.core.errors import KioskError
from medkiosk.core.ids import CaptureId, EncounterId, ImportId
from medkiosk.core.photo import (
    NOT_CLINICAL,
    Box,
    Category,
    Decision,
    Finding,
    ImageRole,
    MediaKind,
    RedactCode,
    ReviewState,
)
from medkiosk.guide.practice import SCENES, judged
from medkiosk.guide.scene import FULL, Outcome, Scene, draw
from medkiosk.ipc import types as t

PREVIEW = (1200, 800)
_AT = "2026-01-01T09:00:00.000Z"
_PRACTICE = "practice-"
_MCU = 16
_MOST = 4096


class NotPractisedError(KioskError):
    """This is not part of the practice: there is no second person, no original and no patient here. Nothing
    was done; on real photos it works.
    """

    code = "practice.none"


class NotSoError(KioskError):
    """In practice as in earnest: {reason}. Nothing was done."""

    code = "practice.refused"


@dataclass
class _Photo:
    scene: Scene
    info: t.CaptureInfo
    findings: tuple[Finding, ...]
    seen: int = 0

    @property
    def crop(self) -> Box | None:
        wanted = next((each.box for each in self.findings if each.decision is Decision.CROP), None)
        if wanted is None:
            return None
        x, y = wanted.x // _MCU * _MCU, wanted.y // _MCU * _MCU
        right, bottom = (-(-end // _MCU) * _MCU for end in (wanted.x + wanted.w, wanted.y + wanted.h))
        return Box(x, y, min(right, FULL[0]) - x, min(bottom, FULL[1]) - y)

    @property
    def shown(self) -> Box:
        return self.crop or Box(0, 0, *FULL)

    @property
    def outcome(self) -> Outcome | None:
        """What was done with it; None while it waits."""
        if self.info.role is not ImageRole.CLINICAL:
            return Outcome.SET_ASIDE
        done = {ReviewState.APPROVED: Outcome.APPROVED, ReviewState.REJECTED: Outcome.REJECTED}
        return done.get(self.info.state)


@dataclass(frozen=True)
class Verdict:
    """How one photo was reviewed; ``said`` is what was wrong, a sentence each."""

    title: str
    said: tuple[str, ...]


class PracticeKiosk:
    """A few photos of shapes. Its methods are those of `medkiosk.ipc.client.Client`; thread-safe.

    Args:
        scenes: what they show.
    """

    def __init__(self, scenes: Sequence[Scene] = SCENES) -> None:
        self._lock = threading.Lock()
        self._photos: dict[CaptureId, _Photo] = {}
        for number, scene in enumerate(scenes, 1):
            info = t.CaptureInfo(
                capture_id=CaptureId(f"{_PRACTICE}{number}"),
                import_id=ImportId(_PRACTICE),
                encounter_id=None,
                name=f"SHAPES {number}",
                at=_AT,
                media=(MediaKind.JPEG,),
                state=ReviewState.PROPOSED,
                revision=1,
                code=RedactCode.OK,
                findings=len(scene.found),
            )
            self._photos[info.capture_id] = _Photo(scene, info, scene.found)

    def __getattr__(self, name: str) -> Callable[..., NoReturn]:
        """Refuse what there is nothing to practise of."""
        if name.startswith("_"):
            raise AttributeError(name)

        def refuse(*_arguments: object, **_named: object) -> NoReturn:
            raise NotPractisedError

        return refuse

    def verdicts(self) -> tuple[Verdict, ...]:
        """How each photo was reviewed that is not waiting any more."""
        with self._lock:
            return tuple(
                Verdict(each.scene.title, judged(each.scene, each.outcome, each.findings, each.crop))
                for each in self._photos.values()
                if each.outcome is not None
            )

    def _photo(self, capture_id: CaptureId) -> _Photo:
        photo = self._photos.get(capture_id)
        if photo is None:
            raise NotPractisedError
        return photo

    def list_captures(
        self,
        import_id: ImportId | None = None,  # noqa: ARG002
        encounter_id: EncounterId | None = None,  # noqa: ARG002
        state: ReviewState | None = None,
        offset: int = 0,
        limit: int = 500,
    ) -> t.Captures:
        """All photos, or those in a state."""
        with self._lock:
            found = tuple(each.info for each in self._photos.values() if state in (None, each.info.state))
        return t.Captures(captures=found[offset:][:limit], total=len(found))

    def prepare_preview(self, capture_id: CaptureId) -> t.Done:  # noqa: ARG002
        """There is nothing to prepare: it is drawn at once."""
        return t.Done()

    def list_encounters(self, *_filter: object, **_named: object) -> t.Encounters:
        """There is no patient here."""
        return t.Encounters(encounters=(), total=0)

    get_encounters = list_encounters

    def get_capture(self, capture_id: CaptureId) -> t.CaptureDetail:
        """One photo."""
        with self._lock:
            return self._detail(self._photo(capture_id))

    def _detail(self, photo: _Photo) -> t.CaptureDetail:
        problems = []
        if photo.info.role is not ImageRole.CLINICAL:
            problems.append(f"{NOT_CLINICAL[photo.info.role]} Only clinical pictures are approved.")
        if photo.info.state is not ReviewState.PROPOSED:
            problems.append(f"The picture is {photo.info.state}; only a proposed one can be approved.")
        if photo.seen != photo.info.revision:
            problems.append("You have not looked at this revision yet.")
        return t.CaptureDetail(
            info=photo.info,
            width=FULL[0],
            height=FULL[1],
            findings=photo.findings,
            words="",
            problems=tuple(problems),
            crop=photo.crop,
        )

    def get_preview(self, capture_id: CaptureId) -> tuple[t.Picture, bytes]:
        """The whole of what would leave, scaled down."""
        with self._lock:
            photo = self._photo(capture_id)
            photo.seen = photo.info.revision
            factor = min(PREVIEW[0] / photo.shown.w, PREVIEW[1] / photo.shown.h, 1.0)
            width, height = round(photo.shown.w * factor), round(photo.shown.h * factor)
            return self._drawn(photo, photo.shown, width, height)

    def get_part(
        self, capture_id: CaptureId, revision: int, part: Box, width: int, height: int
    ) -> tuple[t.Picture, bytes]:
        """A part of what would leave."""
        with self._lock:
            photo = self._photo(capture_id)
            if revision != photo.info.revision or not 0 < max(width, height) <= _MOST:
                raise NotSoError(reason="there is a newer version of this photo; look at it first")
            factor = min(width / part.w, height / part.h, 1.0)
            whole = Box(photo.shown.x + part.x, photo.shown.y + part.y, part.w, part.h)
            size = max(round(part.w * factor), 1), max(round(part.h * factor), 1)
            return self._drawn(photo, whole, *size)

    @staticmethod
    def _drawn(photo: _Photo, part: Box, width: int, height: int) -> tuple[t.Picture, bytes]:
        masks = [each.box for each in photo.findings if each.decision is Decision.MASK]
        pixels = draw(photo.scene, part, width, height, masks)
        info = photo.info
        return t.Picture(info.capture_id, info.revision, width, height, len(pixels)), pixels

    def change_masks(
        self, capture_id: CaptureId, revision: int, findings: tuple[Finding, ...]
    ) -> t.CaptureDetail:
        """Redact again with these findings."""
        with self._lock:
            photo = self._photo(capture_id)
            if revision != photo.info.revision:
                raise NotSoError(reason="there is a newer version of this photo; look at it first")
            photo.findings = findings
            self._set(photo, revision=revision + 1, state=ReviewState.PROPOSED)
            return self._detail(photo)

    def approve(self, capture_id: CaptureId, revision: int) -> t.CaptureDetail:
        """Approve what is on the screen."""
        with self._lock:
            photo = self._photo(capture_id)
            problems = self._detail(photo).problems
            if revision != photo.info.revision or problems:
                raise NotSoError(reason=(problems or ("look at the newest version first",))[0])
            if any(
                f.decision is Decision.SUGGEST and f.category is not Category.MARK for f in photo.findings
            ):
                raise NotSoError(reason="a suggestion is undecided")
            self._set(photo, state=ReviewState.APPROVED)
            return self._detail(photo)

    def reject(self, capture_id: CaptureId, revision: int, reason: str) -> t.CaptureDetail:  # noqa: ARG002
        """Refuse it."""
        with self._lock:
            photo = self._photo(capture_id)
            self._set(photo, state=ReviewState.REJECTED)
            return self._detail(photo)

    def give_role(self, capture_id: CaptureId, role: ImageRole, reason: str = "") -> t.CaptureDetail:  # noqa: ARG002
        """Say what the frame is for."""
        with self._lock:
            photo = self._photo(capture_id)
            self._set(photo, role=role, state=ReviewState.PROPOSED)
            return self._detail(photo)

    @staticmethod
    def _set(photo: _Photo, **changes: object) -> None:
        photo.info = msgspec.structs.replace(photo.info, **changes)
