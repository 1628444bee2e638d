"""Colours. Meaning never rests on them: each state is also a word.

``ansi`` is for a bare virtual terminal: Textual's sixteen-colour theme, no mouse, plain borders.
"""

from __future__ import annotations

from textual.theme import Theme

CALM = Theme(
    name="calm",
    primary="#7cb7e8",
    secondary="#8fa3b8",
    accent="#7cb7e8",
    success="#4fbf7a",
    warning="#f2b63c",
    error="#f0705f",
    foreground="#e8ebf0",
    background="#12151a",
    surface="#1b2027",
    panel="#252c35",
    dark=True,
)
LIGHT = Theme(
    name="light",
    primary="#1f5f99",
    secondary="#53677c",
    accent="#1f5f99",
    success="#17743f",
    warning="#8a5a00",
    error="#b3261e",
    foreground="#16191d",
    background="#f6f7f9",
    surface="#ffffff",
    panel="#dfe5ec",
    dark=False,
)
CONTRAST = Theme(
    name="contrast",
    primary="#ffe500",
    secondary="#ffffff",
    accent="#ffe500",
    success="#00ff66",
    warning="#ffe500",
    error="#ff6b5e",
    foreground="#ffffff",
    background="#000000",
    surface="#000000",
    panel="#333333",
    dark=True,
)
OURS = (CALM, LIGHT, CONTRAST)
ANSI = "ansi"
NAMES = (*(theme.name for theme in OURS), ANSI)
"""What ``--theme`` takes."""


def textual_name(name: str) -> str:
    """Textual's name of one of `NAMES`."""
    return "ansi-dark" if name == ANSI else name
