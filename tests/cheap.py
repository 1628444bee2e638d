"""Passphrases that cost next to nothing to try, for tests that are about something else.

``python -m tests.cheap medkiosk.daemon ARGUMENTS`` is ``python -m medkiosk.daemon ARGUMENTS`` but for that. A
login takes more than a second of a processor, and the tests log in more than a thousand times. The product
has no setting for it: a slot says what it costs, so that any program opens what another one made.
"""

from __future__ import annotations

import runpy
import sys

from medkiosk.vault import slots

CHEAP = slots.Argon2Params(memory_kib=64, passes=1, lanes=1)
CHEAPER = slots.Argon2Params(memory_kib=32, passes=1, lanes=1)
"""What a kiosk of `CHEAP` passphrases thinks too little, and strengthens at the next login."""


def make_cheap() -> None:
    """From now on, whatever this process makes costs `CHEAP`."""
    slots.COST = slots.FLOOR = CHEAP


if __name__ == "__main__":
    make_cheap()
    sys.argv = sys.argv[1:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
