"""What the daemon answers about parts of the body, as messages to the screens."""

from __future__ import annotations

from textual.message import Message

from medkiosk.ipc.types import EncounterInfo


class SitesSaved(Message):
    """What pictures show was recorded."""

    def __init__(self, encounter: EncounterInfo) -> None:
        self.encounter = encounter
        super().__init__()
