"""Read the figures: /proc, /sys, two ioctls of the clock, and smartctl for what only a disk itself knows.

Why smartctl: what a disk says of itself comes in three languages (ATA, NVMe, SCSI), with tables of those that
say it wrongly; /sys has none of it but temperatures. smartmontools is that table, is in Debian, and runs here
without network, store or keys. Where it is missing the disk counts as one that does not say.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import struct
import subprocess
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from medkiosk.core.clock import Clock, rfc3339
from medkiosk.health.readings import ClockReading, Disk, Readings, Sensor, Space

_RTC_VL_READ = 0x80047013
"""rtc(4): why the clock's time may be wrong, bits; 0 where it is good."""
_VL_INVALID, _VL_BACKUP_LOW, _VL_BACKUP_EMPTY = 1, 2, 4
_SMART_S = 20.0
_MEDIA_ERRORS = (5, 187, 197, 198)
"""ATA attributes: reallocated, reported uncorrected, pending, offline uncorrectable sectors."""
_LIFE = (177, 202, 231, 233)
"""ATA attributes by which SSDs say how much of their life is left, normalised to 100 for new."""
_DISK = re.compile(r"(?:sd[a-z]{1,3}|nvme\d+n\d+|vd[a-z]|mmcblk\d+)", re.ASCII)
_WORD = re.compile(r"[^ -~]")

Run = Callable[[Sequence[str]], str]


def run(command: Sequence[str]) -> str:
    """What a command says; empty where it cannot be run or takes too long."""
    try:
        done = subprocess.run(
            list(command),
            capture_output=True,
            timeout=_SMART_S,
            check=False,
            text=True,
            env={"PATH": "/usr/sbin:/usr/bin"},
        )
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError):
        return ""
    return done.stdout


def gather(root: Path, clock: Clock, *, spaces: Sequence[str] = ("/var", "/run"), run: Run = run) -> Readings:
    """Read everything that can be had; what cannot is left at what says the least.

    Args:
        root: ``/``, or a folder with the same files.
        clock: the time.
        spaces: where file systems are mounted.
        run: starts smartctl.
    """
    now = clock()
    memory = _memory(root)
    return Readings(
        at=rfc3339(now),
        uptime_s=int(float(_text(root / "proc/uptime", "0").split()[0])),
        spaces=tuple(space for at in spaces if (space := _space(root, at)) is not None),
        disks=tuple(smart(name, run) for name in _disks(root))[:8],
        sensors=tuple(_sensors(root))[:32],
        clock=_clock(root, now),
        memory=memory.get("MemTotal", 0),
        memory_free=memory.get("MemAvailable", 0),
        swap=len(_text(root / "proc/swaps", "").splitlines()) > 1,
        tpm=_text(root / "sys/class/tpm/tpm0/tpm_version_major", "") == "2",
        verity=any(
            _text(path, "").startswith("CRYPT-VERITY-") for path in (root / "sys/block").glob("dm-*/dm/uuid")
        ),
        image=_image(root),
        journal=_size(root / "var/log/journal") + _size(root / "run/log/journal"),
    )


def _text(path: Path, otherwise: str) -> str:
    try:
        return path.read_text("ascii", "replace").strip() or otherwise
    except OSError:
        return otherwise


def _number(path: Path) -> int:
    text = _text(path, "0")
    return int(text) if re.fullmatch(r"-?\d{1,9}", text) else 0


def _word(text: str) -> str:
    return _WORD.sub("?", text)[:64]


def _memory(root: Path) -> dict[str, int]:
    """/proc/meminfo, bytes (proc(5))."""
    found = {}
    for line in _text(root / "proc/meminfo", "").splitlines():
        name, _, value = line.partition(":")
        if value.strip().endswith(" kB"):
            found[name] = int(value.split()[0]) * 1024
    return found


def _space(root: Path, at: str) -> Space | None:
    try:
        found = os.statvfs(root / at.lstrip("/"))
    except OSError:
        return None
    return Space(
        at=at,
        total=found.f_blocks * found.f_frsize,
        free=found.f_bavail * found.f_frsize,
        # Some file systems have no table of them, and say 0 of 0.
        inodes_free=found.f_favail if found.f_files else 2**32,
        writable=not _read_only(root, at),
    )


def _read_only(root: Path, at: str) -> bool:
    """Whether the file system itself is read-only, whatever the place where it is mounted says.

    The unit sees every place read-only (ProtectSystem=strict), so statvfs() says nothing. The last field of
    mountinfo is of the super block (proc_pid_mountinfo(5)), which the kernel alters where it found an error.
    """
    holds = ("/", "rw")
    for line in _text(root / "proc/self/mountinfo", "").splitlines():
        left, _, right = line.partition(" - ")
        place, options = left.split()[4], right.split()[-1]
        if Path(at).is_relative_to(place) and len(place) >= len(holds[0]):
            holds = (place, options)
    return bool({"ro", "emergency_ro"} & set(holds[1].split(",")))


