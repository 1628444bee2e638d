"""Recovery sheets at the terminal: shown once, and typed back, so that what stands on paper is what opens."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

from medkiosk.access import sheets

_CLEAR = "\x1b[H\x1b[2J\x1b[3J"
ENOUGH = 2


def card_lines(shares: Sequence[str]) -> Iterator[str]:
    """The sheets, six numbered words a line."""
    yield "RECOVERY SHEETS: shown once. Any two open everything. One person each; on paper only."
    for number, share in enumerate(shares, 1):
        yield ""
        yield f"Sheet {number} of {len(shares)}"
        words = share.split()
        for start in range(0, len(words), 6):
            numbered = (f"{n:2d} {word:<9}" for n, word in enumerate(words[start : start + 6], start + 1))
            yield "  " + " ".join(numbered)


def typed_back(shares: Sequence[str]) -> tuple[str, ...]:
    """Show the sheets and ask for them again until at least two are right; return those, written out.

    What was shown and typed is cleared from the terminal afterwards.

    Raises:
        EOFError: nobody types.
    """
    print("\n".join(card_lines(shares)))
    print(
        "\nWrite them down now. Then type them back from the paper, words of one sheet in one line; the first"
    )
    print("four letters of a word are enough.")
    right = [_ask(number, share, optional=number > ENOUGH) for number, share in enumerate(shares, 1)]
    if sys.stdout.isatty():
        print(_CLEAR, end="")
    print("What you typed is what the sheets say. They were shown for the last time.")
    return tuple(words for words in right if words)


def _ask(number: int, share: str, *, optional: bool) -> str:
    hint = " (or nothing, to leave it unchecked)" if optional else ""
    while True:
        typed = input(f"Sheet {number}{hint}: ")
        if optional and not typed.strip():
            return ""
        wrong = sheets.differences(share, typed)
        if not wrong:
            return share
        print(
            f"Not yet: {'; '.join(wrong)}. Look at sheet {number} again, correct the paper or what you typed."
        )
