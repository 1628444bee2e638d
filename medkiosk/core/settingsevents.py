"""What can happen about the settings that two people alter at the kiosk (docs/settings.md)."""

from __future__ import annotations

from medkiosk.core.correctionevents import Outcome
from medkiosk.core.event import Event
from medkiosk.core.ids import ProposalId


class SettingsProposed(Event, frozen=True, tag="settings.proposed", omit_defaults=True):
    """An administrator asks for other settings; a second person decides.

    Attributes:
        proposal_id: names it in the decision.
        base: number of the version that they change; 0: the image's values.
        text: all settings of this kiosk as they would be, TOML.
        sha256: of the text, hexadecimal.
        changed: the settings that would change.
        weaker: those of them by which a protection gets weaker.
    """

    proposal_id: ProposalId
    base: int
    text: str
    sha256: str
    changed: tuple[str, ...]
    reason: str
    weaker: tuple[str, ...] = ()


class SettingsDecided(Event, frozen=True, tag="settings.decided", omit_defaults=True):
    """Somebody said yes or no to a proposal of settings, or took it back.

    Attributes:
        proposal_id: which proposal.
        outcome: yes, no, or taken back.
        sha256: of the proposed text, hexadecimal.
        changed: the settings that the proposal changes.
        version: the number that it has after a yes, and counts by at the next start.
    """

    proposal_id: ProposalId
    outcome: Outcome
    sha256: str
    changed: tuple[str, ...]
    version: int = 0
    reason: str = ""


AnySettingsEvent = SettingsProposed | SettingsDecided
