"""The keys of who may see whose pictures; a part of the table in `medkiosk.console.actions`."""

from __future__ import annotations

from medkiosk.console.action import Action, Where
from medkiosk.core.role import Role

_W = Where

ACCESS_ACTIONS: tuple[Action, ...] = (
    Action(_W.EVERYWHERE, "app.end_glass", ("f8",), "", "Close the glass that you broke, from any screen."),
    Action(
        _W.HOME,
        "glasses",
        ("y",),
        "Glass",
        "Who opened another team's patients, and whether that was justified.",
        out=False,
        roles=frozenset({Role.PRIVACY_OFFICER, Role.AUDITOR}),
    ),
    Action(
        _W.ENCOUNTERS, "access", ("a",), "Who sees it", "Say that it is intimate, and who is of the team."
    ),
    Action(_W.ENCOUNTERS, "glass", ("b",), "Break glass", "Open another team's patient, by the number."),
    Action(_W.REVIEW, "uncover", ("i",), "", "Show an intimate picture, which stays covered until then."),
    Action(_W.ACCOUNTS, "roles", ("o",), "Roles", "Change somebody's roles, and where they work."),
    Action(_W.GLASSES, "", ("up", "down"), "Choose", "Choose one."),
    Action(_W.GLASSES, "justified", ("j",), "Justified", "It was; asks what you found."),
    Action(_W.GLASSES, "unjustified", ("n",), "Not justified", "It was not; asks what you found."),
    Action(_W.GLASSES, "all", ("a",), "All", "Show those, too, that somebody has looked into; and back."),
    Action(_W.GLASSES, "back", ("escape",), "Back", "Go back."),
)
