"""Which devices are cameras and cards that this kiosk reads. Everything else is left alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from medkiosk.device.model import DeviceRef
from medkiosk.device.volume import LABEL, card_path, is_stick, is_volume_name, stick_path

CAMERAS: dict[tuple[str, str], str] = {
    ("04a9", "32f5"): "Canon EOS R6",
    ("04a9", "330b"): "Canon EOS R6m2",
    ("04a9", "3323"): "Canon EOS R6 Mark III",
    ("04a9", "32f4"): "Canon EOS R5",
}
"""USB vendor and product -> libgphoto2's name of the model."""

_STILL_IMAGE = "060101"  # USB class, subclass, protocol: still image capture (PTP)


def supported_camera(properties: Mapping[str, str]) -> DeviceRef | None:
    """Tell which camera a udev device is; None if it is not one that we read.

    Args:
        properties: as udev gives them for the device (``SUBSYSTEM``, ``DEVTYPE``, ``ID_VENDOR_ID``, ...).
            They repeat what the device says of itself, so they decide only which worker may try it.
    """
    if properties.get("SUBSYSTEM") != "usb" or properties.get("DEVTYPE") != "usb_device":
        return None
    model = CAMERAS.get((properties.get("ID_VENDOR_ID", ""), properties.get("ID_MODEL_ID", "")))
    interfaces = properties.get("ID_USB_INTERFACES", "").split(":")
    bus, number = properties.get("BUSNUM", ""), properties.get("DEVNUM", "")
    if model is None or _STILL_IMAGE not in interfaces or not (_is_number(bus) and _is_number(number)):
        return None
    return DeviceRef(
        kind="camera",
        key=properties.get("DEVPATH", ""),
        port=f"usb:{int(bus):03d},{int(number):03d}",
        model=model,
    )


_FILE_SYSTEMS = frozenset({"exfat", "vfat"})
_EFI_SYSTEM = frozenset({"c12a7328-f81f-11d2-ba4b-00a0c93ec93b", "0xef"})


def supported_card(properties: Mapping[str, str]) -> DeviceRef | None:
    """Tell which card a udev device is; None if it is not one that we read.

    A partition, or a whole disk without partitions, with a file system that cameras make. Not a stick of
    ours: its label begins with MEDKIOSK. Whether it is removable at all, the mount helper asks the kernel.

    Args:
        properties: as udev gives them for the device (``SUBSYSTEM``, ``DEVNAME``, ``ID_FS_TYPE``, ...). They
            repeat what the card says of itself, so they decide only what the helper is asked for.

    Returns:
        The card, with the directory in which the helper mounts it as its port.
    """
    if not _is_volume(properties) or _label(properties).upper().startswith(LABEL):
        return None
    return _volume("card", properties, card_path(_name(properties)))


def supported_stick(properties: Mapping[str, str]) -> DeviceRef | None:
    """Tell which stick for exports a udev device is; None if it is none.

    As a card, but on USB, and labelled as one (docs/stick.md): the label alone makes a volume a stick, so
    nothing is ever written to somebody's card. The mount helper reads the label itself.

    Args:
        properties: as for `supported_card`.

    Returns:
        The stick, with the directory in which the helper mounts it as its port.
    """
    if not _is_volume(properties) or not is_stick(_label(properties)) or _name(properties).startswith("mmc"):
        return None
    return _volume("stick", properties, stick_path(_name(properties)))


_NO_FILES = _EFI_SYSTEM | {
    "e3c9e316-0b5c-4db8-817d-f92df00215ae",  # Microsoft's reserved partition
    *("0x5", "0xf", "0x85"),  # extended: a box for other partitions
}


def part_of(properties: Mapping[str, str]) -> str | None:
    """Tell which disk a partition is on, by its place in udev; None for what is none that holds files.

    Args:
        properties: as for `supported_card`.
    """
    if properties.get("SUBSYSTEM") != "block" or properties.get("DEVTYPE") != "partition":
        return None
    if properties.get("ID_PART_ENTRY_TYPE", "").lower() in _NO_FILES:
        return None
    return properties.get("DEVPATH", "").rpartition("/")[0]


def _is_volume(properties: Mapping[str, str]) -> bool:
    return (
        properties.get("SUBSYSTEM") == "block"
        and is_volume_name(_name(properties))
        and properties.get("ID_FS_TYPE") in _FILE_SYSTEMS
        and properties.get("ID_FS_USAGE") == "filesystem"
        and properties.get("ID_PART_ENTRY_TYPE", "").lower() not in _EFI_SYSTEM
    )


def _volume(kind: Literal["card", "stick"], properties: Mapping[str, str], path: Path) -> DeviceRef:
    # DISKSEQ is new for each medium that the kernel finds, also for the same card put back (Linux 5.15).
    identity = "/".join(properties.get(key, "") for key in ("DISKSEQ", "ID_FS_UUID"))
    return DeviceRef(
        kind=kind, key=properties.get("DEVPATH", ""), port=str(path), model="", identity=identity
    )


def _name(properties: Mapping[str, str]) -> str:
    return properties.get("DEVNAME", "").removeprefix("/dev/")


def _label(properties: Mapping[str, str]) -> str:
    return properties.get("ID_FS_LABEL", "")


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()
