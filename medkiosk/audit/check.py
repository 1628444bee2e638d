"""Hold a report against the ledger: what was changed, left out, reordered. Pure (docs/audit.md, 4)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from medkiosk.audit import categories
from medkiosk.audit.categories import Category
from medkiosk.audit.query import Entry, Query, may_match, settled
from medkiosk.audit.report import End, Row
from medkiosk.core.ids import AccountId
from medkiosk.core.named import BLURRED


class Problem(NamedTuple):
    """What is wrong: a stable name, where (number of the row, or index of the entry), and words."""

    code: str
    where: int
    words: str


class Logged(NamedTuple):
    """One entry of the ledger: what it says in the open, and its hash, hexadecimal."""

    entry: Entry
    leaf: str


def facts_of(query: Query, person: str, capture_id: str) -> tuple[tuple[str, str], ...]:
    """The query as a report says it; `query_of` reads it back, as far as entries can decide.

    Args:
        query: what is asked.
        person: keyed hash of the patient who was asked for; or empty.
        capture_id: the picture that was asked for; or empty.
    """
    asked = (
        ("asked: patient", person),
        ("asked: picture", capture_id),
        ("asked: user", query.user),
        ("asked: account", query.account or ""),
        ("asked: categories", " ".join(sorted(query.categories))),
        ("asked: since", query.since),
        ("asked: until", query.until),
        ("asked: words", query.text),
    )
    return tuple(pair for pair in asked if pair[1]) or (("asked", "everything"),)


def query_of(facts: Mapping[str, str]) -> Query:
    """What was asked, from what a report says of itself.

    Raises:
        ValueError: it names a category that there is not.
    """
    account = facts.get("asked: account", "")
    of_names = "asked: patient" in facts or "asked: picture" in facts
    return Query(
        names=frozenset() if of_names else None,
        account=AccountId(account) if account else None,
        user=facts.get("asked: user", ""),
        categories=frozenset(map(Category, facts.get("asked: categories", "").split())),
        since=facts.get("asked: since", ""),
        until=facts.get("asked: until", ""),
        text=facts.get("asked: words", ""),
    )


def decided_by_entries(query: Query) -> bool:
    """Whether ledger entries alone decide all of it, so that a left-out row shows without any key."""
    types = categories.types(query.categories) if query.categories else frozenset(categories.OF)
    return (
        query.names is None
        and not query.text
        and not query.of_person
        and not types & BLURRED
        and (not query.categories or all(categories.settled(each, query.categories) for each in types))
    )


def check_table(rows: Iterable[tuple[int, Row]], end: End) -> Iterator[Problem]:
    """What is wrong with a report in itself: numbers that are missing, an order that is not the ledger's."""
    count, last = 0, -1
    for count, (number, row) in enumerate(rows, 1):
        if number != count:
            yield Problem("audit.row_missing", count, f"row {count} has the number {number}")
            return
        if row.index <= last:
            yield Problem("audit.reordered", count, f"entry {row.index} stands behind entry {last}")
        last = row.index
    if end.rows != count:
        yield Problem("audit.row_missing", count + 1, f"{count} rows, and the end says {end.rows}")


def check_ledger(
    rows: Iterable[tuple[int, Row]], query: Query, ledger: Iterable[Logged]
) -> Iterator[Problem]:
    """What the ledger says otherwise.

    Args:
        rows: of the report, in whatever order they stand.
        query: what was asked, as far as entries can decide.
        ledger: the entries that the report is about, from the first.
    """
    waiting = {row.index: (number, row) for number, row in rows}
    for index, logged in enumerate(ledger):
        found = waiting.pop(index, None)
        if found is None:
            if may_match(query, logged.entry) and settled(query, logged.entry):
                words = f"entry {index} ({logged.entry.type}, {logged.entry.at}) answers, and is not there"
                yield Problem("audit.left_out", index, words)
            continue
        yield from _compare(*found, query, logged)
    for number, row in waiting.values():
        yield Problem("audit.no_entry", number, f"the ledger has no entry {row.index} in this range")


def _compare(number: int, row: Row, query: Query, logged: Logged) -> Iterator[Problem]:
    entry = logged.entry
    if row.leaf != logged.leaf:
        yield Problem("audit.changed", number, f"the hash of entry {row.index} is {logged.leaf}")
    if row.type != entry.type:
        yield Problem("audit.changed", number, f"entry {row.index} is of the type {entry.type}")
    if entry.type not in BLURRED and (row.at, row.account) != (entry.at, entry.actor):
        yield Problem("audit.changed", number, f"entry {row.index} is of {entry.at}, by {entry.actor}")
    if entry.type in BLURRED and row.at[:4] != entry.at[:4]:
        yield Problem("audit.changed", number, f"entry {row.index} is of the year {entry.at[:4]}")
    if not may_match(query, entry):
        yield Problem("audit.does_not_belong", number, f"entry {row.index} does not answer what was asked")
