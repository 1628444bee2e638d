"""Draws the table of docs/access.md from the rules: ``python -m tests.access.matrix``."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from medkiosk.access.need import Action, Facts, Glass, Person, decide
from medkiosk.access.roles import capabilities
from medkiosk.core.ids import AccountId, EncounterId, GlassId
from medkiosk.core.role import Role

PAGE = Path(__file__).resolve().parents[2] / "docs" / "access.md"
BEGIN, END = "<!-- drawn: tests/access/matrix.py -->\n", "<!-- end -->\n"
NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
ME, ENCOUNTER = AccountId("a" * 32), EncounterId("e" * 32)
GLASS = Glass(GlassId("f" * 32), ENCOUNTER, NOW + timedelta(hours=1))
SITUATIONS = {
    "their team's": Facts(ENCOUNTER, department="eyes", team=frozenset({ME})),
    "their department's, or of none": Facts(ENCOUNTER, department="skin"),
    "another department's": Facts(ENCOUNTER, department="eyes"),
    "nobody's": Facts(None),
    "intimate, their team's": Facts(ENCOUNTER, department="eyes", team=frozenset({ME}), restricted=True),
    "intimate, another department's": Facts(ENCOUNTER, department="eyes", restricted=True),
}
ROLES = (Role.PHOTOGRAPHER, Role.REVIEWER, Role.PRIVACY_OFFICER)


def cell(role: Role, action: Action, what: Facts) -> str:
    """One answer, in a word."""
    person = Person(ME, capabilities([role]), frozenset({"skin"}))
    verdict = decide(person, action, what, NOW)
    if verdict.allowed:
        return "yes"
    if decide(with_right(person), action, what, NOW).allowed:
        return "right, glass" if verdict.breakable else "right"
    return "glass" if verdict.breakable else "no"


def with_right(person: Person) -> Person:
    """The same person with the right to see intimate pictures."""
    more = person.capabilities | capabilities([Role.INTIMATE_PICTURES])
    return Person(person.account_id, more, person.departments, person.glasses)


def table() -> str:
    """The whole table."""
    lines = [f"| role | whose pictures | {' | '.join(a.value.replace('_', ' ') for a in Action)} |"]
    lines.append("|" + "---|" * (len(Action) + 2))
    for role in ROLES:
        for name, what in SITUATIONS.items():
            cells = " | ".join(cell(role, action, what) for action in Action)
            lines.append(f"| {role.value.replace('_', ' ')} | {name} | {cells} |")
    lines.append("| auditor, administrator, intimate pictures alone | any | " + "no | " * len(Action))
    return "\n".join(line.rstrip() for line in lines) + "\n"


if __name__ == "__main__":
    text = PAGE.read_text()
    before, rest = text.split(BEGIN)
    PAGE.write_text(before + BEGIN + table() + END + rest.split(END)[1])
