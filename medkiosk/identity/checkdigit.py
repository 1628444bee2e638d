"""Check digits of patients' numbers. Pure.

Each function tells whether a number in its normal form, check digit included, is one that the scheme gives.
What each finds is in docs/identity.md section 1 and is tested digit by digit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from medkiosk.core.config import Check

_D5 = (
    "0123456789", "1234067895", "2340178956", "3401289567", "4012395678",
    "5987604321", "6598710432", "7659821043", "8765932104", "9876543210",
)  # fmt: skip
"""Multiplication in the dihedral group of order 10 (Verhoeff 1969)."""
_STEP = "1576283094"
"""Verhoeff's permutation; place ``i`` from the right is permuted ``i`` times."""
_MOD43 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-. $/+%"


def mod11(number: str) -> bool:
    """Weights n..1 from the left, divisible by 11, for ten digits at most (NHS Data Dictionary)."""
    weights = range(len(number), 0, -1)
    return sum(weight * int(digit) for weight, digit in zip(weights, number, strict=True)) % 11 == 0


def luhn(number: str) -> bool:
    """Every second digit doubled (ISO/IEC 7812-1, annex B)."""
    total = 0
    for place, digit in enumerate(reversed(number)):
        value = int(digit) << (place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def mod97(number: str) -> bool:
    """ISO/IEC 7064 MOD 97-10: two check digits at the end; letters count from 10."""
    return int("".join(str(int(each, 36)) for each in number)) % 97 == 1


def mod11_10(number: str) -> bool:
    """ISO/IEC 7064 MOD 11,10: the hybrid system for digits."""
    product = 10
    for digit in number[:-1]:
        total = (product + int(digit)) % 10 or 10
        product = total * 2 % 11
    return (product + int(number[-1])) % 10 == 1


def verhoeff(number: str) -> bool:
    """Verhoeff's dihedral code (Mathematical Centre Tracts 29, Amsterdam 1969)."""
    state = 0
    for place, digit in enumerate(reversed(number)):
        value = int(digit)
        for _ in range(place % 8):
            value = int(_STEP[value])
        state = int(_D5[state][value])
    return state == 0


def gs1(number: str) -> bool:
    """Weights 3 and 1 in turn from the right (GS1 General Specifications, section 7.9)."""
    return sum(int(digit) * (1 + place % 2 * 2) for place, digit in enumerate(reversed(number))) % 10 == 0


def mod43(text: str) -> bool:
    """The last character of a HIBC symbol: the sum of all others' places modulo 43 (ANSI/HIBC 1.3)."""
    if len(text) < 2 or any(each not in _MOD43 for each in text):
        return False
    return _MOD43[sum(map(_MOD43.index, text[:-1])) % len(_MOD43)] == text[-1]


SCHEMES: Mapping[Check, Callable[[str], bool]] = {
    "none": lambda _: True,
    "mod11": mod11,
    "luhn": luhn,
    "mod97": mod97,
    "mod11_10": mod11_10,
    "verhoeff": verhoeff,
    "gs1": gs1,
}
"""By their names in the configuration."""
