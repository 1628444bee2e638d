"""The slates that the kiosk has shown, and which frames show them."""

from __future__ import annotations

from collections.abc import Iterable

from medkiosk.catalog.holdings import Capture, Detail
from medkiosk.catalog.views import SeriesFrame
from medkiosk.core import events as ev
from medkiosk.core.clock import parse_rfc3339
from medkiosk.core.photo import ImageRole
from medkiosk.core.slate import ShownSlate


class Slates:
    """Every slate that was shown, by its token."""

    def __init__(self) -> None:
        self._by_token: dict[str, ShownSlate] = {}
        self.last: ShownSlate | None = None

    @property
    def count(self) -> int:
        """How many there are; the number of the last one."""
        return len(self._by_token)

    @property
    def all(self) -> tuple[ShownSlate, ...]:
        """Every one, in the order in which they were shown."""
        return tuple(self._by_token.values())

    def restore(self, slates: Iterable[ShownSlate]) -> None:
        """Take in what `all` gave."""
        for slate in slates:
            self._by_token[slate.token] = self.last = slate

    def shown(self, event: ev.SlateShown) -> str:
        """Take in a new one; return why it does not fit, or nothing."""
        if event.token in self._by_token:
            return "this slate was shown before"
        first = int(parse_rfc3339(event.at).timestamp())
        slate = ShownSlate(self.count + 1, event.encounter_id, event.kind, event.token, first)
        self._by_token[event.token] = self.last = slate
        return ""

    def frame(self, capture: Capture, detail: Detail) -> SeriesFrame:
        """A capture, as far as it matters for whose it is.

        What a person has given another role is no slate, whatever is in the picture.
        """
        seen = detail.seen if detail.role is ImageRole.SLATE else None
        marks = seen.slates if seen else ()
        known = [self._by_token.get(mark.token) for mark in marks]
        slates = frozenset(
            slate for slate, mark in zip(known, marks, strict=True) if slate and slate.kind is mark.kind
        )
        return SeriesFrame(
            original=detail.originals[0],
            encounter_id=capture.encounter_id,
            slates=slates,
            foreign=seen is not None and (seen.foreign > 0 or len(slates) < len({m.token for m in marks})),
            marks=marks,
            clocked=detail.clocked,
        )
