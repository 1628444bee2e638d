"""Cards in a reader, as USB storage: FAT32 and exFAT, whole and pulled out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.virtual.photos import make_card
from tests.vm import media
from tests.vm.machine import Machine

pytestmark = pytest.mark.timeout(3600)

PHOTOS = 12


@pytest.fixture
def files(tmp_path: Path) -> dict[str, bytes]:
    """What a camera wrote."""
    make_card(tmp_path / "card", PHOTOS, fast=True, size=(1368, 912), camera=False)
    paths = (path for path in (tmp_path / "card").rglob("*") if path.is_file())
    return {path.relative_to(tmp_path / "card").as_posix(): path.read_bytes() for path in paths}


@pytest.mark.parametrize("make", [media.fat32, media.exfat], ids=["fat32", "exfat"])
def test_a_card_is_imported_and_may_be_used_again(
    kiosk: Machine,
    files: dict[str, bytes],
    tmp_path: Path,
    make: Callable[..., Path],
    request: pytest.FixtureRequest,
) -> None:
    card = make(tmp_path / "card.img", files)
    before = card.read_bytes()
    plugged = kiosk.plug_stick(card)
    kiosk.see("SAFE TO REUSE THIS CARD", "SAFE TO UNPLUG", timeout_s=1800)
    kiosk.picture(f"card-{request.node.callspec.id}")
    plugged.unplug()
    assert card.read_bytes() == before, "a card is never written to"


def test_a_card_pulled_out_too_early_and_put_back(
    kiosk: Machine, files: dict[str, bytes], tmp_path: Path
) -> None:
    card = media.fat32(tmp_path / "card.img", files)
    plugged = kiosk.plug_stick(card)
    kiosk.see("DO NOT UNPLUG", timeout_s=300)
    plugged.unplug()
    kiosk.see("UNPLUGGED TOO EARLY", timeout_s=300)
    kiosk.picture("card-yanked")
    kiosk.plug_stick(card)
    kiosk.see("SAFE TO UNPLUG", timeout_s=1800)
