"""Typing: which keys of a US keyboard give a text. Pure. (qapi/ui.json of QEMU names the keys.)"""

from __future__ import annotations

from collections.abc import Iterator

_PLAIN = {
    " ": "spc",
    "\n": "ret",
    "\t": "tab",
    "-": "minus",
    "=": "equal",
    "[": "bracket_left",
    "]": "bracket_right",
    ";": "semicolon",
    "'": "apostrophe",
    "`": "grave_accent",
    "\\": "backslash",
    ",": "comma",
    ".": "dot",
    "/": "slash",
}
_SHIFTED = dict(zip('!@#$%^&*()_+{}|:"~<>?', "1234567890-=[]\\;'`,./", strict=True))


def keys(text: str) -> Iterator[list[str]]:
    """The keys to press together for each character.

    Raises:
        ValueError: a character that a US keyboard has not.
    """
    for letter in text:
        if letter in _SHIFTED:
            yield ["shift", *next(keys(_SHIFTED[letter]))]
        elif letter in _PLAIN:
            yield [_PLAIN[letter]]
        elif letter.isascii() and letter.isalnum():
            yield ["shift", letter.lower()] if letter.isupper() else [letter]
        else:
            raise ValueError(f"no key of a US keyboard gives {letter!r}")
