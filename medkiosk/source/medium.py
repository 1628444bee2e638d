"""Whether the card in the reader is still the one whose session this is."""

from __future__ import annotations

import os
from pathlib import Path

BLOCK_DEVICES = Path("/sys/dev/block")


class Medium:
    """The medium under a file system, by the number that the kernel gives to each one it finds.

    Where another card was put into the slot while the old one is still mounted, the kernel goes on serving
    the old card's names from memory and reads the new card's sectors for them (seen on Linux 6.12, FAT32 on
    usb-storage). No error need tell of it; this number (``diskseq``, Linux 5.15) does.

    Args:
        device: ``st_dev`` of the card's root.
        block_devices: where the kernel describes block devices.
    """

    def __init__(self, device: int, block_devices: Path = BLOCK_DEVICES) -> None:
        self._entry = block_devices / f"{os.major(device)}:{os.minor(device)}"
        self._first = self._number()

    def has_changed(self) -> bool:
        """Whether another medium, or none, is there now; never for what lies on no block device."""
        return self._first is not None and self._number() != self._first

    def _number(self) -> str | None:
        for path in ("diskseq", "../diskseq"):  # of a disk; of the disk that a partition is on
            try:
                return (self._entry / path).read_text("ascii")
            except OSError:
                continue
        return None
