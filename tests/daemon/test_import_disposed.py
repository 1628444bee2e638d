"""Cards that come again after something on them was disposed of."""

from __future__ import annotations

from pathlib import Path

import pytest

from medkiosk.core.device import REUSE
from medkiosk.core.events import FileKept, OriginalSealed
from medkiosk.daemon import deletewords
from medkiosk.vault.batch import Batch
from medkiosk.vault.disposal import Running, Step
from medkiosk.vault.identity import Identity
from medkiosk.vault.store import Vault
from tests.daemon.importing import ImportRig, picture, raw, write

ONE, TWO = "DCIM/100CANON/IMG_0001.JPG", "DCIM/100CANON/IMG_0002.JPG"
RAW = "DCIM/100CANON/IMG_0001.CR3"


def advance(vault: Vault, identity: Identity, running: Running) -> Running | None:
    """Take one step of a disposal."""
    disposals = vault.disposals
    match running.step:
        case Step.MOVING:
            while disposals.move(identity, running.plan):
                pass
            vault.commit(Batch(also=lambda tx: disposals.destroy(tx, identity, running)))
        case Step.DESTROYING:
            disposals.destroy_secret(running)
        case _:
            disposals.erase(running)
            vault.commit(Batch(also=lambda tx: disposals.finish(tx, running)))
    return disposals.running()


def dispose(imports: ImportRig, name: str, *, whole: bool) -> OriginalSealed:
    """Dispose of one file's object; of its first step alone unless ``whole``."""
    [event] = [event for event in imports.events(OriginalSealed) if event.file == name]
    vault = imports.vault
    with vault.unlock_recovery(imports._shares) as identity:
        running: Running | None = vault.disposals.begin(identity, "d" * 32, [event.object_id])
        while whole and running is not None:
            running = advance(vault, identity, running)
    return event


@pytest.mark.parametrize("whole", [False, True], ids=["begun", "done"])
def test_what_was_disposed_of_is_known_and_nothing_joins_it(
    imports: ImportRig, tmp_path: Path, whole: bool
) -> None:
    card = write(tmp_path / "card", {ONE: picture(1), TWO: picture(2)})
    imports.plug(card)
    gone = dispose(imports, "IMG_0001.JPG", whole=whole)
    status = imports.plug(card)
    assert (status.sealed, status.already, status.passport) == (0, 2, REUSE)
    # A RAW that comes later is a picture of its own, on the same card and on another one.
    write(card, {RAW: raw(1)})
    assert imports.plug(card).sealed == 1
    [late] = [event for event in imports.events(OriginalSealed) if event.file == "IMG_0001.CR3"]
    assert late.capture_id != gone.capture_id
    # The same bytes in another place are not recognised any more: a new picture.
    copy = write(tmp_path / "copy", {"DCIM/100CANON/IMG_0777.JPG": picture(1)})
    status = imports.plug(copy)
    assert (status.sealed, status.copies) == (1, 0)
    again = imports.events(OriginalSealed)[-1]
    assert again.capture_id not in (gone.capture_id, late.capture_id)
    imports.restart()
    assert imports.plug(card).already == 3


def test_a_file_that_was_disposed_of_is_not_deleted_from_the_card_and_is_no_damage(
    imports: ImportRig, tmp_path: Path
) -> None:
    card = write(tmp_path / "card", {ONE: picture(1), TWO: picture(2)})
    imports.plug(card)
    dispose(imports, "IMG_0001.JPG", whole=True)
    status = imports.plug(card, delete="after_verified")
    assert status.passport == REUSE
    assert [path.name for path in card.rglob("*.JPG")] == ["IMG_0001.JPG"]
    [kept] = imports.events(FileKept)
    assert (kept.file, kept.words) == ("IMG_0001.JPG", deletewords.DISPOSED)
