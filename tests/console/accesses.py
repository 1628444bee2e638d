"""The in-memory kiosk's part about who may see whose pictures."""

from __future__ import annotations

import msgspec

from medkiosk.core.consent import Witness
from medkiosk.core.errors import BadRequestError, NotAllowedError, NotFoundError
from medkiosk.core.events import Role
from medkiosk.core.ids import AccountId, EncounterId, GlassId
from medkiosk.ipc import types as t
from tests.console.state import Kiosk


class Accesses:
    """The part of the `Api` about them."""

    _kiosk: Kiosk

    def get_access(self) -> t.AccessInfo:
        return t.AccessInfo(
            need_to_know="department",
            departments=self._kiosk.departments,
            mine=self._kiosk.departments[:1],
            glasses=self._kiosk.open_glasses,
        )

    def get_team(self, encounter_id: EncounterId) -> t.Team:
        member = t.Member(account_id=AccountId("a" * 32), user="pat", display_name="Pat Photographer")
        return t.Team(encounter_id=encounter_id, members=(member,))

    def change_team(
        self, encounter_id: EncounterId, added: tuple[str, ...], removed: tuple[str, ...], reason: str
    ) -> t.Team:
        if "nobody" in (*added, *removed):
            raise BadRequestError(detail="there is no account with one of these user names")
        self._kiosk.calls.append(f"change_team: +{added} -{removed} {reason}")
        return self.get_team(encounter_id)

    def restrict(self, encounter_id: EncounterId, reason: str, chaperone: Witness | None) -> t.EncounterInfo:
        who = f"{chaperone.name}, {chaperone.role}" if chaperone else "declined"
        self._kiosk.calls.append(f"restrict: {reason}; {who}")
        return self._restricted(encounter_id, yes=True)

    def lift_restriction(self, encounter_id: EncounterId, reason: str) -> t.EncounterInfo:
        self._kiosk.calls.append(f"lift_restriction: {reason}")
        return self._restricted(encounter_id, yes=False)

    def _restricted(self, encounter_id: EncounterId, *, yes: bool) -> t.EncounterInfo:
        changed = msgspec.structs.replace(self._kiosk.encounters[encounter_id], restricted=yes)
        self._kiosk.encounters[encounter_id] = changed
        return changed

    def change_roles(self, user: str, roles: tuple[Role, ...], reason: str) -> t.AccountInfo:
        id_, name, _ = self._kiosk.accounts[user]
        self._kiosk.accounts[user] = (id_, name, roles)
        self._kiosk.calls.append(f"change_roles: {user} {reason}")
        return t.AccountInfo(account_id=id_, user=user, display_name=name, roles=roles)

    def set_departments(self, user: str, departments: tuple[str, ...]) -> t.AccountInfo:
        id_, name, roles = self._kiosk.accounts[user]
        self._kiosk.works[user] = departments
        return t.AccountInfo(
            account_id=id_, user=user, display_name=name, roles=roles, departments=departments
        )

    def ask_for_patient(self, mrn: str, issuer: str) -> t.HiddenEncounters:
        return t.HiddenEncounters(
            encounters=tuple(
                t.HiddenEncounter(encounter_id=id_, at="2026-05-01T09:00:00.000Z", department="eyes")
                for id_, number in self._kiosk.hidden.items()
                if number == mrn and issuer
            )
        )

    def break_glass(self, encounter_id: EncounterId, reason: str) -> t.OpenGlassInfo:
        self._kiosk.calls.append(f"break_glass: {reason}")
        if encounter_id in self._kiosk.shut:
            raise NotAllowedError(reason="you see this patient's pictures already")
        seconds = self._kiosk.glass_seconds
        glass = t.OpenGlassInfo(
            glass_id=GlassId(self._kiosk.new_id()), encounter_id=encounter_id, seconds=seconds
        )
        self._kiosk.open_glasses = (*self._kiosk.open_glasses, glass)
        return glass

    def end_glass(self, glass_id: GlassId) -> t.AccessInfo:
        self._kiosk.calls.append("end_glass")
        left = tuple(each for each in self._kiosk.open_glasses if each.glass_id != glass_id)
        self._kiosk.open_glasses = left
        return self.get_access()

    def list_glasses(self, unread: bool = True, offset: int = 0, limit: int = 200) -> t.Glasses:
        found = tuple(each for each in self._kiosk.glasses if not (unread and each.read_by))
        return t.Glasses(glasses=found[offset : offset + limit], total=len(found))

    def review_glass(self, glass_id: GlassId, justified: bool, words: str) -> t.GlassInfo:
        for place, each in enumerate(self._kiosk.glasses):
            if each.glass_id == glass_id:
                done = msgspec.structs.replace(each, read_by="Olga", justified=justified, words=words)
                self._kiosk.glasses[place] = done
                return done
        raise NotFoundError(what="glass", id=glass_id)
