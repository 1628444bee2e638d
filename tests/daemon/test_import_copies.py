"""The same bytes are stored once, wherever they are found; files of one shot are one capture."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from medkiosk.core.device import KEEP_CARD, REUSE, DeviceState
from medkiosk.core.errors import KioskError
from medkiosk.core.events import ImportFinished, ImportStarted, OriginalAgain, OriginalSealed
from medkiosk.ledger.file import Log
from tests.daemon.importing import ImportRig, picture, raw, reference, write
from tests.disk import FailingDisk
from tests.virtual.camera import running_camera

ONE, TWO = "DCIM/100CANON/IMG_0001.JPG", "DCIM/100CANON/IMG_0002.JPG"


def test_a_card_that_the_camera_gave_before_is_not_stored_again(imports: ImportRig, tmp_path: Path) -> None:
    card = write(tmp_path / "card", {ONE: picture(1), TWO: picture(2)})
    with running_camera(card) as camera:
        first = imports.plug(camera)
    second = imports.plug(card)
    assert (first.sealed, first.copies, first.state) == (2, 0, DeviceState.SAFE)
    assert (second.sealed, second.copies, second.state) == (0, 2, DeviceState.SAFE)
    assert second.passport == REUSE
    assert imports.content() == Counter([picture(1), picture(2)])
    # Two provenances: each file has a place on the camera and one on the card.
    originals = {event.object_id: event for event in imports.events(OriginalSealed)}
    copies = imports.events(OriginalAgain)
    assert {event.object_id for event in copies} == set(originals)
    assert all(originals[copy.object_id].capture_id == copy.capture_id for copy in copies)
    kinds = {event.import_id: event.device_kind for event in imports.events(ImportStarted)}
    assert {kinds[event.import_id] for event in originals.values()} == {"camera"}
    assert {kinds[event.import_id] for event in copies} == {"card"}
    assert imports.events(ImportFinished)[-1].copies == 2
    imports.assert_clean()
    # The third time it is known by its place, and not read at all.
    third = imports.plug(card)
    assert (third.sealed, third.copies, third.already) == (0, 0, 2)


def test_a_file_that_somebody_copied_into_another_folder_is_stored_once(
    imports: ImportRig, tmp_path: Path
) -> None:
    card = write(tmp_path / "card", {ONE: picture(1), "for Dr Smith/nose.jpg": picture(1)})
    status = imports.plug(card)
    assert (status.sealed, status.copies, status.state) == (1, 1, DeviceState.SAFE)
    assert imports.content() == Counter([picture(1)])
    [sealed], [copy] = imports.events(OriginalSealed), imports.events(OriginalAgain)
    assert (sealed.object_id, sealed.capture_id) == (copy.object_id, copy.capture_id)
    assert len(imports.jobs) == 1
    imports.assert_clean()


def test_camera_and_card_at_the_same_time_give_one_object(imports: ImportRig, tmp_path: Path) -> None:
    files = {f"DCIM/100CANON/IMG_{n:04d}.JPG": picture(n, size=50_000) for n in range(1, 13)}
    card = write(tmp_path / "card", files)
    with running_camera(card) as camera:
        both = [imports.importer(reference(device), group_files=3) for device in (camera, card)]
        for importer in both:
            importer.start()
        for importer in both:
            imports.ended(importer)
        for importer in both:
            importer.unplugged()
    assert imports.content() == Counter(files.values())
    assert len(imports.events(OriginalSealed)) == len(imports.events(OriginalAgain)) == 12
    imports.assert_clean()


def test_a_damaged_object_counts_for_nothing_and_is_stored_anew(imports: ImportRig, tmp_path: Path) -> None:
    imports.plug(write(tmp_path / "card", {ONE: picture(1)}))
    [row] = imports.vault.objects()
    blob = imports.vault.blob_path(row.id)
    data = bytearray(blob.read_bytes())
    data[100] ^= 1
    blob.write_bytes(data)
    status = imports.plug(write(tmp_path / "other", {TWO: picture(1)}))
    assert (status.sealed, status.copies) == (1, 0)
    newest = list(imports.vault.objects())[-1]
    assert newest.id != row.id
    assert imports.vault.intact(newest.id)
    third = imports.plug(write(tmp_path / "third", {"DCIM/100CANON/IMG_0003.JPG": picture(1)}))
    assert third.copies == 1
    assert imports.events(OriginalAgain)[-1].object_id == newest.id


def test_a_copy_counts_as_imported_only_once_the_ledger_says_so(imports: ImportRig, tmp_path: Path) -> None:
    """The ledger fails in the moment in which a copy would be acknowledged, and the kiosk restarts."""
    imports.plug(write(tmp_path / "card", {ONE: picture(1)}))
    stopped = 0
    for fail_at in range(1, 30):
        # A place that is not known yet, for bytes that are.
        other = write(tmp_path / f"other{fail_at}", {f"DCIM/101CANON/IMG_{fail_at:04d}.JPG": picture(1)})
        disk = FailingDisk(fail_at, persisted=False)
        imports.journal.log = Log.open(imports.root / "ledger", imports._signer(), disk=disk)
        status = imports.plug(other)
        if not disk.failed:
            assert status.state is DeviceState.SAFE
            break
        stopped += 1
        assert status.state is DeviceState.INCOMPLETE, f"call {fail_at}"
        with pytest.raises(KioskError):
            imports.journal.check()
        imports.restart()
        assert imports.plug(other).state is DeviceState.SAFE
        imports.assert_clean()
        said = [event for event in imports.events(OriginalAgain) if event.file == f"IMG_{fail_at:04d}.JPG"]
        assert len(said) == 1, f"call {fail_at}"
        assert imports.content() == Counter([picture(1)])
    assert stopped >= 3


@pytest.mark.parametrize("jpeg_first", [False, True])
def test_raw_and_jpeg_from_two_devices_are_one_capture(
    imports: ImportRig, tmp_path: Path, jpeg_first: bool
) -> None:
    jpeg = write(tmp_path / "a", {ONE: picture(1)})
    cr3 = write(tmp_path / "b", {ONE.replace("JPG", "CR3"): raw(1)})
    for card in (jpeg, cr3) if jpeg_first else (cr3, jpeg):
        assert imports.plug(card).state is DeviceState.SAFE
    first, second = imports.events(OriginalSealed)
    assert first.capture_id == second.capture_id
    # Only the one that came first is redacted by itself: two first revisions would contradict each other.
    assert [job.object_id for job in imports.jobs] == [first.object_id]


def test_raw_and_jpeg_in_two_slots_are_one_capture_and_the_jpeg_is_redacted(
    imports: ImportRig, tmp_path: Path
) -> None:
    slots = {
        "slot1/DCIM/100CANON/IMG_0001.CR3": raw(1),
        "slot2/DCIM/100CANON/IMG_0001.JPG": picture(1),
    }
    with running_camera(write(tmp_path / "cards", slots)) as camera:
        imports.plug(camera, group_files=1)
    cr3, jpeg = sorted(imports.events(OriginalSealed), key=lambda event: event.file)
    assert cr3.capture_id == jpeg.capture_id
    assert [job.object_id for job in imports.jobs] == [jpeg.object_id]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        pytest.param(ONE.replace("JPG", "CR3"), raw(1, "2026:05:01 09:00:01"), id="another moment"),
        pytest.param(TWO.replace("JPG", "CR3"), raw(1), id="another number"),
        pytest.param(ONE.replace("JPG", "CR3"), raw(1, serial="012021000100"), id="another camera"),
        pytest.param(ONE.replace("JPG", "CR3"), raw(1, serial=""), id="no camera's number"),
        pytest.param(ONE.replace("100", "101").replace("JPG", "CR3"), raw(1), id="another folder"),
        pytest.param(ONE, picture(2), id="another picture of the same name and moment"),
        pytest.param(
            ONE.replace("JPG", "CR3"),
            raw(1) + b"2026:05:02 10:00:00\0",
            id="two moments: worked on, so it proves nothing",
        ),
        pytest.param("nose.cr3", raw(1), id="no name of a camera's"),
    ],
)
def test_what_proves_no_shot_joins_none(imports: ImportRig, tmp_path: Path, name: str, data: bytes) -> None:
    imports.plug(write(tmp_path / "a", {ONE: picture(1)}))
    imports.plug(write(tmp_path / "b", {name: data}))
    first, second = imports.events(OriginalSealed)
    assert first.capture_id != second.capture_id


def test_a_file_that_cannot_be_read_keeps_the_card(imports: ImportRig, tmp_path: Path) -> None:
    card = write(tmp_path / "card", {ONE: picture(1), TWO: picture(2)})
    with running_camera(card, faults=["short-read=IMG_0002.JPG"]) as camera:
        status = imports.plug(camera)
    assert (status.sealed, status.failed, status.state) == (1, 1, DeviceState.INCOMPLETE)
    [kept] = imports.board.kept(status.key)
    assert kept.name == "IMG_0002"
    assert kept.words
    assert status.passport in ("", KEEP_CARD)
