"""What clients may say about which parts of the body pictures show; a part of `medkiosk.ipc.api.Api`."""

from __future__ import annotations

from typing import Protocol

from medkiosk.core.capability import Capability
from medkiosk.core.ids import CaptureId, EncounterId
from medkiosk.ipc import types as t
from medkiosk.ipc.marking import method


class SiteApi(Protocol):
    """Sites are written as `medkiosk.core.bodysite` says."""

    @method(needs=Capability.RECORD, secret=("sites", "reason"))
    def say_sites(
        self, encounter_id: EncounterId, sites: tuple[str, ...], reason: str = ""
    ) -> t.EncounterInfo:
        """Say what an encounter's pictures show, but those of which something else is said; none: not known.

        Whatever takes back what was known needs a reason, and ends the approvals of these pictures.
        """
        ...

    @method(needs=Capability.RECORD, secret=("sites", "reason"))
    def say_capture_sites(
        self, capture_id: CaptureId, sites: tuple[str, ...] | None, reason: str = ""
    ) -> t.EncounterInfo:
        """Say what one picture shows; none: not known; null: what its encounter says. See `say_sites`."""
        ...
