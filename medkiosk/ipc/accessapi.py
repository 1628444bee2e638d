"""What clients may ask about who may see whose pictures; a part of `medkiosk.ipc.api.Api`."""

from __future__ import annotations

from typing import Protocol

from medkiosk.core.capability import Capability
from medkiosk.core.consent import Witness
from medkiosk.core.ids import EncounterId, GlassId
from medkiosk.core.role import Role
from medkiosk.ipc import types as t
from medkiosk.ipc.marking import method


class AccessApi(Protocol):
    """Roles and departments of accounts, teams, intimate pictures, break-glass."""

    @method(needs=Capability.MANAGE_ACCOUNTS, secret=("user", "reason"))
    def change_roles(self, user: str, roles: tuple[Role, ...], reason: str) -> t.AccountInfo:
        """Give somebody else these roles instead of the ones before; it ends their sessions."""
        ...

    @method(needs=Capability.MANAGE_ACCOUNTS, secret=("user",))
    def set_departments(self, user: str, departments: tuple[str, ...]) -> t.AccountInfo:
        """Say where somebody else works: some of the configured departments, or none."""
        ...

    @method(needs=Capability.LOGGED_IN)
    def get_access(self) -> t.AccessInfo:
        """What this session sees: departments, and the glasses that are open."""
        ...

    @method(needs=Capability.SEE_CATALOGUE)
    def get_team(self, encounter_id: EncounterId) -> t.Team:
        """Who treats the patient of an encounter."""
        ...

    @method(needs=Capability.RECORD, secret=("added", "removed", "reason"))
    def change_team(
        self, encounter_id: EncounterId, added: tuple[str, ...], removed: tuple[str, ...], reason: str
    ) -> t.Team:
        """Let people join those who treat a patient, or leave them, by their user names."""
        ...

    @method(needs=Capability.RECORD, secret=("reason", "chaperone"))
    def restrict(self, encounter_id: EncounterId, reason: str, chaperone: Witness | None) -> t.EncounterInfo:
        """Say that the pictures of an encounter are intimate; no chaperone: the patient declined one."""
        ...

    @method(needs=Capability.RECORD, secret=("reason",))
    def lift_restriction(self, encounter_id: EncounterId, reason: str) -> t.EncounterInfo:
        """Say that the pictures of an encounter are like any others again; for who may see them."""
        ...

    @method(needs=Capability.BREAK_GLASS, secret=("mrn", "issuer"))
    def ask_for_patient(self, mrn: str, issuer: str) -> t.HiddenEncounters:
        """By the exact number: encounters that this session does not see; that it asked is logged."""
        ...

    @method(needs=Capability.BREAK_GLASS, secret=("reason",))
    def break_glass(self, encounter_id: EncounterId, reason: str) -> t.OpenGlassInfo:
        """Open an encounter that is not one's own, for a while: the patient must be treated now."""
        ...

    @method(needs=Capability.BREAK_GLASS)
    def end_glass(self, glass_id: GlassId) -> t.AccessInfo:
        """Close it again."""
        ...

    @method(needs=Capability.REVIEW_GLASS)
    def list_glasses(self, unread: bool = True, offset: int = 0, limit: int = 200) -> t.Glasses:
        """Broken glasses, newest first: those that nobody has looked into yet, or all."""
        ...

    @method(needs=Capability.REVIEW_GLASS, secret=("words",))
    def review_glass(self, glass_id: GlassId, justified: bool, words: str) -> t.GlassInfo:
        """Write down whether it was justified; not one's own."""
        ...
