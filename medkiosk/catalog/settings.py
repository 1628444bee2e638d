"""Which settings were proposed, and which were decided. Pure."""

from __future__ import annotations

import msgspec

from medkiosk.core.correctionevents import Outcome
from medkiosk.core.ids import ProposalId
from medkiosk.core.settingsevents import SettingsDecided, SettingsProposed


class Proposal(msgspec.Struct):
    """One proposal; ``decided`` is None while it waits."""

    proposed: SettingsProposed
    decided: SettingsDecided | None = None


class SettingsBook(msgspec.Struct):
    """All proposals, oldest first. Part of one catalogue; changed only by `take`.

    Attributes:
        newest: the proposal that was approved last; empty where none ever was.
        version: its number.
    """

    all: dict[ProposalId, Proposal] = {}
    newest: ProposalId = ProposalId("")
    version: int = 0

    def take(self, event: SettingsProposed | SettingsDecided) -> str:
        """Take in the next event; return why it does not fit, or nothing."""
        proposal = self.all.get(event.proposal_id)
        if isinstance(event, SettingsProposed):
            if proposal is not None:
                return "the proposal exists"
            self.all[event.proposal_id] = Proposal(event)
            return ""
        if proposal is None:
            return "unknown proposal"
        if proposal.decided is not None:
            return "it was decided already"
        if event.outcome is Outcome.APPROVED and event.version <= self.version:
            return "there is a newer version"
        proposal.decided = event
        if event.outcome is Outcome.APPROVED:
            self.newest, self.version = event.proposal_id, event.version
        return ""

    @property
    def waiting(self) -> Proposal | None:
        """The proposal that nobody decided about yet."""
        return next((each for each in reversed(self.all.values()) if each.decided is None), None)

    @property
    def text(self) -> str:
        """The settings of the newest version; empty where there is none."""
        return self.all[self.newest].proposed.text if self.newest else ""

    def last_change(self, key: str) -> Proposal | None:
        """The newest approved proposal that changed a setting."""
        return next(
            (
                each
                for each in reversed(self.all.values())
                if each.decided and each.decided.outcome is Outcome.APPROVED and key in each.decided.changed
            ),
            None,
        )
