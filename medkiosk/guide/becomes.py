"""The words for what becomes of a page; apart, for the console says them too."""

from enum import StrEnum


class Becomes(StrEnum):
    """What becomes of a page when a set is taken."""

    ADDED = "added"
    IN_PLACE = "in place of the kiosk's own"
    CHANGED = "changed"
    SAME = "as before"
    GONE = "taken away"
    OURS_AGAIN = "taken away; the kiosk's own is shown again"
