"""One connection's face of who may see whose pictures. A part of `Service`."""

from __future__ import annotations

from medkiosk.access.need import Action
from medkiosk.core.consent import Witness
from medkiosk.core.ids import EncounterId, GlassId
from medkiosk.core.role import Role
from medkiosk.daemon import circling, glasses, people
from medkiosk.daemon.connection import Connection
from medkiosk.ipc import types as t

_PAGE = 500


class AccessService(Connection):
    """The methods of `medkiosk.ipc.accessapi.AccessApi`."""

    def change_roles(self, user: str, roles: tuple[Role, ...], reason: str) -> t.AccountInfo:
        """See `AccessApi.change_roles`."""
        return people.change_roles(self._kiosk, self._who, user, roles, reason)

    def set_departments(self, user: str, departments: tuple[str, ...]) -> t.AccountInfo:
        """See `AccessApi.set_departments`."""
        return people.set_departments(self._kiosk, self._who, user, departments)

    def get_access(self) -> t.AccessInfo:
        """See `AccessApi.get_access`."""
        self._kiosk.sessions.polled(self._living)  # the console asks by itself
        return self._access()

    def _access(self) -> t.AccessInfo:
        access = self._kiosk.config.access
        with self._kiosk.reading() as catalog:
            mine = catalog.people.departments.get(self._who.account_id, ())
        return t.AccessInfo(
            need_to_know=access.need_to_know,
            departments=access.departments,
            mine=mine,
            glasses=glasses.open_ones(self._kiosk, self._living),
        )

    def get_team(self, encounter_id: EncounterId) -> t.Team:
        """See `AccessApi.get_team`."""
        self._need(Action.LIST, encounter_id)
        return circling.team(self._kiosk, encounter_id)

    def change_team(
        self, encounter_id: EncounterId, added: tuple[str, ...], removed: tuple[str, ...], reason: str
    ) -> t.Team:
        """See `AccessApi.change_team`."""
        self._need(Action.RECORD, encounter_id)
        return circling.change_team(self._kiosk, self._who, encounter_id, added, removed, reason)

    def restrict(self, encounter_id: EncounterId, reason: str, chaperone: Witness | None) -> t.EncounterInfo:
        """See `AccessApi.restrict`."""
        self._need(Action.RECORD, encounter_id)
        return circling.restrict(self._kiosk, self._living, encounter_id, reason, chaperone)

    def lift_restriction(self, encounter_id: EncounterId, reason: str) -> t.EncounterInfo:
        """See `AccessApi.lift_restriction`."""
        self._need(Action.RECORD, encounter_id)
        return circling.lift(self._kiosk, self._living, encounter_id, reason)

    def ask_for_patient(self, mrn: str, issuer: str) -> t.HiddenEncounters:
        """See `AccessApi.ask_for_patient`."""
        return glasses.ask(self._kiosk, self._living, mrn, issuer)

    def break_glass(self, encounter_id: EncounterId, reason: str) -> t.OpenGlassInfo:
        """See `AccessApi.break_glass`."""
        return glasses.broken(self._kiosk, self._living, encounter_id, reason)

    def end_glass(self, glass_id: GlassId) -> t.AccessInfo:
        """See `AccessApi.end_glass`."""
        glasses.end(self._kiosk, self._living, glass_id)
        return self._access()

    def list_glasses(self, unread: bool = True, offset: int = 0, limit: int = 200) -> t.Glasses:
        """See `AccessApi.list_glasses`."""
        return glasses.listed(self._kiosk, unread=unread, offset=offset, limit=max(0, min(limit, _PAGE)))

    def review_glass(self, glass_id: GlassId, justified: bool, words: str) -> t.GlassInfo:
        """See `AccessApi.review_glass`."""
        return glasses.review(self._kiosk, self._who, glass_id, words, justified=justified)
