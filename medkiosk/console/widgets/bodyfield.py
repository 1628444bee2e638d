"""A field for parts of the body: it completes what is typed, and writes out what was understood."""

from __future__ import annotations

from textual.suggester import Suggester

from medkiosk.console.bodyparts import completed, in_full, typed, written
from medkiosk.console.widgets.field import Field

_LONGEST = 1500
"""Letters: as many sites as there may be, each with a side and the longest number."""


class _Rest(Suggester):
    """The rest of the name that is begun; Right takes it."""

    def __init__(self) -> None:
        super().__init__(use_cache=False, case_sensitive=True)

    async def get_suggestion(self, value: str) -> str | None:
        """See `completed`."""
        return completed(value)


class BodyField(Field):
    """Takes words or SNOMED CT numbers, with semicolons between them.

    Args:
        value: what stands there first.
        name: id of the widget.
        hint: what belongs here, in words.
    """

    def __init__(self, value: str = "", *, name: str, hint: str = "") -> None:
        super().__init__(value, id=name, max_length=_LONGEST, placeholder=hint, suggester=_Rest())

    @property
    def sites(self) -> tuple[str, ...] | str:
        """What is typed; a sentence where it is not clear. Nothing where the field is hidden."""
        return typed(self.value) if self.display else ()

    def on_blur(self) -> None:
        """Write out what was understood, so that it can be read."""
        self.write_out()

    def write_out(self) -> bool:
        """Write out what was understood; tell whether more was understood than stood there."""
        sites = typed(self.value)
        if not self.display or isinstance(sites, str):
            return False
        more = not in_full(self.value)
        self.value = written(sites)
        return more
