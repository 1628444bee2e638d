"""What crosses the socket about the machine's health. Clients use them through `medkiosk.ipc.types`."""

from __future__ import annotations

from medkiosk.core.health import HealthCode
from medkiosk.ipc.storetypes import Wire


class HealthFinding(Wire, frozen=True):
    """One thing that is not as it should be.

    Attributes:
        code: a stable name.
        level: 1 a note, 2 a warning, 3 an alarm.
        words: what is so.
        todo: what to do first.
    """

    code: HealthCode
    level: int
    words: str
    todo: str


class Health(Wire, frozen=True):
    """The machine, and what the kiosk must have done to it now and then.

    Attributes:
        findings: worst first; none where all is well.
        at: when the machine was looked at; empty where nobody does.
        days_left: of space at the present rate; None where there is no rate yet.
        backed_up, scrubbed, witnessed: when last, RFC 3339; empty for never.
    """

    findings: tuple[HealthFinding, ...] = ()
    at: str = ""
    days_left: int | None = None
    backed_up: str = ""
    scrubbed: str = ""
    witnessed: str = ""
