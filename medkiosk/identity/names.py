"""Which names are easily taken for one another. Pure (docs/identity.md section 3).

Nothing is kept between two questions: names must not outlive the session that unlocked them.
"""

from __future__ import annotations

import unicodedata
from enum import StrEnum

Parts = tuple[str, ...]

_TITLES = frozenset({"dr", "prof", "med", "mr", "mrs", "ms", "herr", "frau"})
_PLAIN = str.maketrans(
    {"æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "\u0131": "i"}
)
_LONG = 7
"""Letters from which on a part may differ in two places."""
_MOST = 200


class Alike(StrEnum):
    """How alike two names are."""

    SAME = "same"  # but for case, accents, order and titles
    CLOSE = "close"  # each part of the shorter one sounds or is spelled like one of the other
    PART = "part"  # they have a part in common
    NOT = "not"


def parts(name: str) -> Parts:
    """A name's parts as compared: letters only, without case and accents, sorted."""
    text = unicodedata.normalize("NFKD", name[:_MOST].casefold()).translate(_PLAIN)
    kept = "".join(
        " " if not each.isalpha() else each for each in text if unicodedata.category(each) not in ("Mn", "Lm")
    )
    found = kept.split()
    return tuple(sorted([each for each in found if each not in _TITLES] or found))


def alike(one: str, other: str) -> Alike:
    """Say how alike two names are; order does not matter."""
    short, long = sorted((parts(one), parts(other)), key=len)
    if not short:
        return Alike.NOT
    if short == long:
        return Alike.SAME
    left = list(long)
    matched = 0
    exact = False
    for part in sorted(short, key=lambda each: each not in left):  # what is equal takes its like first
        like = next((each for each in left if each == part), None)
        exact = exact or (like is not None and len(part) > 1)
        if like is None:
            like = next((each for each in left if near(part, each)), None)
        if like is not None:
            left.remove(like)
            matched += 1
    if matched == len(short) and (matched > 1 or len(long) == 1):
        return Alike.CLOSE
    return Alike.PART if exact else Alike.NOT


def near(one: str, other: str) -> bool:
    """Whether two parts of names are spelled or sound nearly the same."""
    if min(len(one), len(other)) < 2:
        return one[:1] == other[:1]  # an initial
    most = 2 if min(len(one), len(other)) >= _LONG else 1
    if min(len(one), len(other)) <= 2:
        most = 0
    return (
        one == other
        or distance(one, other, most) <= most
        or (bool(sound(one)) and sound(one) == sound(other))
    )


def distance(one: str, other: str, most: int) -> int:
    """Letters left out, put in, changed, or swapped with their neighbour; ``most`` + 1 where it is more.

    The optimal string alignment distance (Damerau 1964; Boytsov 2011, section 2.2.1).
    """
    if abs(len(one) - len(other)) > most:
        return most + 1
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        after = [i]
        for j, b in enumerate(other, 1):
            best = min(row[j] + 1, after[j - 1] + 1, row[j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                best = min(best, before[j - 2] + 1)
            after.append(best)
        if min(after) > most:
            return most + 1
        before, row = row, after
    return row[-1]


def sound(part: str) -> str:
    """How a part of a name sounds: Cologne phonetics (Postel 1969); empty for other letters than a to z."""
    if not part.isascii():
        return ""
    codes = [_code(part, at) for at in range(len(part))]
    text = "".join(codes)
    slim = "".join(each for at, each in enumerate(text) if at == 0 or each != text[at - 1])
    return slim[:1] + slim[1:].replace("0", "")


def _code(part: str, at: int) -> str:
    letter, before, after = part[at], part[at - 1 : at] if at else "", part[at + 1 : at + 2]
    match letter:
        case "a" | "e" | "i" | "j" | "o" | "u" | "y":
            return "0"
        case "h":
            return ""
        case "b":
            return "1"
        case "p":
            return "3" if after == "h" else "1"
        case "d" | "t":
            return "8" if after and after in "csz" else "2"
        case "f" | "v" | "w":
            return "3"
        case "g" | "k" | "q":
            return "4"
        case "c":
            if at == 0:
                return "4" if after and after in "ahkloqrux" else "8"
            return "4" if after and after in "ahkoqux" and before not in ("s", "z") else "8"
        case "x":
            return "8" if before and before in "ckq" else "48"
        case "l":
            return "5"
        case "m" | "n":
            return "6"
        case "r":
            return "7"
        case _:
            return "8"  # s, z


class Dates(StrEnum):
    """How near two birth dates are, written YYYY-MM-DD."""

    SAME = "same"
    SWAPPED = "swapped"  # day and month
    DIGIT = "digit"  # one digit is another, or two neighbours are swapped
    UNKNOWN = "unknown"  # one of them is not known
    FAR = "far"


def dates(one: str, other: str) -> Dates:
    """Say how near two birth dates are."""
    if not one or not other:
        return Dates.UNKNOWN
    if one == other:
        return Dates.SAME
    if one[:4] == other[:4] and one[5:7] == other[8:] and one[8:] == other[5:7]:
        return Dates.SWAPPED
    left, right = one.replace("-", ""), other.replace("-", "")
    return Dates.DIGIT if len(left) == len(right) and distance(left, right, 1) <= 1 else Dates.FAR


def near_dates(day: str) -> set[str]:
    """Every text that `dates` does not call far from ``day``, itself included; many are no dates."""
    digits = day.replace("-", "")
    found = {digits, digits[:4] + digits[6:] + digits[4:6]}
    for at in range(len(digits)):
        found.update(digits[:at] + each + digits[at + 1 :] for each in "0123456789")
        found.add(digits[:at] + digits[at : at + 2][::-1] + digits[at + 2 :])
    return {f"{each[:4]}-{each[4:6]}-{each[6:]}" for each in found}
