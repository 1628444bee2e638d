"""Who passed which check of the guide, and which pages are the department's, as the events say it. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from medkiosk.core.ids import AccountId
from medkiosk.core.trainingevents import AnyTrainingEvent, GuideTaken, TrainingPassed


@dataclass
class Training:
    """What the events say; plain data. Failed tries are for an auditor.

    Attributes:
        passed: the newest pass of each account and module.
        taken: the pages that were taken last; None where none ever were.
    """

    passed: dict[AccountId, dict[str, TrainingPassed]] = field(default_factory=dict)
    taken: GuideTaken | None = None

    def take(self, event: AnyTrainingEvent) -> str:
        """Take the next event; return why it does not fit, or nothing: each fits."""
        if isinstance(event, TrainingPassed):
            self.passed.setdefault(AccountId(event.actor), {})[event.module] = event
        elif isinstance(event, GuideTaken):
            self.taken = event
        return ""

    def of(self, account_id: AccountId) -> dict[str, TrainingPassed]:
        """The newest passes of somebody, by module."""
        return self.passed.get(account_id, {})
