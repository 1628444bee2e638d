"""What the plain mode says, pure: each change of the screen once, as lines of text.

A snapshot is the screen as text: blocks in reading order, keys, and what the keys are on. Two snapshots
give the lines that a screen reader, a braille line or a serial terminal is sent. What changes all the time,
such as how far an import is, is said every few seconds and at its end, not at each change.
"""

from __future__ import annotations

from dataclasses import dataclass, field

EVERY_S = 3.0
"""The least time between two lines of one block that goes on changing."""


@dataclass(frozen=True)
class Snapshot:
    """A screen as text.

    Attributes:
        screen: tells the screen from every other one, also from another of its kind.
        heading: what stands at its top.
        blocks: its parts in reading order, each with its lines.
        keys: the keys and what they do, in one line.
        focus: what the keys are on, in words.
    """

    screen: int
    heading: str
    blocks: dict[int, tuple[str, ...]]
    keys: str
    focus: str


@dataclass
class Speaker:
    """Remembers what was said.

    Args:
        every_s: see `EVERY_S`.
    """

    every_s: float = EVERY_S
    _screen: int | None = None
    _said: dict[int, tuple[str, ...]] = field(default_factory=dict)
    _when: dict[int, float] = field(default_factory=dict)
    _focus: str = ""

    def lines(self, now: Snapshot, at: float) -> list[str]:
        """What is to be said; nothing where nothing changed.

        Args:
            now: the screen.
            at: seconds of a clock that only goes on.
        """
        if now.screen != self._screen:
            return self._whole(now, at)
        lines: list[str] = []
        for block, text in now.blocks.items():
            before = self._said.get(block, ())
            if text == before or at - self._when.get(block, -self.every_s) < self.every_s:
                continue
            lines += [line for line in text if line not in before]
            self._said[block], self._when[block] = text, at
        for block in set(self._said) - set(now.blocks):
            del self._said[block]
        if now.focus != self._focus:
            self._focus = now.focus
            if now.focus:
                lines.append(now.focus)
        return lines

    def _whole(self, now: Snapshot, at: float) -> list[str]:
        self._screen, self._focus = now.screen, now.focus
        self._said, self._when = dict(now.blocks), dict.fromkeys(now.blocks, at)
        lines = ["", f"== {now.heading} =="]
        for text in now.blocks.values():
            lines += text
        if now.keys:
            lines.append(now.keys)
        if now.focus:
            lines.append(now.focus)
        return lines
