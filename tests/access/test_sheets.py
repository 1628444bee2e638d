"""Sheets typed back."""

from __future__ import annotations

import random

import pytest
import shamir_mnemonic
from hypothesis import given, settings
from hypothesis import strategies as st
from shamir_mnemonic.wordlist import WORDLIST

from medkiosk.access.sheets import complete, differences, unknown, which

[SHEETS] = shamir_mnemonic.generate_mnemonics(1, [(2, 3)], random.Random(1).randbytes(32))
SHEET = SHEETS[0]


def changed(place: int, word: str) -> str:
    typed = SHEET.split()
    typed[place - 1] = word
    return " ".join(typed)


@pytest.mark.parametrize(
    "typed",
    [
        SHEET,
        SHEET.upper(),
        "  " + SHEET.replace(" ", ", ") + "\n",
        " ".join(f"{n}. {word}" for n, word in enumerate(SHEET.split(), 1)),
        " ".join(word[:4] for word in SHEET.split()),
    ],
)
def test_the_sheet_is_recognised_however_it_is_typed(typed: str) -> None:
    assert differences(SHEET, typed) == ()
    assert complete(typed) == SHEET


def test_a_wrong_word_is_named_by_its_place_and_not_quoted() -> None:
    other = next(word for word in WORDLIST if word not in SHEET.split())
    assert differences(SHEET, changed(7, other)) == ("word 7 is not the one on the sheet",)
    assert differences(SHEET, changed(33, "xylofone")) == ("word 33 is no word of the list",)
    assert unknown(changed(33, "xylofone")) == (33,)
    assert unknown(SHEET) == ()


def test_a_missing_word_is_counted() -> None:
    assert differences(SHEET, SHEET.rsplit(" ", 1)[0]) == ("32 words were typed, the sheet has 33",)
    assert differences(SHEET, "") == ("0 words were typed, the sheet has 33",)


def test_the_sheet_meant_is_found_in_spite_of_a_typo() -> None:
    for number, sheet in enumerate(SHEETS):
        assert which(SHEETS, " ".join(["wrong", *sheet.split()[1:]])) == number


def test_four_letters_tell_all_words_apart() -> None:
    assert len({word[:4] for word in WORDLIST}) == len(WORDLIST) == 1024
    assert all(complete(word) == word for word in WORDLIST)


@settings(max_examples=100)
@given(st.text(max_size=60))
def test_whatever_is_typed_is_judged(typed: str) -> None:
    assert differences(SHEET, typed)
