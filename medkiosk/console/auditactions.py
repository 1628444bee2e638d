"""The keys of the audit; a part of the table in `medkiosk.console.actions`."""

from __future__ import annotations

from medkiosk.console.action import Action, Where
from medkiosk.core.events import Role

_W = Where

AUDIT_ACTIONS: tuple[Action, ...] = (
    Action(
        _W.HOME,
        "audit",
        ("j",),
        "Audit",
        "Who did what, and who saw whom; for an auditor.",
        out=False,
        roles=frozenset({Role.AUDITOR}),
    ),
    Action(_W.AUDIT, "", ("up", "down"), "Choose", "Go along what answers, oldest first."),
    Action(_W.AUDIT, "", ("enter",), "Open", "Show all that an event says."),
    Action(_W.AUDIT, "ask_else", ("f",), "Ask else", "Ask something else; begins with what was asked."),
    Action(_W.AUDIT, "again", ("r",), "Again", "Ask the same of the ledger as it is now."),
    Action(_W.AUDIT, "report", ("w",), "Report", "Write all of it to a stick, signed; asks first."),
    Action(_W.AUDIT, "back", ("escape",), "Back", "Go back."),
    Action(_W.AUDIT_EVENT, "back", ("escape",), "Back", "Go back."),
)
