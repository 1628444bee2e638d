"""What an auditor asks, and whether an event answers it. Pure."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import msgspec

from medkiosk.audit import categories
from medkiosk.audit.categories import Category
from medkiosk.core.event import Event
from medkiosk.core.ids import AccountId
from medkiosk.core.named import BLURRED, accounts, names, names_accounts

_REFUSED = "login.refused"


class Entry(msgspec.Struct, frozen=True, gc=False):
    """What of a ledger entry decides whether its record is worth opening."""

    type: str
    at: str
    actor: str


@dataclass(frozen=True)
class Query:
    """What is asked; every part that is given must hold, and nothing given asks for everything.

    Attributes:
        names: ids of which an event must name one; None where no patient and no picture was asked for, and
            empty where nothing of who was asked for is here.
        account: who did it, or to whose account it was done.
        user: that account's user name, as it is typed; refused logins have nothing else.
        categories: one of which it must be in.
        since: RFC 3339 UTC with milliseconds, inclusive; or empty.
        until: likewise, exclusive.
        text: part of its words, in whatever case; or empty.
    """

    names: frozenset[str] | None = None
    account: AccountId | None = None
    user: str = ""
    categories: frozenset[Category] = frozenset()
    since: str = ""
    until: str = ""
    text: str = ""

    @property
    def of_person(self) -> bool:
        """Whether one person's doings are asked for."""
        return self.account is not None or bool(self.user)

    def in_time(self, at: str) -> bool:
        """Whether a time is inside what is asked for; times of one form compare as text."""
        return at >= self.since and (not self.until or at < self.until)


def may_match(query: Query, entry: Entry) -> bool:
    """Whether an event may answer, from its ledger entry alone; False is sure."""
    if query.categories and entry.type not in categories.types(query.categories):
        return False
    if entry.type in BLURRED:  # neither when, but for the year, nor who
        year = entry.at[:4]
        return year >= query.since[:4] and (not query.until or year <= query.until[:4])
    if not query.in_time(entry.at):
        return False
    return not query.of_person or _may_be_of(query, entry)


def settled(query: Query, entry: Entry) -> bool:
    """Whether its ledger entry alone says that an event answers; asked only where `may_match` is true."""
    return (
        query.names is None
        and not query.text
        and entry.type not in BLURRED
        and (not query.categories or categories.settled(entry.type, query.categories))
        and (not query.of_person or entry.actor == query.account)
    )


def matches(query: Query, event: Event, words: str) -> bool:
    """Whether an event answers.

    Args:
        query: what is asked.
        event: as it was opened.
        words: the event in words, as the auditor reads it.
    """
    return (
        query.in_time(event.at)
        and (not query.categories or not query.categories.isdisjoint(categories.categories(event)))
        and (query.names is None or not query.names.isdisjoint(names(event)))
        and (not query.of_person or _is_of(query, event))
        and query.text.casefold() in words.casefold()
    )


def _may_be_of(query: Query, entry: Entry) -> bool:
    return entry.actor == query.account or entry.type == _REFUSED or entry.type in _about_accounts()


def _is_of(query: Query, event: Event) -> bool:
    if query.account is not None and (event.actor == query.account or query.account in accounts(event)):
        return True
    return event.name == _REFUSED and bool(query.user) and getattr(event, "user", "") == query.user


@functools.cache
def _about_accounts() -> frozenset[str]:
    return frozenset(categories.name_of(type_) for type_ in categories.all_types() if names_accounts(type_))
