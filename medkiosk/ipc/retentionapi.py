"""What clients may ask about how long pictures are kept; a part of `medkiosk.ipc.api.Api`."""

from __future__ import annotations

from typing import Protocol

from medkiosk.core.capability import Capability
from medkiosk.core.ids import CaptureId, DisposalId, EncounterId, HoldId
from medkiosk.core.lifecycle import RetentionClass
from medkiosk.ipc import types as t
from medkiosk.ipc.marking import method


class RetentionApi(Protocol):
    """Retention, legal holds and disposals (docs/retention.md)."""

    @method(needs=Capability.MANAGE_RETENTION, secret=("reason",))
    def set_retention(
        self, encounter_id: EncounterId, retention: RetentionClass, reason: str, until: str = ""
    ) -> t.RetentionInfo:
        """Say how long an encounter is kept; ``until`` is the end of a research protocol, YYYY-MM-DD."""
        ...

    @method(needs=Capability.SEE_CATALOGUE)
    def get_retention(self, encounter_id: EncounterId) -> t.RetentionInfo:
        """How long an encounter is kept, and why."""
        ...

    @method(needs=Capability.MANAGE_RETENTION, secret=("reason", "authority"))
    def place_hold(
        self,
        encounters: tuple[EncounterId, ...],
        captures: tuple[CaptureId, ...],
        reason: str,
        authority: str,
    ) -> t.HoldInfo:
        """Keep these, whatever is due, until the hold is lifted."""
        ...

    @method(needs=Capability.MANAGE_RETENTION, secret=("reason",))
    def lift_hold(self, hold_id: HoldId, reason: str) -> t.Holds:
        """End a legal hold."""
        ...

    @method(needs=Capability.APPROVE_DISPOSAL)
    def list_holds(self) -> t.Holds:
        """The legal holds in force."""
        ...

    @method(needs=Capability.MANAGE_RETENTION)
    def list_due(self, offset: int = 0, limit: int = 200) -> t.DueList:
        """Encounters whose time has come; what is due is destroyed only if two people decide so."""
        ...

    @method(needs=Capability.MANAGE_RETENTION, secret=("reason", "authority"))
    def propose_disposal(
        self,
        encounters: tuple[EncounterId, ...],
        captures: tuple[CaptureId, ...],
        reason: str,
        authority: str,
        early: bool = False,
    ) -> t.DisposalInfo:
        """Ask for the destruction of encounters with all their pictures, and of single pictures.

        ``early`` says that some of it is not due, and that ``authority`` orders it all the same.
        """
        ...

    @method(needs=Capability.APPROVE_DISPOSAL, secret=("reason",))
    def refuse_disposal(self, disposal_id: DisposalId, reason: str) -> t.DisposalInfo:
        """Say no, or take it back."""
        ...

    @method(needs=Capability.APPROVE_DISPOSAL)
    def approve_disposal(self, disposal_id: DisposalId) -> t.DisposalInfo:
        """Say yes, as a second person; it begins at once and cannot be taken back."""
        ...

    @method(needs=Capability.APPROVE_DISPOSAL)
    def get_disposal(self, disposal_id: DisposalId) -> t.DisposalInfo:
        """One disposal, with the verdict about everything that it names."""
        ...

    @method(needs=Capability.APPROVE_DISPOSAL)
    def list_disposals(self, offset: int = 0, limit: int = 50) -> t.DisposalList:
        """Disposals, newest first, with what the second person has to know."""
        ...
