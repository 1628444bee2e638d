"""The in-memory kiosk's part about which parts of the body pictures show."""

from __future__ import annotations

import msgspec

from medkiosk.core.bodysite import looked_otherwise, problem, takes_back
from medkiosk.core.errors import BadRequestError, NotFoundError
from medkiosk.core.ids import CaptureId, EncounterId
from medkiosk.core.photo import ReviewState
from medkiosk.ipc import types as t
from medkiosk.ipc.sitetypes import OtherSites
from tests.console.state import Kiosk

WHY_NOT = "another part of the body was recorded before: say why that was wrong; approvals end with it"


class Sites:
    """The part of the `Api` about them."""

    _kiosk: Kiosk

    def say_sites(
        self, encounter_id: EncounterId, sites: tuple[str, ...], reason: str = ""
    ) -> t.EncounterInfo:
        encounter = self._kiosk.encounters[encounter_id]
        own = {each.capture_id for each in encounter.otherwise}
        theirs = [
            id_
            for id_, photo in self._kiosk.photos.items()
            if photo.info.encounter_id == encounter_id and id_ not in own
        ]
        self._said(encounter.sites, sites, reason, theirs)
        return self._shows(msgspec.structs.replace(encounter, sites=tuple(sorted(sites))))

    def say_capture_sites(
        self, capture_id: CaptureId, sites: tuple[str, ...] | None, reason: str = ""
    ) -> t.EncounterInfo:
        whose = self._kiosk.photos[capture_id].info.encounter_id
        if whose is None:
            raise NotFoundError(what="encounter", id="")
        encounter = self._kiosk.encounters[whose]
        own = {each.capture_id: each.sites for each in encounter.otherwise}
        before = own.pop(capture_id, encounter.sites)
        self._said(before, encounter.sites if sites is None else sites, reason, [capture_id])
        if sites is not None:
            own[capture_id] = tuple(sorted(sites))
        others = tuple(OtherSites(capture_id=id_, sites=each) for id_, each in sorted(own.items()))
        return self._shows(msgspec.structs.replace(encounter, otherwise=others))

    def _said(
        self, before: tuple[str, ...], after: tuple[str, ...], reason: str, captures: list[CaptureId]
    ) -> None:
        if wrong := problem(after):
            raise BadRequestError(detail=wrong)
        if takes_back(before, after) and not reason:
            raise BadRequestError(detail=WHY_NOT)
        self._kiosk.calls.append(f"sites: {' '.join(sorted(after)) or 'none'}; {reason}")
        for photo in (self._kiosk.photos[id_] for id_ in captures if looked_otherwise(before, after)):
            if photo.info.state is ReviewState.APPROVED:
                photo.info = msgspec.structs.replace(photo.info, state=ReviewState.PROPOSED, approvers=())

    def _shows(self, encounter: t.EncounterInfo) -> t.EncounterInfo:
        self._kiosk.encounters[encounter.encounter_id] = encounter
        return encounter
