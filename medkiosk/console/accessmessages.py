"""What the daemon answers about who may see whose pictures, as messages to the screens."""

from __future__ import annotations

from textual.message import Message

from medkiosk.ipc import types as t


class AccessLoaded(Message):
    """What this session sees."""

    def __init__(self, access: t.AccessInfo) -> None:
        self.access = access
        super().__init__()


class PatientFound(Message):
    """Encounters of the patient that somebody asked for by the number, who do not see them."""

    def __init__(self, found: t.HiddenEncounters) -> None:
        self.encounters = found.encounters
        super().__init__()


class GlassOpened(Message):
    """What is open now; ``refused``: why not all that was asked for, empty where all is."""

    def __init__(self, access: t.AccessInfo, refused: str = "") -> None:
        self.access = access
        self.refused = refused
        super().__init__()


class TeamLoaded(Message):
    """Who treats a patient."""

    def __init__(self, team: t.Team) -> None:
        self.team = team
        super().__init__()


class AccessHalf(Message):
    """Whether pictures are intimate was changed, the team was not; ``words`` says why."""

    def __init__(self, encounter: t.EncounterInfo, words: str) -> None:
        self.encounter = encounter
        self.words = words
        super().__init__()


class AccessSaved(Message):
    """Something about who sees what was changed; ``words`` says what."""

    def __init__(self, words: str) -> None:
        self.words = words
        super().__init__()


class GlassesLoaded(Message):
    """Broken glasses, newest first."""

    def __init__(self, page: t.Glasses) -> None:
        self.glasses = page.glasses
        self.total = page.total
        super().__init__()
