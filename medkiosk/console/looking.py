"""What is fetched from the daemon to look at photos: which ones wait, one of them, a part of it."""

from __future__ import annotations

from collections.abc import Iterator

from medkiosk.console.language import tr
from medkiosk.console.messages import CaptureLoaded, PartLoaded
from medkiosk.console.widgets.photo import PhotoView
from medkiosk.console.words import INTIMATE
from medkiosk.core.ids import AccountId, CaptureId, EncounterId, ImportId
from medkiosk.core.photo import ReviewState, is_open
from medkiosk.ipc.client import Client
from medkiosk.ipc.types import CaptureDetail, CaptureInfo, EncounterInfo
from medkiosk.ipc.wire import RemoteError

REVIEW_ORDER = (ReviewState.PROPOSED, ReviewState.NEEDS_SECOND)
"""States of what is to be reviewed, in the order in which it is gone through."""
_PAGE = 500


def waiting(kiosk: Client, me: AccountId) -> tuple[CaptureInfo, ...]:
    """Fetch what is to be reviewed by this account: about a page of it, and the rest when that is done."""
    found: list[CaptureInfo] = []
    for state in REVIEW_ORDER:
        for page in pages(kiosk, state=state):
            found += [each for each in page if is_open(each, me)]
            if len(found) >= _PAGE:
                return tuple(found)
    return tuple(found)


def pages(
    kiosk: Client,
    import_id: ImportId | None = None,
    encounter_id: EncounterId | None = None,
    state: ReviewState | None = None,
) -> Iterator[tuple[CaptureInfo, ...]]:
    """Fetch captures, page by page."""
    offset = 0
    while True:
        page = kiosk.list_captures(import_id, encounter_id, state, offset, _PAGE)
        yield page.captures
        offset += len(page.captures)
        if not page.captures or offset >= page.total:
            return


def looked(kiosk: Client, capture_id: CaptureId, *, picture: bool, uncovered: bool = False) -> CaptureLoaded:
    """Fetch one capture, and its preview where there is one; both of the same revision.

    An intimate picture is fetched only when somebody asked for it: then it is a look. The capture is asked
    for again after the picture: having looked is one of the conditions in ``problems``. So is its encounter:
    with the picture the daemon takes what is said to be on it for seen, and that must be what is shown.
    """
    detail = kiosk.get_capture(capture_id)
    encounter = _encounter_of(kiosk, detail)
    if not picture or detail.info.revision < 1 or not detail.width:
        return CaptureLoaded(detail, None, encounter=encounter)
    if encounter is not None and encounter.restricted and not uncovered:
        return CaptureLoaded(detail, None, INTIMATE, encounter=encounter)
    try:
        seen = kiosk.get_preview(capture_id)
        detail = kiosk.get_capture(capture_id)
        encounter = _encounter_of(kiosk, detail)
    except RemoteError as error:
        return CaptureLoaded(detail, None, error.message, encounter=encounter)
    if seen[0].revision != detail.info.revision:
        words = tr("This photo was just redacted again. Leave it and come back.")
        return CaptureLoaded(detail, None, words, encounter=encounter)
    return CaptureLoaded(detail, seen, encounter=encounter)


def _encounter_of(kiosk: Client, detail: CaptureDetail) -> EncounterInfo | None:
    whose = detail.info.encounter_id
    return next(iter(kiosk.get_encounters((whose,)).encounters), None) if whose else None


def part_of(kiosk: Client, wanted: PhotoView.Wanted) -> PartLoaded:
    """Fetch a part of what leaves at full resolution."""
    picture, (part, size) = wanted.picture, (wanted.part, wanted.size)
    try:
        seen = kiosk.get_part(picture.capture_id, picture.revision, part, *size)
    except RemoteError as error:
        return PartLoaded(part, size, None, error.message)
    return PartLoaded(part, size, seen)
