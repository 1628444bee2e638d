"""Parts of the body as people type and read them, in the chosen language. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence

from medkiosk.console.language import tr
from medkiosk.core.bodysite import BY_CODE, PARTS, Side, is_concept, split, write

_MOST_SHOWN, _MOST_OFFERED = 3, 4
_NUMBER = re.compile(r"\d{4,}", re.ASCII)


def named(site: str) -> str:
    """What people call a site."""
    try:
        code, side = split(site)
    except ValueError:
        return tr("what cannot be read")
    part = BY_CODE.get(code)
    return _sided(tr(part.words) if part else f"SNOMED CT {code}", side)


def listed(sites: Sequence[str], most: int = _MOST_SHOWN) -> str:
    """Some sites in a row; of many the first ones, and how many more."""
    words = ", ".join(map(named, sites[:most]))
    return words + tr(" and {number} more", number=len(sites) - most) if len(sites) > most else words


def written(sites: Sequence[str]) -> str:
    """Sites as they are typed: `typed` reads them again."""
    return "; ".join(map(named, sites))


def typed(text: str) -> tuple[str, ...] | str:
    """Read what was typed: words or numbers, with semicolons or commas between them.

    Returns:
        The sites, each once; a sentence where one of them is not clear.
    """
    found: list[str] = []
    for piece in _pieces(text):
        numbers = _NUMBER.findall(piece)
        sites = [_numbered(piece, numbers[0])] if numbers else _meant(piece)
        if not sites or not sites[0]:
            return tr(
                "{piece}: not in the list, or a digit is wrong. Type other words, or the SNOMED CT number.",
                piece=piece[:40],
            )
        if len(sites) > 1:
            names = ", ".join(named(site) for site in sites[:_MOST_OFFERED])
            more = ", ..." if len(sites) > _MOST_OFFERED else ""
            return tr("{piece} may be: {names}. Type more of it.", piece=piece[:40], names=names + more)
        found += sites
    return tuple(dict.fromkeys(found))


def in_full(text: str) -> bool:
    """Whether everything that was typed is a whole name: nothing was taken for more than stands there."""
    sites = typed(text)
    pieces = [_plain(piece) for piece in _pieces(text)]
    return not isinstance(sites, str) and pieces == [_plain(named(site)) for site in sites]


def completed(text: str) -> str | None:
    """What was typed with the rest of the name that it begins; None where it begins none."""
    before, between, last = text.rpartition(";")
    piece = last.lstrip()
    if not piece:
        return None
    for _, name in _names():
        if _plain(name[: len(piece)]) == _plain(piece) and len(name) > len(piece):
            return f"{before}{between}{last}{name[len(piece) :]}"
    return None


def _pieces(text: str) -> Iterator[str]:
    for piece in re.split(r"[;,]", text):
        if len(_NUMBER.findall(piece)) > 1 and all(each.isdigit() for each in piece.split()):
            yield from piece.split()
        elif piece.strip():
            yield " ".join(piece.split())


def _numbered(piece: str, code: str) -> str:
    """A site by its number, with a side beside it or without; empty where it is none."""
    if not is_concept(code):
        return ""
    rest = [word for word in _plain(piece.replace(code, " ")).split() if word not in {"snomed", "ct"}]
    if not rest:
        return code
    side = next((each for each in Side if rest == [_plain(each.name)] or rest == [_side_word(each)]), None)
    return write(code, side) if side is not None else ""


def _meant(piece: str) -> list[str]:
    """The sites whose names have a word that begins with each word of a piece; one, if it is a whole name."""
    words = _plain(piece).split()
    sided: list[str] = []
    plain: list[str] = []
    for site, name in _names():
        spelled = _plain(name).split()
        if sorted(spelled) == sorted(words):
            return [site]
        if all(any(each.startswith(word) for each in spelled) for word in words):
            (plain if site in BY_CODE else sided).append(site)
    # Who types no side means no side: nobody is asked to choose one.
    return list(dict.fromkeys(plain or sided))


def _names() -> Iterator[tuple[str, str]]:
    """Every site of the table with its name, in the chosen language; then in English, which always works."""
    for part in PARTS:
        for side in (None, *Side) if part.paired else (None,):
            yield write(part.code, side), _sided(tr(part.words), side)
    for part in PARTS:
        yield part.code, part.words
        for side in Side if part.paired else ():
            yield write(part.code, side), f"{side.name.lower()} {part.words}"


def _sided(name: str, side: Side | None) -> str:
    if side is None:
        return name
    return tr("left {part}", part=name) if side is Side.LEFT else tr("right {part}", part=name)


def _side_word(side: Side) -> str:
    return _plain(_sided("", side))


def _plain(text: str) -> str:
    """Without case, accents and blanks around."""
    folded = unicodedata.normalize("NFKD", text.casefold())
    return "".join(each for each in folded if not unicodedata.combining(each)).strip()
