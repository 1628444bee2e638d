"""One connection's face of how long pictures are kept and how they end. A part of `Service`."""

from __future__ import annotations

from medkiosk.access.need import Action
from medkiosk.core.accessevents import Listing
from medkiosk.core.ids import CaptureId, DisposalId, EncounterId, HoldId
from medkiosk.core.lifecycle import RetentionClass
from medkiosk.daemon import retaining
from medkiosk.daemon.connection import Connection
from medkiosk.daemon.listing import page_size
from medkiosk.ipc import types as t


class RetentionService(Connection):
    """The methods of `medkiosk.ipc.retentionapi.RetentionApi`."""

    def set_retention(
        self, encounter_id: EncounterId, retention: RetentionClass, reason: str, until: str = ""
    ) -> t.RetentionInfo:
        """See `RetentionApi.set_retention`."""
        self._need(Action.RETAIN, encounter_id)
        return retaining.set_retention(self._kiosk, self._who, encounter_id, retention, until, reason)

    def get_retention(self, encounter_id: EncounterId) -> t.RetentionInfo:
        """See `RetentionApi.get_retention`."""
        self._need(Action.LIST, encounter_id)
        return retaining.retention_of(self._kiosk, encounter_id)

    def place_hold(
        self,
        encounters: tuple[EncounterId, ...],
        captures: tuple[CaptureId, ...],
        reason: str,
        authority: str,
    ) -> t.HoldInfo:
        """See `RetentionApi.place_hold`."""
        self._need(Action.RETAIN, *encounters, *captures)
        return retaining.place_hold(self._kiosk, self._who, encounters, captures, reason, authority)

    def lift_hold(self, hold_id: HoldId, reason: str) -> t.Holds:
        """See `RetentionApi.lift_hold`."""
        return retaining.lift_hold(self._kiosk, self._who, hold_id, reason)

    def list_holds(self) -> t.Holds:
        """See `RetentionApi.list_holds`."""
        return retaining.list_holds(self._kiosk)

    def list_due(self, offset: int = 0, limit: int = 200) -> t.DueList:
        """See `RetentionApi.list_due`."""
        return self._listed(Listing.DUE, retaining.list_due(self._kiosk, offset, page_size(limit)))

    def propose_disposal(
        self,
        encounters: tuple[EncounterId, ...],
        captures: tuple[CaptureId, ...],
        reason: str,
        authority: str,
        early: bool = False,
    ) -> t.DisposalInfo:
        """See `RetentionApi.propose_disposal`."""
        self._need(Action.RETAIN, *encounters, *captures)
        return retaining.propose(self._kiosk, self._who, encounters, captures, reason, authority, early=early)

    def refuse_disposal(self, disposal_id: DisposalId, reason: str) -> t.DisposalInfo:
        """See `RetentionApi.refuse_disposal`."""
        return retaining.refuse(self._kiosk, self._who, disposal_id, reason)

    def approve_disposal(self, disposal_id: DisposalId) -> t.DisposalInfo:
        """See `RetentionApi.approve_disposal`."""
        return retaining.approve(self._kiosk, self._who, disposal_id)

    def get_disposal(self, disposal_id: DisposalId) -> t.DisposalInfo:
        """See `RetentionApi.get_disposal`."""
        return self._listed(Listing.DISPOSALS, retaining.disposal_info(self._kiosk, disposal_id))

    def list_disposals(self, offset: int = 0, limit: int = 50) -> t.DisposalList:
        """See `RetentionApi.list_disposals`."""
        return self._listed(Listing.DISPOSALS, retaining.list_disposals(self._kiosk, offset, limit))
