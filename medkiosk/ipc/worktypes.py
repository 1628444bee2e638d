"""What crosses the socket about work that waits for somebody.

Clients use it through `medkiosk.ipc.types`.
"""

from __future__ import annotations

from medkiosk.ipc.storetypes import Wire

MOST_COUNTED = 1000
"""Photos of a kind that are counted: from there on it is "many", and counting more would only take time."""


class Work(Wire, frozen=True):
    """How much waits for whoever is logged in; 0 also where it is not theirs to do.

    Attributes:
        review: photos that they may review, at most `MOST_COUNTED`.
        assign: clinical photos that belong to no encounter yet, at most `MOST_COUNTED`.
        corrections: proposals that photos or encounters are another patient's, by somebody else.
        glasses: broken glasses that nobody has looked into.
        disposals: proposals to destroy, by somebody else.
        settings: proposals of other settings, by somebody else.
    """

    review: int = 0
    assign: int = 0
    corrections: int = 0
    glasses: int = 0
    disposals: int = 0
    settings: int = 0
