"""Deletion: of what is acknowledged and nothing else, and what the ledger and the screen say of it."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from medkiosk.catalog.fold import Catalog
from medkiosk.core.channel import Channel
from medkiosk.core.device import KEEP_CARD, REUSE, DeviceState
from medkiosk.core.event import Event
from medkiosk.core.events import (
    AnyEvent,
    FileDeleted,
    FileDeleting,
    FileKept,
    FileUnclear,
    ImportFinished,
    ImportStarted,
    OnDevice,
)
from medkiosk.daemon import deletewords
from medkiosk.review.machine import step
from tests.daemon.importing import ImportRig, picture, reference, write
from tests.virtual import fuse
from tests.virtual.camera import RunningCamera, running_camera
from tests.virtual.memory import memory_card, needs_root, set_lock_switch

DELETE = "after_verified"
NAMES = tuple(f"IMG_{n:04d}.JPG" for n in range(1, 15))
FILES = {f"DCIM/100CANON/{name}": picture(n) for n, name in enumerate(NAMES)}
FEW = dict(list(FILES.items())[:3])
NEW = picture(99)

needs_fuse = pytest.mark.skipif(bool(fuse.why_not()), reason=fuse.why_not() or "FUSE")


def on(card: Path) -> set[str]:
    return {path.name for path in card.rglob("*") if path.is_file()}


def names(imports: ImportRig, kind: type[FileDeleting | FileDeleted | FileKept | FileUnclear]) -> list[str]:
    return sorted(event.file for event in imports.events(kind))


def assert_told(imports: ImportRig, card: Path) -> None:
    """Every deletion was written down before, and afterwards what became of it, and that is so."""
    ends = [event for kind in (FileDeleted, FileKept, FileUnclear) for event in imports.events(kind)]
    assert Counter(event.file for event in ends) == Counter(names(imports, FileDeleting))
    deleted, kept = (set(names(imports, kind)) for kind in (FileDeleted, FileKept))
    assert not deleted & on(card)
    assert kept - deleted <= on(card)
    assert_counted(imports)
    imports.assert_clean()


def assert_counted(imports: ImportRig) -> None:
    """The receipts of all imports count each file once, as it stands by the last entry about it."""
    catalog = Catalog(step)
    last: dict[tuple[str, str], type[AnyEvent]] = {}
    for event in imports.events(Event):
        assert isinstance(event, AnyEvent)
        catalog.apply(event)
        if isinstance(event, OnDevice):
            last[event.import_id, event.file] = type(event)
    ends = Counter(last.values())
    pages = [catalog.receipt(view.import_id) for view in catalog.imports()]
    assert sum(page.deleted for page in pages if page) == ends[FileDeleted]
    assert sum(page.kept for page in pages if page) == ends[FileKept]
    assert sum(page.unclear for page in pages if page) == ends[FileUnclear]


@contextmanager
def meanwhile(card: Path, name: str, then: Callable[[], object]) -> Iterator[None]:
    """Do something in the moment in which a file is gone from the card."""

    def watch() -> None:
        while name in on(card) and not stop.is_set():
            time.sleep(0.001)
        then()

    stop = threading.Event()
    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@pytest.mark.parametrize("kind", ["card", "camera"])
def test_nothing_is_deleted_unless_the_policy_says_so_and_then_everything_that_is_sealed(
    imports: ImportRig, tmp_path: Path, kind: str
) -> None:
    card = write(tmp_path / "card", FILES)
    with running_camera(card) as camera:
        device = camera if kind == "camera" else card
        assert imports.plug(device).state is DeviceState.SAFE
        assert len(on(card)) == len(FILES)
        assert imports.events(FileDeleting) == []
        status = imports.plug(device, delete=DELETE)
    assert status.state is DeviceState.SAFE
    assert any("14 files were deleted" in note for note in status.notes)
    assert on(card) == set()
    assert names(imports, FileDeleted) == sorted(NAMES)
    assert imports.content() == Counter(FILES.values())
    started = [event.import_id for event in imports.events(ImportStarted)]
    ended = [event.import_id for event in imports.events(ImportFinished)]
    assert started == ended
    assert {event.import_id for event in imports.events(FileDeleting)} == {started[-1]}, "of the second plug"
    assert len(started) == 2
    assert_told(imports, card)


@pytest.mark.parametrize(("kind", "gone"), [("camera", NAMES[0]), ("card", NAMES[0]), ("card", NAMES[-1])])
def test_a_picture_that_is_taken_during_the_deletion_is_sealed_before_the_verdict(
    imports: ImportRig, tmp_path: Path, kind: str, gone: str
) -> None:
    card = write(tmp_path / "card", FILES)
    new = {"DCIM/100CANON/IMG_0015.JPG": NEW}
    with running_camera(card) as camera, meanwhile(card, gone, lambda: write(card, new)):
        status = imports.plug(camera if kind == "camera" else card, delete=DELETE)
    assert status.state is DeviceState.SAFE
    assert status.passport == (REUSE if kind == "card" else "")
    assert imports.content() == Counter([*FILES.values(), NEW])
    assert on(card) == set()
    assert status.notes == ("15 files were deleted from the device; all that was deleted is sealed.",)
    assert_told(imports, card)


@pytest.mark.parametrize(("kind", "protected"), [("card", NAMES[0]), ("camera", NAMES[5])])
def test_one_protected_picture_stays_and_the_others_go(
    imports: ImportRig, tmp_path: Path, kind: str, protected: str
) -> None:
    card = write(tmp_path / "card", FILES)
    (card / "DCIM/100CANON" / protected).chmod(0o444)
    with running_camera(card) as camera:
        status = imports.plug(camera if kind == "camera" else card, delete=DELETE)
    assert status.state is DeviceState.SAFE
    assert on(card) == {protected}
    [note] = status.notes
    assert "13 files were deleted" in note
    assert "1 file was not deleted" in note
    [kept] = imports.events(FileKept)
    assert (kept.file, "write-protected" in kept.words) == (protected, True)
    assert_told(imports, card)


def test_one_file_that_is_not_acknowledged_and_nothing_at_all_is_deleted(
    imports: ImportRig, tmp_path: Path
) -> None:
    card = write(tmp_path / "card", FEW)
    with running_camera(card, faults=["short-read=IMG_0002.JPG"]) as camera:
        status = imports.plug(camera, delete=DELETE)
    assert status.state is DeviceState.INCOMPLETE
    assert status.notes == (deletewords.NOT_WHOLE,)
    assert len(on(card)) == 3
    assert imports.events(FileDeleting) == []


def test_one_file_that_is_damaged_on_the_card_and_nothing_at_all_is_deleted(
    imports: ImportRig, tmp_path: Path
) -> None:
    first, second, _ = FEW
    card = write(tmp_path / "card", {first: FEW[first], second: FEW[second][:3000]})
    assert imports.plug(card, delete=DELETE).passport == KEEP_CARD
    assert len(on(card)) == 2
    assert imports.events(FileDeleting) == []


def test_what_the_vault_does_not_give_back_is_not_deleted_and_keeps_the_card(
    imports: ImportRig, tmp_path: Path
) -> None:
    card = write(tmp_path / "card", FEW)
    assert imports.plug(card).state is DeviceState.SAFE
    second = list(imports.vault.objects())[1]
    blob = imports.vault.blob_path(second.id)
    blob.write_bytes(blob.read_bytes()[::-1])  # as long as it was: that is seen without reading it
    status = imports.plug(card, delete=DELETE)
    assert "could not be read back" in " ".join(status.notes)
    assert status.passport == KEEP_CARD
    kept, last = imports.events(FileKept)
    assert (kept.object_id, kept.words) == (second.id, deletewords.DAMAGED)
    assert (last.file, last.words) == (NAMES[2], deletewords.NOT_ASKED)
    assert on(card) == set(NAMES[1:3])


@pytest.fixture
def read_only_card(tmp_path: Path) -> Iterator[Path]:
    """A file system that is mounted read-only: as by the kiosk's own reader."""
    at = tmp_path / "card"
    at.mkdir()
    with memory_card(at):
        write(at, FEW)
        set_lock_switch(at)
        yield at


