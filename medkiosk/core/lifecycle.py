"""Events of what is kept, for how long, where else, who opens it, and how it ends.

`medkiosk.core.events` has the union of all events; how a disposal goes on is in docs/format.md section 5 and
docs/retention.md.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from medkiosk.core.event import Event
from medkiosk.core.ids import (
    AccountId,
    CaptureId,
    DisposalId,
    DriveId,
    EncounterId,
    HoldId,
    ObjectId,
    RecordId,
)


class RetentionClass(StrEnum):
    """How long an encounter's pictures are kept (docs/retention.md)."""

    ADULT = "adult"  # eight years
    CHILD = "child"  # until 25, or 26 where it was 17 at the end of treatment
    RESEARCH = "research"  # as the protocol says
    PERMANENT = "permanent"  # never due


class DisposalState(StrEnum):
    """Where a disposal stands (`medkiosk.core.disposal`)."""

    PROPOSED = "proposed"
    REFUSED = "refused"
    APPROVED = "approved"
    DESTROYING = "destroying"
    FINISHED = "finished"


class RetentionSet(Event, frozen=True, tag="retention.set"):
    """Somebody gave an encounter a class; nothing said, it follows from the subject's age.

    ``until``: YYYY-MM-DD, for research only: when the protocol ends.
    """

    encounter_id: EncounterId
    retention: RetentionClass
    until: str
    reason: str


class HoldPlaced(Event, frozen=True, tag="hold.placed"):
    """Nothing of these encounters and captures may be destroyed, whatever is due, until it is lifted."""

    hold_id: HoldId
    encounters: tuple[EncounterId, ...]
    captures: tuple[CaptureId, ...]
    reason: str
    authority: str


class HoldLifted(Event, frozen=True, tag="hold.lifted"):
    """A legal hold ended."""

    hold_id: HoldId
    reason: str


