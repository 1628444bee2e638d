"""What crosses the socket about the settings of this kiosk (docs/settings.md)."""

from __future__ import annotations

from medkiosk.core.correctionevents import Outcome
from medkiosk.core.ids import AccountId, ProposalId
from medkiosk.ipc.storetypes import Wire


class SettingsStatus(Wire, frozen=True):
    """Which settings count; nothing personal in it.

    Attributes:
        version: that is in force; 0: the image's values are.
        newest: that was decided, as far as is known before somebody logs in.
        restart: another one counts from the next start on.
        unused: a newer one cannot be used, and an older one is in force instead.
    """

    version: int = 0
    newest: int = 0
    restart: bool = False
    unused: bool = False


class SettingInfo(Wire, frozen=True):
    """One setting that may be altered.

    Attributes:
        key: names it in calls.
        named: as it stands in a file.
        kind: what its value is (`medkiosk.settings.table.Kind`).
        choices: the words that it may have; for names, some that are known.
        said: what each choice means, in the same order.
        value: what was decided, or the image's; TOML that sets it.
        shown: the same in words.
        image: the image's value in words.
        own: whether it was decided here.
        now: what is in force until the next start, in words, where that is something else.
        version: by which it was last changed; 0: never here.
        at, by, decided_by: when it was, and by whom.
    """

    key: str
    named: str
    title: str
    words: str
    kind: str
    choices: tuple[str, ...]
    said: tuple[str, ...]
    value: str
    shown: str
    image: str
    own: bool
    now: str = ""
    version: int = 0
    at: str = ""
    by: str = ""
    decided_by: str = ""


class SettingChange(Wire, frozen=True):
    """One setting that would change; ``weaker``: what protection gets weaker by it, in words."""

    key: str
    title: str
    words: str
    old: str
    new: str
    weaker: str = ""


class SettingsDraft(Wire, frozen=True):
    """What a text would change: ``text`` is what is proposed; ``back``: these get the image's values."""

    text: str
    back: tuple[str, ...]
    changes: tuple[SettingChange, ...]


class SettingsProposal(Wire, frozen=True):
    """One proposal.

    Attributes:
        outcome: None while it waits.
        changes: what it would change now; only while it waits.
        changed: titles of the settings that it changes.
        version: its number, after a yes.
        obstacle: why it cannot be approved any more; empty where it can.
    """

    proposal_id: ProposalId
    at: str
    by: str
    by_id: AccountId
    reason: str
    changed: tuple[str, ...]
    sha256: str
    outcome: Outcome | None = None
    changes: tuple[SettingChange, ...] = ()
    version: int = 0
    decided_at: str = ""
    decided_by: str = ""
    decision: str = ""
    obstacle: str = ""


class KioskSettings(Wire, frozen=True):
    """All settings that may be altered, the proposal that waits, and the last ones that were decided."""

    settings: tuple[SettingInfo, ...]
    status: SettingsStatus
    unused: tuple[str, ...] = ()
    """Why newer versions are not in force, a sentence each."""
    waiting: SettingsProposal | None = None
    past: tuple[SettingsProposal, ...] = ()
