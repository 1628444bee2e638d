"""Tell whether a line that was read from a picture says one of a subject's identifiers. Pure.

Readings have errors (0 for O, a letter lost), and what is looked for is written in many ways. Each kind has
its own rule; how often chance matches is bounded in the tests and stated in docs/redaction.md.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from itertools import pairwise

from medkiosk.core.identifiers import Identifier, IdentifierKind
from medkiosk.redact.detect.distance import distance, distance_within

_AS_DIGITS = str.maketrans("oqdil|!zsbg", "00011112586")
"""Letters that are read for digits, folded; both sides are mapped, so that either may be the wrong one."""
_AS_LETTERS = str.maketrans("01585", "olsbs")
_LIGATURES = str.maketrans({"ø": "o", "æ": "ae", "œ": "oe", "ł": "l", "đ": "d", "ð": "d", "þ": "th"})
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa", "ø": "oe"})
_RUN = re.compile(r"[a-z0-9|!]+")
_WORD = re.compile(r"[a-z0-9]+")
_ORDINAL = re.compile(r"(?<=\d)(st|nd|rd|th|er)\b")
_LABEL = re.compile(r"d[o0]?b(?=[ :.0-9])|geb|born|\bnee? ")
"""Words before a birth date, from which it may not be set apart."""
_MONTHS = (
    "january januar janvier jan janv jaenner janner",
    "february februar fevrier feb fevr fev",
    "march marz maerz mars mar mrz",
    "april avril apr avr",
    "may mai",
    "june juni juin jun",
    "july juli juillet jul juil",
    "august aout aug",
    "september septembre sept sep",
    "october oktober octobre oct okt",
    "november novembre nov",
    "december dezember decembre dec dez",
)
_MONTH_OF = {word: number for number, words in enumerate(_MONTHS, 1) for word in words.split()}
_MONTH = re.compile("(" + "|".join(sorted(_MONTH_OF, key=len, reverse=True)) + ")")
_LEAST_MRN = 4
_LEAST_FUZZY_MRN = 6
_LEAST_NAME = 3
_LEAST_ALONE = 5
_LEAST_JOINED = 7


def match(reading: str, identifiers: Sequence[Identifier]) -> Identifier | None:
    """The first identifier that a line says, or None.

    Args:
        reading: a line as it was read; it may hold more than the identifier, and errors.
        identifiers: what is looked for. Values too short to be told from chance match nothing: medical record
            numbers below four characters, names whose parts all have one or two letters.
    """
    rules = {
        IdentifierKind.MRN: _says_mrn,
        IdentifierKind.NAME: _says_name,
        IdentifierKind.BIRTH_DATE: _says_date,
    }
    return next((each for each in identifiers if rules[each.kind](reading, each.value)), None)


def fold(text: str) -> str:
    """Lower case without diacritics."""
    parts = unicodedata.normalize("NFKD", text.casefold().translate(_LIGATURES))
    return "".join(letter for letter in parts if not unicodedata.combining(letter))


def _says_mrn(reading: str, value: str) -> bool:
    wanted = _digits(value)
    if len(wanted) < _LEAST_MRN:
        return False
    runs = [_digits(run) for run in _RUN.findall(fold(reading))]
    shorter = wanted.lstrip("0")
    exact = {wanted, shorter} if len(shorter) >= _LEAST_MRN else {wanted}
    if exact & set(runs):
        return True
    forms = {wanted, shorter} if len(shorter) >= _LEAST_FUZZY_MRN else {wanted}
    if len(wanted) < _LEAST_FUZZY_MRN:
        return False
    # Separators may stand anywhere, and other words before and after.
    line = "".join(runs)
    return any(distance_within(form, line) <= _mrn_errors(len(form)) for form in forms)


def _digits(text: str) -> str:
    return "".join(letter for letter in fold(text).translate(_AS_DIGITS) if letter.isalnum())


def _mrn_errors(length: int) -> int:
    return 1 if length < 9 else 2


def _says_name(reading: str, value: str) -> bool:
    words = [word.translate(_AS_LETTERS) for word in _WORD.findall(fold(reading)) if not word.isdigit()]
    return any(_says_parts(words, parts) for parts in _spellings(value))


def _spellings(name: str) -> Iterator[list[str]]:
    """A name's parts, with diacritics left out and, where that differs, with ae for an umlaut."""
    plain = _WORD.findall(fold(name))
    yield plain
    spelt = _WORD.findall(fold(unicodedata.normalize("NFC", name).casefold().translate(_UMLAUTS)))
    if spelt != plain:
        yield spelt