class Standing(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """How an encounter stood when a disposal of it, or of some of its pictures, was proposed.

    Attributes:
        captures: which of the proposal's captures were its own: their places there, from 0.
        retention: the class that it had, given or derived.
        due: the first day on which it might go, YYYY-MM-DD; empty for never.
    """

    encounter_id: EncounterId
    captures: tuple[int, ...]
    retention: RetentionClass
    due: str


class LastSeen(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """The last day on which a person was seen, YYYY-MM-DD, and their encounters that a proposal leaves."""

    day: str
    encounters: tuple[EncounterId, ...]


class DisposalProposed(Event, frozen=True, tag="disposal.proposed", omit_defaults=True):
    """Somebody asks to destroy these captures and, with all that was said in them, these encounters.

    ``reason`` is in words, ``authority`` names the rule or the order that allows it. ``early`` says that some
    of it is not due, and is to be destroyed all the same.

    Attributes:
        standing: of each encounter that it names, or has pictures of: what was decided on. A capture that is
            in none of them belonged to nobody.
        seen: of the persons of its encounters. Once those are gone nothing else says when that was, and what
            is left of the person must not become due earlier for it.
    """

    disposal_id: DisposalId
    encounters: tuple[EncounterId, ...]
    captures: tuple[CaptureId, ...]
    reason: str
    authority: str
    early: bool
    standing: tuple[Standing, ...] = ()
    seen: tuple[LastSeen, ...] = ()


class DisposalRefused(Event, frozen=True, tag="disposal.refused"):
    """The second person said no, or the first one took it back."""

    disposal_id: DisposalId
    reason: str


class DisposalApproved(Event, frozen=True, tag="disposal.approved"):
    """A second person said yes; the destruction begins."""

    disposal_id: DisposalId


class Disposed(Event, frozen=True, tag="disposal.destroyed"):
    """The keys of these are about to be gone: nobody opens them again (step 4).

    ``objects`` and ``records`` are all whose envelopes go, those of the captures and encounters. A disposal
    of many is several such events; each names some of them.
    """

    disposal_id: DisposalId
    encounters: tuple[EncounterId, ...]
    captures: tuple[CaptureId, ...]
    objects: tuple[ObjectId, ...]
    records: tuple[RecordId, ...]


class DisposalFinished(Event, frozen=True, tag="disposal.finished"):
    """The old keys are destroyed and the blobs are removed.

    Attributes:
        blobs: files removed.
        trimmed: whether the file system told the disk to forget them, or is mounted so that it does. If not,
            a timer of the system (fstrim) may do it later.
    """

    disposal_id: DisposalId
    blobs: int
    trimmed: bool


class EpochOpened(Event, frozen=True, tag="epoch.opened"):
    """New data keys are sealed to another key; ``reason`` is ``age``, ``count`` or ``disposal``."""

    epoch: int
    reason: str


class DriveEnrolled(Event, frozen=True, tag="backup.enrolled"):
    """A backup drive may receive copies of the sealed store."""

    drive_id: DriveId
    label: str


class BackupFinished(Event, frozen=True, tag="backup.finished"):
    """A drive holds everything sealed up to here, read back and compared, and nothing disposed of before.

    ``ledger_size`` is how many entries it holds; ``objects`` and ``bytes`` are what this run copied.
    """

    drive_id: DriveId
    ledger_size: int
    objects: int
    bytes: int


class DriveForgotten(Event, frozen=True, tag="backup.forgotten"):
    """A drive is no longer expected: lost, broken or destroyed; ``reason`` says which."""

    drive_id: DriveId
    reason: str


class CosignatureTaken(Event, frozen=True, tag="ledger.cosigned"):
    """A witness signed a checkpoint of this ledger: ``witness`` is its key's name."""

    witness: str
    size: int


class WitnessEnrolled(Event, frozen=True, tag="witness.enrolled"):
    """Somebody else may sign that they saw this ledger: ``witness`` is the key's name, ``key`` its vkey."""

    witness: str
    key: str


class RollbackAccepted(Event, frozen=True, tag="ledger.rollback_accepted"):
    """An older copy of the store goes on, because the newest one is lost.

    The kiosk remembered a ledger of ``remembered`` entries; this entry is the first after ``size``. What the
    entries between said is lost.
    """

    size: int
    remembered: int
    reason: str


class ClockWentBack(Event, frozen=True, tag="clock.back"):
    """The kiosk's clock shows less than an entry that is already logged; ``newest`` is that entry's time."""

    newest: str


class ScrubFinished(Event, frozen=True, tag="scrub.finished"):
    """Every sealed file was read again and compared; ``damaged`` of ``objects`` are not what was sealed."""

    objects: int
    damaged: int


class AccountClosed(Event, frozen=True, tag="account.closed"):
    """Somebody may not log in any more: their key slots are gone, their name stays in the history."""

    account_id: AccountId
    reason: str


class SlotChanged(Event, frozen=True, tag="account.slot_changed"):
    """Another way to log in.

    ``how``: ``passphrase`` by the person themself, ``reset`` by an administrator (to be changed at the next
    login), ``upgraded`` for stronger parameters, ``fido2_added`` or ``fido2_removed``.
    """

    account_id: AccountId
    how: str


class RecoveryChecked(Event, frozen=True, tag="recovery.checked"):
    """Recovery sheets were shown; ``typed``: two of them were typed back from paper without a mistake."""

    typed: bool


class RecoveryReplaced(Event, frozen=True, tag="recovery.replaced"):
    """New recovery sheets were made; the old ones open nothing that is on the kiosk."""


AnyLifecycle = (
    RetentionSet
    | HoldPlaced
    | HoldLifted
    | DisposalProposed
    | DisposalRefused
    | DisposalApproved
    | Disposed
    | DisposalFinished
    | EpochOpened
    | DriveEnrolled
    | BackupFinished
    | DriveForgotten
    | CosignatureTaken
    | WitnessEnrolled
    | RollbackAccepted
    | ClockWentBack
    | ScrubFinished
    | AccountClosed
    | SlotChanged
    | RecoveryChecked
    | RecoveryReplaced
)
