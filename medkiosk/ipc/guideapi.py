"""What clients may ask about the guide and training (docs/guide.md); a part of `medkiosk.ipc.api.Api`."""

from __future__ import annotations

from typing import Protocol

from medkiosk.core.capability import Capability
from medkiosk.ipc import guidetypes as g
from medkiosk.ipc.marking import method


class GuideApi(Protocol):
    """Pages, checks, who is current. Nothing in a page is about a patient: reading needs no login."""

    @method(needs=None)
    def list_guide(self) -> g.GuideList:
        """All pages, and what is wrong with the department's files."""
        ...

    @method(needs=None)
    def get_guide_page(self, page_id: str) -> g.GuidePage:
        """One page, without its check."""
        ...

    @method(needs=None)
    def search_guide(self, text: str) -> g.GuideHits:
        """Where all these words stand; only the first characters of a long text count."""
        ...

    @method(needs=Capability.MANAGE_GUIDE)
    def read_guide(self, stick: str = "") -> g.GuideOffer:
        """What taking the pages on a stick would change; nothing is taken."""
        ...

    @method(needs=Capability.MANAGE_GUIDE)
    def take_guide(self, sha256: str, stick: str = "") -> g.GuideList:
        """Take the pages on a stick in the place of all taken before, if they are this set. Recorded."""
        ...

    @method(needs=Capability.LOGGED_IN)
    def begin_check(self, page_id: str) -> g.Check:
        """Draw the questions of a page's check; what was drawn before on this connection is forgotten."""
        ...

    @method(needs=Capability.LOGGED_IN)
    def answer_check(self, page_id: str, answers: tuple[int, ...]) -> g.CheckResult:
        """Judge the check that was begun; for each question the index of the chosen answer. Recorded."""
        ...

    @method(needs=Capability.LOGGED_IN)
    def get_training(self) -> g.PersonTraining:
        """How one stands oneself."""
        ...

    @method(needs=Capability.SEE_TRAINING)
    def list_training(self, offset: int = 0, limit: int = 200) -> g.TrainingList:
        """How everybody stands."""
        ...
