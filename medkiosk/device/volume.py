"""Which block devices are cards or sticks, and how they are mounted. Pure: the decisions of `mount.py`.

The rule: a card is mounted only when nothing in `REFUSALS` speaks against it, and only as `plan` says. What
is decided here rests on what the kernel says of the device, not on what the daemon or the card says. Only a
stick is ever mounted writable, and a stick is what is labelled so, which the helper reads itself: nobody's
photographs can be written over (docs/stick.md).
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from enum import IntEnum, IntFlag
from pathlib import Path
from typing import Literal, NamedTuple

CARDS = Path("/run/medkiosk-cards")
"""Where cards are mounted. Not below ``/run/medkiosk``: the source worker cannot see that, and it goes when
the daemon stops."""

STICKS = Path("/run/medkiosk-sticks")
"""Where sticks are mounted, for the daemon alone."""
LABEL = "MEDKIOSK"
"""How the label of a stick begins."""
BACKUP_LABEL = "MEDKIOSK-BACKUP"
"""The label of a backup drive, which systemd mounts (docs/backup.md)."""

_NAME = re.compile(r"(?P<disk>sd[a-z]{1,2})([1-9][0-9]?)?|(?P<mmc>mmcblk[0-9]{1,2})(p[1-9][0-9]?)?")
_SECTOR = 512

Kind = Literal["exfat", "vfat"]


class Request(IntEnum):
    """Frame types that the daemon sends to the helper; the payload is a volume's name, or nothing."""

    MOUNT = 1
    UNMOUNT = 2
    UNMOUNT_ALL = 3
    LOOK_STICK = 4  # read-only
    MOUNT_STICK = 5  # writable
    RELEASE_STICK = 6  # all of it is on the stick when this was answered with DONE
    UNMOUNT_STICK = 7  # it is gone, or was only looked at


class Answer(IntEnum):
    """Frame types that the helper sends: DONE with nothing, or FAILED with a `MountCode` in two bytes."""

    DONE = 17
    FAILED = 18


MAX_REQUEST = 16
"""Longest payload of a request, bytes."""
CODE = struct.Struct(">H")


class MountCode(IntEnum):
    """Why a card was not mounted. Only the number crosses the process boundary."""

    NAME = 1
    NOT_A_CARD = 2
    NO_MEDIUM = 3
    IN_USE = 4
    FILE_SYSTEM = 5
    NO_DRIVER = 6
    DAMAGED = 7
    GONE = 8
    FAILED = 9
    HELPER = 10
    NOT_A_STICK = 11
    COMPOSITE = 12
    LOCKED = 13


WORDS: dict[MountCode, str] = {
    MountCode.NAME: (
        "Something was plugged in that the kiosk does not take for a memory card; nothing on it was touched."
        " Put the card into the kiosk's own reader, or plug in the camera."
    ),
    MountCode.NOT_A_CARD: (
        "Something was plugged in that is not a removable memory card; nothing on it was touched. Use the"
        " kiosk's card reader."
    ),
    MountCode.NO_MEDIUM: "The card reader says that no card is in it. Push the card in until it holds.",
    MountCode.IN_USE: (
        "Another program of this computer holds this card, so it was not opened; nothing on it was touched."
        " Take it out and put it in again."
    ),
    MountCode.FILE_SYSTEM: (
        "This card is not formatted as cameras do it (exFAT or FAT32), so it was not opened; nothing on it"
        " was touched. If it holds photographs, do not format it; call the installer."
    ),
    MountCode.NO_DRIVER: (
        "This kiosk cannot read this kind of card yet; nothing on it was touched. Plug in the camera instead"
        " and call the installer."
    ),
    MountCode.DAMAGED: (
        "The card's table of contents is damaged, so it could not be opened; nothing on it was touched. Do"
        " not format it and take no more pictures on it; try the camera, then call the installer."
    ),
    MountCode.GONE: "The card went away while it was being opened. Put it in again.",
    MountCode.FAILED: (
        "The card could not be opened; nothing on it was touched. Take it out and put it in again; if that"
        " does not help, plug in the camera instead."
    ),
    MountCode.HELPER: (
        "The part of the kiosk that opens cards does not answer; nothing on the card was touched. Plug in the"
        " camera instead and call the installer."
    ),
    MountCode.NOT_A_STICK: (
        "Something was plugged in that is not labelled as a stick of this kiosk; nothing on it was touched."
    ),
    MountCode.COMPOSITE: (
        "What was plugged in is not only a memory card or stick: it also poses as another device, a keyboard"
        " for example. Nothing on it was touched. Pull it out at once, do not plug it into any other"
        " computer, and tell whoever looks after the kiosk."
    ),
    MountCode.LOCKED: (
        "The stick is write-protected; nothing on it was changed. Open its lock switch. If it has none, plug"
        " it into the kiosk itself and not into a hub; else take another."
    ),
}
"""The one sentence a person reads for each code."""


