"""The passphrase of a bundle: made here, said once, kept nowhere. Pure."""

from __future__ import annotations

from shamir_mnemonic.wordlist import WORDLIST

from medkiosk.core.ids import Random

WORDS = 8
"""Of 1024 each: 80 bits (docs/export-format.md section 4)."""


_LONGEST = max(map(len, WORDLIST))


def generate(random: Random) -> bytearray:
    """Return eight words of the SLIP-39 list with single blanks, ASCII, in a buffer to be wiped.

    The list has 1024 words, so two random bytes with six bits left out choose one without bias.
    """
    # Made in place, word by word: neither a text nor all the random bytes of one are ever in memory, which
    # could not be wiped. It is cut at less than half, so it is not moved either.
    words, at = bytearray(WORDS * (_LONGEST + 1)), 0
    for _ in range(WORDS):
        word = WORDLIST[int.from_bytes(random(2), "big") % len(WORDLIST)].encode() + b" "
        words[at : at + len(word)] = word
        at += len(word)
    del words[at - 1 :]
    return words
