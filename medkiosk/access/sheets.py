"""Recovery sheets typed back: which word of which sheet was written or typed wrongly. Pure.

A sheet is a SLIP-39 mnemonic: words of at least three letters of which the first four are unlike those of
any other word of the list, so that a word may be shortened to four letters.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import shamir_mnemonic.wordlist

_TELLING = 4
"""Letters by which the words of the list are told apart (SLIP-0039, "Wordlist")."""


def words(typed: str) -> list[str]:
    """Split what was typed into words: numbers of words, case and commas do not count."""
    return [word for word in typed.lower().replace(",", " ").split() if not word.strip(".").isdigit()]


def complete(typed: str) -> str:
    """Write every word out that was shortened to four letters or more; leave what is no such word."""
    by_start = _by_start()
    return " ".join(
        by_start.get(word[:_TELLING], word) if _fits(word, by_start) else word for word in words(typed)
    )


def differences(sheet: str, typed: str) -> tuple[str, ...]:
    """Say what is wrong with a sheet that was typed back, a clause each; empty where it is the sheet.

    Words are named by their place, not quoted.

    Args:
        sheet: as printed.
        typed: as typed.
    """
    printed, given = sheet.split(), complete(typed).split()
    if len(given) != len(printed):
        return (f"{len(given)} words were typed, the sheet has {len(printed)}",)
    wrong = [place for place, (one, other) in enumerate(zip(printed, given, strict=True), 1) if one != other]
    return tuple(f"word {place} is {_why(given[place - 1])}" for place in wrong)


def unknown(typed: str) -> tuple[int, ...]:
    """Places, from 1, of words that no sheet has."""
    return tuple(place for place, word in enumerate(complete(typed).split(), 1) if word not in _known())


def which(sheets: Sequence[str], typed: str) -> int:
    """Return the index of the sheet that what was typed is most like."""
    given = complete(typed).split()
    return max(
        range(len(sheets)),
        key=lambda n: sum(one == other for one, other in zip(sheets[n].split(), given, strict=False)),
    )


def _why(word: str) -> str:
    return "not the one on the sheet" if word in _known() else "no word of the list"


def _fits(word: str, by_start: dict[str, str]) -> bool:
    return len(word) >= _TELLING and by_start.get(word[:_TELLING], "").startswith(word)


@functools.cache
def _known() -> frozenset[str]:
    return frozenset(shamir_mnemonic.wordlist.WORDLIST)


@functools.cache
def _by_start() -> dict[str, str]:
    return {word[:_TELLING]: word for word in shamir_mnemonic.wordlist.WORDLIST}
