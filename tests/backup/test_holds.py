"""A drive that is said to hold nothing of a disposal holds nothing of it, whatever happened in between."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from medkiosk.backup.holds import DriveBook, held_by, still_holding
from medkiosk.core import lifecycle as life
from medkiosk.core.event import Event
from medkiosk.core.ids import KIOSK, DisposalId, DriveId

AT = "2026-01-01T00:00:00.000Z"
DRIVES = [DriveId(f"{n:032x}") for n in range(3)]


def enrolled(drive: DriveId) -> Event:
    return life.DriveEnrolled(at=AT, actor=KIOSK, drive_id=drive, label="blue")


def finished(drive: DriveId, size: int) -> Event:
    return life.BackupFinished(at=AT, actor=KIOSK, drive_id=drive, ledger_size=size, objects=0, bytes=0)


def forgotten(drive: DriveId) -> Event:
    return life.DriveForgotten(at=AT, actor=KIOSK, drive_id=drive, reason="lost")


def disposed(disposal: int) -> Event:
    return life.Disposed(
        at=AT,
        actor=KIOSK,
        disposal_id=DisposalId(f"{disposal:032x}"),
        encounters=(),
        captures=(),
        objects=(),
        records=(),
    )


class Model:
    """What each drive really holds: a run takes everything; one that is cut short may take anything."""

    def __init__(self) -> None:
        self.book = DriveBook()
        self.index = 0
        self.things: dict[int, DisposalId | None] = {}  # what was sealed, and by what it was disposed of
        self.on: dict[DriveId, set[int]] = {}

    def happens(self, event: Event) -> None:
        self.book.apply(event, self.index)
        self.index += 1

    def seal(self) -> None:
        self.things[len(self.things)] = None
        self.index += 1

    def enrol(self, drive: DriveId) -> None:
        if drive not in self.on:
            self.on[drive] = set()
            self.happens(enrolled(drive))

    def run(self, drive: DriveId, *, cut: bool) -> None:
        if drive not in self.on:
            return
        alive = {thing for thing, gone in self.things.items() if gone is None}
        if cut:
            self.on[drive] |= alive
            return
        size = self.index
        self.on[drive] = alive
        self.index += 2  # others' events come before the record of the run
        self.happens(finished(drive, size))

    def dispose(self, entries: int) -> None:
        number = len(self.book.disposals)
        for thing, gone in self.things.items():
            if gone is None:
                self.things[thing] = DisposalId(f"{number:032x}")
        for _ in range(entries):
            self.happens(disposed(number))

    def check(self) -> None:
        for drive, held in self.on.items():
            really = {gone for thing in held if (gone := self.things[thing]) is not None}
            said = {one.disposal_id for one in held_by(self.book.drives[drive], self.book.disposals.values())}
            assert really <= said
            for disposal in self.book.disposals.values():
                named = {one.drive_id for one in still_holding(self.book.drives.values(), disposal.index)}
                assert (drive in named) == (disposal.disposal_id in said)


STEPS = st.one_of(
    st.just(("seal",)),
    st.tuples(st.just("enrol"), st.sampled_from(DRIVES)),
    st.tuples(st.just("run"), st.sampled_from(DRIVES)),
    st.tuples(st.just("cut"), st.sampled_from(DRIVES)),
    st.tuples(st.just("forget"), st.sampled_from(DRIVES)),
    st.tuples(st.just("dispose"), st.integers(1, 3)),
)


@given(st.lists(STEPS, max_size=40))
def test_no_drive_is_acquitted_that_holds_something(steps: list[tuple[object, ...]]) -> None:
    model = Model()
    for step in steps:
        match step:
            case ("seal",):
                model.seal()
            case ("enrol", str(drive)):
                model.enrol(DriveId(drive))
            case ("run" | "cut" as how, str(drive)):
                model.run(DriveId(drive), cut=how == "cut")
            case ("forget", str(drive)) if drive in model.on:
                model.happens(forgotten(DriveId(drive)))
            case ("dispose", int(entries)):
                model.dispose(entries)
        model.check()


def test_a_run_after_the_disposal_acquits_and_a_drive_that_came_later_holds_nothing() -> None:
    model = Model()
    model.seal()
    first, later, lost = DRIVES
    model.enrol(first)
    model.enrol(lost)
    model.run(first, cut=False)
    model.run(lost, cut=False)
    model.happens(forgotten(lost))
    model.dispose(1)
    model.enrol(later)
    model.run(later, cut=False)
    [disposal] = model.book.disposals.values()
    assert [one.drive_id for one in still_holding(model.book.drives.values(), disposal.index)] == [
        first,
        lost,
    ]
    model.run(first, cut=True)
    assert held_by(model.book.drives[first], [disposal]) == (disposal,)
    model.run(first, cut=False)
    assert [one.drive_id for one in still_holding(model.book.drives.values(), disposal.index)] == [lost]
    assert model.book.drives[lost].forgotten == "lost"
    assert model.book.drives[first].label == "blue"
