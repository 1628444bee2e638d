"""What is known to identify the person in a picture, so that it can be found in the picture. Types only."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

LONGEST = 120
"""Characters of one identifier."""


class IdentifierKind(StrEnum):
    """What an identifier is; each is written, and misread, in its own ways."""

    MRN = "mrn"
    NAME = "name"
    BIRTH_DATE = "birth_date"  # YYYY-MM-DD


class Identifier(NamedTuple):
    """One identifier of a subject; ``value`` has at most `LONGEST` characters."""

    kind: IdentifierKind
    value: str
