"""What the worker threads tell the screens about the guide and training."""

from __future__ import annotations

from textual.message import Message

from medkiosk.ipc import guidetypes as g


class GuideLoaded(Message):
    """The list of pages."""

    def __init__(self, guide: g.GuideList) -> None:
        self.guide = guide
        super().__init__()


class GuideOffered(Message):
    """What a stick brings."""

    def __init__(self, offer: g.GuideOffer) -> None:
        self.offer = offer
        super().__init__()


class GuideTaken(Message):
    """It was taken; the list of pages."""

    def __init__(self, guide: g.GuideList) -> None:
        self.guide = guide
        super().__init__()


class PageLoaded(Message):
    """A page."""

    def __init__(self, page: g.GuidePage) -> None:
        self.page = page
        super().__init__()


class HitsLoaded(Message):
    """Where words were found; ``asked`` is what was asked."""

    def __init__(self, hits: g.GuideHits, asked: str) -> None:
        self.hits = hits.hits
        self.asked = asked
        super().__init__()


class CheckLoaded(Message):
    """What a check asks."""

    def __init__(self, check: g.Check) -> None:
        self.check = check
        super().__init__()


class CheckJudged(Message):
    """How a check went."""

    def __init__(self, result: g.CheckResult) -> None:
        self.result = result
        super().__init__()


class TrainingLoaded(Message):
    """How somebody stands, or everybody on a page of the list; ``total`` counts all."""

    def __init__(self, people: tuple[g.PersonTraining, ...], total: int = 1) -> None:
        self.people = people
        self.total = total
        super().__init__()
