"""How many guesses a passphrase withstands, and what to tell whoever chose a weak one. Pure.

Measured with zxcvbn (Wheeler, "zxcvbn: Low-Budget Password Strength Estimation", USENIX Security 2016): it
looks for words, names, dates, keyboard rows and repetitions, and counts the guesses of somebody who tries
the likely ones first. No rule about kinds of characters: such rules give ``Password1!``.

What it cannot know: its word lists are English, so that words of other languages count as random letters.
`WORDS` has the commonest of a hospital's, and callers add names; five words are a better habit than three.
"""

from __future__ import annotations

import math
import threading
import unicodedata
from collections.abc import Iterable

ENOUGH = 12.0
"""Decimal logarithm of the guesses that a passphrase must withstand.

One guess is one Argon2id of 256 MiB in three passes, which moves 1.5 GiB through memory: a large graphics
card with 1 TB/s does some 600 a second. 10^12 guesses take ten such cards five years, a thousand three
weeks; and whoever has only the disk, without the device secret, cannot guess at all."""
LONGEST = 64
"""Characters that are looked at. zxcvbn's time grows with the square; what is beyond only adds guesses."""
_MOST_PIECES = 8
WORDS = (
    "medkiosk", "kiosk", "hospital", "clinic", "klinik", "klinikum", "krankenhaus", "spital", "hopital",
    "ospedale", "dermatology", "dermatologie", "radiology", "radiologie", "chirurgie", "surgery", "ambulanz",
    "station", "department", "abteilung", "patient", "patienten", "photo", "foto", "kamera", "camera",
    "canon", "passwort", "passphrase", "kennwort", "geheim", "sommer", "winter", "fruehling", "herbst",
)  # fmt: skip
"""Words that somebody who guesses at this kiosk tries first."""
_PLAIN = (
    "the passphrase is too easy to guess; add one or two uncommon words, such as things that you saw on"
    " different days"
)
# zxcvbn keeps the words of the person in a global table: one at a time, and cleared at the end.
_turn = threading.Lock()


def weakness(passphrase: str, about: Iterable[str] = ()) -> str:
    """Say why a passphrase is weak and what helps; empty where it is strong enough.

    Nothing of the passphrase is in the answer.

    Args:
        passphrase: as typed.
        about: names of the person, the site, whatever a guesser would try: cut into words here.
    """
    if guesses_log10(passphrase, about) >= ENOUGH:
        return ""
    _, warning = _measure(passphrase, about)
    return f"{_PLAIN}. {warning}".rstrip(". ")


def guesses_log10(passphrase: str, about: Iterable[str] = ()) -> float:
    """Return the decimal logarithm of the guesses needed."""
    return _measure(passphrase, about)[0]


def _measure(passphrase: str, about: Iterable[str]) -> tuple[float, str]:
    import zxcvbn  # here: 14 MiB of word lists, wanted only when a passphrase is chosen

    text = unicodedata.normalize("NFC", passphrase)[:LONGEST]
    if not text.strip():
        return 0.0, ""
    with _turn:
        try:
            found = zxcvbn.zxcvbn(text, user_inputs=_tokens(about), max_length=LONGEST)
        finally:
            zxcvbn.zxcvbn("a", user_inputs=[])
    return math.log10(max(found["guesses"], 1)), str(found["feedback"]["warning"])


def _tokens(about: Iterable[str]) -> list[str]:
    """Every run of words of each name, its parts of three letters and more, and `WORDS`; without case."""
    tokens: dict[str, None] = {}
    for each in about:
        pieces = each.casefold().split()[:_MOST_PIECES]
        for start in range(len(pieces)):
            for end in range(len(pieces), start, -1):
                tokens[" ".join(pieces[start:end])] = None
        words = "".join(char if char.isalnum() else " " for char in each.casefold()).split()
        tokens.update(dict.fromkeys(word for word in words if len(word) > 2))
        tokens["".join(words)] = None
    tokens.update(dict.fromkeys(WORDS))
    tokens.pop("", None)
    return list(tokens)
