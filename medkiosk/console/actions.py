"""Every key of the console, in one table.

Bindings, the legend at the foot of each screen and the list of keys (F1) are all made from it, and a test
compares `docs/console.md` with it, so that no key exists that is not explained.
"""

from __future__ import annotations

from collections.abc import Collection

from textual.binding import Binding, BindingType

from medkiosk.console.accessactions import ACCESS_ACTIONS
from medkiosk.console.action import Action, Where
from medkiosk.console.auditactions import AUDIT_ACTIONS
from medkiosk.console.correctionactions import CORRECTION_ACTIONS
from medkiosk.console.guideactions import GUIDE_ACTIONS
from medkiosk.console.settingsactions import SETTINGS_ACTIONS
from medkiosk.core.events import Role

__all__ = ["ACTIONS", "Action", "Where", "bindings", "key_words", "legend"]

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
        "Needed",
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
    Action(
        _W.HOME,
        "guide",
        ("o",),
        "Guide",
        "How to photograph, checks of it, and pictures to practise on; nobody needs to log in to read.",
    ),
    Action(_W.BACKUP, "", ("up", "down"), "Choose", "Choose a drive."),
    Action(_W.BACKUP, "enrol", ("n",), "New drive", "Make the empty disk that is plugged in a backup drive."),
    Action(_W.BACKUP, "run", ("r",), "Run", "Bring the drive that is plugged in up to date now."),
    Action(_W.BACKUP, "forget", ("f",), "Forget", "Say that a drive is lost, broken or destroyed."),
    Action(_W.BACKUP, "back", ("escape",), "Back", "Go back."),
    Action(
        _W.HOME,
        "health",
        ("h",),
        "Health",
        "How the machine is: disk, clock, temperature, backup, space.",
        out=False,
        roles=_STORE,
    ),
    Action(_W.HEALTH, "back", ("escape",), "Back", "Go back."),
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
        "maintenance",
        ("m",),
        "Maintenance",
        "Check and repair the store; witnesses; sticks.",
        out=False,
        roles=_STORE,
    ),
    Action(_W.MAINTENANCE, "check", ("c",), "Check", "Compare every record, entry and sealed file now."),
    Action(_W.MAINTENANCE, "read", ("s",), "Read again", "Read all sealed files; a drive mends them."),
    Action(_W.MAINTENANCE, "repair", ("r",), "Repair", "Put back what is damaged from a drive; asks first."),
    Action(_W.MAINTENANCE, "write", ("w",), "Write head", "Write the ledger's head to the stick."),
    Action(_W.MAINTENANCE, "take", ("t",), "Witnesses", "Read what witnesses signed; enrol new ones."),
    Action(_W.MAINTENANCE, "stick", ("n",), "Enrol stick", "Make the stick one of the kiosk's own."),
    Action(
        _W.MAINTENANCE, "setup", ("u",), "Set-up", "Have the set-up repair it at the next start; asks first."
    ),
    Action(_W.MAINTENANCE, "back", ("escape",), "Back", "Go back."),
    Action(
        _W.HOME,
        "accounts",
        ("a",),
        "Accounts",
        "Who may log in, for an administrator.",
        out=False,
        roles=_PEOPLE,
    ),
    Action(
        _W.HOME,
        "usb",
        ("u",),
        "USB",
        "Which keyboards and scanners are used, for an administrator.",
        out=False,
        roles=_PEOPLE,
    ),
    Action(
        _W.HOME,
        "update",
        ("v",),
        "Version",
        "The version that runs, and updates from a stick, for an administrator.",
        out=False,
        roles=_PEOPLE,
    ),
    Action(_W.UPDATE, "check", ("c",), "Look", "Look at the update on the stick; nothing is changed."),
    Action(_W.UPDATE, "install", ("i",), "Install", "Install what was looked at; asks first."),
    Action(_W.UPDATE, "restart", ("r",), "Restart", "Start the kiosk again, with the update; asks first."),
    Action(_W.UPDATE, "back", ("escape",), "Back", "Go back."),
    Action(_W.USB, "", ("up", "down"), "Choose", "Choose a keyboard or scanner."),
    Action(_W.USB, "enrol", ("n",), "Enrol", "Let the chosen one be used, in this port; asks first."),
    Action(_W.USB, "forget", ("f",), "Forget", "Take the chosen one off the list; asks first."),
    Action(_W.USB, "back", ("escape",), "Back", "Go back."),
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
    Action(_W.ACCOUNTS, "end", ("x",), "End kiosk", "Make the whole disk unreadable, for ever; two people."),
    Action(_W.ACCOUNTS, "back", ("escape",), "Back", "Go back."),
    Action(_W.KEPT, "turn(1)", ("n",), "Next page", "Show the next files."),
    Action(_W.KEPT, "turn(-1)", ("p",), "Page before", "Show the files before."),
    Action(_W.KEPT, "back", ("escape",), "Back", "Go back."),
    Action(_W.LOGIN, "enter", ("enter",), "Next", "Go on; after the passphrase, log in.", first=True),
    Action(_W.LOGIN, "setup", ("f4",), "", "Where nobody can log in: have the set-up repair it; asks first."),
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
    Action(_W.ENCOUNTERS, "find", ("f", "slash"), "Find", "Find some by the beginnings of words."),
    Action(_W.ENCOUNTERS, "new", ("n",), "New encounter", "Write down who is photographed."),
    Action(_W.ENCOUNTERS, "consent", ("c",), "Consent", "Record an answer for the chosen encounter."),
    Action(_W.ENCOUNTERS, "body", ("p",), "Body parts", "Say which parts of the body its photos show."),
    Action(_W.ENCOUNTERS, "identity", ("i",), "Identity", "Propose that the encounter is of somebody else."),
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
    Action(_W.CONSENT, "show", ("f3",), "Their view", "Show the text alone and large, to who answers."),
    Action(_W.CONSENT, "back", ("escape",), "Cancel", "Go back without saving."),
    Action(_W.GRANTOR, "turn(1)", ("right", "pagedown", "enter", "space"), "Read on", "Show the next part."),
    Action(_W.GRANTOR, "turn(-1)", ("left", "pageup"), "Part before", "Show the part before."),
    Action(_W.GRANTOR, "back", ("escape", "f3"), "Back", "Go back to the answer."),
    Action(_W.REVIEW, "approve", ("a",), "Approve", "Approve what you see, and go to the next photo."),
    Action(_W.REVIEW, "reject", ("r",), "Reject", "Reject this photo, with a reason."),
    Action(
        _W.REVIEW, "second", ("t",), "Second", "Have somebody else look at this photo and decide; asks why."
    ),
    Action(
        _W.REVIEW,
        "original",
        ("v",),
        "Original",
        "Look at the original for a while, with a reason; again, at what leaves.",
    ),
    Action(
        _W.REVIEW, "frame", ("f",), "Frame is", "Say what the frame is for; only clinical pictures leave."
    ),
    Action(_W.REVIEW, "body", ("b",), "", "Say which parts of the body this photo shows."),
    Action(_W.REVIEW, "export", ("x",), "", "Export the approved photos of this photo's encounter."),
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
    Action(_W.REVIEW, "kind", ("e",), "", "Say what the chosen mask hides: the next kind."),
    Action(_W.REVIEW, "why", ("w",), "", "Give another reason for what is masked or kept."),
    Action(_W.REVIEW, "undo", ("u",), "Undo", "Take back the last change of the masks, step by step."),
    Action(_W.REVIEW, "redo", ("y",), "", "Bring back what was taken back."),
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
    Action(_W.EXPORT, "", ("up", "down"), "", "Choose who receives it, or a photo."),
    Action(_W.EXPORT, "", ("tab",), "Next", "Go to the next field."),
    Action(_W.EXPORT, "", ("left", "right"), "", "Choose among the words of a line."),
    Action(_W.EXPORT, "mark", ("space",), "Mark", "Leave a photo out, or take it in; choose a limit."),
    Action(_W.EXPORT, "export", ("f2",), "Export", "Write the bundle, read it back, say what was signed."),
    Action(_W.EXPORT, "recipients", ("f3",), "Recipients", "Enrol or revoke who receives exports."),
    Action(_W.EXPORT, "recall", ("f4",), "Recall", "See what left and must be destroyed."),
    Action(_W.EXPORT, "acknowledge", ("f5",), "Came back", "Read what recipients sent back on the stick."),
    Action(_W.EXPORT, "exports", ("f6",), "What left", "See what left, to whom, and what may be outside."),
    Action(_W.EXPORT, "back", ("escape",), "Back", "Go back."),
    Action(_W.EXPORTED, "back", ("escape",), "Done", "Go back; a passphrase is never shown again."),
    Action(_W.RECIPIENTS, "", ("up", "down"), "Choose", "Choose a recipient."),
    Action(_W.RECIPIENTS, "new", ("n",), "New", "Enrol somebody, with a key that they read out."),
    Action(_W.RECIPIENTS, "revoke", ("d",), "Revoke", "Let somebody receive nothing any more; asks why."),
    Action(_W.RECIPIENTS, "sheet", ("s",), "Sheet", "Show what recipients compare with."),
    Action(_W.RECIPIENTS, "back", ("escape",), "Back", "Go back."),
    Action(_W.SHEET, "back", ("escape",), "Back", "Go back."),
    Action(_W.RECALL, "", ("up", "down"), "Choose", "Choose a bundle."),
    Action(_W.RECALL, "write", ("w",), "Write", "Write a notice for this recipient to the stick."),
    Action(_W.RECALL, "told", ("v",), "Told", "Record that this recipient said that they know."),
    Action(_W.RECALL, "back", ("escape",), "Back", "Go back."),
    Action(_W.EXPORTS, "", ("up", "down"), "Choose", "Go along the exports."),
    Action(_W.EXPORTS, "back", ("escape",), "Back", "Go back."),
    Action(_W.REASON, "enter", ("enter",), "OK", "Take the words that you gave.", first=True),
    Action(_W.REASON, "back", ("escape",), "Back", "Go back; nothing is done."),
    Action(_W.QUICK, "", ("up", "down"), "Choose", "Choose a reason."),
    Action(_W.QUICK, "enter", ("enter",), "OK", "Take it; or the words that you gave.", first=True),
    Action(_W.QUICK, "pick(0)", ("1",), "", "Take the first reason."),
    Action(_W.QUICK, "pick(1)", ("2",), "", "Take the second reason."),
    Action(_W.QUICK, "pick(2)", ("3",), "", "Take the third reason."),
    Action(_W.QUICK, "", ("tab",), "Own words", "Give a reason in your own words."),
    Action(_W.QUICK, "back", ("escape",), "Back", "Go back; nothing is done."),
    Action(_W.CHOICE, "", ("up", "down"), "Choose", "Choose an encounter; what is typed finds some."),
    Action(_W.CHOICE, "", ("enter",), "OK", "Take it."),
    Action(_W.CHOICE, "new", ("f2",), "New encounter", "Write down who is photographed."),
    Action(_W.CHOICE, "back", ("escape",), "Back", "Go back; nothing is done."),
    Action(_W.ROLE, "", ("up", "down"), "Choose", "Choose what the frame is for."),
    Action(_W.ROLE, "", ("enter",), "OK", "Take it."),
    Action(_W.ROLE, "back", ("escape",), "Back", "Go back; nothing is done."),
    Action(_W.CLASS, "", ("up", "down"), "Choose", "Choose how long it is kept."),
    Action(_W.CLASS, "", ("enter",), "OK", "Take it."),
    Action(_W.CLASS, "back", ("escape",), "Back", "Go back; nothing is done."),
    Action(_W.CONFIRM, "yes", ("enter", "y"), "Yes", "Do it."),
    Action(_W.CONFIRM, "back", ("escape", "n"), "No", "Go back; nothing is done."),
    *SETTINGS_ACTIONS,
    *ACCESS_ACTIONS,
    *GUIDE_ACTIONS,
    *AUDIT_ACTIONS,
    *CORRECTION_ACTIONS,
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
    "slash": "/",
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
