"""Cold boot: firmware, verity root, a data partition sealed to the TPM, the set-up, the console."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from tests.vm.machine import PYTHON, Machine
from tests.vm.ocr import says
from tests.vm.prepared import READY

pytestmark = pytest.mark.timeout(2400)

ESP_IDLE_S = 300.0
"""systemd takes it away after two idle minutes of the machine's own clock."""


@pytest.fixture(scope="module")
def story(set_up_once: Machine) -> dict[str, Any]:
    """What was seen while the machine was set up."""
    told: dict[str, Any] = json.loads((set_up_once.directory / "story.json").read_text())
    return told


def test_the_set_up_ends_at_the_console(story: dict[str, Any]) -> None:
    assert says(story["console"], "locked: no photo can be read here")


def test_no_unit_failed(story: dict[str, Any]) -> None:
    assert story["failed"].splitlines()[:-1] == []


def mounted(kiosk: Machine) -> dict[str, list[str]]:
    """Source, type and options of what is mounted, by the place."""
    said = kiosk.shell("findmnt -rno TARGET,SOURCE,FSTYPE,OPTIONS").splitlines()
    return {
        line.split()[0]: line.split()[1:] for line in said if line.startswith("/") and "autofs" not in line
    }


def test_what_is_mounted_and_what_is_writable(kiosk: Machine) -> None:
    deadline = time.monotonic() + ESP_IDLE_S
    while "/efi" in (mounts := mounted(kiosk)) and time.monotonic() < deadline:
        assert {"nodev", "nosuid", "noexec"} <= set(mounts["/efi"][2].split(","))
        time.sleep(5)  # systemd-bless-boot asked for it, when the boot was good
    assert mounts["/"][0] == "/dev/mapper/root"
    assert "ro" in mounts["/"][2].split(",")
    assert {"nodev", "nosuid", "noexec"} <= set(mounts["/var"][2].split(","))
    assert "ext4" in mounts["/var"]
    disks = {target for target, (source, *_) in mounts.items() if source.startswith("/dev/")}
    writable = {target for target in disks if "rw" in mounts[target][2].split(",")}
    assert writable == {"/var"}
    assert kiosk.shell("cat /proc/swaps").splitlines()[1:-1] == []


def test_nothing_listens_and_there_is_no_way_to_a_network(kiosk: Machine) -> None:
    said = kiosk.shell(
        "cat /proc/net/tcp /proc/net/udp /proc/net/raw /proc/net/tcp6 2>/dev/null | grep -c ':.*:'"
    )
    assert said.splitlines()[0] == "0"
    links = kiosk.shell("ls /sys/class/net").splitlines()[:-1]
    assert links == ["lo"]
    drivers = kiosk.shell("find /lib/modules/*/kernel/drivers/net -type f | wc -l")  # empty folders stay
    assert drivers.splitlines()[0].strip() == "0"


def test_the_disk_is_sealed_to_the_tpm(kiosk: Machine) -> None:
    said = kiosk.shell("cryptsetup luksDump /dev/disk/by-partlabel/medkiosk-var")
    assert "systemd-tpm2" in said
    assert "systemd-recovery" in said


_REMEMBERED = (
    "from pathlib import Path; from medkiosk.devicetpm import TpmSecrets;"
    " print(TpmSecrets(Path('/dev/tpmrm0')).generations())"
)


def remembered(kiosk: Machine, user: str) -> str:
    """What the TPM says to a user when it is asked for its device secrets."""
    who = f"setpriv --reuid {user} --regid {user} --init-groups"
    return kiosk.shell(f'{who} {PYTHON} -c "{_REMEMBERED}" 2>&1 | tail -n 1')


def test_the_device_secret_is_in_the_tpms_memory_and_the_daemon_alone_opens_it(kiosk: Machine) -> None:
    assert 'tpm = "/dev/tpmrm0"' in kiosk.shell("grep '^tpm' /etc/medkiosk/medkiosk.toml")
    assert "device-" not in kiosk.shell("ls /var/lib/medkiosk-keys")
    assert "660 root medkiosk-tpm" in kiosk.shell("stat -c '%a %U %G' /dev/tpmrm0")
    assert "[1]" in remembered(kiosk, "medkiosk")
    for user in ("kiosk", "medkiosk-mount"):
        assert "Permission denied" in remembered(kiosk, user)
    # What the daemon sees in its own /dev: this, and no disk.
    seen = kiosk.shell("cd /proc/$(systemctl show -P MainPID medkioskd)/root && ls dev").split()
    assert "tpmrm0" in seen
    assert not {"sda", "bus", "mapper", "tpm0"} & set(seen)


def test_power_cut_at_the_console_and_a_cold_boot_without_a_word_typed(kiosk: Machine) -> None:
    kiosk.power_cut()
    kiosk.start()
    kiosk.see("locked: no photo can be read here", timeout_s=900)
    kiosk.picture("console-after-power-cut")
    took = kiosk.shell("systemctl show -p ActiveEnterTimestampMonotonic --value medkioskd.service")
    print(f"READY after {int(took.splitlines()[0]) / 1e6:.1f} s of the kernel's clock (TCG)")
    for asked in ("time", "critical-chain medkioskd.service", "blame | head -n 30"):
        print(kiosk.shell(f"systemd-analyze --no-pager {asked}"))


def test_the_power_button_switches_the_machine_off(kiosk: Machine) -> None:
    kiosk.power_off()
    assert not kiosk.is_running


def test_the_disk_in_another_machine_opens_nothing(kiosk: Machine) -> None:
    kiosk.rewind(READY)
    for state in (kiosk.directory / "tpm").iterdir():
        state.unlink()
    kiosk.start()
    kiosk.see("recovery key", "Please enter", timeout_s=900)
    kiosk.picture("another-tpm")
