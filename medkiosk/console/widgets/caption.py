"""A line above a list. It is laid out again only where it says something else: that costs more than a key."""

from __future__ import annotations

from textual.widgets import Static


class Caption(Static):
    """One line of words about what stands below.

    Args:
        words: at first.
        name: id of the widget.
    """

    def __init__(self, words: str = "", *, name: str) -> None:
        super().__init__(words, id=name, classes="caption", markup=False)
        self._words = words

    def tell(self, words: str) -> None:
        """Say something."""
        if words != self._words:
            self._words = words
            self.update(words)