@needs_root
def test_a_card_that_can_only_be_read_is_a_state_and_no_error(
    imports: ImportRig, read_only_card: Path
) -> None:
    status = imports.plug(read_only_card, delete=DELETE)
    assert (status.state, status.passport) == (DeviceState.SAFE, REUSE)
    [note] = status.notes
    assert "never writes to a card" in note
    assert "deleted" not in note
    assert names(imports, FileKept) == [NAMES[0]]
    assert_told(imports, read_only_card)


def test_a_write_protected_card_in_a_camera_is_a_state_and_no_error(
    imports: ImportRig, tmp_path: Path
) -> None:
    card = write(tmp_path / "card", FEW)
    with running_camera(card, faults=["write-protect"]) as camera:
        status = imports.plug(camera, delete=DELETE)
    assert status.state is DeviceState.SAFE
    assert any("write-protected" in note for note in status.notes)
    assert names(imports, FileKept) == [NAMES[0]]
    assert len(on(card)) == 3


def test_a_camera_that_deletes_nothing_is_asked_once(imports: ImportRig, tmp_path: Path) -> None:
    card = write(tmp_path / "card", FEW)
    with running_camera(card, faults=["keep-deleted"]) as camera:
        status = imports.plug(camera, delete=DELETE)
    assert status.state is DeviceState.SAFE
    assert status.notes == (deletewords.FAILED,)
    assert names(imports, FileKept) == [NAMES[0]]
    assert_told(imports, card)


