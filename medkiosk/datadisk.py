"""Which partition holds the data: the one below what is mounted, never the one that a label names.

A label says nothing: a stick may carry the same, and udev gives the link to whichever came last.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

MAPPING: Final = Path("/dev/mapper/medkiosk-var")
"""What systemd-cryptsetup opens, as `/etc/crypttab` of the image says."""
_BLOCKS: Final = Path("/sys/class/block")


def below(disk: Path, blocks: Path = _BLOCKS) -> Path:
    """The partition that an open mapping decrypts; a path that is no mapping is itself the disk.

    Args:
        disk: ``/dev/mapper/NAME``, or a partition or file.
        blocks: where the kernel lists block devices (sysfs).

    Raises:
        OSError: there is no such mapping, it has not exactly one partition, or that one is on USB.
    """
    if disk.parent.name != "mapper":
        return disk
    found = sorted(path.name for path in (blocks / disk.resolve(strict=True).name / "slaves").iterdir())
    if len(found) != 1:
        raise OSError(f"{len(found)} partitions are below {disk}, where one is expected")
    if any(part.startswith("usb") for part in (blocks / found[0]).resolve(strict=True).parts):
        raise OSError(f"{found[0]}, which is below {disk}, is on USB: this is no kiosk's own disk")
    return Path("/dev") / found[0]
