"""Compare with the original: for who may, with a reason that is in the ledger before the first pixel leaves.

One reason is good for one capture and revision and for so many seconds (`Review.original_s`); a worker draws
each part anew from the sealed file, and nothing of it is kept or written.
"""

from __future__ import annotations

import msgspec

from medkiosk.core.errors import BadRequestError, KioskError
from medkiosk.core.events import AccountCreated, Viewed, What
from medkiosk.core.ids import CaptureId, GlassId
from medkiosk.core.photo import Box
from medkiosk.daemon import reasons, views
from medkiosk.daemon.comparing import job_of
from medkiosk.daemon.kiosk import Kiosk, Looks, OpenOriginal
from medkiosk.ipc import types as t
from medkiosk.journal import Fact
from medkiosk.redact import protocol
from medkiosk.redact.protocol import Window, within


class OriginalClosedError(KioskError):
    """The original is not open any more: the time for which a reason is good is over, or it is another photo.
    Nothing is changed; open it again with a reason."""

    code = "review.original_closed"


def open_original(
    kiosk: Kiosk,
    who: AccountCreated,
    looks: Looks,
    capture_id: CaptureId,
    revision: int,
    reason: str,
    glass: str,
) -> t.OriginalOpened:
    """Let this session look at an original for a while; the reason is on record first.

    ``glass`` is the broken glass that allows it, if one does.

    Raises:
        BadRequestError: no reason, or not the latest revision.
    """
    reason = reasons.given(reason, asked="an original needs a reason")
    latest = kiosk.capture(capture_id).latest
    if latest is None or latest.revision != revision:
        raise BadRequestError(detail="an original is compared with the latest revision; look at that first")
    event = Viewed(
        at=kiosk.journal.now(),
        actor=who.account_id,
        what=What.ORIGINAL,
        capture_id=capture_id,
        revision=revision,
        reason=reason,
        glass=GlassId(glass) if glass else msgspec.UNSET,
    )
    kiosk.journal.commit([Fact(event)])
    seconds = kiosk.config.review.original_s
    looks.original = OpenOriginal(capture_id, revision, glass, kiosk.sessions.now() + seconds)
    return t.OriginalOpened(capture_id=capture_id, revision=revision, seconds=seconds)


def close_original(looks: Looks) -> None:
    """Let nothing more of it be drawn."""
    looks.original = None


def part(
    kiosk: Kiosk,
    looks: Looks,
    capture_id: CaptureId,
    revision: int,
    box: Box,
    size: tuple[int, int],
    glass: str,
) -> tuple[t.Picture, bytes]:
    """A part of the original that this session has opened, drawn by a worker.

    Args:
        kiosk: where from.
        looks: of the session.
        capture_id: what it is compared with.
        revision: of that, the latest.
        box: in pixels of what would leave (the derivative), so that both are looked at in the same place.
        size: the largest width and height.
        glass: the broken glass that allows it now, if one does.

    Raises:
        OriginalClosedError: it was not opened, too long ago, or under another glass than this.
        BadRequestError: the picture has no such part, or it cannot be drawn.
    """
    _ensure_open(kiosk, looks, capture_id, revision, glass)
    view = kiosk.capture(capture_id)
    latest, largest = view.latest, protocol.MAX_PREVIEW_SIDE
    if latest is None or latest.revision != revision:
        raise OriginalClosedError
    shown = latest.shown
    if not (within(box, shown.w, shown.h) and all(1 <= side <= largest for side in size)):
        raise BadRequestError(detail="the picture has no such part")
    whole = Box(box.x + shown.x, box.y + shown.y, box.w, box.h)
    drawn = kiosk.redactor.draw_original(job_of(kiosk, view), Window(whole, *size))
    _ensure_open(kiosk, looks, capture_id, revision, glass)
    if drawn is None:
        raise BadRequestError(detail="the original could not be drawn; nothing is changed")
    return views.picture(capture_id, revision, drawn)


def _ensure_open(kiosk: Kiosk, looks: Looks, capture_id: CaptureId, revision: int, glass: str) -> None:
    opened = looks.original
    if opened is None or (opened.capture_id, opened.revision, opened.glass) != (capture_id, revision, glass):
        raise OriginalClosedError
    if kiosk.sessions.now() >= opened.until:
        looks.original = None
        raise OriginalClosedError
