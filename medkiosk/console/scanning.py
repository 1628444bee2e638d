"""A barcode scanner at the console: its keys are told from a hand's, and go where a wristband belongs.

What it types into a field meanwhile is taken back; on a list its letters are no commands.
"""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.screen import Screen
from textual.widget import Widget

from medkiosk.console.widgets.field import Field, settled
from medkiosk.identity.burst import Burst, Heard
from medkiosk.identity.scan import looks_scanned

_ENDS = frozenset({"enter", "tab"})


class TakesScans:
    """A screen that knows what to do with a scanned code.

    Attributes:
        NUMBER: id of the field in which a code is at its place.
    """

    NUMBER: ClassVar[str] = ""

    def scanned(self, text: str) -> None:
        """A scanner read this elsewhere, and what it typed is taken back."""
        raise NotImplementedError

    def scanned_in_place(self, text: str) -> None:
        """A scanner typed this into the field for it, and its last key goes on to the next field."""
        raise NotImplementedError


class Scanner:
    """Follows the keys of one console, over all its screens."""

    def __init__(self) -> None:
        self._burst = Burst()
        self._field: Field | None = None
        self._before = ""

    def takes(self, key: events.Key, screen: Screen[object], focused: Widget | None) -> bool:
        """Whether a key is a scanner's, so that nobody else may see it.

        Args:
            key: the next one.
            screen: on which it was pressed.
            focused: the widget that would get it.
        """
        character = key.character or ""
        heard = self._burst.key(character, key.time, ends=key.key in _ENDS)
        if heard is Heard.FIRST:
            self._field = focused if isinstance(focused, Field) else None
            self._before = self._field.value if self._field else ""
        if not isinstance(screen, TakesScans):
            return False
        if heard is Heard.MORE:
            return not isinstance(focused, Field)
        if heard is not Heard.END or not looks_scanned(text := self._burst.taken()):
            return False
        field, before = self._field, self._before
        if field is not None and not before and field.id == screen.NUMBER:
            settled([field], lambda: screen.scanned_in_place(text))
            return False

        def restored() -> None:
            if field is not None:
                field.value = before
            screen.scanned(text)

        # The field takes its keys in its own time; only then is there something to take back.
        settled([field] if field is not None and field.is_attached else [screen], restored)
        return True
