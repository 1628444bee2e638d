"""What clients may ask about the settings of this kiosk; a part of `medkiosk.ipc.api.Api`."""

from __future__ import annotations

from typing import Protocol

from medkiosk.core.capability import Capability
from medkiosk.core.correctionevents import Outcome
from medkiosk.core.ids import ProposalId
from medkiosk.ipc import types as t
from medkiosk.ipc.marking import method


class SettingsApi(Protocol):
    """Settings that two people alter at a kiosk without a shell (docs/settings.md)."""

    @method(needs=Capability.SEE_SETTINGS)
    def list_settings(self) -> t.KioskSettings:
        """Every setting that may be altered, where its value comes from, and what waits."""
        ...

    @method(needs=Capability.PROPOSE_SETTINGS)
    def read_settings(self, stick: str = "") -> t.SettingsDraft:
        """Read ``medkiosk-settings.toml`` on a stick, and say what it would change; nothing is changed."""
        ...

    @method(needs=Capability.PROPOSE_SETTINGS)
    def check_settings(self, text: str, back: tuple[str, ...] = ()) -> t.SettingsDraft:
        """Say what a text would change; ``back`` are keys that are to have the image's values again."""
        ...

    @method(needs=Capability.PROPOSE_SETTINGS, secret=("reason",))
    def propose_settings(self, text: str, back: tuple[str, ...], reason: str) -> t.KioskSettings:
        """Ask for other settings; a second person decides."""
        ...

    @method(needs=Capability.DECIDE_SETTINGS, secret=("reason",))
    def decide_settings(self, proposal_id: ProposalId, outcome: Outcome, reason: str = "") -> t.KioskSettings:
        """Say yes or no, as a second person; a no needs a reason. It counts from the next start on."""
        ...

    @method(needs=Capability.PROPOSE_SETTINGS, secret=("reason",))
    def take_back_settings(self, proposal_id: ProposalId, reason: str = "") -> t.KioskSettings:
        """Take back what one proposed oneself."""
        ...

    @method(needs=Capability.SEE_SETTINGS)
    def restart_for_settings(self) -> t.Done:
        """End the daemon, so that its next start takes the newest settings; refused while it is at work.

        Only who may propose or decide may ask.
        """
        ...