def is_volume_name(name: str) -> bool:
    """Tell whether this is the kernel's name of a disk or partition that can be a card: sdXN, mmcblkNpN."""
    return _NAME.fullmatch(name) is not None


def disk_of(name: str) -> str:
    """Return the whole disk's name: ``sdb`` of ``sdb1``.

    Raises:
        ValueError: `is_volume_name` says no.
    """
    match = _NAME.fullmatch(name)
    if match is None:
        raise ValueError("not the name of a volume")
    return match["disk"] or match["mmc"]


def stick_path(name: str, sticks: Path = STICKS) -> Path:
    """Return where a stick is mounted.

    Raises:
        ValueError: `is_volume_name` says no.
    """
    return card_path(name, sticks)


def card_path(name: str, cards: Path = CARDS) -> Path:
    """Return where a volume is mounted: the helper and the daemon both know it, so no path is ever sent.

    Raises:
        ValueError: not the name of a volume.
    """
    if not is_volume_name(name):
        raise ValueError("not the name of a volume")
    return cards / name


class Facts(NamedTuple):
    """What the kernel says of a block device.

    Attributes:
        on_usb: it hangs on a USB port.
        on_mmc: it is in an SD or MMC slot.
        mmc_type: what sits in that slot: ``SD``, or ``MMC`` for memory that is soldered in.
        removable: the disk's medium can be taken out.
        sectors: size in 512-byte sectors; 0 while there is no medium.
        partitions: how many partitions the disk has; 0 for a partition.
        usb_classes: of the interfaces of the USB device, two hexadecimal digits each.
    """

    on_usb: bool
    on_mmc: bool
    mmc_type: str
    removable: bool
    sectors: int
    partitions: int
    usb_classes: frozenset[str] = frozenset()


STORAGE_CLASS = "08"
"""USB's mass storage (usb.org, "Defined Class Codes")."""

REFUSALS: tuple[tuple[Callable[[Facts], bool], MountCode], ...] = (
    (lambda facts: not (facts.on_usb or facts.on_mmc), MountCode.NOT_A_CARD),  # the kiosk's own disk, say
    (lambda facts: bool(facts.usb_classes - {STORAGE_CLASS}), MountCode.COMPOSITE),
    (lambda facts: facts.on_usb and not facts.removable, MountCode.NOT_A_CARD),  # a disk in a USB case
    (lambda facts: facts.on_mmc and facts.mmc_type != "SD", MountCode.NOT_A_CARD),  # eMMC: soldered in
    (lambda facts: facts.partitions > 0, MountCode.NOT_A_CARD),  # its partitions are asked for by themselves
    (lambda facts: facts.sectors == 0, MountCode.NO_MEDIUM),
)
"""What speaks against mounting, in the order in which it is asked."""


def refusal(facts: Facts) -> MountCode | None:
    """Return why this device is not mounted; None where nothing speaks against it."""
    return next((code for speaks_against, code in REFUSALS if speaks_against(facts)), None)


def file_system(untrusted_sector: bytes) -> Kind | None:
    """Name the file system by a volume's first 512 bytes; None for any but exFAT and FAT32.

    Source: Microsoft's exFAT specification, section 3.1; FAT specification (fatgen103), "BS_FilSysType".
    """
    if len(untrusted_sector) < _SECTOR or untrusted_sector[510:512] != b"\x55\xaa":
        return None
    if untrusted_sector[3:11] == b"EXFAT   ":
        return "exfat"
    return "vfat" if untrusted_sector[82:90] == b"FAT32   " else None


class MountFlag(IntFlag):
    """Flags of mount(2)."""

    RDONLY = 1
    NOSUID = 2
    NODEV = 4
    NOEXEC = 8
    NOSYMFOLLOW = 256


class Plan(NamedTuple):
    """How a volume is mounted: arguments of mount(2)."""

    kind: str
    flags: MountFlag
    options: str


