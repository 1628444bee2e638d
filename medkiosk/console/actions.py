"""Every key of the console, in one table.

Bindings, the legend at the foot of each screen and the list of keys (F1) are all made from it, and a test
compares `docs/console.md` with it, so that no key exists that is not explained.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from textual.binding import Binding, BindingType

from medkiosk.core.events import Role


class Where(StrEnum):
    """On which screen an action exists; the value is its title in the list of keys."""

    EVERYWHERE = "Everywhere"
    HOME = "Home"
    KEPT = "Files still needed"
    LOGIN = "Log in"
    IMPORTS = "Imports"
    ADVICE = "Advice"
    QUARANTINE = "Quarantine"
    BACKUP = "Backup"
    ACCOUNTS = "Accounts"
    RETENTION = "Retention"
    RECEIPT = "Receipt"
    ENCOUNTERS = "Encounters"
    SLATE = "Slate"
    FORM = "Forms"
    LEDGER = "Ledger"
    CODE = "Code of the ledger"
    CONSENT = "Consent"
    REVIEW = "Review"
    EXPORT = "Export"
    REASON = "Reason"
    QUICK = "Reason to keep visible"
    CHOICE = "Choice of an encounter"
    ROLE = "What a frame is for"
    CLASS = "How long it is kept"
    CONFIRM = "Yes or no"
    KEYS = "List of keys"


@dataclass(frozen=True)
class Action:
    """One thing a person can do with a key.

    Attributes:
        where: the screen.
        name: method ``action_<name>`` of the screen, or ``app.<name>``; empty where a widget does it.
        keys: Textual's names of the keys.
        label: two words for the legend; empty keeps it out of the legend.
        help: a sentence for the list of keys.
        first: whether the key is taken before the focused widget sees it.
        out: whether Home's legend shows it while nobody is logged in.
        roles: to whom Home's legend shows it while somebody is: those for whom the daemon does it.
    """

    where: Where
    name: str
    keys: tuple[str, ...]
    label: str
    help: str
    first: bool = False
    out: bool = True
    roles: frozenset[Role] = frozenset(Role)


_W = Where
_SEE = frozenset({Role.PHOTOGRAPHER, Role.REVIEWER, Role.PRIVACY_OFFICER})
_EXPORT = frozenset({Role.PRIVACY_OFFICER})
_DISPOSE = frozenset({Role.REVIEWER, Role.PRIVACY_OFFICER})
_STORE = frozenset({Role.AUDITOR, Role.ADMINISTRATOR})
_PEOPLE = frozenset({Role.ADMINISTRATOR})
ACTIONS: tuple[Action, ...] = (
    Action(_W.EVERYWHERE, "app.keys", ("f1", "question_mark"), "Keys", "Show this list."),
    Action(_W.EVERYWHERE, "app.log_out", ("f9",), "", "Log out and lock the photos, from any screen."),
    Action(_W.HOME, "log_in", ("l",), "Log in", "Say who you are.", roles=frozenset()),
    Action(
        _W.HOME, "encounters", ("e",), "Encounters", "Patients, their consent and their photos.", roles=_SEE
    ),
    Action(
        _W.HOME, "imports", ("i",), "Imports", "What was imported, and whose photos they are.", roles=_SEE
    ),
    Action(_W.HOME, "review", ("r",), "Review", "All photos that wait for review.", roles=_SEE),
    Action(_W.HOME, "export", ("x",), "Export", "Hand approved photos over on a stick.", roles=_EXPORT),
    Action(
        _W.HOME,
        "kept",
        ("k",),
        "Still needed",
        "Read for which files a card or camera is still needed; nobody needs to log in.",
    ),
    Action(
        _W.HOME,
        "backup",
        ("b",),
        "Backup",
        "The backup drives: which are complete, and what they still hold.",
        out=False,
        roles=_STORE,
    ),
    Action(_W.BACKUP, "", ("up", "down"), "Choose", "Choose a drive."),
    Action(_W.BACKUP, "enrol", ("n",), "New drive", "Make the empty disk that is plugged in a backup drive."),
    Action(_W.BACKUP, "run", ("r",), "Run", "Bring the drive that is plugged in up to date now."),
    Action(_W.BACKUP, "forget", ("f",), "Forget", "Say that a drive is lost, broken or destroyed."),
    Action(_W.BACKUP, "back", ("escape",), "Back", "Go back."),
    Action(
        _W.HOME,
        "ledger",
        ("g",),
        "Ledger",
        "The ledger's head, to be photographed; what witnesses saw.",
        out=False,
        roles=_STORE,
    ),
    Action(
        _W.HOME,
        "accounts",
        ("a",),
        "Accounts",
        "Who may log in, for an administrator.",
        out=False,
        roles=_PEOPLE,
    ),
    Action(_W.HOME, "passphrase", ("p",), "Passphrase", "Give yourself another passphrase.", out=False),
    Action(
        _W.HOME,
        "retention",
        ("t",),
        "Retention",
        "What is due or held, and what two people may destroy.",
        out=False,
        roles=_DISPOSE,
    ),
    Action(_W.RETENTION, "", ("up", "down"), "Choose", "Choose a line; below it stands why."),
    Action(_W.RETENTION, "read(1)", ("right",), "Read on", "Turn to the next of what a disposal names."),
    Action(_W.RETENTION, "read(-1)", ("left",), "", "Turn back."),
    Action(_W.RETENTION, "propose", ("d",), "Dispose", "Ask for the destruction of what is due."),
    Action(_W.RETENTION, "approve", ("y",), "Approve", "As a second person, have it destroyed; asks first."),
    Action(_W.RETENTION, "refuse", ("n",), "Refuse", "Say no to a proposal, or take it back; asks why."),
    Action(_W.RETENTION, "hold", ("h",), "Hold", "Keep an encounter whatever is due; asks why."),
    Action(_W.RETENTION, "lift", ("u",), "Lift", "End the chosen hold; asks why."),
    Action(_W.RETENTION, "back", ("escape",), "Back", "Go back."),
    Action(_W.ACCOUNTS, "", ("up", "down"), "Choose", "Choose an account."),
    Action(_W.ACCOUNTS, "new", ("n",), "New", "Make an account."),
    Action(_W.ACCOUNTS, "reset", ("r",), "Forgotten", "Give somebody a passphrase, to be changed at once."),
    Action(_W.ACCOUNTS, "close", ("d",), "Close", "Take somebody's key away, for good; asks why."),
    Action(_W.ACCOUNTS, "back", ("escape",), "Back", "Go back."),
    Action(_W.KEPT, "turn(1)", ("n",), "Next page", "Show the next files."),
    Action(_W.KEPT, "turn(-1)", ("p",), "Page before", "Show the files before."),
    Action(_W.KEPT, "back", ("escape",), "Back", "Go back."),
    Action(_W.LOGIN, "enter", ("enter",), "Next", "Go on; after the passphrase, log in.", first=True),
    Action(_W.LOGIN, "back", ("escape",), "Back", "Go back without logging in."),
    Action(
        _W.IMPORTS,
        "open",
        ("enter",),
        "Open",
        "Go to the import's photos; on a photo, review it.",
        first=True,
    ),
    Action(_W.IMPORTS, "mark", ("space",), "Mark", "Mark a photo, to assign only some of them."),
    Action(
        _W.IMPORTS,
        "assign",
        ("a",),
        "Assign",
        "Assign the marked photos to an encounter; with none marked, all that have none.",
    ),
    Action(_W.IMPORTS, "advice", ("q",), "Advice", "Read which photos may have to be taken again, and how."),
    Action(_W.IMPORTS, "receipt", ("t",), "Receipt", "Read what became of each file of the import."),
    Action(_W.IMPORTS, "quarantine", ("w",), "Whose?", "Read which photos belong to nobody, and why not."),
    Action(_W.IMPORTS, "hold", ("h",), "Hold", "Keep the marked photos, or this one, whatever is due."),
    Action(
        _W.IMPORTS, "dispose", ("d",), "Dispose", "Ask for the destruction of the marked photos, or this."
    ),
    Action(_W.IMPORTS, "back", ("escape",), "Back", "Go back."),
    Action(_W.QUARANTINE, "back", ("escape",), "Back", "Go back."),
    Action(_W.ADVICE, "back", ("escape",), "Back", "Go back."),
    Action(_W.RECEIPT, "back", ("escape",), "Back", "Go back."),
    Action(_W.ENCOUNTERS, "new", ("n",), "New encounter", "Write down who is photographed."),
    Action(_W.ENCOUNTERS, "consent", ("c",), "Consent", "Record an answer for the chosen encounter."),
    Action(_W.ENCOUNTERS, "slate", ("s",), "Slate", "Show the chosen encounter's slate, to be photographed."),
    Action(_W.ENCOUNTERS, "", ("enter",), "Review", "Review the photos of the chosen encounter."),
    Action(_W.ENCOUNTERS, "export", ("x",), "Export", "Export the approved photos of the chosen encounter."),
    Action(_W.ENCOUNTERS, "hold", ("h",), "Hold", "Keep the encounter until the hold is lifted; asks why."),
    Action(_W.ENCOUNTERS, "give_class", ("k",), "Keep for", "See and say how long the encounter is kept."),
    Action(_W.ENCOUNTERS, "dispose", ("d",), "Dispose", "Ask for its destruction, by an order if not due."),
    Action(_W.ENCOUNTERS, "back", ("escape",), "Back", "Go back."),
    Action(_W.SLATE, "opening", ("o",), "Opening", "Show the slate that opens this patient's series."),
    Action(_W.SLATE, "closing", ("c",), "Closing", "Show the slate that closes it."),
    Action(_W.SLATE, "back", ("escape",), "Back", "Go back."),
    Action(_W.FORM, "enter", ("enter",), "Next", "Go to the next field; on the button, save.", first=True),
    Action(_W.FORM, "", ("shift+tab",), "Previous", "Go to the field before."),
    Action(_W.FORM, "save", ("f2",), "Save", "Save from any field."),
    Action(_W.FORM, "back", ("escape",), "Cancel", "Go back without saving."),
    Action(_W.LEDGER, "again", ("r",), "Newest", "Show the newest head."),
    Action(_W.LEDGER, "code", ("c",), "Code", "Show the code alone, on the whole terminal."),
    Action(_W.LEDGER, "back", ("escape",), "Back", "Go back."),
    Action(_W.CODE, "back", ("escape", "c"), "Back", "Go back."),
    Action(_W.CONSENT, "read(1)", ("pagedown",), "Read on", "Turn the page of the text to read aloud."),
    Action(_W.CONSENT, "read(-1)", ("pageup",), "", "Turn it back."),
    Action(_W.CONSENT, "enter", ("enter",), "Next", "Go to the next field; on the button, save.", first=True),
    Action(_W.CONSENT, "", ("shift+tab",), "Previous", "Go to the field before."),
    Action(_W.CONSENT, "", ("left", "right"), "Choose", "Go along the words of a line."),
    Action(_W.CONSENT, "", ("space",), "Tick", "Tick or untick a use."),
    Action(_W.CONSENT, "save", ("f2",), "Save", "Save from any field."),
    Action(_W.CONSENT, "back", ("escape",), "Cancel", "Go back without saving."),
    Action(_W.REVIEW, "approve", ("a",), "Approve", "Approve what you see, and go to the next photo."),
    Action(_W.REVIEW, "reject", ("r",), "Reject", "Reject this photo, with a reason."),
    Action(
        _W.REVIEW, "frame", ("f",), "Frame is", "Say what the frame is for; only clinical pictures leave."
    ),
    Action(_W.REVIEW, "next_photo", ("n", "pagedown"), "Next photo", "Go to the next photo."),
    Action(_W.REVIEW, "previous_photo", ("p", "pageup"), "", "Go to the photo before."),
    Action(_W.REVIEW, "next_finding", ("tab",), "Finding", "Choose the next finding."),
    Action(_W.REVIEW, "previous_finding", ("shift+tab",), "", "Choose the finding before."),
    Action(_W.REVIEW, "next_undecided", ("j",), "Undecided", "Choose the next suggestion that is undecided."),
    Action(_W.REVIEW, "mask", ("enter",), "Mask", "Mask what is suggested or kept, and go to the next."),
    Action(
        _W.REVIEW,
        "keep_or_mask",
        ("k",),
        "Keep",
        "Keep what is suggested or masked visible, with a reason; mask again what is kept.",
    ),
    Action(
        _W.REVIEW,
        "keep_rest",
        ("o",),
        "Keep others",
        "Keep all undecided suggestions of this kind visible, with one reason; asks first.",
    ),
    Action(_W.REVIEW, "move(-1, 0)", ("left",), "", "Move the mask to the left."),
    Action(_W.REVIEW, "move(1, 0)", ("right",), "", "Move the mask to the right."),
    Action(_W.REVIEW, "move(0, -1)", ("up",), "", "Move the mask up."),
    Action(_W.REVIEW, "move(0, 1)", ("down",), "", "Move the mask down."),
    Action(_W.REVIEW, "grow(-1, 0)", ("shift+left",), "", "Make the mask narrower."),
    Action(_W.REVIEW, "grow(1, 0)", ("shift+right",), "", "Make the mask wider."),
    Action(_W.REVIEW, "grow(0, -1)", ("shift+up",), "", "Make the mask lower."),
    Action(_W.REVIEW, "grow(0, 1)", ("shift+down",), "", "Make the mask higher."),
    Action(_W.REVIEW, "scale(1)", ("plus", "equals_sign"), "", "Make the mask larger on all sides."),
    Action(_W.REVIEW, "scale(-1)", ("minus",), "", "Make the mask smaller on all sides."),
    Action(_W.REVIEW, "add", ("m",), "Add mask", "Add a mask in the middle of what you see."),
    Action(
        _W.REVIEW,
        "delete",
        ("d", "delete"),
        "Delete",
        "Delete a mask that you added; one that was found is kept visible, with a reason.",
    ),
    Action(
        _W.REVIEW,
        "lesion",
        ("l",),
        "Lesion",
        "Mark the lesion of interest: where something is suggested, or in the middle of what you see.",
    ),
    Action(_W.REVIEW, "crop", ("c",), "Crop", "Crop the photo to the lesion of interest; or no longer."),
    Action(_W.REVIEW, "undo", ("u",), "Undo", "Take back the last change of the masks."),
    Action(_W.REVIEW, "save", ("s", "f2"), "Save", "Redact again with these masks, and look at it."),
    Action(
        _W.REVIEW, "zoom", ("z",), "Zoom", "Look closer, up to each pixel of what leaves; then the whole."
    ),
    Action(_W.REVIEW, "closest", ("1",), "100 %", "Look at each pixel of what leaves."),
    Action(_W.REVIEW, "whole", ("0",), "", "Look at the whole again."),
    Action(_W.REVIEW, "turn(1)", ("space",), "Next part", "Go on to the next part, until all was seen."),
    Action(_W.REVIEW, "turn(-1)", ("backspace",), "", "Go back to the part before."),
    Action(_W.REVIEW, "pan(-1, 0)", ("ctrl+left",), "", "Look further to the left."),
    Action(_W.REVIEW, "pan(1, 0)", ("ctrl+right",), "", "Look further to the right."),
    Action(_W.REVIEW, "pan(0, -1)", ("ctrl+up",), "", "Look further up."),
    Action(_W.REVIEW, "pan(0, 1)", ("ctrl+down",), "", "Look further down."),
    Action(_W.REVIEW, "back", ("escape",), "Back", "Go back."),
    Action(_W.EXPORT, "", ("up", "down"), "Recipient", "Choose who receives it."),
    Action(_W.EXPORT, "", ("tab",), "Next", "Go to the next field."),
    Action(_W.EXPORT, "", ("left", "right"), "Purpose", "Choose what it is for."),
    Action(_W.EXPORT, "export", ("f2",), "Export", "Write the bundle, read it back, say what was signed."),
    Action(_W.EXPORT, "back", ("escape",), "Back", "Go back."),
    Action(_W.REASON, "enter", ("enter",), "OK", "Take the words that you gave.", first=True),
    Action(_W.REASON, "back", ("escape",), "Back", "Go back; nothing is done."),
    Action(_W.QUICK, "", ("up", "down"), "Choose", "Choose a reason."),
    Action(_W.QUICK, "enter", ("enter",), "OK", "Take it; or the words that you gave.", first=True),
    Action(_W.QUICK, "pick(0)", ("1",), "", "Take the first reason."),
    Action(_W.QUICK, "pick(1)", ("2",), "", "Take the second reason."),
    Action(_W.QUICK, "pick(2)", ("3",), "", "Take the third reason."),
    Action(_W.QUICK, "", ("tab",), "Own words", "Give a reason in your own words."),
    Action(_W.QUICK, "back", ("escape",), "Back", "Go back; nothing is done."),
    Action(_W.CHOICE, "", ("up", "down"), "Choose", "Choose an encounter, or a new one."),
    Action(_W.CHOICE, "", ("enter",), "OK", "Take it."),
    Action(_W.CHOICE, "back", ("escape",), "Back", "Go back; nothing is done."),
    Action(_W.ROLE, "", ("up", "down"), "Choose", "Choose what the frame is for."),
    Action(_W.ROLE, "", ("enter",), "OK", "Take it."),
    Action(_W.ROLE, "back", ("escape",), "Back", "Go back; nothing is done."),
    Action(_W.CLASS, "", ("up", "down"), "Choose", "Choose how long it is kept."),
    Action(_W.CLASS, "", ("enter",), "OK", "Take it."),
    Action(_W.CLASS, "back", ("escape",), "Back", "Go back; nothing is done."),
    Action(_W.CONFIRM, "yes", ("enter", "y"), "Yes", "Do it."),
    Action(_W.CONFIRM, "back", ("escape", "n"), "No", "Go back; nothing is done."),
    Action(_W.KEYS, "back", ("escape",), "Back", "Go back."),
)

_NAMES = {
    "question_mark": "?",
    "plus": "+",
    "minus": "-",
    "equals_sign": "=",
    "escape": "Esc",
    "pagedown": "PgDn",
    "pageup": "PgUp",
    "delete": "Del",
}


def key_words(key: str) -> str:
    """How a key is written on the screen: what is printed on it."""
    if key in _NAMES:
        return _NAMES[key]
    return "+".join(part.upper() if len(part) == 1 else part.capitalize() for part in key.split("+"))


def bindings(where: Where) -> list[BindingType]:
    """Textual's bindings of one screen."""
    return [
        Binding(key, action.name, action.help, show=False, priority=action.first)
        for action in ACTIONS
        if action.where is where and action.name
        for key in action.keys
    ]


def legend(where: Where, roles: Collection[Role] | None = None) -> list[tuple[str, str]]:
    """Key and label of what the foot of a screen shows.

    Args:
        where: the screen.
        roles: of whoever is logged in, on Home; None where that makes no difference or nobody is.
    """
    shown = [
        each
        for each in ACTIONS
        if each.where is where
        and each.label
        and (each.out if roles is None else not each.roles.isdisjoint(roles))
    ]
    shown += [each for each in ACTIONS if each.where is Where.EVERYWHERE and each.label]
    return [
        ("/".join(key_words(key) for key in each.keys[: None if not each.name else 1]), each.label)
        for each in shown
    ]
