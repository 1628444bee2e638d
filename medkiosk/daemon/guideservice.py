"""What one connection may ask about the guide and training; a part of `medkiosk.daemon.service.Service`."""

from __future__ import annotations

from medkiosk.core.errors import BadRequestError
from medkiosk.daemon import guidetaking, training
from medkiosk.daemon.connection import Connection
from medkiosk.daemon.kiosk import Kiosk
from medkiosk.guide.check import Check
from medkiosk.ipc import guidetypes as g

_MOST = 500


class GuideService(Connection):
    """The methods of `medkiosk.ipc.guideapi.GuideApi`."""

    def __init__(self, kiosk: Kiosk) -> None:
        super().__init__(kiosk)
        self._check: Check | None = None
        """What was drawn for this session and is not answered yet."""

    def _leave(self, reason: str) -> None:
        self._check = None
        super()._leave(reason)

    def list_guide(self) -> g.GuideList:
        """See `GuideApi.list_guide`."""
        return training.listed(self._kiosk)

    def get_guide_page(self, page_id: str) -> g.GuidePage:
        """See `GuideApi.get_guide_page`."""
        return training.page(self._kiosk, page_id)

    def search_guide(self, text: str) -> g.GuideHits:
        """See `GuideApi.search_guide`."""
        return training.find(self._kiosk, text)

    def read_guide(self, stick: str = "") -> g.GuideOffer:
        """See `GuideApi.read_guide`."""
        with self._kiosk.sessions.busy(self._living):
            return guidetaking.offered(self._kiosk, stick)

    def take_guide(self, sha256: str, stick: str = "") -> g.GuideList:
        """See `GuideApi.take_guide`."""
        with self._kiosk.sessions.busy(self._living):
            guidetaking.take(self._kiosk, self._who, stick, sha256)
        return training.listed(self._kiosk)

    def begin_check(self, page_id: str) -> g.Check:
        """See `GuideApi.begin_check`."""
        self._check = training.begin(self._kiosk, page_id)
        return training.shown(self._check)

    def answer_check(self, page_id: str, answers: tuple[int, ...]) -> g.CheckResult:
        """See `GuideApi.answer_check`."""
        check, self._check = self._check, None  # one try: whoever answers in vain begins anew
        if check is None or check.page.page_id != page_id:
            raise BadRequestError(detail="this check was not begun here; begin it first")
        return training.answer(self._kiosk, self._who, check, answers)

    def get_training(self) -> g.PersonTraining:
        """See `GuideApi.get_training`."""
        return training.own(self._kiosk, self._who)

    def list_training(self, offset: int = 0, limit: int = 200) -> g.TrainingList:
        """See `GuideApi.list_training`."""
        return training.everybody(self._kiosk, max(offset, 0), max(0, min(limit, _MOST)))
