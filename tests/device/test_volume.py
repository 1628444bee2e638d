"""What is a card, and how it would be mounted."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medkiosk.device.volume import (
    CARDS,
    WORDS,
    Facts,
    MountCode,
    card_path,
    disk_of,
    file_system,
    is_volume_name,
    plan,
    refusal,
)

READER = Facts(on_usb=True, on_mmc=False, mmc_type="", removable=True, sectors=1000, partitions=0)
SLOT = Facts(on_usb=False, on_mmc=True, mmc_type="SD", removable=False, sectors=1000, partitions=0)


@pytest.mark.parametrize("name", ["sdb1", "sdb", "sdaa12", "mmcblk0", "mmcblk0p1", "mmcblk10p12"])
def test_names_of_cards(name: str) -> None:
    assert is_volume_name(name)
    assert card_path(name) == CARDS / name


@pytest.mark.parametrize(
    "name",
    ["", "sd", "sdb0", "sdb01", "sdb100", "sdB1", "sdabc1", "loop0", "nvme0n1p1", "dm-0", "sr0", "mmcblk0p",
     "mmcblk0boot0", "mmcblk0p0", "../sda1", "sda1/..", "sda1\n", "sda1\0", "sd\u0430", "sda\u0661",
     "/dev/sda1", "sda1 -o rw"],
)  # fmt: skip
def test_names_that_are_refused(name: str) -> None:
    assert not is_volume_name(name)
    with pytest.raises(ValueError, match="volume"):
        card_path(name)
    with pytest.raises(ValueError, match="volume"):
        disk_of(name)


@given(st.text(max_size=16))
def test_no_name_leads_out_of_the_folder(name: str) -> None:
    if is_volume_name(name):
        assert card_path(name).parent == CARDS
        assert card_path(name).name == name


@pytest.mark.parametrize(
    ("name", "disk"),
    [("sdb1", "sdb"), ("sdb", "sdb"), ("sdaa2", "sdaa"), ("mmcblk0p1", "mmcblk0"), ("mmcblk1", "mmcblk1")],
)
def test_the_disk_of_a_partition(name: str, disk: str) -> None:
    assert disk_of(name) == disk


@pytest.mark.parametrize("card", [READER, SLOT])
def test_a_card_in_a_reader_or_in_a_slot(card: Facts) -> None:
    assert refusal(card) is None


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        (READER._replace(on_usb=False), MountCode.NOT_A_CARD),  # the kiosk's own disk
        (READER._replace(removable=False), MountCode.NOT_A_CARD),  # a disk in a USB case
        (SLOT._replace(mmc_type="MMC"), MountCode.NOT_A_CARD),  # soldered in
        (SLOT._replace(mmc_type=""), MountCode.NOT_A_CARD),
        (READER._replace(partitions=1), MountCode.NOT_A_CARD),
        (READER._replace(sectors=0), MountCode.NO_MEDIUM),
    ],
)
def test_what_is_no_card(facts: Facts, code: MountCode) -> None:
    assert refusal(facts) == code


def sector(at: int, name: bytes, end: bytes = b"\x55\xaa") -> bytes:
    made = bytearray(512)
    made[at : at + len(name)] = name
    made[510:] = end
    return bytes(made)


def test_file_systems_by_the_first_sector() -> None:
    assert file_system(sector(3, b"EXFAT   ")) == "exfat"
    assert file_system(sector(82, b"FAT32   ")) == "vfat"
    assert file_system(sector(82, b"FAT32   ", end=b"\0\0")) is None
    assert file_system(sector(54, b"FAT16   ")) is None
    assert file_system(sector(3, b"NTFS    ")) is None
    assert file_system(sector(3, b"EXFAT   ")[:511]) is None


@given(st.binary(max_size=600))
def test_any_sector_has_an_answer(untrusted: bytes) -> None:
    assert file_system(untrusted) in {"exfat", "vfat", None}


@pytest.mark.parametrize("kind", ["exfat", "vfat"])
def test_every_card_is_mounted_with_every_protection(kind: str) -> None:
    how = plan(kind, 46)  # type: ignore[arg-type]
    assert how.flags.name is not None
    assert set(how.flags.name.split("|")) == {"RDONLY", "NOSUID", "NODEV", "NOEXEC", "NOSYMFOLLOW"}
    options = how.options.split(",")
    assert {"uid=0", "gid=46", "dmask=0227", "fmask=0337"} <= set(options)  # the group reads, nobody writes


def test_every_code_has_words() -> None:
    assert set(WORDS) == set(MountCode)
