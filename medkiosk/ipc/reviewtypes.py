"""What crosses the socket about review, beside the captures themselves."""

from __future__ import annotations

from medkiosk.core.ids import CaptureId
from medkiosk.ipc.storetypes import Wire


class OriginalOpened(Wire, frozen=True):
    """An original may be looked at for so many seconds."""

    capture_id: CaptureId
    revision: int
    seconds: float
