"""One connection's face of which parts of the body pictures show. A part of `Service`."""

from __future__ import annotations

from medkiosk.access.need import Action
from medkiosk.core.ids import CaptureId, EncounterId
from medkiosk.daemon import circling, needing, siting
from medkiosk.daemon.connection import Connection
from medkiosk.ipc import types as t


class SiteService(Connection):
    """The methods of `medkiosk.ipc.siteapi.SiteApi`."""

    def say_sites(
        self, encounter_id: EncounterId, sites: tuple[str, ...], reason: str = ""
    ) -> t.EncounterInfo:
        """See `SiteApi.say_sites`."""
        self._need(Action.RECORD, encounter_id)
        knows = self._knows(encounter_id)
        siting.of_encounter(self._kiosk, self._who, encounter_id, sites, reason, knows=knows)
        return circling.seen_by(self._kiosk, self._living, encounter_id)

    def say_capture_sites(
        self, capture_id: CaptureId, sites: tuple[str, ...] | None, reason: str = ""
    ) -> t.EncounterInfo:
        """See `SiteApi.say_capture_sites`."""
        self._need(Action.RECORD, capture_id)
        encounter_id = siting.whose(self._kiosk, capture_id)
        knows = self._knows(encounter_id)
        siting.of_capture(self._kiosk, self._who, capture_id, sites, reason, knows=knows)
        return circling.seen_by(self._kiosk, self._living, encounter_id)

    def _knows(self, encounter_id: EncounterId) -> bool:
        """Whether this session may know what is recorded of an encounter."""
        eyes = needing.Eyes(self._kiosk, self._living)
        with self._kiosk.reading() as catalog:
            return eyes.verdict(catalog, Action.NAME, encounter_id).allowed
