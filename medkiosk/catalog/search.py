"""Finding encounters by what somebody types: beginnings of words, without case and accents. Pure.

Every encounter is one line of folded words, and a search looks through all lines: ten thousand take a
millisecond or two, so that there is nothing to build, to save or to keep in step beside the lines. They are
made at the first search, from what the catalogue holds anyway, and go when the catalogue goes.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from medkiosk.catalog.holdings import Encounter
from medkiosk.core import events as ev
from medkiosk.core.ids import EncounterId

MOST_TYPED = 200
"""Characters of a question that are looked at."""
_MOST_WORDS = 8
_PLAIN = str.maketrans(
    {
        "ø": "o",
        "ł": "l",
        "đ": "d",
        "\N{LATIN SMALL LETTER DOTLESS I}": "i",
        "æ": "ae",
        "œ": "oe",
        "þ": "th",
        "ð": "d",
    }
)
"""Letters with a stroke, and joined ones, which Unicode does not take apart."""
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue"})
"""How German writes them where a keyboard lacks them."""
_BETWEEN = re.compile(r"[\W_]+")


def fold(text: str) -> tuple[str, ...]:
    """The words of a text in lower case, without accents; empty where there is none.

    Lower case is Unicode's full case folding, accents are what its compatibility decomposition (NFKD, UAX 15)
    splits off.
    """
    if text.isascii():
        plain = text.lower()
    else:
        apart = unicodedata.normalize("NFKD", text.casefold().translate(_PLAIN))
        plain = "".join(each for each in apart if not unicodedata.combining(each))
    return tuple(word for word in _BETWEEN.split(plain) if word)


def alternatives(text: str) -> tuple[tuple[str, ...], ...]:
    """Each typed word with the other ways to write it: ``Müller`` is also ``mueller``."""
    words = fold(text[:MOST_TYPED])[:_MOST_WORDS]
    composed = unicodedata.normalize("NFC", text[:MOST_TYPED].casefold())
    spelt = fold(composed.translate(_UMLAUTS))[:_MOST_WORDS]
    if len(spelt) != len(words):
        return tuple((word,) for word in words)
    return tuple(tuple(dict.fromkeys(pair)) for pair in zip(words, spelt, strict=True))


def line_of(created: ev.EncounterCreated) -> str:
    """Everything that an encounter is found by, each word with a space before it.

    Name, record number, birth date and label; the number also in one piece, as a scanner types it.
    """
    subject = created.subject
    number = fold(subject.mrn)
    words = [*fold(subject.name), *number, *fold(subject.birth_date), *fold(created.label)]
    if len(number) > 1:
        words.append("".join(number))
    if not subject.name.isascii():
        words += fold(unicodedata.normalize("NFC", subject.name.casefold()).translate(_UMLAUTS))
    return "".join(f" {word}" for word in dict.fromkeys(words))


class Lines:
    """The lines of all encounters, made when they are first looked for."""

    def __init__(self) -> None:
        self._lines: dict[EncounterId, tuple[ev.EncounterCreated, str]] = {}

    def find(self, encounters: dict[EncounterId, Encounter], text: str) -> Iterator[Encounter]:
        """Encounters with a word that begins with each typed word, newest first; all for an empty text."""
        rows = self._rows(encounters)
        for words in alternatives(text):
            typed = [f" {each}" for each in words]
            if len(typed) == 1:  # nearly always, and ten times as fast
                (wanted,) = typed
                rows = [row for row in rows if wanted in row[1]]
            else:
                rows = [row for row in rows if any(wanted in row[1] for wanted in typed)]
        return (encounter for encounter, _ in reversed(rows))

    def _rows(self, encounters: dict[EncounterId, Encounter]) -> list[tuple[Encounter, str]]:
        """Each encounter with its line, made where it is missing or the encounter says something else now."""
        lines, rows = self._lines, []
        for encounter_id, encounter in encounters.items():
            held, created = lines.get(encounter_id), encounter.created
            if held is None or held[0] is not created:
                held = lines[encounter_id] = (created, line_of(created))
            rows.append((encounter, held[1]))
        if len(lines) > len(encounters):  # what is gone
            self._lines = {id_: line for id_, line in lines.items() if id_ in encounters}
        return rows
