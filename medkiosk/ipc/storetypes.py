"""What crosses the socket about the store itself: drives, ledger, scrub, retention, disposal.

Clients use them through `medkiosk.ipc.types`.
"""

from __future__ import annotations

import msgspec

from medkiosk.core.consent import Subject
from medkiosk.core.drives import DriveState
from medkiosk.core.ids import CaptureId, DisposalId, DriveId, EncounterId, HoldId
from medkiosk.core.lifecycle import DisposalState, RetentionClass


class Wire(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of what crosses the socket: strict in both directions."""


class BackupStatus(Wire, frozen=True):
    """The backup drive at one place.

    Attributes:
        name: of the place, as the configuration has it.
        state: what is going on.
        drive_id: empty unless it is one of this kiosk's.
        bytes_done, bytes_total: of the sealed files that are copied in this run.
        detail: one sentence when there is something to say.
    """

    name: str
    state: DriveState
    drive_id: str
    bytes_done: int
    bytes_total: int
    detail: str


class HeldDisposal(Wire, frozen=True):
    """A disposal of which a drive may still hold something; ``at`` is when it was done."""

    disposal_id: DisposalId
    at: str


class DriveInfo(Wire, frozen=True):
    """One backup drive.

    Attributes:
        drive_id: its id.
        label: what people call it.
        enrolled_at: RFC 3339.
        finished_at: when its last complete run ended; empty before the first.
        ledger_size: up to which ledger entry it is complete.
        behind: ledger entries that it does not have.
        forgotten: why it is no longer expected; empty while it is.
        plugged_in: the place where it is now; empty if nowhere.
        still_holds: what was disposed of since its last run, oldest first.
    """

    drive_id: DriveId
    label: str
    enrolled_at: str
    finished_at: str
    ledger_size: int
    behind: int
    forgotten: str
    plugged_in: str
    still_holds: tuple[HeldDisposal, ...]


class Drives(Wire, frozen=True):
    """All backup drives, and the places where one can be plugged in."""

    drives: tuple[DriveInfo, ...]
    places: tuple[str, ...]


class ScrubStatus(Wire, frozen=True):
    """How far the reading of all sealed files is that finds a failing disk.

    ``waiting``: it stands still while a device is read. ``done`` and ``total`` are files, ``damaged`` those
    that are not what was sealed, ``repaired`` those that a backup drive gave back. ``finished``: when the
    last round was at its end.
    """

    running: bool = False
    waiting: bool = False
    done: int = 0
    total: int = 0
    damaged: int = 0
    repaired: int = 0
    finished: str = ""


class WitnessInfo(Wire, frozen=True):
    """Somebody who signs that they saw this ledger.

    ``size`` and ``at``: the largest head of theirs that is held here, and when they say they saw it; 0 and
    empty where there is none.
    """

    name: str
    key_id: str
    post_quantum: bool
    size: int
    at: str


class LedgerHead(Wire, frozen=True):
    """The ledger's newest head, to be kept elsewhere.

    ``text`` is short enough for a QR code: origin, size and root. ``checkpoint`` is the signed file.
    ``refusal``: why nothing is taken, if so.
    """

    origin: str
    size: int
    root: str
    at: str
    text: str
    checkpoint: str
    witnesses: tuple[WitnessInfo, ...]
    refusal: str = ""


class DueItem(Wire, frozen=True):
    """An encounter whose time has come.

    ``held`` are the legal holds that keep it all the same; ``words`` say why it is due or not.
    """

    encounter_id: EncounterId
    subject: Subject
    label: str
    captures: int
    retention: RetentionClass
    due: str
    words: str
    held: tuple[HoldId, ...]


class DueList(Wire, frozen=True):
    """A page of them, longest due first; ``total`` counts all."""

    items: tuple[DueItem, ...]
    total: int


class RetentionInfo(Wire, frozen=True):
    """How long one encounter is kept; ``due`` is empty for never."""

    encounter_id: EncounterId
    retention: RetentionClass
    due: str
    words: str


class HoldInfo(Wire, frozen=True):
    """A legal hold in force."""

    hold_id: HoldId
    at: str
    by: str
    encounters: tuple[EncounterId, ...]
    captures: tuple[CaptureId, ...]
    reason: str
    authority: str


class Holds(Wire, frozen=True):
    """All of them, oldest first."""

    holds: tuple[HoldInfo, ...]


class DisposalInfo(Wire, frozen=True):
    """One disposal.

    Attributes:
        by: who proposed it.
        early: whether it says that some of it is not due.
        decided_by: who said yes or no; empty before.
        verdicts: of all that it names, why it is due or not, in words, what is not due first; none once it
            is decided. In a list only the newest have them: see `Api.get_disposal`.
        judged: how many verdicts there are, wherever they are shown.
        not_due: of how many of these the time has not come, or a hold keeps them.
        warning: why today's date may be wrong; empty where nothing says so.
        goes: what is destroyed, in a sentence.
        remains: what is not, a sentence each: what the second person must know.
        drives: backup drives that hold it until they are plugged in again.
        destroyed: objects and records that are gone.
    """

    disposal_id: DisposalId
    at: str
    by: str
    reason: str
    authority: str
    early: bool
    encounters: tuple[EncounterId, ...]
    captures: int
    state: DisposalState
    decided_by: str
    decided_at: str
    verdicts: tuple[str, ...]
    goes: str
    remains: tuple[str, ...]
    drives: tuple[str, ...]
    destroyed: int
    finished_at: str
    judged: int = 0
    not_due: int = 0
    warning: str = ""


class DisposalList(Wire, frozen=True):
    """A page of disposals, newest first; ``total`` counts all."""

    disposals: tuple[DisposalInfo, ...]
    total: int