def _disks(root: Path) -> Iterator[str]:
    """The disks that stay in; what is removable is somebody's card or stick."""
    for path in sorted((root / "sys/block").glob("*")):
        removable = _text(path / "removable", "0") == "1"
        if _DISK.fullmatch(path.name) and not removable and "/usb" not in str(path.resolve()):
            yield path.name


def smart(name: str, run: Run) -> Disk:
    """Ask one disk; see smartctl(8), ``--json``. What it says is bounded before it is used."""
    said = run(("smartctl", "--json", "--health", "--attributes", "--nocheck=never", f"/dev/{name}"))
    try:
        untrusted: Any = json.loads(said)
        passed = untrusted["smart_status"]["passed"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return Disk(name=name, asked=False)
    if not isinstance(passed, bool):
        return Disk(name=name, asked=False)
    worn, spare, errors = -1, -1, 0
    log = untrusted.get("nvme_smart_health_information_log")
    if isinstance(log, dict):
        worn = _bounded(log.get("percentage_used"), 255, -1)
        spare = _bounded(log.get("available_spare"), 100, -1)
        errors = _bounded(log.get("media_errors"), 2**53 - 1, 0)
    for row in _rows(untrusted):
        number, raw, value = row.get("id"), row.get("raw"), row.get("value")
        if number in _MEDIA_ERRORS and isinstance(raw, dict):
            # The upper bytes of a raw value hold other counts on many drives.
            errors += _bounded(raw.get("value"), 2**53 - 1, 0) & 0xFFFF
        elif number in _LIFE:
            worn = max(worn, 100 - _bounded(value, 100, 100))
    return Disk(name=name, asked=True, passed=passed, worn=worn, spare=spare, errors=errors)


def _rows(untrusted: dict[str, Any]) -> Iterator[dict[str, Any]]:
    attributes = untrusted.get("ata_smart_attributes")
    table = attributes.get("table") if isinstance(attributes, dict) else None
    if isinstance(table, list):
        yield from (row for row in table[:64] if isinstance(row, dict))


def _bounded(untrusted: object, most: int, otherwise: int) -> int:
    return min(untrusted, most) if type(untrusted) is int and untrusted >= 0 else otherwise


def _sensors(root: Path) -> Iterator[Sensor]:
    """Linux, Documentation/hwmon/sysfs-interface: millidegrees."""
    for path in sorted((root / "sys/class/hwmon").glob("hwmon*/temp*_input")):
        name = _text(path.parent / "name", path.parent.name)
        label = _text(path.with_name(path.name.replace("_input", "_label")), "")
        now = _number(path)
        if not -50_000 <= now <= 200_000:  # a sensor that is not connected
            continue
        critical = max(0, _number(path.with_name(path.name.replace("_input", "_crit"))))
        yield Sensor(name=_word(f"{name} {label}".strip()), now=now, critical=min(critical, 1_000_000))


def _clock(root: Path, now: datetime) -> ClockReading:
    folder = root / "sys/class/rtc/rtc0"
    if not folder.exists():
        return ClockReading(there=False)
    since = _number_long(folder / "since_epoch")
    offset = since - int(now.timestamp()) if since else 0
    return ClockReading(there=True, valid=_valid(root / "dev/rtc0"), offset_s=offset)


def _number_long(path: Path) -> int:
    text = _text(path, "0")
    return int(text) if re.fullmatch(r"\d{1,12}", text) else 0


def _valid(device: Path) -> bool | None:
    """Whether the clock kept its time; None where its driver does not say, as that of most PCs."""
    with contextlib.suppress(OSError):
        descriptor = os.open(device, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            (bits,) = struct.unpack("I", fcntl.ioctl(descriptor, _RTC_VL_READ, bytes(4)))
        finally:
            os.close(descriptor)
        return not bits & (_VL_INVALID | _VL_BACKUP_LOW | _VL_BACKUP_EMPTY)
    # The CMOS clock of a PC says it in another place (register D, "valid RAM and time").
    said = re.search(
        r"^batt_status\s*:\s*(\w+)", _text(device.parent.parent / "proc/driver/rtc", ""), re.MULTILINE
    )
    return None if said is None else said[1] == "okay"


def _image(root: Path) -> str:
    found = re.search(r'^IMAGE_VERSION="?([ -~]{1,40}?)"?$', _text(root / "etc/os-release", ""), re.MULTILINE)
    return found[1] if found else ""


def _size(folder: Path) -> int:
    total = 0
    for path in folder.glob("*/*"):
        with contextlib.suppress(OSError):
            total += path.stat().st_size
    return total


def now() -> datetime:
    """The machine's time."""
    return datetime.now(UTC)
