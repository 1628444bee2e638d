"""What a key does, and on which screen; the table of all of them is `medkiosk.console.actions`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

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
    UPDATE = "Version"
    USB = "USB"
    ACCOUNTS = "Accounts"
    RETENTION = "Retention"
    RECEIPT = "Receipt"
    ENCOUNTERS = "Encounters"
    SLATE = "Slate"
    FORM = "Forms"
    HEALTH = "Health"
    LEDGER = "Ledger"
    MAINTENANCE = "Maintenance"
    CODE = "Code of the ledger"
    CONSENT = "Consent"
    GRANTOR = "For you to read"
    REVIEW = "Review"
    EXPORT = "Export"
    EXPORTED = "Exported"
    RECIPIENTS = "Recipients"
    SHEET = "Sheet for recipients"
    RECALL = "Recall"
    EXPORTS = "What left"
    REASON = "Reason"
    QUICK = "Reason to keep visible"
    CHOICE = "Choice of an encounter"
    ROLE = "What a frame is for"
    CLASS = "How long it is kept"
    CONFIRM = "Yes or no"
    GUIDE = "Guide"
    GUIDE_PAGE = "Page of the guide"
    GUIDE_FIND = "Find in the guide"
    CHECK = "Check"
    RESULT = "Result of a check"
    TRAINING = "My training"
    TRAINED = "Who passed what"
    PRACTISED = "Result of the practice"
    CORRECTIONS = "Corrections"
    SIMILAR = "Similar patients"
    CONFLICT = "Which is right"
    GLASSES = "Broken glasses"
    SETTINGS = "Settings"
    ISSUERS = "Issuers"
    AUDIT = "Audit"
    AUDIT_EVENT = "One event of the audit"
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
