"""Who passed which check of the guide, as the events say it. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from medkiosk.core.ids import AccountId
from medkiosk.core.trainingevents import AnyTrainingEvent, TrainingPassed


@dataclass
class Training:
    """The newest pass of each account and module; plain data. Failed tries are for an auditor."""

    passed: dict[AccountId, dict[str, TrainingPassed]] = field(default_factory=dict)

    def take(self, event: AnyTrainingEvent) -> str:
        """Take the next event; return why it does not fit, or nothing: each fits."""
        if isinstance(event, TrainingPassed):
            self.passed.setdefault(AccountId(event.actor), {})[event.module] = event
        return ""

    def of(self, account_id: AccountId) -> dict[str, TrainingPassed]:
        """The newest passes of somebody, by module."""
        return self.passed.get(account_id, {})
