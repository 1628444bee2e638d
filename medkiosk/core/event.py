"""What every event has (`medkiosk.core.events` has all of them)."""

from __future__ import annotations

import msgspec

from medkiosk.core.ids import AccountId


class Event(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True, kw_only=True):
    """What every event has."""

    at: str
    actor: AccountId

    @property
    def name(self) -> str:
        """The event's type, as it stands in the ledger leaf."""
        return str(self.__struct_config__.tag)
