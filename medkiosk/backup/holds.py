"""Which drive still holds what was disposed of. Pure: what the events, in their order, add up to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from medkiosk.core import lifecycle as life
from medkiosk.core.event import Event
from medkiosk.core.ids import DisposalId, DriveId


@dataclass(frozen=True)
class Drive:
    """What is known about one backup drive.

    Attributes:
        drive_id: its id.
        label: what people call it.
        enrolled_at: RFC 3339.
        enrolled_index: ledger index of its enrolment.
        finished_at: when its last run ended; empty before the first.
        ledger_size: how many ledger entries it holds since that run; 0 before the first.
        forgotten: why it is no longer expected; empty while it is.
    """

    drive_id: DriveId
    label: str
    enrolled_at: str
    enrolled_index: int
    finished_at: str = ""
    ledger_size: int = 0
    forgotten: str = ""


@dataclass(frozen=True)
class Disposal:
    """Something that was disposed of: ``index`` is the ledger index of its last `Disposed` entry."""

    disposal_id: DisposalId
    index: int
    at: str


@dataclass
class DriveBook:
    """Drives and disposals, folded from the events."""

    drives: dict[DriveId, Drive] = field(default_factory=dict)
    disposals: dict[DisposalId, Disposal] = field(default_factory=dict)

    def apply(self, event: Event, index: int) -> None:
        """Take the next event, which has this ledger index; events of other kinds say nothing here."""
        match event:
            case life.DriveEnrolled():
                self.drives[event.drive_id] = Drive(event.drive_id, event.label, event.at, index)
            case life.BackupFinished():
                known = self.drives.get(event.drive_id)
                # A drive whose enrolment cannot be read still counts: what it holds matters.
                label, at, since = (
                    (known.label, known.enrolled_at, known.enrolled_index) if known else ("", "", 0)
                )
                self.drives[event.drive_id] = Drive(
                    event.drive_id, label, at, since, event.at, event.ledger_size
                )
            case life.DriveForgotten():
                if (drive := self.drives.get(event.drive_id)) is not None:
                    self.drives[event.drive_id] = Drive(
                        drive.drive_id,
                        drive.label,
                        drive.enrolled_at,
                        drive.enrolled_index,
                        drive.finished_at,
                        drive.ledger_size,
                        event.reason or "forgotten",
                    )
            case life.Disposed():
                self.disposals[event.disposal_id] = Disposal(event.disposal_id, index, event.at)
            case _:
                pass


def holds(drive: Drive, disposed_index: int) -> bool:
    """Tell whether a drive may still hold what the ledger entry with this index says was disposed of.

    A run that was interrupted may have copied anything up to then and leaves no event, so only two things
    acquit a drive: it was enrolled later, or a run ended that knew of the disposal. That a drive was
    forgotten does not: it is somewhere.
    """
    return drive.enrolled_index < disposed_index and drive.ledger_size <= disposed_index


def still_holding(drives: Iterable[Drive], disposed_index: int) -> tuple[Drive, ...]:
    """Return the drives that may still hold what was disposed of in this ledger entry, by id."""
    return tuple(sorted((one for one in drives if holds(one, disposed_index)), key=lambda one: one.drive_id))


def held_by(drive: Drive, disposals: Iterable[Disposal]) -> tuple[Disposal, ...]:
    """Return the disposals of which a drive may still hold something, oldest first."""
    return tuple(one for one in sorted(disposals, key=lambda one: one.index) if holds(drive, one.index))
