"""The photos of the console's kiosk: what is shown of them, and what is decided about them."""

from __future__ import annotations

from dataclasses import replace

import msgspec

from medkiosk.access.roles import capabilities
from medkiosk.core.capability import Capability
from medkiosk.core.errors import KioskError, NotAllowedError, NotFoundError
from medkiosk.core.ids import (
    AccountId,
    CaptureId,
    EncounterId,
    ImportId,
)
from medkiosk.core.photo import (
    NOT_CLINICAL,
    REVIEWABLE,
    Box,
    Category,
    Decision,
    Finding,
    ImageRole,
    ReviewState,
    is_open,
)
from medkiosk.ipc import types as t
from medkiosk.review.gate import why_not_change
from medkiosk.review.second import Said, why_not
from tests.console.state import FULL, Kiosk, Photo, reduced

MOST_DRAWN = 2048
"""Pixels of a side of the largest part that is drawn."""


class StaleError(KioskError):
    """There is a newer revision of this photo. Nothing was changed; look at it first."""

    code = "test.stale"


class UnseenError(KioskError):
    """You have not looked at this revision. Nothing was changed."""

    code = "test.unseen"


class WrongError(KioskError):
    """{problems} Nothing was changed."""

    code = "test.wrong"


class NamedError(KioskError):
    """The picture shows this patient's name. It is masked now; nothing was approved."""

    code = "review.named"


class NotReadyError(KioskError):
    """This cannot be approved: {reason} Nothing was changed."""

    code = "test.not_ready"


