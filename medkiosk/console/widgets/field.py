"""Fields that a hurried hand, a barcode scanner and a paste can be let loose on."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from textual.widget import Widget
from textual.widgets import Input

from medkiosk.console.language import tr


class Field(Input):
    """An `Input` without control characters, direction overrides and their like."""

    def on_mount(self) -> None:
        """Say in the chosen language what belongs here."""
        self.placeholder = tr(str(self.placeholder))

    def validate_value(self, value: str) -> str:
        """Leave out what could not be shown as it is."""
        return "".join(character for character in value if character.isprintable())


def settled(widgets: Iterable[Widget], then: Callable[[], object]) -> None:
    """Do something when all keys that were already given to some widgets have been taken in.

    A scanner types and presses Enter faster than fields take in; each has a queue of its own.
    """
    waiting = set(widgets)

    def done(widget: Widget) -> None:
        waiting.discard(widget)
        if not waiting:
            then()

    for widget in list(waiting):
        widget.call_later(done, widget)
