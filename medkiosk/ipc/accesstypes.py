"""What crosses the socket about accounts and who may see what.

Clients use them through `medkiosk.ipc.types`.
"""

from __future__ import annotations

from medkiosk.core.ids import AccountId, EncounterId, GlassId
from medkiosk.core.role import Role
from medkiosk.ipc.storetypes import Wire


class AccountInfo(Wire, frozen=True):
    """One account, without its secrets.

    ``closed``: it may not log in any more; ``must_change``: its passphrase came from an administrator.
    ``departments``: where they work.
    """

    account_id: AccountId
    user: str
    display_name: str
    roles: tuple[Role, ...]
    closed: bool = False
    must_change: bool = False
    departments: tuple[str, ...] = ()


class Accounts(Wire, frozen=True):
    """All accounts."""

    accounts: tuple[AccountInfo, ...]


class OpenGlassInfo(Wire, frozen=True):
    """A glass that this session broke, and for how many seconds it is open at most."""

    glass_id: GlassId
    encounter_id: EncounterId
    seconds: float


class AccessInfo(Wire, frozen=True):
    """What this session sees.

    Attributes:
        need_to_know: ``department`` or ``own``.
        departments: all that there are, in the words of the configuration.
        mine: those of whoever is logged in.
        glasses: the open ones.
    """

    need_to_know: str
    departments: tuple[str, ...]
    mine: tuple[str, ...]
    glasses: tuple[OpenGlassInfo, ...] = ()


class Member(Wire, frozen=True):
    """Somebody of a team."""

    account_id: AccountId
    user: str
    display_name: str


class Team(Wire, frozen=True):
    """Who treats the patient of an encounter."""

    encounter_id: EncounterId
    members: tuple[Member, ...]


class HiddenEncounter(Wire, frozen=True):
    """An encounter that somebody may only open by breaking the glass."""

    encounter_id: EncounterId
    at: str
    department: str


class HiddenEncounters(Wire, frozen=True):
    """Those of one patient, newest first."""

    encounters: tuple[HiddenEncounter, ...]


class GlassInfo(Wire, frozen=True):
    """One broken glass.

    Attributes:
        by: the name of who broke it.
        at, until: from when, and until when at most; RFC 3339.
        reason: in their words.
        ended: when they closed it themselves; empty otherwise.
        looks: how many pictures were looked at that could not have been without it.
        read_by: who looked into it; empty while nobody did.
        read_at: when.
        justified: what they found.
        words: in their words.
    """

    glass_id: GlassId
    encounter_id: EncounterId
    by: str
    at: str
    until: str
    reason: str
    ended: str
    looks: int
    read_by: str
    read_at: str
    justified: bool
    words: str


class Glasses(Wire, frozen=True):
    """A page of broken glasses, newest first; ``total`` counts all that match."""

    glasses: tuple[GlassInfo, ...]
    total: int
