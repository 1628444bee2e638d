"""A screen that shows one thing after another: keys act on each only once it was on the screen."""

from __future__ import annotations

import time
from functools import partial

from textual import events, on
from textual.errors import NoWidget
from textual.widget import Widget

from medkiosk.console.screens.base import KioskScreen


class AnewScreen(KioskScreen):
    """Loads something else while it stays on top, and knows since when that can be seen."""

    _seen_at: float | None = 0.0
    _loads = 0

    @property
    def seen_at(self) -> float | None:
        """When what was loaded last was first on the screen; None while it is not."""
        return self._seen_at

    def anew(self) -> None:
        """Something else is loaded, or another version of it, and nobody has seen it."""
        self._seen_at = None
        self._loads += 1

    def seen(self) -> None:
        """It is on the screen."""
        if self._seen_at is None:
            self._seen_at = time.monotonic()

    def seen_in_words(self) -> None:
        """Where no picture comes, it is seen once its words were drawn, or said."""
        self.kiosk.once_shown(self, partial(self._words_shown, self._loads))

    def _words_shown(self, loads: int) -> None:
        if loads == self._loads and self.is_current and self.only_words():
            self.seen()
            self.seen_now()

    def seen_now(self) -> None:
        """Show that keys act on it."""

    def only_words(self) -> bool:
        """Whether words are all that there is to see of it, and they are there."""
        return True

    def has_room(self, widget: Widget) -> bool:
        """Whether all of a widget is on the screen."""
        try:
            place = self.find_widget(widget)
        except NoWidget:
            return False
        return bool(place.region.area) and place.visible_region == place.region

    def on_screen_resume(self) -> None:
        """What was drawn below another screen, nobody saw."""
        if self._seen_at is None:
            self.seen_in_words()

    @on(events.Resize)
    def _another_size(self) -> None:
        if self._seen_at is None:  # there may be no room for a picture any more
            self.seen_in_words()
