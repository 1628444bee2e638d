"""The disk alone: what a thief finds who has no TPM; and what happens when the system was changed."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.virtual.photos import IDENTIFIERS, make_card
from tests.vm import media
from tests.vm.machine import Machine
from tests.vm.media import partitions

pytestmark = pytest.mark.timeout(3600)


def raw(machine: Machine, path: Path) -> Path:
    """The whole disk as it lies there."""
    subprocess.run(["qemu-img", "convert", "-O", "raw", machine.disk, path], check=True)
    return path


def test_a_stolen_disk_shows_no_picture_and_no_name(kiosk: Machine, tmp_path: Path) -> None:
    make_card(tmp_path / "card", 6, fast=True, size=(1368, 912), camera=False)
    paths = sorted((tmp_path / "card").rglob("*.JPG"))
    files = {path.relative_to(tmp_path / "card").as_posix(): path.read_bytes() for path in paths}
    kiosk.plug_stick(media.fat32(tmp_path / "card.img", files))
    kiosk.see("SAFE TO UNPLUG", timeout_s=1800)
    kiosk.shell("sync")
    kiosk.power_cut()
    disk = raw(kiosk, tmp_path / "disk.raw")
    start, length = partitions(disk)["medkiosk-var"]
    names = [name.encode() for name in IDENTIFIERS] + [
        b"IMG_000",
        b"EOS_DIGITAL",
        b"Canon EOS",
        b"medkiosk.toml",
    ]
    pieces = [data[at : at + 64] for data in files.values() for at in (0, len(data) // 2, len(data) - 64)]
    found = search(
        disk, start, length, [*names, *pieces, b"\xff\xd8\xff\xe0\x00\x10JFIF", b"\xff\xd8\xff\xe1"]
    )
    # The rest of the disk is the system, which has words of ours, but none of a patient.
    personal = [*map(str.encode, IDENTIFIERS), *pieces]
    assert not search(disk, 0, disk.stat().st_size, personal), "beside the partition that is sealed"
    disk.unlink()
    # Four given bytes are met by chance about once in 4 GiB of random ones.
    assert found.pop(b"\xff\xd8\xff\xe1", 0) <= 12
    assert not found


def search(path: Path, start: int, length: int, wanted: list[bytes]) -> dict[bytes, int]:
    """How often each of ``wanted`` is in a part of a file."""
    found: dict[bytes, int] = {}
    longest = max(map(len, wanted))
    with path.open("rb") as file:
        file.seek(start)
        before, left = b"", length
        while left > 0 and (piece := file.read(min(left, 16 << 20))):
            left -= len(piece)
            if piece.count(0) < len(piece):
                window = before + piece
                for each in wanted:
                    if count := window.count(each) - before.count(each):
                        found[each] = found.get(each, 0) + count
            before = piece[-longest + 1 :]
    return found


def test_a_flipped_bit_in_each_mebibyte_of_the_root_stops_the_machine(fresh: Machine, tmp_path: Path) -> None:
    disk = raw(fresh, tmp_path / "disk.raw")
    start, length = next(
        place
        for name, place in partitions(disk).items()
        if name.startswith("medkiosk_") and not name.endswith("_v")
    )
    with disk.open("r+b") as file:
        for at in range(start + (1 << 20), start + length, 1 << 20):
            file.seek(at)
            byte = file.read(1)
            file.seek(at)
            file.write(bytes([byte[0] ^ 1]))
    subprocess.run(["qemu-img", "convert", "-O", "qcow2", disk, fresh.disk], check=True)
    disk.unlink()
    fresh.start()
    fresh.wait_serial("Kernel panic - not syncing: dm-verity device corrupted", 900)
    assert "Starting medkiosk" not in fresh.serial()
    fresh.picture("flipped-bits")
