"""What clients may ask beside the review itself; a part of `medkiosk.ipc.api.Api`."""

from __future__ import annotations

from typing import Protocol

from medkiosk.core.capability import Capability
from medkiosk.core.ids import CaptureId
from medkiosk.core.photo import Box
from medkiosk.ipc import types as t
from medkiosk.ipc.marking import method


class ReviewApi(Protocol):
    """A second opinion, and the original to compare with (docs/console.md)."""

    @method(needs=Capability.REVIEW, secret=("reason",))
    def ask_second(self, capture_id: CaptureId, revision: int, reason: str) -> t.CaptureDetail:
        """Have somebody else look at this revision and decide; an approval that it had is gone."""
        ...

    @method(needs=Capability.SEE_ORIGINAL, secret=("reason",))
    def open_original(self, capture_id: CaptureId, revision: int, reason: str) -> t.OriginalOpened:
        """Look at the original of this revision for some seconds; the look is logged with its reason."""
        ...

    @method(needs=Capability.SEE_ORIGINAL)
    def get_original(
        self, capture_id: CaptureId, revision: int, part: Box, width: int, height: int
    ) -> tuple[t.Picture, bytes]:
        """A part of the original that was opened, not redacted, reduced to fit into width x height.

        ``part`` is in the pixels of what would leave, as for `Api.get_part`.
        """
        ...

    @method(needs=Capability.SEE_ORIGINAL)
    def close_original(self) -> t.Done:
        """Look at it no longer."""
        ...

    @method(needs=Capability.SEE_REDACTED)
    def prepare_preview(self, capture_id: CaptureId) -> t.Done:
        """Open the picture that is probably asked for next. Nothing of it is handed out: it is no look."""
        ...