FLAGS = MountFlag.RDONLY | MountFlag.NOSUID | MountFlag.NODEV | MountFlag.NOEXEC | MountFlag.NOSYMFOLLOW

_OPTIONS: dict[Kind, str] = {
    # The group that the source worker is in, and nobody else, reads the photographs. FAT keeps local time and
    # no zone: it is left as the camera wrote it, whatever zone the kiosk has.
    "exfat": "uid=0,gid={gid},dmask=0227,fmask=0337,iocharset=utf8",
    "vfat": "uid=0,gid={gid},dmask=0227,fmask=0337,utf8,tz=UTC",
}


def plan(kind: Kind, gid: int) -> Plan:
    """Return how a card is mounted.

    Args:
        kind: its file system.
        gid: the group that may read it.
    """
    return Plan(kind, FLAGS, _OPTIONS[kind].format(gid=gid))


_FOLDER_BYTES = 4096
_ENTRY = 32
_FAT_LABEL, _FAT_KIND, _FAT_FREE = 0x08, 0x3F, 0xE5
_EXFAT_LABEL = 0x83
_FURTHEST = 1 << 50


class Place(NamedTuple):
    """Bytes of a volume."""

    offset: int
    size: int


def root_folder(untrusted_sector: bytes, kind: Kind) -> Place | None:
    """Say where a volume's top folder begins, by its first sector; None where that says nothing sensible.

    Source: exFAT specification, section 3.1; fatgen103, "Boot Sector and BPB", "Determination of FAT Type".
    """
    if kind == "exfat":
        (heap,) = struct.unpack_from("<I", untrusted_sector, 88)
        (root,) = struct.unpack_from("<I", untrusted_sector, 96)
        sector_shift, cluster_shift = untrusted_sector[108], untrusted_sector[109]
        if not 9 <= sector_shift <= 12 or cluster_shift > 25 - sector_shift or root < 2:
            return None
        offset = (heap + ((root - 2) << cluster_shift)) << sector_shift
    else:
        sector, per_cluster, reserved, tables = struct.unpack_from("<HBHB", untrusted_sector, 11)
        (table,) = struct.unpack_from("<I", untrusted_sector, 36)
        (root,) = struct.unpack_from("<I", untrusted_sector, 44)
        if sector not in (512, 1024, 2048, 4096) or root < 2:
            return None
        offset = (reserved + tables * table + (root - 2) * per_cluster) * sector
    return Place(offset, _FOLDER_BYTES) if 0 < offset < _FURTHEST else None


def label(untrusted_folder: bytes, kind: Kind) -> str:
    """Return a volume's label as it stands in its top folder; empty for none.

    Args:
        untrusted_folder: the first bytes of that folder.
        kind: the file system.
    """
    for at in range(0, len(untrusted_folder) - _ENTRY + 1, _ENTRY):
        entry = untrusted_folder[at : at + _ENTRY]
        if entry[0] == 0:  # no entry from here on
            return ""
        if kind == "exfat" and entry[0] == _EXFAT_LABEL:
            return entry[2 : 2 + 2 * min(entry[1], 11)].decode("utf-16-le", "replace")
        if kind == "vfat" and entry[0] != _FAT_FREE and entry[11] & _FAT_KIND == _FAT_LABEL:
            return entry[:11].decode("ascii", "replace").rstrip()
    return ""


def is_stick(untrusted_label: str) -> bool:
    """Tell whether a volume of this label is one that exports are written to."""
    upper = untrusted_label.upper()
    # FAT keeps 11 characters of a label, so a backup drive is known by as many of them.
    return upper.startswith(LABEL) and upper[:11] != BACKUP_LABEL[:11]


_STICK_OPTIONS: dict[Kind, str] = {
    # The daemon's alone. vfat's "flush" writes early, so that the stick's light goes out when it is done;
    # "sync" would write each table again and again, which wears the stick out.
    "exfat": "uid={uid},gid=0,dmask=0077,fmask=0177,iocharset=utf8,errors=remount-ro",
    "vfat": "uid={uid},gid=0,dmask=0077,fmask=0177,utf8,tz=UTC,flush,errors=remount-ro",
}


def stick_plan(kind: Kind, uid: int, *, writable: bool) -> Plan:
    """Return how a stick is mounted.

    Args:
        kind: its file system.
        uid: who may read and write it.
        writable: for an export; else it is only looked at.
    """
    return Plan(kind, FLAGS & ~MountFlag.RDONLY if writable else FLAGS, _STICK_OPTIONS[kind].format(uid=uid))