class Pictures:
    """A part of `tests.console.kiosk.Service`."""

    _kiosk: Kiosk
    _session: t.Session | None

    def __init__(self) -> None:
        self._original: tuple[CaptureId, int] | None = None
        self._seen: set[tuple[CaptureId, int]] = set()

    def get_work(self) -> t.Work:
        if self._session is None:
            raise NotAllowedError(reason="nobody is logged in")
        has, me = capabilities(self._session.roles), self._session.account_id
        open_ = [photo.info for photo in self._kiosk.photos.values() if is_open(photo.info, me)]
        return t.Work(
            review=sum(each.state in REVIEWABLE for each in open_) if Capability.REVIEW in has else 0,
            assign=sum(each.encounter_id is None for each in open_) if Capability.RECORD in has else 0,
        )

    def list_captures(
        self,
        import_id: ImportId | None = None,
        encounter_id: EncounterId | None = None,
        state: ReviewState | None = None,
        offset: int = 0,
        limit: int = 500,
    ) -> t.Captures:
        self._kiosk.answers.wait(30)
        found = [
            photo.info
            for photo in self._kiosk.photos.values()
            if import_id in (None, photo.info.import_id)
            and encounter_id in (None, photo.info.encounter_id)
            and state in (None, photo.info.state)
        ]
        return t.Captures(captures=tuple(found[offset : offset + limit]), total=len(found))

    def _photo(self, capture_id: CaptureId) -> Photo:
        photo = self._kiosk.photos.get(capture_id)
        if photo is None:
            raise NotFoundError(what="capture", id=capture_id)
        return photo

    def _problems(self, photo: Photo) -> tuple[str, ...]:
        info = photo.info
        problems = []
        if info.role is not ImageRole.CLINICAL:
            problems.append(f"{NOT_CLINICAL[info.role]} Only clinical pictures are approved.")
        if self._kiosk.missing:
            problems.append(f"Detectors are missing on this kiosk: {', '.join(self._kiosk.missing)}.")
        if info.state not in REVIEWABLE:
            problems.append(f"The picture is {info.state}; only a proposed one can be approved.")
        elif said := why_not(Said(info.approvers, info.asked_by), self._account_id):
            problems.append(said)
        if (info.capture_id, info.revision) not in self._seen:
            problems.append("You have not looked at this revision yet.")
        if info.encounter_id is None:
            problems.append("The picture belongs to no encounter yet; assign it first.")
        undecided = sum(
            each.decision is Decision.SUGGEST and each.category is not Category.MARK
            for each in photo.findings
        )
        if undecided:
            problems.append(f"Suggestions left undecided: {undecided}. Mask or keep each.")
        return tuple(problems)

    def _detail(self, photo: Photo) -> t.CaptureDetail:
        usable = photo.info.state is not ReviewState.UNUSABLE
        return t.CaptureDetail(
            info=photo.info,
            width=FULL[0] if usable else 0,
            height=FULL[1] if usable else 0,
            findings=photo.findings if usable else (),
            words=photo.words,
            problems=self._problems(photo),
            crop=photo.crop,
            quality=photo.quality,
            second=photo.second,
        )

    def get_capture(self, capture_id: CaptureId) -> t.CaptureDetail:
        return self._detail(self._photo(capture_id))

    def get_preview(self, capture_id: CaptureId) -> tuple[t.Picture, bytes]:
        photo = self._photo(capture_id)
        self._kiosk.calls.append("get_preview")
        self._seen.add((capture_id, photo.info.revision))
        pixels = self._kiosk.picture(photo)
        width, height = photo.preview_size
        return t.Picture(
            capture_id=capture_id,
            revision=photo.info.revision,
            width=width,
            height=height,
            attachment=len(pixels),
        ), pixels

    def get_part(
        self, capture_id: CaptureId, revision: int, part: Box, width: int, height: int
    ) -> tuple[t.Picture, bytes]:
        self._kiosk.parts.append(part)
        self._kiosk.part_answers.wait(30)
        photo = self._photo(capture_id)
        if revision != photo.info.revision:
            raise StaleError
        shown = photo.shown
        inside = part.x >= 0 and part.y >= 0 and part.x + part.w <= shown.w and part.y + part.h <= shown.h
        if not (inside and part.w > 0 and part.h > 0 and 0 < max(width, height) <= MOST_DRAWN):
            raise WrongError(problems="The picture has no such part.")
        width, height = reduced(part.w, part.h, width, height)
        pixels = self._kiosk.drawn(photo, part, width, height)
        return t.Picture(
            capture_id=capture_id, revision=revision, width=width, height=height, attachment=len(pixels)
        ), pixels

    @property
    def _account_id(self) -> AccountId:
        return self._session.account_id if self._session else AccountId("")

    def change_masks(
        self, capture_id: CaptureId, revision: int, findings: tuple[Finding, ...]
    ) -> t.CaptureDetail:
        photo = self._photo(capture_id)
        if revision != photo.info.revision:
            raise StaleError
        account_id = self._account_id
        problems = why_not_change(
            findings, width=FULL[0], height=FULL[1], reviewer=account_id, before=photo.findings
        )
        if problems:
            raise WrongError(problems=" ".join(problems))
        photo.findings = findings
        photo.info = msgspec.structs.replace(
            photo.info, revision=revision + 1, state=ReviewState.PROPOSED, findings=len(findings)
        )
        return self._detail(photo)

    def approve(self, capture_id: CaptureId, revision: int) -> t.CaptureDetail:
        self._kiosk.answers.wait(30)
        photo = self._photo(capture_id)
        if revision != photo.info.revision:
            raise StaleError
        if (capture_id, revision) not in self._seen:
            raise UnseenError
        if problems := self._problems(photo):
            raise NotReadyError(reason=problems[0])
        if photo.named is not None:
            photo.findings, photo.named = (*photo.findings, photo.named), None
            photo.info = msgspec.structs.replace(photo.info, revision=revision + 1)
            raise NamedError
        approvers = (*photo.info.approvers, self._account_id)
        state = ReviewState.NEEDS_SECOND if len(approvers) < photo.needed else ReviewState.APPROVED
        photo.info = msgspec.structs.replace(photo.info, state=state, approvers=approvers, asked_by=None)
        return self._detail(photo)

    def open_original(self, capture_id: CaptureId, revision: int, reason: str) -> t.OriginalOpened:
        self._kiosk.calls.append(f"open_original: {reason}")
        if self._photo(capture_id).info.revision != revision:
            raise StaleError
        self._original = (capture_id, revision)
        return t.OriginalOpened(
            capture_id=capture_id, revision=revision, seconds=self._kiosk.original_seconds
        )

    def close_original(self) -> t.Done:
        self._kiosk.calls.append("close_original")
        self._original = None
        return t.Done()

    def get_original(
        self, capture_id: CaptureId, revision: int, part: Box, width: int, height: int
    ) -> tuple[t.Picture, bytes]:
        if self._original != (capture_id, revision):
            raise WrongError(problems="The original is not open.")
        self._kiosk.calls.append("get_original")
        photo = self._photo(capture_id)
        width, height = reduced(part.w, part.h, width, height)
        shown = photo.shown
        whole = Box(part.x + shown.x, part.y + shown.y, part.w, part.h)
        pixels = self._kiosk.drawn(replace(photo, findings=()), whole, width, height)
        return t.Picture(
            capture_id=capture_id, revision=revision, width=width, height=height, attachment=len(pixels)
        ), pixels

    def prepare_preview(self, capture_id: CaptureId) -> t.Done:
        self._kiosk.calls.append(f"prepare_preview: {self._photo(capture_id).info.name}")
        return t.Done()

    def ask_second(self, capture_id: CaptureId, revision: int, reason: str) -> t.CaptureDetail:
        photo = self._photo(capture_id)
        if revision != photo.info.revision:
            raise StaleError
        photo.info = msgspec.structs.replace(
            photo.info, state=ReviewState.NEEDS_SECOND, approvers=(), asked_by=self._account_id
        )
        asker = self._session.display_name if self._session else ""
        photo.second = (f"{asker} asks: {reason}",)
        self._kiosk.calls.append(f"ask_second: {reason}")
        return self._detail(photo)

    def reject(self, capture_id: CaptureId, revision: int, reason: str) -> t.CaptureDetail:
        photo = self._photo(capture_id)
        if revision != photo.info.revision:
            raise StaleError
        photo.info = msgspec.structs.replace(photo.info, state=ReviewState.REJECTED)
        self._kiosk.calls.append(f"reject: {reason}")
        return self._detail(photo)

    def give_role(self, capture_id: CaptureId, role: ImageRole, reason: str = "") -> t.CaptureDetail:
        photo = self._photo(capture_id)
        approved = photo.info.state is ReviewState.APPROVED
        state = ReviewState.PROPOSED if approved else photo.info.state
        photo.info = msgspec.structs.replace(photo.info, role=role, state=state)
        self._kiosk.calls.append(f"give_role: {role} {reason}".strip())
        return self._detail(photo)
