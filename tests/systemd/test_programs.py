"""The small programs beside the daemon: a good boot, the power button, the screen after a failure."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from medkiosk.units import boot, notice, power
from medkiosk.units.boot import Boot, judge, worth_another


@pytest.mark.parametrize(
    ("daemon", "set_up", "expected"),
    [
        ("active", "inactive", Boot.GOOD),
        ("inactive", "active", Boot.GOOD),
        ("activating", "inactive", Boot.OPEN),
        ("inactive", "activating", Boot.OPEN),
        ("", "", Boot.OPEN),
        ("failed", "inactive", Boot.BAD),
        ("inactive", "failed", Boot.BAD),
    ],
)
def test_a_boot_is_good_when_daemon_or_set_up_wait_for_somebody(
    daemon: str, set_up: str, expected: Boot
) -> None:
    assert judge(daemon, set_up) is expected


OLD, NEW = "medkiosk_1.0.0.efi", "medkiosk_1.1.0+2-1.efi"


@pytest.mark.parametrize(
    ("counted", "entries", "again"),
    [
        (r"\EFI\Linux\medkiosk_1.1.0+2-1.efi", [NEW, OLD], True),
        (r"\EFI\Linux\medkiosk_1.1.0+0-3.efi", ["medkiosk_1.1.0+0-3.efi", OLD], True),  # now the old one
        (r"\EFI\Linux\medkiosk_1.1.0+0-3.efi", ["medkiosk_1.1.0+0-3.efi", "auto-reboot"], False),
        (r"\EFI\Linux\medkiosk_1.1.0+2-1.efi", [NEW], True),  # three tries, then the screen stays
        ("", [OLD, NEW], False),  # called good already
        (r"\EFI\Linux\medkiosk_1.1.0.efi", [OLD], False),
    ],
)
def test_it_starts_again_only_where_that_leads_somewhere(
    counted: str, entries: list[str], again: bool
) -> None:
    assert worth_another(counted, entries) is again


def test_the_boot_loaders_variables_are_read(tmp_path: Path) -> None:
    name = "LoaderEntries-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"
    value = "".join(f"{entry}\0" for entry in (NEW, OLD)).encode("utf-16-le")
    (tmp_path / name).write_bytes(struct.pack("<I", 6) + value)
    assert boot.variable("LoaderEntries", tmp_path) == [NEW, OLD]
    assert boot.variable("LoaderBootCountPath", tmp_path) == []


def event(kind: int, code: int, value: int) -> bytes:
    return struct.pack("@llHHi", 12, 34, kind, code, value)


def test_only_a_press_of_the_power_key_switches_off() -> None:
    assert power.pressed(event(0, 0, 0) + event(1, 116, 1))
    assert not power.pressed(event(1, 116, 0))  # released
    assert not power.pressed(event(1, 30, 1))  # another key
    assert not power.pressed(event(1, 116, 1)[:-1])
    assert not power.pressed(b"")


def test_the_power_buttons_file_is_found(tmp_path: Path) -> None:
    (tmp_path / "uevent").write_text("MAJOR=13\nMINOR=64\nDEVNAME=input/event0\n")
    assert power.node(tmp_path) == Path("/dev/input/event0")
    (tmp_path / "uevent").write_text("DEVNAME=mem\n")
    with pytest.raises(ValueError, match="no input device"):
        power.node(tmp_path)


def test_only_the_word_asks_for_a_repair_and_only_where_it_may_help() -> None:
    assert notice.wants_repair("medkioskd.service", "Repair \n")
    for unit, typed in (
        ("medkioskd.service", ""),
        ("medkioskd.service", "r"),
        ("medkiosk-console-text.service", "repair"),
    ):
        assert not notice.wants_repair(unit, typed)


@pytest.mark.parametrize(
    "unit",
    [
        "medkioskd.service",
        "medkiosk-console-text.service",
        "medkiosk-setup.service",
        "emergency.service",
        "x.service",
    ],
)
def test_the_screen_says_what_happened_what_is_safe_and_what_to_do(unit: str) -> None:
    said = "The configuration file cannot be used.\x1b[2J\n\x07 " + "x" * 400
    lines = notice.lines(unit, version="1.2.3", result="exit-code", status="2", said=said)
    text = "\n".join(lines)
    assert [line for line in lines if line.endswith(":")] == [
        "What happened:",
        "What is safe:",
        "What to do:",
    ]
    assert unit in text
    assert "1.2.3" in text
    assert "The configuration file cannot be used." in text
    body = lines[1:]
    assert all(one.isprintable() for line in body for one in line)  # what was said cannot move the cursor
    assert max(map(len, body)) <= 78
    assert len(lines) <= 24  # the smallest screen that there is