def test_a_camera_that_deletes_everything_is_found_after_one_file(imports: ImportRig, tmp_path: Path) -> None:
    """What the device did is not believed: of the one file that it was asked for nothing is known."""
    card = write(tmp_path / "card", FEW)
    with running_camera(card, faults=["delete-all"]) as camera:
        status = imports.plug(camera, delete=DELETE)
    assert on(card) == set()
    assert "something else than it was asked for" in " ".join(status.notes)
    assert names(imports, FileDeleting) == names(imports, FileUnclear) == [NAMES[0]]
    assert imports.content() == Counter(FEW.values())


@needs_fuse
@pytest.mark.parametrize(("fault", "kind"), [("deletes", FileKept), ("syncs", FileDeleted)])
def test_the_ledger_says_what_the_next_listing_has_and_not_what_the_card_answered(
    imports: ImportRig, tmp_path: Path, fault: str, kind: type[FileKept | FileDeleted]
) -> None:
    inside = fuse.folder({name.rpartition("/")[2]: fuse.data(data) for name, data in FEW.items()})
    setattr(inside, fault, False)
    with fuse.mounted(fuse.folder({"DCIM": inside}), tmp_path / "card") as card:
        status = imports.plug(card, delete=DELETE)
        assert deletewords.FAILED in " ".join(status.notes)
        assert names(imports, kind) == [NAMES[0]]
        assert_told(imports, card)


def test_a_camera_that_goes_in_the_middle_leaves_what_is_not_known_as_that(
    imports: ImportRig, tmp_path: Path
) -> None:
    card = write(tmp_path / "card", FILES)
    camera = RunningCamera(card)

    def reset() -> None:
        camera.stop()
        time.sleep(1.5)
        camera.restart()

    try:
        with meanwhile(card, NAMES[3], reset):
            importer = imports.importer(reference(camera), delete=DELETE)
            importer.start()
            deadline = time.monotonic() + 60
            while importer.status.state is not DeviceState.SAFE and time.monotonic() < deadline:
                time.sleep(0.02)
            status = importer.status
            importer.unplugged()
    finally:
        camera.stop()
    assert status.state is DeviceState.SAFE
    assert names(imports, FileUnclear)
    assert "not known" in " ".join(status.notes)
    assert imports.content() == Counter(FILES.values())
    assert_told(imports, card)


def test_a_card_that_is_taken_away_is_not_taken_for_a_card_that_was_emptied(
    imports: ImportRig, tmp_path: Path
) -> None:
    """An unmounted card is an empty directory: its files were moved, not deleted, and nobody may say so."""
    card, away = write(tmp_path / "card", FILES), tmp_path / "away"
    with meanwhile(card, NAMES[0], lambda: (card / "DCIM").rename(away)):
        imports.plug(card, delete=DELETE)
    assert not set(names(imports, FileDeleted)) & on(away)


def test_the_listings_of_a_deletion_grow_with_the_logarithm_of_the_files(
    imports: ImportRig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Batches of 1, 10 and 3: two sessions each, one for the import and one for the second look."""
    spawned: list[Channel] = []
    spawn = imports._spawn

    def counted() -> Channel:
        spawned.append(spawn())
        return spawned[-1]

    monkeypatch.setattr(imports, "_spawn", counted)
    imports.plug(write(tmp_path / "card", FILES), delete=DELETE)
    assert len(spawned) == 2 * 3 + 2
