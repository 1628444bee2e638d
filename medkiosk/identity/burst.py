"""Tells a scanner from a hand by how fast the keys come. Pure: times are handed in."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

GAP_S = 0.035
"""No hand keeps this up; a scanner on USB sends a key every 2 to 20 ms."""
END_S = 0.08
"""Until the key at the end, which some send a little later."""
LEAST = 6
LONGEST = 256


class Heard(Enum):
    """What a key is."""

    FIRST = auto()  # it may begin a scan
    MORE = auto()  # it came as fast as a scanner's
    END = auto()  # with it a scan is whole
    OTHER = auto()


@dataclass
class Burst:
    """The keys that came fast one after another.

    Attributes:
        text: so far.
    """

    text: str = ""
    _last: float = -1e9

    def key(self, character: str, at: float, *, ends: bool = False) -> Heard:
        """Take the next key.

        Args:
            character: what it types; empty for any other key.
            at: when it came, seconds of any clock that only goes forward.
            ends: whether it is one that scanners send at the end: Enter or Tab.
        """
        gap, self._last = at - self._last, at
        if ends:
            return Heard.END if gap <= END_S and len(self.text) >= LEAST else self._over()
        if len(character) != 1 or not character.isprintable() or character == " ":
            return self._over()
        if gap <= GAP_S and self.text and len(self.text) < LONGEST:
            self.text += character
            return Heard.MORE
        self.text = character
        return Heard.FIRST

    def taken(self) -> str:
        """Give the text, and begin anew."""
        text, self.text = self.text, ""
        return text

    def _over(self) -> Heard:
        self.text = ""
        return Heard.OTHER
