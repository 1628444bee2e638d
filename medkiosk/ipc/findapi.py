"""What clients may ask to find encounters; a part of `medkiosk.ipc.api.Api`."""

from __future__ import annotations

from typing import Protocol

from medkiosk.core.capability import Capability
from medkiosk.core.ids import EncounterId
from medkiosk.ipc import types as t
from medkiosk.ipc.marking import method


class FindApi(Protocol):
    """Encounters by what somebody types, and by their ids."""

    @method(needs=Capability.SEE_CATALOGUE, secret=("text",))
    def find_encounters(self, text: str, offset: int = 0, limit: int = 500) -> t.Encounters:
        """Encounters with a word that begins with each word of ``text``, newest first.

        Looked at are name, record number, birth date and label, without case and accents. That somebody
        searched is logged, once for all letters (docs/access.md, "Searches and lists").
        """
        ...

    @method(needs=Capability.SEE_CATALOGUE)
    def get_encounters(self, encounters: tuple[EncounterId, ...]) -> t.Encounters:
        """These encounters, in this order; those that do not exist are left out."""
        ...
