"""Check digits: published numbers, and every slip that a scheme promises to find."""

from __future__ import annotations

import random
from collections.abc import Iterator

import msgspec
import pytest

from medkiosk.core.config import Check, Issuer
from medkiosk.identity import checkdigit
from medkiosk.identity.checkdigit import SCHEMES

PUBLISHED = [
    ("mod11", "9434765919"),  # NHS Data Dictionary, NHS NUMBER
    ("mod11", "4010232137"),  # the same
    ("luhn", "79927398713"),  # ISO/IEC 7812-1, as commonly cited
    ("luhn", "4111111111111111"),
    ("mod97", "79444"),  # ISO/IEC 7064, the example of MOD 97-10
    ("mod97", "3214282912345698765432161182"),  # an IBAN's digits: 82 WEST 1234 5698 7654 32
    ("mod11_10", "07945"),  # ISO/IEC 7064, the example of MOD 11,10
    ("verhoeff", "2363"),
    ("verhoeff", "123451"),
    ("verhoeff", "1428570"),
    ("gs1", "6291041500213"),  # gs1.org, how to calculate a check digit
]


@pytest.mark.parametrize(("scheme", "number"), PUBLISHED)
def test_published_numbers_are_right_and_their_neighbours_wrong(scheme: Check, number: str) -> None:
    assert SCHEMES[scheme](number)
    assert not SCHEMES[scheme](number[:-1] + str((int(number[-1]) + 1) % 10))


def valid(scheme: Check, length: int, count: int) -> Iterator[str]:
    """Random numbers that the scheme gives."""
    source = random.Random(7)
    while count:
        stem = "".join(source.choices("0123456789", k=length - 2))
        ends = [stem + f"{end:02d}" for end in range(100)]
        good = [each for each in ends if SCHEMES[scheme](each)]
        if good:
            count -= 1
            yield source.choice(good)


REAL = [scheme for scheme in SCHEMES if scheme != "none"]


@pytest.mark.parametrize("scheme", REAL)
@pytest.mark.parametrize("length", [5, 10])
def test_every_changed_digit_is_found(scheme: Check, length: int) -> None:
    for number in valid(scheme, length, 40):
        for at in range(length):
            for digit in set("0123456789") - {number[at]}:
                assert not SCHEMES[scheme](number[:at] + digit + number[at + 1 :]), (number, at, digit)


def swaps(number: str) -> Iterator[str]:
    for at in range(len(number) - 1):
        if number[at] != number[at + 1]:
            yield number[:at] + number[at + 1] + number[at] + number[at + 2 :]


@pytest.mark.parametrize("scheme", ["mod11", "mod97", "verhoeff"])
def test_every_swap_of_neighbours_is_found_where_the_scheme_promises_it(scheme: Check) -> None:
    for number in valid(scheme, 10, 200):
        for swapped in swaps(number):
            assert not SCHEMES[scheme](swapped), (number, swapped)


def test_luhn_misses_swaps_of_0_and_9_and_no_other() -> None:
    missed = set()
    for number in valid("luhn", 10, 400):
        for at in range(9):
            swapped = number[:at] + number[at + 1] + number[at] + number[at + 2 :]
            if swapped != number and SCHEMES["luhn"](swapped):
                missed.add(frozenset(number[at : at + 2]))
    assert missed == {frozenset("09")}


def test_hibc_check_characters_of_the_standard() -> None:
    # ANSI/HIBC 1.3-2010, sections 2.1 and 2.6, appendix B
    for text in ("+/ACMRN123456/V2009121908334", "+/KN12345A", "+/EAH783B", "+/EO5232013"):
        assert checkdigit.mod43(text), text
        assert not checkdigit.mod43(text[:-1] + "Z")
    assert not checkdigit.mod43("+")
    assert not checkdigit.mod43("+/ac1")


@pytest.mark.parametrize(
    "wrong",
    [
        {"shortest": 5, "longest": 4},
        {"characters": "letters_digits", "check": "luhn", "shortest": 4},
        {"check": "mod11", "shortest": 4, "longest": 12},
        {"check": "mod97", "shortest": 2, "longest": 8},
        {"check": "verhoeff"},
        {"check": "sha"},
        {"gs1_prefix": "95x"},
    ],
)
def test_rules_that_cannot_be_kept_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"name": "H", **wrong}, Issuer)
