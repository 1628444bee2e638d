"""Keyboard layouts: one choice for the graphical console and for the bare terminal. Pure.

They must be the same, or a passphrase that was typed at the set-up cannot be typed at the login. Without dead
keys where both have such a variant: then each sign needs one key, and none waits for the next.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Layout(NamedTuple):
    """A layout under its three names.

    Attributes:
        words: for people.
        xkb: ``XKB_DEFAULT_LAYOUT`` (xkeyboard-config).
        variant: ``XKB_DEFAULT_VARIANT``; may be empty.
        keymap: of the bare terminal, loadkeys(1).
    """

    words: str
    xkb: str
    variant: str
    keymap: str


LAYOUTS: Final[dict[str, Layout]] = {
    "be": Layout("Belgium", "be", "", "be-latin1"),
    "br": Layout("Brazil", "br", "", "br-abnt2"),
    "ch-de": Layout("Switzerland, German", "ch", "", "sg-latin1"),
    "ch-fr": Layout("Switzerland, French", "ch", "fr", "fr_CH-latin1"),
    "de": Layout("Germany, Austria", "de", "nodeadkeys", "de-latin1-nodeadkeys"),
    "dk": Layout("Denmark", "dk", "", "dk-latin1"),
    "es": Layout("Spain", "es", "", "es"),
    "fi": Layout("Finland", "fi", "", "fi-latin1"),
    "fr": Layout("France", "fr", "latin9", "fr-latin9"),
    "gb": Layout("United Kingdom", "gb", "", "uk"),
    "hu": Layout("Hungary", "hu", "", "hu"),
    "it": Layout("Italy", "it", "", "it"),
    "nl": Layout("Netherlands", "nl", "", "nl"),
    "no": Layout("Norway", "no", "", "no-latin1"),
    "pl": Layout("Poland", "pl", "", "pl"),
    "pt": Layout("Portugal", "pt", "", "pt-latin1"),
    "se": Layout("Sweden", "se", "", "se-latin1"),
    "us": Layout("United States", "us", "", "us"),
}

KERNELS_OWN: Final = "us"
"""What a terminal has where no keymap was loaded: good as it is, and proved by `PROOF` like every other."""

PROOF: Final = "zy-/@"
"""Signs that lie elsewhere in most layouts; typed to see whether the right one was chosen."""


def environment(layout: str) -> str:
    """Return ``keyboard.env``, which the units of the console read.

    Raises:
        KeyError: there is no such layout.
    """
    chosen = LAYOUTS[layout]
    return f"XKB_DEFAULT_LAYOUT={chosen.xkb}\nXKB_DEFAULT_VARIANT={chosen.variant}\nKEYMAP={chosen.keymap}\n"
