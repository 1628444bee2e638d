"""Which block devices are memory cards, and how a card is mounted. Pure: the decisions of `mount.py`.

The rule: a card is mounted only when nothing in `REFUSALS` speaks against it, and only as `plan` says. What
is decided here rests on what the kernel says of the device, not on what the daemon or the card says.
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

_NAME = re.compile(r"(?P<disk>sd[a-z]{1,2})([1-9][0-9]?)?|(?P<mmc>mmcblk[0-9]{1,2})(p[1-9][0-9]?)?")
_SECTOR = 512

Kind = Literal["exfat", "vfat"]


class Request(IntEnum):
    """Frame types that the daemon sends to the helper; the payload is a volume's name, or nothing."""

    MOUNT = 1
    UNMOUNT = 2
    UNMOUNT_ALL = 3


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


def card_path(name: str, cards: Path = CARDS) -> Path:
    """Return where a volume is mounted: the helper and the daemon both know it, so no path is ever sent."""
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
    """

    on_usb: bool
    on_mmc: bool
    mmc_type: str
    removable: bool
    sectors: int
    partitions: int


REFUSALS: tuple[tuple[Callable[[Facts], bool], MountCode], ...] = (
    (lambda facts: not (facts.on_usb or facts.on_mmc), MountCode.NOT_A_CARD),  # the kiosk's own disk, say
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
