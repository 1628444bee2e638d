"""What a thief of the disk, or of the running kiosk with nobody logged in, gets."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from medkiosk import keyfiles
from medkiosk.core.consent import Purpose
from medkiosk.core.photo import ReviewState
from medkiosk.devicesecret import FileSecrets
from medkiosk.ipc.wire import RemoteError
from medkiosk.vault.errors import VaultDamagedError, WrongPassphraseError
from medkiosk.vault.keys import DataKey
from medkiosk.vault.store import Vault
from tests.kiosk import SUBJECT, ScratchKiosk, consent
from tests.virtual.photos import IDENTIFIERS

_BLOCK = 1 << 20


def occurrences(root: Path, needles: dict[str, bytes]) -> Iterator[tuple[Path, str]]:
    """Every file below ``root`` that has one of the needles in it, blocks overlapping."""
    longest = max(map(len, needles.values()))
    for path in (p for p in root.rglob("*") if p.is_file()):
        tail = b""
        with path.open("rb") as stream:
            while block := stream.read(_BLOCK):
                window = tail + block
                yield from ((path, name) for name, needle in needles.items() if needle in window)
                tail = window[-longest:]


def test_with_nobody_logged_in_nothing_is_told(day: ScratchKiosk) -> None:
    assert not day.status().unlocked
    with day.client() as client:
        for ask in (client.list_captures, client.list_imports, client.list_encounters, client.list_events):
            with pytest.raises(RemoteError) as caught:
                ask()
            assert caught.value.remote_code == "access.denied"


def test_logging_out_locks_again_and_a_look_is_logged(day: ScratchKiosk) -> None:
    kiosk = day
    assert not kiosk.status().unlocked
    with kiosk.session("rita") as rita:
        assert kiosk.status().unlocked
        capture = rita.list_captures().captures[0]
        rita.get_preview(capture.capture_id)
    kiosk.wait(lambda s: not s.unlocked)
    with kiosk.session("audi") as audi:
        events = audi.list_events(0, 1000).events
        looks = [e for e in events if e.type == "viewed" and capture.capture_id in e.summary]
        assert len(looks) == 1
        with pytest.raises(RemoteError, match="does not see"):
            audi.list_captures()
    with kiosk.session("admin") as admin, pytest.raises(RemoteError, match="does not see"):
        admin.get_preview(capture.capture_id)


def test_no_photo_byte_name_or_number_in_any_file(day: ScratchKiosk, small_card: Path) -> None:
    kiosk = day
    with kiosk.session("pat") as pat:
        encounter = pat.create_encounter(SUBJECT, "left forearm of Erika")
        pat.record_consent(encounter.encounter_id, consent(Purpose.CLINICAL_RECORD))
        captures = tuple(c.capture_id for c in pat.list_captures().captures)
        pat.assign(encounter.encounter_id, captures)
    with kiosk.session("rita") as rita:
        capture = rita.list_captures(state=ReviewState.PROPOSED).captures[0]
        rita.get_preview(capture.capture_id)
        rita.reject(capture.capture_id, capture.revision, "the name Mustermann is readable")
    photo = next(iter(sorted(small_card.rglob("*.JPG")))).read_bytes()
    needles = {
        "a JPEG's beginning with EXIF": photo[:32],
        "a JPEG's quantisation table": photo[photo.index(b"\xff\xdb") :][:40],
        "a piece of the picture": photo[len(photo) // 2 :][:24],
        "EXIF": b"Exif\0\0",
        "the camera's model": b"Canon EOS R6",
        "a file name": b"IMG_0001",
        "the subject's number": SUBJECT.mrn.encode(),
        "the subject's name": b"Mustermann",
        "the subject's name in UTF-16": "Mustermann".encode("utf-16-le"),
        "the label": b"left forearm",
        "a user's name": b"Rita Reviewer",
        "the camera's owner": b"Owner Of The Camera",
        **{f"on the picture: {text}": text.encode() for text in IDENTIFIERS},
    }
    # While it runs (write-ahead log and all), and after a clean stop.
    # The search finds what is there: on the card, in plain sight.
    shown = {name for _, name in occurrences(small_card, needles)}
    assert {"EXIF", "the camera's model", "a piece of the picture"} <= shown
    # The configuration names the camera's model; it holds nothing of a patient.
    kiosk.config.rename(kiosk.root.parent / "medkiosk.toml")
    try:
        assert list(occurrences(kiosk.root, needles)) == []
        kiosk.stop_if_running()
        assert list(occurrences(kiosk.root, needles)) == []
    finally:
        (kiosk.root.parent / "medkiosk.toml").rename(kiosk.config)


def test_the_daemons_own_keys_open_nothing(day: ScratchKiosk) -> None:
    kiosk = day
    kiosk.stop_if_running()
    # Everything that the unattended machine has: the store and the kiosk's own key files.
    keys = keyfiles.load(kiosk.keys)
    vault = Vault.open(
        kiosk.store,
        index_key=keys.index,
        device=FileSecrets(kiosk.keys),
        random=os.urandom,
        clock=lambda: datetime.now(UTC),
    )
    with pytest.raises(WrongPassphraseError):
        vault.unlock("admin", "not the passphrase")
    own = [keys.index, keys.ledger, keys.export]
    for row in vault.objects():
        for key in own:
            with pytest.raises(VaultDamagedError):
                list(vault.read_object(row.id, DataKey(key)))
    vault.close()
