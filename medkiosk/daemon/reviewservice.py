"""What one connection may ask beside the review itself; a part of `medkiosk.daemon.service.Service`."""

from __future__ import annotations

from medkiosk.access.need import Action
from medkiosk.core.ids import CaptureId
from medkiosk.core.photo import Box
from medkiosk.daemon import originals, reviewing
from medkiosk.daemon.connection import Connection
from medkiosk.daemon.kiosk import Looks
from medkiosk.ipc import types as t


class ReviewService(Connection):
    """The methods of `medkiosk.ipc.reviewapi.ReviewApi`."""

    _looks: Looks

    def ask_second(self, capture_id: CaptureId, revision: int, reason: str) -> t.CaptureDetail:
        """See `ReviewApi.ask_second`."""
        self._need(Action.REVIEW, capture_id)
        return reviewing.ask_second(self._kiosk, self._who, self._looks, capture_id, revision, reason)

    def open_original(self, capture_id: CaptureId, revision: int, reason: str) -> t.OriginalOpened:
        """See `ReviewApi.open_original`."""
        glass = self._need(Action.SEE_ORIGINAL, capture_id)
        return originals.open_original(
            self._kiosk, self._who, self._looks, capture_id, revision, reason, glass
        )

    def get_original(
        self, capture_id: CaptureId, revision: int, part: Box, width: int, height: int
    ) -> tuple[t.Picture, bytes]:
        """See `ReviewApi.get_original`."""
        glass = self._need(Action.SEE_ORIGINAL, capture_id)
        drawn = originals.part(self._kiosk, self._looks, capture_id, revision, part, (width, height), glass)
        # Drawing takes a moment, in which a session or a glass may end.
        if self._need(Action.SEE_ORIGINAL, capture_id) != glass:
            raise originals.OriginalClosedError
        return drawn

    def close_original(self) -> t.Done:
        """See `ReviewApi.close_original`."""
        originals.close_original(self._looks)
        return t.Done()

    def prepare_preview(self, capture_id: CaptureId) -> t.Done:
        """See `ReviewApi.prepare_preview`."""
        self._need(Action.SEE, capture_id)
        reviewing.prepare(self._kiosk, self._looks, capture_id)
        return t.Done()
