"""Which file is known: nothing is passed over that is not sealed, whatever it has in common with what is."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from msgspec import structs

from medkiosk.core.device import KEEP_CARD, REUSE, DeviceState
from medkiosk.core.events import FileFailed, ImportFinished, ImportStarted, OriginalAgain, OriginalSealed
from medkiosk.daemon.importfile import FileReader, Looked
from medkiosk.daemon.importrun import ImportRun
from medkiosk.source.model import HEAD_BYTES, WORDS, Entry, SourceCode
from tests.daemon.importing import ENDED, ImportRig, picture, reference, write

ONE, TWO = "DCIM/100CANON/IMG_0001.JPG", "DCIM/100CANON/IMG_0002.JPG"
MOMENT = 1_777_626_000


def _card(root: Path, files: dict[str, bytes], at: int = MOMENT) -> Path:
    """A card whose files all have one time."""
    write(root, files)
    for name in files:
        os.utime(root / name, (at, at))
    return root


def _wait_for(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _alike(size: int = 300_000) -> tuple[bytes, bytes]:
    """Two pictures of one size that differ only after what is looked at."""
    first, second = picture(1, size=size), picture(2, size=size)
    return first, first[:HEAD_BYTES] + second[HEAD_BYTES:]


def test_files_that_differ_behind_their_heads_are_both_sealed(imports: ImportRig, tmp_path: Path) -> None:
    first, second = _alike()
    assert len(first) == len(second)
    imports.plug(_card(tmp_path / "one", {ONE: first}))
    status = imports.plug(_card(tmp_path / "two", {ONE: second}, MOMENT + 2))
    assert (status.sealed, status.already, status.passport) == (1, 0, REUSE)
    assert imports.content() == {first: 1, second: 1}
    imports.assert_clean()


def test_a_file_that_was_half_written_is_read_again_when_it_is_whole(
    imports: ImportRig, tmp_path: Path
) -> None:
    whole = picture(3, size=300_000)
    half = whole[:150_000] + bytes(len(whole) - 150_000)
    first = imports.plug(_card(tmp_path / "card", {ONE: half}))
    assert (first.damaged, first.passport) == (1, KEEP_CARD)
    second = imports.plug(_card(tmp_path / "card", {ONE: whole}, MOMENT + 2))
    assert (second.sealed, second.damaged, second.passport) == (1, 0, REUSE)
    assert imports.content() == {half: 1, whole: 1}


def test_another_time_alone_makes_no_other_file(imports: ImportRig, tmp_path: Path) -> None:
    """A card in another time zone is read whole once, stored once, and then known."""
    for at, sealed, copies, already in ((MOMENT, 1, 0, 0), (-3600, 0, 1, 0), (-3600, 0, 0, 1)):
        status = imports.plug(_card(tmp_path / "card", {ONE: picture(1)}, at))
        assert (status.sealed, status.copies, status.already) == (sealed, copies, already)
        assert (status.state, status.passport) == (DeviceState.SAFE, REUSE)
    assert imports.content() == {picture(1): 1}
    [original], [copy] = imports.events(OriginalSealed), imports.events(OriginalAgain)
    assert (original.capture_id, original.mtime, copy.mtime) == (copy.capture_id, MOMENT, -3600)
    assert len(imports.jobs) == 1


def test_what_was_looked_at_and_what_was_read_must_begin_alike(
    imports: ImportRig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another picture of this name and size is put on the card after the first look, with the same time."""
    shown, given = picture(11, size=100_000), picture(12, size=100_000)
    assert len(shown) == len(given)
    card = _card(tmp_path / "card", {ONE: shown})
    look = FileReader.look

    def look_and_swap(reader: FileReader, entry: Entry) -> Looked:
        looked = look(reader, entry)
        _card(card, {ONE: given})
        return looked

    with monkeypatch.context() as patched:
        patched.setattr(FileReader, "look", look_and_swap)
        status = imports.plug(card)
    assert (status.state, status.sealed, status.failed) == (DeviceState.INCOMPLETE, 0, 1)
    [failure] = imports.events(FileFailed)
    assert failure.words == WORDS[SourceCode.CHANGED]
    assert imports.content() == {}
    imports.assert_clean()
    # Nothing is remembered under a wrong name: the first one is imported when it is there again.
    assert imports.plug(_card(card, {ONE: shown})).sealed == 1
    assert imports.content() == {shown: 1}


