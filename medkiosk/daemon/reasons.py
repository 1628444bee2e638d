"""One rule for every reason that somebody gives: it is kept for ever, on screens and in printed reports."""

from __future__ import annotations

from medkiosk.core.errors import BadRequestError

LONGEST = 500
"""Characters."""


def given(text: str, *, asked: str = "say why", shortest: int = 1) -> str:
    """A reason as it is kept: on one line, with one space between the words.

    Args:
        text: what was typed.
        asked: how the refusal begins: what is wanted, in words.
        shortest: characters that it must have.

    Raises:
        BadRequestError: it is missing, too short, too long, or holds what cannot be printed.
    """
    kept = " ".join(text.split())
    if not max(shortest, 1) <= len(kept) <= LONGEST or not kept.isprintable():
        raise BadRequestError(detail=f"{asked}, in {max(shortest, 1)} to {LONGEST} printable characters")
    return kept


def if_any(text: str) -> str:
    """A reason that may be missing; empty where it is.

    Raises:
        BadRequestError: it is too long, or holds what cannot be printed.
    """
    return given(text, asked="shorten the reason") if text.strip() else ""
