"""What crosses the socket about which parts of the body pictures show."""

from __future__ import annotations

from medkiosk.core.ids import CaptureId
from medkiosk.ipc.storetypes import Wire


class OtherSites(Wire, frozen=True):
    """A picture that shows something else than its encounter says; no sites: of this one it is not known."""

    capture_id: CaptureId
    sites: tuple[str, ...]