def _says_parts(words: Sequence[str], parts: Sequence[str]) -> bool:
    long = [part for part in parts if len(part) >= _LEAST_NAME]
    said = [part for part in long if any(_alike(part, word) for word in words)]
    heard = {word for word in words if any(_alike(part, word) for part in long)}
    short = [part for part in parts if len(part) < _LEAST_NAME and part in words]
    if min(len(said), len(heard)) >= 2 or (said and short and len(said[0]) + len(short[0]) >= _LEAST_ALONE):
        return True
    if any(_alone(part, words) for part in said):
        return True
    if any(word == other[0] for part in said for other in parts if other != part for word in words):
        return True  # an initial and another part
    return _run_together("".join(words), parts)


def _alike(part: str, word: str) -> bool:
    """Same word but for reading errors: none in three letters, one in four to seven, then two."""
    allowed = 0 if len(part) < 4 else 1 if len(part) < 8 else 2
    return abs(len(part) - len(word)) <= allowed and distance(part, word) <= allowed


def _alone(part: str, words: Sequence[str]) -> bool:
    """One part of a name without another beside it must be longer, and read better."""
    allowed = 0 if len(part) < 6 else 1 if len(part) < 9 else 2
    if len(part) < _LEAST_ALONE:
        return len(part) > _LEAST_NAME and list(words) == [part]
    return any(distance(part, word) <= allowed for word in words)


def _run_together(letters: str, parts: Sequence[str]) -> bool:
    """Two parts of a name between which the space was not read, in either order."""
    pairs = [a + b for a in parts for b in parts if a is not b]
    return any(
        len(pair) >= _LEAST_JOINED and distance_within(pair, letters) <= min(2, len(pair) // 10)
        for pair in pairs
    )


def _says_date(reading: str, value: str) -> bool:
    pieces = value.split("-")
    if len(pieces) != 3 or not all(piece.isdigit() for piece in pieces):
        return False
    year, month, day = (int(piece) for piece in pieces)
    return (year, month, day) in set(_dates(reading))


def _dates(reading: str) -> Iterator[tuple[int, int, int]]:
    """Every date that a line may mean: year, month, day; a year of two digits as both centuries."""
    tokens = list(_date_tokens(reading))
    for token in tokens:
        yield from _compact(token)
    for first, second in pairwise(tokens):  # a separator that was not read
        if len(first + second) == 8:
            yield from _compact(first + second)
    for first, second, third in zip(tokens, tokens[1:], tokens[2:], strict=False):
        yield from _ordered(first, second, third)


def _date_tokens(reading: str) -> Iterator[str]:
    """Numbers and names of months, in order; "m" and the month's number for a name."""
    text = _LABEL.sub(" ", _ORDINAL.sub("", fold(reading)))
    for run in _RUN.findall(text):
        for piece in _MONTH.split(run):
            if piece in _MONTH_OF:
                yield f"m{_MONTH_OF[piece]}"
            elif (number := piece.translate(_AS_DIGITS)).isdigit():
                yield number
            elif near := _near_month(piece):
                yield f"m{near}"


def _near_month(word: str) -> int:
    near = (month for name, month in _MONTH_OF.items() if len(name) >= 5 and distance(name, word) == 1)
    return next(near, 0)


def _compact(token: str) -> Iterator[tuple[int, int, int]]:
    if len(token) == 8 and token.isdigit():
        yield int(token[:4]), int(token[4:6]), int(token[6:])
        yield int(token[4:]), int(token[2:4]), int(token[:2])
        yield int(token[4:]), int(token[:2]), int(token[2:4])
    if len(token) == 6 and token.isdigit():
        a, b, c = token[:2], token[2:4], token[4:]
        for year, month, day in ((a, b, c), (c, b, a), (c, a, b)):
            yield from _centuries(year, int(month), int(day))


def _ordered(first: str, second: str, third: str) -> Iterator[tuple[int, int, int]]:
    """Three tokens as year-month-day, day-month-year and month-day-year, as far as a named month allows."""
    if second.startswith("m"):
        if first.startswith("m") or third.startswith("m"):
            return
        yield from _centuries(third, int(second[1:]), int(first))
        yield from _centuries(first, int(second[1:]), int(third))
    elif first.startswith("m") and not third.startswith("m"):
        yield from _centuries(third, int(first[1:]), int(second))
    elif first.isdigit() and third.isdigit() and len(second) <= 2:
        yield from _centuries(first, int(second), int(third))
        if len(first) <= 2:
            yield from _centuries(third, int(second), int(first))
            yield from _centuries(third, int(first), int(second))


def _centuries(year: str, month: int, day: int) -> Iterator[tuple[int, int, int]]:
    if len(year) == 4:
        yield int(year), month, day
    elif len(year) == 2:
        yield 1900 + int(year), month, day
        yield 2000 + int(year), month, day
