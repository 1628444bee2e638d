"""The partition below a mapping, in a tree as the kernel's."""

from __future__ import annotations

from pathlib import Path

import pytest

from medkiosk.datadisk import below


def mapping(root: Path, *partitions: str) -> tuple[Path, Path]:
    """A mapping on partitions, each given by its device's place below /sys/devices."""
    blocks = root / "block"
    (root / "dev/mapper").mkdir(parents=True)
    (root / "dev/dm-2").touch()
    (root / "dev/mapper/medkiosk-var").symlink_to("../dm-2")
    (blocks / "dm-2/slaves").mkdir(parents=True)
    for place in partitions:
        device = root / "devices" / place
        device.mkdir(parents=True)
        (blocks / device.name).symlink_to(device)
        (blocks / "dm-2/slaves" / device.name).symlink_to(device)
    return root / "dev/mapper/medkiosk-var", blocks


def test_the_one_below(tmp_path: Path) -> None:
    disk, blocks = mapping(tmp_path, "pci0000:00/0000:00:1d.0/nvme/nvme0/nvme0n1/nvme0n1p6")
    assert below(disk, blocks) == Path("/dev/nvme0n1p6")


@pytest.mark.parametrize(
    "partitions",
    [
        (),
        ("pci0000:00/ata1/sda/sda6", "pci0000:00/ata2/sdb/sdb6"),
        ("pci0000:00/0000:00:14.0/usb1/1-2/1-2:1.0/host4/sdc/sdc1",),
    ],
    ids=["none", "two", "on USB"],
)
def test_what_is_no_kiosks_disk(tmp_path: Path, partitions: tuple[str, ...]) -> None:
    disk, blocks = mapping(tmp_path, *partitions)
    with pytest.raises(OSError, match=r"partitions are below|is on USB"):
        below(disk, blocks)


def test_nothing_is_open(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        below(tmp_path / "mapper/medkiosk-var", tmp_path)


def test_a_path_that_is_no_mapping_is_the_disk(tmp_path: Path) -> None:
    assert below(tmp_path / "disk") == tmp_path / "disk"
