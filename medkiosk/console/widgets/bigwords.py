"""Words that are read from three metres: letters of whole character cells, as large as fits.

Only spaces in reverse video are used, since the fonts of a bare terminal lack block characters.
"""

from __future__ import annotations

from rich.segment import Segment
from rich.style import Style
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from medkiosk.console.language import tr

_ROWS = 5
_FONT = {
    "A": " ## |#  #|####|#  #|#  #",
    "Ä": "#  #| ## |#  #|####|#  #",
    "B": "### |#  #|### |#  #|### ",
    "C": " ###|#   |#   |#   | ###",
    "D": "### |#  #|#  #|#  #|### ",
    "E": "####|#   |### |#   |####",
    "F": "####|#   |### |#   |#   ",
    "G": " ###|#   |# ##|#  #| ###",
    "H": "#  #|#  #|####|#  #|#  #",
    "I": "#|#|#|#|#",
    "J": "  #|  #|  #|# #| # ",
    "K": "#  #|# # |##  |# # |#  #",
    "L": "#   |#   |#   |#   |####",
    "M": "#   #|## ##|# # #|#   #|#   #",
    "N": "#  #|## #|# ##|#  #|#  #",
    "O": " ## |#  #|#  #|#  #| ## ",
    "Ö": "#  #| ## |#  #|#  #| ## ",
    "P": "### |#  #|### |#   |#   ",
    "Q": " ## |#  #|#  #|# ##| ###",
    "R": "### |#  #|### |# # |#  #",
    "S": " ###|#   | ## |   #|### ",
    "T": "###| # | # | # | # ",
    "U": "#  #|#  #|#  #|#  #| ## ",
    "Ü": "#  #|    |#  #|#  #| ## ",
    "V": "#   #|#   #| # # | # # |  #  ",
    "W": "#   #|#   #|# # #|## ##|#   #",
    "X": "#   #| # # |  #  | # # |#   #",
    "Y": "#   #| # # |  #  |  #  |  #  ",
    "Z": "####|  # | #  |#   |####",
    "0": " ## |#  #|#  #|#  #| ## ",
    "1": " #|##| #| #| #",
    "2": "### |   #| ## |#   |####",
    "3": "### |   #| ## |   #|### ",
    "4": "#  #|#  #|####|   #|   #",
    "5": "####|#   |### |   #|### ",
    "6": " ## |#   |### |#  #| ## ",
    "7": "####|   #|  # | #  | #  ",
    "8": " ## |#  #| ## |#  #| ## ",
    "9": " ## |#  #| ###|   #| ## ",
    ".": " | | | |#",
    ",": "  |  |  | #|# ",
    "'": "#|#| | | ",
    "-": "   |   |###|   |   ",
    ":": " |#| |#| ",
    "!": "#|#|#| |#",
    "?": "###|  #| ##|   | # ",
}
_SCALES = ((8, 4), (6, 3), (4, 2), (2, 1), (1, 1))
"""Columns and rows for each dot of the font, largest first; a cell is about twice as high as wide."""
_SPACE = 2


def _dots(word: str, row: int) -> str:
    return " ".join(_FONT[letter].split("|")[row] for letter in word)


def _lines(words: list[str], width: int) -> list[str] | None:
    """Break words into lines of at most ``width`` dots; None where a word is longer than that."""
    lines: list[str] = []
    for word in words:
        if len(_dots(word, 0)) > width:
            return None
        joined = f"{lines[-1]} {word}" if lines else word
        if lines and _line_width(joined) <= width:
            lines[-1] = joined
        else:
            lines.append(word)
    return lines


def _line_width(line: str) -> int:
    return sum(len(_dots(word, 0)) for word in line.split(" ")) + (_SPACE + 2) * line.count(" ")


def large(text: str, width: int, height: int) -> list[str] | None:
    """Draw words as rows of ``#`` and spaces, centred, in the largest size that fits so many cells.

    None where nothing fits or the font lacks a character: then plain words must do.
    """
    words = text.upper().split()
    if not words or any(letter not in _FONT for word in words for letter in word):
        return None
    for across, down in _SCALES:
        lines = _lines(words, width // across)
        if lines is None or (len(lines) * (_ROWS + 1) - 1) * down > height:
            continue
        rows: list[str] = []
        for number, line in enumerate(lines):
            if number:
                rows += [""] * down
            for row in range(_ROWS):
                dots = (" " * (_SPACE + 2)).join(_dots(word, row) for word in line.split(" "))
                margin = " " * ((width - _line_width(line) * across) // 2)
                rows += [margin + "".join(dot * across for dot in dots)] * down
        return rows
    return None


class BigWords(Widget):
    """Words in the largest letters that fit, centred; in plain bold where not even the smallest do."""

    words: reactive[str] = reactive("")

    def render_line(self, y: int) -> Strip:
        """Draw one row."""
        width, height = self.size
        style = self.rich_style
        words = tr(self.words)
        rows = large(words, width, height)
        if rows is None:
            shown = words[:width] if y == height // 2 else ""
            padding = (width - len(shown)) // 2
            return Strip(
                [
                    Segment(" " * padding, style),
                    Segment(shown, style + Style(bold=True)),
                    Segment(" " * (width - padding - len(shown)), style),
                ]
            )
        row = y - (height - len(rows)) // 2
        dots = rows[row] if 0 <= row < len(rows) else ""
        dots = dots.ljust(width)
        inked = style + Style(reverse=True)
        return Strip([Segment(" ", inked if dot == "#" else style) for dot in dots]).simplify()
