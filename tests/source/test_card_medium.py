"""Another card in the slot while the old one is still mounted: nothing that was read then is believed."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from medkiosk.source import medium
from medkiosk.source.card import CardReader
from medkiosk.source.medium import Medium
from medkiosk.source.model import SourceCode, SourceError

DEVICE = os.makedev(8, 17)


@pytest.fixture(params=["partition", "disk"])
def diskseq(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """What the kernel says of a card's block device, as below /sys."""
    disk = tmp_path / "devices/usb1/block/sdb"
    (disk / "sdb1").mkdir(parents=True)
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev/8:17").symlink_to(disk / "sdb1" if request.param == "partition" else disk)
    (disk / "diskseq").write_text("21\n")
    return disk / "diskseq"


def test_another_number_is_another_card(diskseq: Path, tmp_path: Path) -> None:
    card = Medium(DEVICE, tmp_path / "dev")
    assert not card.has_changed()
    diskseq.write_text("22\n")
    assert card.has_changed()
    diskseq.unlink()
    assert card.has_changed()


def test_what_lies_on_no_block_device_never_changes(tmp_path: Path) -> None:
    assert not Medium(os.makedev(0, 41), tmp_path).has_changed()


def test_this_machine_s_own_disk_does_not_change() -> None:
    assert not Medium(Path(__file__).stat().st_dev).has_changed()


@pytest.mark.parametrize(
    "step",
    [
        lambda reader: list(reader.entries()),
        lambda reader: list(reader.blocks(0)),
        lambda reader: list(reader.blocks(0, 3)),
        lambda reader: reader.delete(0),
    ],
)
def test_nothing_is_believed_after_the_card_was_changed(
    diskseq: Path, tree: Path, tmp_path: Path, step: Callable[[CardReader], object]
) -> None:
    reader = CardReader(tree)
    reader._medium = Medium(DEVICE, tmp_path / "dev")
    files = sorted(tree.rglob("*.*"))
    assert len(list(reader.entries())) == len(files)
    diskseq.write_text("22\n")
    with pytest.raises(SourceError) as caught:
        step(reader)
    assert caught.value.reason == SourceCode.UNPLUGGED
    assert sorted(tree.rglob("*.*")) == files
    reader.close()


def test_the_kernel_says_it_here_too() -> None:
    assert not medium.BLOCK_DEVICES.exists() or any(medium.BLOCK_DEVICES.glob("*/diskseq"))
