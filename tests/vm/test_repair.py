"""What brings a kiosk back: a backup drive, two recovery sheets, the set-up (docs/install.md, "Repair")."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from medkiosk.setup.answers import questions
from medkiosk.setup.layouts import PROOF
from tests.vm import media
from tests.vm.desk import ADMIN, Desk
from tests.vm.machine import KVM, PYTHON, Machine
from tests.vm.prepared import BOOT_S
from tests.vm.setup import ANSWERS, Installer

pytestmark = pytest.mark.timeout(5400)

NEW = "another stapler horse"
DAEMON = 801
"""The daemon's number in every image (systemd/medkiosk.sysusers)."""
LOCKED = "locked: no photo can be read here"


def story_of(machine: Machine) -> dict[str, Any]:
    """What was seen while it was set up."""
    told: dict[str, Any] = json.loads((machine.directory / "story.json").read_text())
    return told


def type_sheets(installer: Installer, sheets: list[str]) -> None:
    """Two sheets from the paper: four letters of each word are enough."""
    for number, sheet in enumerate(sheets[:2], 1):
        installer.until(f"Sheet {number} of 2 >")
        installer.enter(" ".join(word[:4] for word in sheet.split()))


def test_a_backup_drive_makes_a_new_machine_the_same_kiosk(
    kiosk: Machine, fresh: Machine, tmp_path: Path
) -> None:
    sheets = story_of(kiosk)["sheets"]
    desk = Desk(kiosk)
    desk.log_in(ADMIN)
    desk.press_for("b", "There is no backup drive yet")
    drive = media.ext4(tmp_path / "drive.img", label="MEDKIOSK-BACKUP", owner=DAEMON)
    plugged = kiosk.plug_stick(drive)
    desk.see("a disk that is not enrolled")
    desk.press_for("n", "What is the new backup drive called")
    desk.fill("Drive A")
    desk.see("complete on 20", timeout_s=1800)
    kiosk.picture("backup-complete")
    plugged.unplug()
    kiosk.power_cut()

    fresh.start()
    fresh.see("Enter, to begin", timeout_s=BOOT_S)
    installer = Installer(fresh)
    installer.enter("restore")
    asked = questions(restore=True)
    for number, question in enumerate(asked, 1):
        installer.until(f"{number} of {len(asked)}: {question.title}")
        answer = NEW if question.key == "passphrase" else ANSWERS[question.key]
        installer.enter(answer)
        if question.key == "layout":
            installer.until("Type these five characters")
            installer.enter(PROOF)
        if question.secret:
            installer.until("Once more:")
            installer.enter(answer)
    installer.until("Is all of this right?")
    installer.enter("yes")
    type_sheets(installer, sheets)
    installer.until("Plug the backup drive in now")
    plugged = fresh.plug_stick(drive)
    fresh.wait_serial("Mounted run-medkiosk", 120)
    installer.enter()
    installer.disk_key()
    shown = installer.until("This machine is the kiosk now that the drive belongs to")
    assert "entries of the ledger were copied and checked" in " ".join(shown.split())
    fresh.picture("restored")
    if not KVM:
        fresh.patient()
    plugged.unplug()
    installer.enter()
    desk = Desk(fresh)
    desk.see(LOCKED, timeout_s=BOOT_S)
    desk.press_for("l", "Passphrase")
    desk.fill(ADMIN, NEW)
    desk.see("An administrator gave you this passphrase")
    fresh.picture("restored-login")


def test_where_the_device_secret_is_lost_the_set_up_makes_a_new_one(kiosk: Machine) -> None:
    sheets = story_of(kiosk)["sheets"]
    lost = "TpmSecrets(Path('/dev/tpmrm0')).keep_only()"
    done = kiosk.shell(
        f'{PYTHON} -c "from pathlib import Path; from medkiosk.devicetpm import TpmSecrets; {lost}"'
    )
    assert done.endswith("exit 0")
    kiosk.power_cut()
    kiosk.start()
    desk = Desk(kiosk)
    desk.see(LOCKED, timeout_s=BOOT_S)
    desk.press_for("l", "Passphrase")
    desk.press_for("f4", "Have the set-up repair this kiosk?")  # nobody can log in, so nobody has to
    desk.press_for("ret", "Press the power button once")
    kiosk.power_off()
    kiosk.start()
    kiosk.see("REPAIR OF A MEDKIOSK", timeout_s=BOOT_S)
    kiosk.picture("repair-asked")
    installer = Installer(kiosk)
    installer.until("A number and Enter")
    installer.enter("1")
    type_sheets(installer, sheets)
    installer.until("The keys are back")
    installer.enter()
    desk.see(LOCKED, timeout_s=BOOT_S)
    desk.log_in(ADMIN)


def test_lost_keys_come_out_of_the_store_with_two_sheets(kiosk: Machine) -> None:
    sheets = story_of(kiosk)["sheets"]
    assert kiosk.shell("rm /var/lib/medkiosk-credentials/* && sync").endswith("exit 0")
    kiosk.power_cut()
    kiosk.start()
    kiosk.see("THE KIOSK HAS STOPPED", timeout_s=2 * BOOT_S)
    kiosk.picture("stopped")
    kiosk.type("repair")
    kiosk.press("ret")
    kiosk.see("REPAIR OF A MEDKIOSK", timeout_s=BOOT_S)
    kiosk.forget_shell()  # the machine started again
    installer = Installer(kiosk)
    installer.until("A number and Enter")
    installer.enter("1")
    type_sheets(installer, sheets)
    installer.until("The keys are back")
    kiosk.picture("keys-are-back")
    installer.enter()
    desk = Desk(kiosk)
    desk.see(LOCKED, timeout_s=BOOT_S)
    desk.log_in(ADMIN)
