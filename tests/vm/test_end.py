"""The end of a kiosk (docs/install.md, "The end of a machine"): after it, nothing opens the disk any more."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.kiosk import PASSPHRASE
from tests.vm import media
from tests.vm.desk import ADMIN, OLGA, Desk
from tests.vm.machine import Machine
from tests.vm.media import partitions
from tests.vm.prepared import BOOT_S
from tests.vm.setup import ANSWERS
from tests.vm.test_setup import remembered

pytestmark = pytest.mark.timeout(3600)

CHOSEN = "marmalade staple jars"
HEADER = 16 << 20
"""Bytes before the data: the header of LUKS, twice, and the key slots."""


def header(machine: Machine, into: Path) -> bytes:
    """What stands before the data of the data partition, on a machine that is off."""
    disk = into / "disk.raw"
    subprocess.run(["qemu-img", "convert", "-O", "raw", machine.disk, disk], check=True)
    start, _ = partitions(disk)["medkiosk-var"]
    with disk.open("rb") as file:
        file.seek(start)
        found = file.read(HEADER)
    disk.unlink()
    return found


def test_two_people_end_a_kiosk_and_its_own_machine_cannot_open_the_disk(
    kiosk: Machine, tmp_path: Path
) -> None:
    desk = Desk(kiosk)
    desk.log_in(ADMIN)
    desk.hire(OLGA)
    desk.log_out()
    desk.log_in(OLGA.user)  # who is the second person has chosen the passphrase themselves
    desk.press_for("p", "Old passphrase")
    desk.fill(PASSPHRASE, CHOSEN, CHOSEN)
    desk.see("Your passphrase was changed")
    desk.log_out()
    assert remembered(kiosk, "medkiosk").startswith("[1]")

    desk.log_in(ADMIN)
    stick = media.fat32(tmp_path / "stick.img", {}, label="MEDKIOSK", mib=64)
    kiosk.plug_stick(stick)
    desk.press_for("a", "Accounts, oldest first")
    desk.press_for("x", "Make it unreadable, for ever")
    desk.fill(ANSWERS["site"], OLGA.user, CHOSEN)
    desk.until_not("Their passphrase")
    kiosk.picture("end-head")
    kiosk.press("esc")
    desk.see("Nothing opens the disk of this kiosk any more")
    kiosk.picture("end")
    assert remembered(kiosk, "medkiosk").startswith("[]")
    kiosk.power_off()

    media.read_fat32(stick, tmp_path / "stick")
    assert list((tmp_path / "stick").rglob("*")), "the ledger's last head is on the stick"
    assert not any(header(kiosk, tmp_path)), "something is left of the header or of a key slot"
    kiosk.start()
    kiosk.see("THE MACHINE COULD NOT START", timeout_s=BOOT_S)
    kiosk.picture("after-the-end")