@pytest.mark.parametrize("gone", [False, True])
def test_a_known_file_whose_object_is_not_there_is_imported_anew(
    imports: ImportRig, tmp_path: Path, gone: bool
) -> None:
    card = _card(tmp_path / "card", {ONE: picture(1), TWO: picture(2)})
    imports.plug(card)
    lost = next(iter(imports.vault.objects())).id
    blob = imports.vault.blob_path(lost)
    blob.unlink() if gone else blob.write_bytes(b"rotten")
    status = imports.plug(card)
    assert (status.sealed, status.already, status.state) == (1, 1, DeviceState.SAFE)
    assert status.passport == REUSE
    assert imports.vault.intact(list(imports.vault.objects())[-1].id)
    assert imports.plug(card).already == 2


def test_an_object_that_is_lost_while_the_card_is_read_keeps_the_card(
    imports: ImportRig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = _card(tmp_path / "card", {ONE: picture(1)})
    imports.plug(card)
    finish = ImportRun.finish

    def lose_and_finish(run: ImportRun, entries: list[Entry]) -> None:
        [row] = imports.vault.objects()
        imports.vault.blob_path(row.id).unlink()
        finish(run, entries)

    with monkeypatch.context() as patched:
        patched.setattr(ImportRun, "finish", lose_and_finish)
        status = imports.plug(card)
    assert (status.state, status.passport) == (DeviceState.INCOMPLETE, "")
    assert "not on the kiosk's disk any more" in status.detail
    assert imports.plug(card).sealed == 1


def test_copies_of_a_group_that_is_not_committed_leave_nothing(imports: ImportRig, tmp_path: Path) -> None:
    """The database refuses every new object; the group holds copies of a stored one, too."""
    imports.plug(_card(tmp_path / "card", {ONE: picture(1)}))
    with imports.vault._db.transaction() as tx:
        tx.execute("CREATE TRIGGER no BEFORE INSERT ON objects BEGIN SELECT raise(ABORT, 'no'); END")
    other = {"a/IMG_0009.JPG": picture(1), "b/IMG_0010.JPG": picture(1), TWO: picture(2)}
    status = imports.plug(_card(tmp_path / "other", other))
    assert (status.state, status.sealed, status.copies) == (DeviceState.INCOMPLETE, 0, 0)
    assert list((imports.root / "tmp").iterdir()) == []
    with imports.vault._db.transaction() as tx:
        tx.execute("DROP TRIGGER no")
    status = imports.plug(tmp_path / "other")
    assert (status.state, status.sealed, status.copies) == (DeviceState.SAFE, 1, 2)
    imports.assert_clean()


def test_nobody_waits_for_the_journal_while_a_stored_object_is_read_back(
    imports: ImportRig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    imports.plug(_card(tmp_path / "card", {ONE: picture(1)}))
    intact, free = imports.vault.intact, []

    def intact_and_try(object_id: str) -> bool:
        def try_lock() -> None:
            free.append(imports.journal.lock.acquire(timeout=5))
            imports.journal.lock.release()

        other = threading.Thread(target=try_lock)
        other.start()
        other.join()
        return intact(object_id)

    monkeypatch.setattr(imports.vault, "intact", intact_and_try)
    assert imports.plug(_card(tmp_path / "other", {TWO: picture(1)})).copies == 1
    assert free == [True]


def test_nothing_is_safe_before_the_ledger_has_it(
    imports: ImportRig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two readers, two cards with the same files; the ledger fails while the first one's are written."""
    files = {ONE: picture(1), TWO: picture(2)}
    first, second = _card(tmp_path / "a", files), _card(tmp_path / "b", files)
    append, reached, go = imports.journal.log.append_once, threading.Event(), threading.Event()
    calls = 0

    def slow(waiting: Sequence[tuple[int, bytes]]) -> list[int]:
        nonlocal calls
        calls += 1
        if calls == 2:  # after the start of the import: the files
            reached.set()
            assert go.wait(20)
            raise OSError(5, "the ledger's disk")
        return append(waiting)

    monkeypatch.setattr(imports.journal.log, "append_once", slow)
    one, two = (imports.importer(reference(card)) for card in (first, second))
    one.start()
    assert reached.wait(20)
    two.start()
    _wait_for(lambda: two.status.already == 2)
    two._thread.join(0.5)
    assert two.status.state not in ENDED
    go.set()
    _wait_for(lambda: {one.status.state, two.status.state} <= ENDED)
    assert {one.status.state, two.status.state} == {DeviceState.INCOMPLETE}
    one.unplugged()
    two.unplugged()


def test_of_very_many_failures_the_first_are_named_and_the_rest_counted(
    imports: ImportRig, tmp_path: Path
) -> None:
    card = write(tmp_path / "card", {f"DCIM/100CANON/IMG_{n:04d}.JPG": b"" for n in range(1, 601)})
    status = imports.plug(card)
    assert (status.state, status.failed) == (DeviceState.INCOMPLETE, 600)
    *named, rest = imports.events(FileFailed)
    assert len({failure.file for failure in named}) == len(named) == 500
    assert (rest.file, rest.code) == ("", SourceCode.TOO_MANY)
    assert rest.words.startswith("100 more files")
    [end] = imports.events(ImportFinished)
    assert (end.failed, end.safe) == (600, False)


def test_the_verdict_of_a_plug_with_nothing_new_is_in_the_ledger_once(
    imports: ImportRig, tmp_path: Path
) -> None:
    card = _card(tmp_path / "card", {ONE: picture(1), TWO: picture(2)})
    imports.plug(card)
    importer = imports.importer(reference(card), look_again_s=0.05)
    importer.start()
    assert imports.ended(importer).passport == REUSE
    time.sleep(1)  # it is listed again some times
    importer.unplugged()
    first, second = imports.events(ImportFinished)
    assert [event.import_id for event in imports.events(ImportStarted)] == [first.import_id, second.import_id]
    assert first.import_id != second.import_id
    assert (second.files, second.already, second.bytes) == (2, 2, 0)
    assert (second.safe, second.expendable, second.failed) == (True, True, 0)
    imports.assert_clean()


def test_a_file_that_goes_on_growing_fails_and_the_rest_is_imported(
    imports: ImportRig, tmp_path: Path
) -> None:
    card = _card(tmp_path / "card", {ONE: picture(1)})
    log, ended = card / "log.txt", threading.Event()
    log.write_bytes(b"begin")

    def grow() -> None:
        while not ended.wait(0.05):
            with log.open("ab") as file:
                file.write(b"more")

    thread = threading.Thread(target=grow)
    thread.start()
    status = imports.plug(card)
    ended.set()
    thread.join()
    assert (status.state, status.failed, status.passport) == (DeviceState.INCOMPLETE, 1, KEEP_CARD)
    failure = imports.events(FileFailed)[-1]
    assert (failure.file, failure.code) == ("log.txt", SourceCode.CHANGED)
    assert imports.content()[picture(1)] == 1
    assert len(imports.events(ImportStarted)) <= 3
    assert imports.plug(card).state is DeviceState.SAFE


def test_a_device_on_which_more_comes_all_the_time_is_imported_with_pauses(
    imports: ImportRig, tmp_path: Path
) -> None:
    card, ended = _card(tmp_path / "card", {ONE: picture(1)}), threading.Event()

    def add() -> None:
        number = 100
        while not ended.wait(0.05):
            number += 1
            (card / "DCIM/100CANON" / f"IMG_{number:04d}.JPG").write_bytes(picture(number, size=100))

    thread = threading.Thread(target=add)
    thread.start()
    status = imports.plug(card)
    ended.set()
    thread.join()
    assert (status.state, status.passport) == (DeviceState.INCOMPLETE, "")
    assert "went on changing" in status.detail
    assert len(imports.events(ImportStarted)) == 3
    assert imports.plug(card).state is DeviceState.SAFE


def test_a_file_that_is_written_anew_with_the_same_size_while_it_is_imported_is_seen(
    imports: ImportRig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the import and the second look, and its size and beginning stay."""
    first, second = _alike()
    card = _card(tmp_path / "card", {ONE: first})
    finish = ImportRun.finish

    def change_and_finish(run: ImportRun, entries: list[Entry]) -> None:
        finish(run, entries)
        _card(card, {ONE: second}, MOMENT + 2)

    monkeypatch.setattr(ImportRun, "finish", change_and_finish)
    status = imports.plug(card)
    assert (status.state, status.sealed, status.passport) == (DeviceState.SAFE, 1, REUSE)
    assert imports.content() == {first: 1, second: 1}


def test_two_names_that_look_alike_are_two_files(imports: ImportRig, tmp_path: Path) -> None:
    """A byte that is no text is shown as an escape, and the other file is called like that escape."""
    first, second = _alike()
    names = "DCIM/100CANON/a\udcff.jpg", "DCIM/100CANON/a\\xff.jpg"
    card = _card(tmp_path / "card", dict(zip(names, (first, second), strict=True)))
    assert imports.plug(card).state is DeviceState.SAFE
    assert imports.content() == {first: 1, second: 1}


def test_a_part_of_a_card_is_not_the_card(imports: ImportRig, tmp_path: Path) -> None:
    card = _card(tmp_path / "card", {ONE: picture(1)})
    importer = imports.importer(structs.replace(reference(card), others=1))
    importer.start()
    deadline = time.monotonic() + 60
    while importer.status.state not in ENDED and time.monotonic() < deadline:
        time.sleep(0.02)
    status = importer.status
    importer.unplugged()
    assert (status.state, status.passport) == (DeviceState.SAFE, KEEP_CARD)
    assert "2 parts" in status.notes[0]
