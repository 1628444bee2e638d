"""The keys about who a patient is; a part of the table in `medkiosk.console.actions`."""

from __future__ import annotations

from medkiosk.console.action import Action, Where
from medkiosk.core.events import Role

_W = Where
_SEE = frozenset({Role.PHOTOGRAPHER, Role.REVIEWER, Role.PRIVACY_OFFICER})

CORRECTION_ACTIONS: tuple[Action, ...] = (
    Action(
        _W.HOME,
        "corrections",
        ("c",),
        "Mix-ups",
        "Pictures of the wrong patient: what waits for a second person.",
        out=False,
        roles=_SEE,
    ),
    Action(_W.CORRECTIONS, "", ("up", "down"), "Choose", "Choose a correction; below stands what it means."),
    Action(_W.CORRECTIONS, "approve", ("y",), "Approve", "As a second person, have it done; asks first."),
    Action(_W.CORRECTIONS, "refuse", ("n",), "Refuse", "As a second person, say no; asks why."),
    Action(_W.CORRECTIONS, "take_back", ("u",), "Take back", "Take back what you proposed yourself."),
    Action(_W.CORRECTIONS, "back", ("escape",), "Back", "Go back."),
    Action(_W.SIMILAR, "", ("up", "down"), "Choose", "Choose the patient who is meant."),
    Action(_W.SIMILAR, "", ("enter",), "This one", "The chosen patient is meant: write down their number."),
    Action(_W.SIMILAR, "none", ("n",), "None of them", "It is somebody else; that is kept on record."),
    Action(_W.SIMILAR, "back", ("escape",), "Back", "Go back to the form; nothing is saved."),
    Action(_W.CONFLICT, "known", ("k",), "As known", "What is known is right: write it down so."),
    Action(_W.CONFLICT, "typed", ("t",), "As typed", "What is typed is right; asks why."),
    Action(_W.CONFLICT, "back", ("escape",), "Back", "Go back to the form; nothing is saved."),
)
