"""The keys of the settings of the kiosk; a part of the table in `medkiosk.console.actions`."""

from __future__ import annotations

from medkiosk.console.action import Action, Where
from medkiosk.core.role import Role

_W = Where

SETTINGS_ACTIONS: tuple[Action, ...] = (
    Action(
        _W.HOME,
        "settings",
        ("s",),
        "Settings",
        "What the department decided; an administrator proposes, a privacy officer decides.",
        out=False,
        roles=frozenset({Role.ADMINISTRATOR, Role.PRIVACY_OFFICER, Role.AUDITOR}),
    ),
    Action(_W.SETTINGS, "", ("up", "down"), "Choose", "Choose a setting; below stands what it means."),
    Action(
        _W.SETTINGS, "", ("enter",), "Change", "Say what the chosen one is to be; nothing is changed yet."
    ),
    Action(_W.SETTINGS, "as_image", ("d",), "As image", "Let the image decide about the chosen one again."),
    Action(_W.SETTINGS, "discard", ("x",), "Discard", "Forget what was gathered and is not proposed yet."),
    Action(_W.SETTINGS, "propose", ("p",), "Propose", "Show what would change, and ask for it; asks why."),
    Action(_W.SETTINGS, "from_stick", ("f",), "From stick", "Read medkiosk-settings.toml, and propose it."),
    Action(_W.SETTINGS, "approve", ("y",), "Approve", "As a second person, say yes; shows it once more."),
    Action(_W.SETTINGS, "refuse", ("n",), "Refuse", "As a second person, say no; asks why."),
    Action(_W.SETTINGS, "take_back", ("u",), "Take back", "Take back what you proposed yourself."),
    Action(
        _W.SETTINGS, "restart", ("r",), "Restart", "Start the program with the newest settings; asks first."
    ),
    Action(_W.SETTINGS, "back", ("escape",), "Back", "Go back."),
    Action(_W.ISSUERS, "", ("up", "down"), "Choose", "Choose an issuer."),
    Action(_W.ISSUERS, "", ("enter",), "Change", "Change the chosen one."),
    Action(_W.ISSUERS, "new", ("n",), "New", "Write down another one."),
    Action(_W.ISSUERS, "remove", ("d",), "Remove", "Take the chosen one off the list."),
    Action(_W.ISSUERS, "done", ("f2",), "Done", "Keep the list, to be proposed."),
    Action(_W.ISSUERS, "back", ("escape",), "Cancel", "Go back without keeping the list."),
)
