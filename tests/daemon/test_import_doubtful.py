"""Files that are empty, cut off or not what they are called: what is sealed, what the card is needed for."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from medkiosk.core import canon
from medkiosk.core.device import KEEP_CARD, REUSE, DeviceState
from medkiosk.core.events import FileFailed, ImportFinished, OriginalAgain, OriginalSealed, decode
from medkiosk.source.model import SourceCode
from tests.daemon.importing import ImportRig, picture, raw, write

ONE, TWO = "DCIM/100CANON/IMG_0001.JPG", "DCIM/100CANON/IMG_0002.JPG"


def test_pictures_without_bytes_are_failures_and_never_copies_of_each_other(
    imports: ImportRig, tmp_path: Path
) -> None:
    card = write(tmp_path / "card", {ONE: picture(1), TWO: b"", "DCIM/100CANON/IMG_0003.CR3": b""})
    for times in (1, 2):
        status = imports.plug(card)
        assert (status.state, status.failed, status.passport) == (DeviceState.INCOMPLETE, 2, KEEP_CARD)
        kept = imports.board.kept(status.key)
        assert [file.name for file in kept] == ["IMG_0002", "IMG_0003"]
        assert "no bytes" in kept[0].words
        failed = imports.events(FileFailed)
        assert [event.code for event in failed] == [SourceCode.EMPTY] * 2 * times
    assert imports.content() == Counter([picture(1)])
    assert imports.events(OriginalAgain) == []
    imports.assert_clean()


def test_other_files_without_bytes_are_sealed_and_are_copies_of_nothing(
    imports: ImportRig, tmp_path: Path
) -> None:
    names = ["MISC/M0001.CTG", "MISC/M0002.CTG", ".nomedia"]
    status = imports.plug(write(tmp_path / "card", dict.fromkeys(names, b"")))
    assert (status.state, status.sealed, status.passport) == (DeviceState.SAFE, 3, REUSE)
    sealed = imports.events(OriginalSealed)
    assert len({event.object_id for event in sealed}) == len({event.capture_id for event in sealed}) == 3
    assert imports.plug(write(tmp_path / "other", {"MISC/M0003.CTG": b""})).sealed == 1
    assert imports.events(OriginalAgain) == []
    assert imports.plug(tmp_path / "card").already == 3


def test_a_copy_of_a_damaged_file_is_damaged_too(imports: ImportRig, tmp_path: Path) -> None:
    """On another card it is as much cut off, and that card may hold more of it."""
    cut = raw(2)[:3000]
    assert imports.plug(write(tmp_path / "a", {ONE.replace("JPG", "CR3"): cut})).passport == KEEP_CARD
    other = write(tmp_path / "b", {ONE: picture(1), TWO.replace("JPG", "CR3"): cut})
    for _ in range(2):
        status = imports.plug(other)
        assert (status.state, status.damaged, status.passport) == (DeviceState.SAFE, 1, KEEP_CARD)
        assert [file.name for file in imports.board.kept(status.key)] == ["IMG_0002"]
    [copy] = imports.events(OriginalAgain)
    assert copy.damaged
    assert imports.content() == Counter([cut, picture(1)])


def test_the_ledger_says_whether_the_card_was_still_needed(imports: ImportRig, tmp_path: Path) -> None:
    imports.plug(write(tmp_path / "a", {ONE: picture(1)}))
    imports.plug(write(tmp_path / "b", {TWO: picture(2)[:3000]}))
    imports.plug(write(tmp_path / "c", {TWO: b"", ONE: picture(3)}))
    ends = imports.events(ImportFinished)
    assert [(end.safe, end.expendable) for end in ends] == [(True, True), (True, False), (False, False)]


def test_records_from_before_the_verdict_was_written_down_stay_readable() -> None:
    old = {
        "type": "import.finished",
        "at": "2026-05-01T09:00:00.000Z",
        "actor": "kiosk",
        "import_id": "1" * 32,
        "files": 3,
        "bytes": 10,
        "already": 0,
        "failed": 0,
        "safe": True,
        "again": 2,
    }
    payload = canon.encode(old)
    end = decode(payload)
    assert isinstance(end, ImportFinished)
    assert (end.copies, end.expendable) == (2, None)
    assert canon.encode(end) == payload
