"""The mount helper and a stick, on a real block device: a loop device stands in the place of the stick.

What makes a volume a stick is its label in FAT32 or exFAT; where the kernel has neither, ext4 shows the rest.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from medkiosk.device import mount as helper
from medkiosk.device.mount import MountRefusedError, System
from medkiosk.device.volume import FLAGS, MountCode, MountFlag, Plan
from tests.device.test_mount import NAME, OneKind, Reader, card_reader, mounts
from tests.stick.test_pure import fat32

__all__ = ["card_reader"]


@dataclass(frozen=True)
class Labelled(OneKind):
    """A system on which the volume is a stick, where its kind cannot have such a label here."""

    def stick_plan(self, untrusted_sector: bytes, descriptor: int, *, writable: bool) -> Plan:
        return Plan("ext4", FLAGS & ~MountFlag.RDONLY if writable else FLAGS, "")


@pytest.fixture
def stick(card_reader: Reader, tmp_path: Path) -> Iterator[Labelled]:
    if card_reader.system.kind != "ext4":
        pytest.skip("its label is not ours")
    known = card_reader.system
    system = Labelled(
        blocks=known.blocks,
        devices=known.devices,
        cards=known.cards,
        gid=known.gid,
        sticks=tmp_path / "run/sticks",
    )
    yield system
    helper.unmount_all(system)


def test_a_stick_is_looked_at_read_only_and_written_to_writable(stick: Labelled) -> None:
    at = stick.sticks / NAME
    helper.mount_stick(NAME, stick, writable=False)
    (flags,) = mounts(at)
    assert flags >= {"ro", "nosuid", "nodev", "noexec", "nosymfollow"}
    helper.unmount_stick(NAME, stick)
    helper.mount_stick(NAME, stick, writable=True)
    (flags,) = mounts(at)
    assert flags >= {"rw", "nosuid", "nodev", "noexec", "nosymfollow"}
    (at / "bundle").write_bytes(b"x" * 100_000)
    helper.release_stick(NAME, stick)
    assert not at.exists()
    helper.release_stick(NAME, stick)  # harmless
    helper.mount_stick(NAME, stick, writable=False)
    assert (at / "bundle").read_bytes() == b"x" * 100_000


def test_a_stick_that_somebody_has_open_is_not_released(stick: Labelled) -> None:
    helper.mount_stick(NAME, stick, writable=True)
    at = stick.sticks / NAME
    held = os.open(at, os.O_RDONLY)
    try:
        with pytest.raises(MountRefusedError) as caught:
            helper.release_stick(NAME, stick)
        assert caught.value.code is MountCode.IN_USE
        assert mounts(at)
    finally:
        os.close(held)
    helper.release_stick(NAME, stick)
    assert not at.exists()


def test_a_card_is_never_mounted_as_a_stick(card_reader: Reader, tmp_path: Path) -> None:
    """It has no label of ours: the helper reads that itself, whatever it is asked."""
    system = replace(card_reader.system, sticks=tmp_path / "run/sticks")
    for writable in (False, True):
        with pytest.raises(MountRefusedError) as caught:
            helper.mount_stick(NAME, system, writable=writable)
        assert caught.value.code in (MountCode.NOT_A_STICK, MountCode.FILE_SYSTEM)
    assert not (tmp_path / "run/sticks" / NAME).exists()


def test_the_label_is_read_from_the_volume(tmp_path: Path) -> None:
    system = System(tmp_path, tmp_path, tmp_path, 0)
    for name, code in ((b"EOS_DIGITAL", MountCode.NOT_A_STICK), (b"MEDKIOSK-BA", MountCode.NOT_A_STICK)):
        path = tmp_path / name.decode()
        path.write_bytes(fat32(name))
        descriptor = os.open(path, os.O_RDONLY)
        try:
            with pytest.raises(MountRefusedError) as caught:
                system.stick_plan(path.read_bytes()[:512], descriptor, writable=True)
            assert caught.value.code is code
        finally:
            os.close(descriptor)


def test_a_stick_that_is_a_keyboard_too_is_refused(stick: Labelled) -> None:
    usb = stick.blocks.parent.parent / "devices/pci0000:00/usb1/1-1"
    for number, kind in enumerate(("08", "03")):
        (usb / f"1-1:1.{number}").mkdir(parents=True)
        (usb / f"1-1:1.{number}" / "bInterfaceClass").write_text(f"{kind}\n")
    disk = usb / "1-1:1.0/host0/block/sdz"
    disk.parent.mkdir(parents=True)
    (usb / "host0/block/sdz").rename(disk)
    for name in ("sdz", NAME):
        link = stick.blocks / name
        link.unlink()
        link.symlink_to(disk if name == "sdz" else disk / NAME)
    assert helper.facts(NAME, stick).usb_classes == {"08", "03"}
    for attempt in (helper.mount, lambda name, system: helper.mount_stick(name, system, writable=True)):
        with pytest.raises(MountRefusedError) as caught:
            attempt(NAME, stick)
        assert caught.value.code is MountCode.COMPOSITE


def test_what_is_in_the_slot_for_cards_is_no_stick(stick: Labelled) -> None:
    with pytest.raises(MountRefusedError) as caught:
        helper.mount_stick("mmcblk0p1", stick, writable=True)
    assert caught.value.code is MountCode.NOT_A_STICK
