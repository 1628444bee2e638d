"""What can happen at the end of a kiosk (`medkiosk.core.events` has everything else)."""

from __future__ import annotations

from medkiosk.core.event import Event
from medkiosk.core.ids import AccountId


class Decommissioned(Event, frozen=True, tag="kiosk.decommissioned"):
    """Two people asked that what is on the disk becomes unreadable; it is done right after this entry.

    Attributes:
        second: the other one.
    """

    second: AccountId


class NotDecommissioned(Event, frozen=True, tag="kiosk.not_decommissioned"):
    """It could not be done, and the kiosk goes on.

    Attributes:
        detail: why, in words.
    """

    detail: str


AnyEndEvent = Decommissioned | NotDecommissioned
