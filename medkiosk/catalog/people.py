"""Who has an account, who had one, and who must first choose a new passphrase. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from medkiosk.core.accessevents import DepartmentsSet, RolesChanged
from medkiosk.core.events import AccountCreated
from medkiosk.core.ids import KIOSK, AccountId
from medkiosk.core.lifecycle import AccountClosed, SlotChanged


@dataclass
class People:
    """What the events of accounts add up to; plain data.

    Attributes:
        accounts: all that ever were, with the roles that they have now, oldest first: a name is never used
            again.
        closed: those that may not log in any more.
        to_change: those who must choose another passphrase before anything else: it was given to them anew.
        given: those whose passphrase somebody else knows: `to_change`, and whoever has the one that the
            account was made with. The first account was made by its owner.
        departments: where people work, of those of whom it was said.
    """

    accounts: dict[AccountId, AccountCreated] = field(default_factory=dict)
    closed: set[AccountId] = field(default_factory=set)
    to_change: set[AccountId] = field(default_factory=set)
    given: set[AccountId] = field(default_factory=set)
    departments: dict[AccountId, tuple[str, ...]] = field(default_factory=dict)
    _users: dict[str, AccountId] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Find the names of accounts that are there already."""
        self._users = {each.user: each.account_id for each in self.accounts.values()}

    def take(
        self, event: AccountCreated | AccountClosed | SlotChanged | RolesChanged | DepartmentsSet
    ) -> str:
        """Take the next event; return why it does not fit, or nothing."""
        if isinstance(event, AccountCreated):
            if event.account_id in self.accounts or event.user in self._users:
                return "the account exists"
            self.accounts[event.account_id] = event
            self._users[event.user] = event.account_id
            if event.actor != KIOSK:
                self.given.add(event.account_id)
            return ""
        if event.account_id not in self.accounts:
            return "unknown account"
        if isinstance(event, AccountClosed):
            self.closed.add(event.account_id)
        elif isinstance(event, RolesChanged):
            account = self.accounts[event.account_id]
            self.accounts[event.account_id] = msgspec.structs.replace(account, roles=event.roles)
        elif isinstance(event, DepartmentsSet):
            self.departments[event.account_id] = event.departments
        elif event.how == "reset":
            self.to_change.add(event.account_id)
            self.given.add(event.account_id)
        elif event.how == "passphrase":
            self.to_change.discard(event.account_id)
            self.given.discard(event.account_id)
        return ""

    def of(self, user: str) -> AccountCreated | None:
        """The account with this user name, closed or not."""
        account_id = self._users.get(user)
        return None if account_id is None else self.accounts[account_id]

    def is_open(self, account_id: AccountId) -> bool:
        """Whether this account exists and may log in."""
        return account_id in self.accounts and account_id not in self.closed
