"""Why nothing at all is taken: the big words of `Status.alarm`."""

from __future__ import annotations

from typing import Final

ROLLED_BACK: Final = "STORE ROLLED BACK"
CONTRADICTED: Final = "LEDGER CONTRADICTED"
REFUSED: Final = "LEDGER REFUSED"
