"""A field for parts of the body: it completes what is typed, and writes out what was understood."""

from __future__ import annotations

from textual.suggester import Suggester

from medkiosk.console.bodyparts import completed, typed, written
from medkiosk.console.widgets.field import Field

_LONGEST = 400


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
        sites = typed(self.value)
        if not isinstance(sites, str):
            self.value = written(sites)
