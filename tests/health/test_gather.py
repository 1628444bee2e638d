"""Figures out of files as Linux writes them, and out of what smartctl says."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from medkiosk.core import canon
from medkiosk.health.__main__ import main
from medkiosk.health.gather import gather, smart
from medkiosk.health.readings import decode

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
NVME = {
    "smart_status": {"passed": True},
    "nvme_smart_health_information_log": {"percentage_used": 7, "available_spare": 98, "media_errors": 2},
}
ATA = {
    "smart_status": {"passed": False},
    "ata_smart_attributes": {
        "table": [
            {"id": 5, "value": 98, "raw": {"value": 3}},
            {"id": 197, "value": 100, "raw": {"value": (7 << 32) + 1}},
            {"id": 233, "value": 61, "raw": {"value": 0}},
            {"id": 194, "value": 30, "raw": {"value": 30}},
        ]
    },
}


def machine(root: Path) -> Path:
    """The files of a small PC."""
    files = {
        "proc/uptime": "4711.30 9000.00\n",
        "proc/meminfo": "MemTotal:       16000000 kB\nMemFree:  1 kB\nMemAvailable:   12000000 kB\n",
        "proc/swaps": "Filename\tType\tSize\tUsed\tPriority\n",
        "proc/driver/rtc": "rtc_time\t: 12:00:00\nbatt_status\t: okay\n",
        "sys/class/tpm/tpm0/tpm_version_major": "2\n",
        "sys/class/rtc/rtc0/since_epoch": f"{int(NOW.timestamp()) + 3}\n",
        "sys/class/hwmon/hwmon0/name": "coretemp\n",
        "sys/class/hwmon/hwmon0/temp1_input": "45000\n",
        "sys/class/hwmon/hwmon0/temp1_label": "Package id 0\n",
        "sys/class/hwmon/hwmon0/temp1_crit": "100000\n",
        "sys/class/hwmon/hwmon1/name": "loose\n",
        "sys/class/hwmon/hwmon1/temp1_input": "-274000\n",
        "sys/block/nvme0n1/removable": "0\n",
        "sys/block/sda/removable": "1\n",
        "sys/block/loop0/removable": "0\n",
        "sys/block/dm-0/dm/uuid": "CRYPT-VERITY-0123-root\n",
        "etc/os-release": 'NAME=x\nIMAGE_VERSION="1.9.0"\n',
        "var/log/journal/0123/system.journal": "x" * 1000,
        "run/nothing": "",
    }
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def says(answer: object) -> object:
    def run(command: Sequence[str]) -> str:
        assert command[0] == "smartctl"
        return answer if isinstance(answer, str) else json.dumps(answer)

    return run


def test_a_small_pc(tmp_path: Path) -> None:
    found = gather(machine(tmp_path), lambda: NOW, run=says(NVME))  # type: ignore[arg-type]
    assert [(disk.name, disk.worn, disk.spare, disk.errors) for disk in found.disks] == [
        ("nvme0n1", 7, 98, 2)
    ]
    assert [(each.name, each.now, each.critical) for each in found.sensors] == [
        ("coretemp Package id 0", 45_000, 100_000)
    ]
    assert (found.clock.there, found.clock.valid, found.clock.offset_s) == (True, True, 3)
    assert (found.memory_free, found.swap, found.tpm, found.verity) == (12_000_000 * 1024, False, True, True)
    assert found.image == "1.9.0"
    assert (found.uptime_s, found.journal) == (4711, 1000)
    assert [each.at for each in found.spaces] == ["/var", "/run"]
    assert decode(canon.encode(found)) == found


def test_an_empty_battery_and_a_machine_of_which_nothing_can_be_read(tmp_path: Path) -> None:
    (machine(tmp_path / "pc") / "proc/driver/rtc").write_text("batt_status\t: dead\n")
    assert gather(tmp_path / "pc", lambda: NOW, run=says("")).clock.valid is False  # type: ignore[arg-type]
    empty = gather(tmp_path / "empty", lambda: NOW, run=says(""))  # type: ignore[arg-type]
    assert (empty.disks, empty.clock.there, empty.tpm) == ((), False, False)


@pytest.mark.parametrize(
    ("super_block", "writable"),
    [
        ("rw,errors=remount-ro", True),
        ("ro,errors=remount-ro", False),
        ("rw,emergency_ro,errors=remount-ro", False),
    ],
)
def test_a_unit_that_may_write_nowhere_takes_no_file_system_for_broken(
    tmp_path: Path, super_block: str, writable: bool
) -> None:
    root = machine(tmp_path)
    (root / "proc/self").mkdir()
    (root / "proc/self/mountinfo").write_text(
        "22 1 254:0 / / ro,relatime shared:1 - erofs /dev/dm-0 ro\n"
        f"30 22 254:1 / /var ro,nosuid,nodev,noexec shared:9 - ext4 /dev/dm-2 {super_block}\n"
        "31 22 0:24 / /run ro,nosuid,nodev shared:5 - tmpfs tmpfs rw,size=400000k\n"
        "32 22 0:30 / /variable ro - tmpfs tmpfs ro\n"
    )
    found = gather(root, lambda: NOW, run=says(NVME))  # type: ignore[arg-type]
    assert [(each.at, each.writable) for each in found.spaces] == [("/var", writable), ("/run", True)]


def test_an_ata_disk_that_fails() -> None:
    disk = smart("sda", says(ATA))  # type: ignore[arg-type]
    assert (disk.asked, disk.passed, disk.errors, disk.worn) == (True, False, 4, 39)


@pytest.mark.parametrize(
    "said",
    [
        "",
        "[]",
        "{}",
        '{"smart_status": {"passed": 1}}',
        '{"smart_status": []}',
        "[" * 100_000,
        "\x1b[2J",
    ],
)
def test_a_disk_that_says_nothing_useful(said: str) -> None:
    assert not smart("sda", says(said)).asked  # type: ignore[arg-type]


def test_a_disk_that_says_impossible_figures() -> None:
    wild = {
        "smart_status": {"passed": True},
        "nvme_smart_health_information_log": {
            "percentage_used": 10**30,
            "available_spare": -4,
            "media_errors": True,
        },
        "ata_smart_attributes": {"table": [1, {"id": 5, "raw": "x"}, {"id": 231, "value": "y"}]},
    }
    disk = smart("sda", says(wild))  # type: ignore[arg-type]
    assert (disk.worn, disk.spare, disk.errors) == (255, -1, 0)


def test_the_program_writes_what_the_daemon_reads(tmp_path: Path) -> None:
    out = tmp_path / "health.json"
    assert main(["--out", str(out)]) == 0
    assert decode(out.read_bytes()).memory > 0
    assert out.stat().st_mode & 0o777 == 0o644
    assert main(["--out", str(tmp_path / "nowhere" / "health.json")]) == 1
