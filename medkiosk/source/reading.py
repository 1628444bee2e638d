"""What every source offers its worker: `DeviceReader`; and the bounds both kinds share."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Protocol

from medkiosk.source.model import DeviceInfo
from medkiosk.source.protocol import MAX_FOLDER, MAX_NAME, CameraTime, RawEntry

MAX_DEPTH = 32
"""Folders inside folders that are walked on a camera. DCF needs two; deeper is no camera's doing."""


class DeviceReader(Protocol):
    """One device, opened. Every method may raise `medkiosk.source.model.SourceError`."""

    def info(self) -> DeviceInfo:
        """Return which device this is."""
        ...

    def entries(self) -> Iterator[RawEntry]:
        """List every file, in a stable order, indexes counting from 0."""
        ...

    def blocks(self, index: int, limit: int | None = None) -> Iterator[memoryview]:
        """Read a listed file from its start, block by block.

        Args:
            index: which entry of the last listing.
            limit: stop after that many bytes; None reads all and checks the count.

        Yields:
            Views of one buffer that is used again for the next block.
        """
        ...

    def clock(self) -> CameraTime | None:
        """Return what the device's clock shows now; None where it has none or does not say.

        The listing is over with this: nothing listed before may be asked for.
        """
        ...

    def set_clock(self, unix_seconds: int) -> None:
        """Set the device's clock; where there is none, or it cannot be set: ``UNSUPPORTED``.

        The listing is over with this.
        """
        ...

    def delete(self, index: int) -> None:
        """Delete exactly one listed file, and see that it and nothing else is gone.

        Returning means: it is gone from the device, durably, as far as the device says so. The other
        entries keep their indexes. Raises ``PROTECTED`` where the card or the file is write-protected,
        ``CHANGED`` or ``GONE`` where what lies there is not what was listed (and then nothing was deleted).
        """
        ...

    def close(self) -> None:
        """Let the device go."""
        ...


def bounded_name(name: bytes) -> bytes:
    """Cut a name to `MAX_NAME` bytes; a longer one keeps its start and gets a digest, so it stays unique."""
    return _bounded(name, MAX_NAME)


def bounded_folder(components: tuple[bytes, ...]) -> bytes:
    """Join the components of a folder's path, each and all cut to their bounds."""
    return _bounded(b"/".join(bounded_name(component) for component in components), MAX_FOLDER)


def _bounded(text: bytes, limit: int) -> bytes:
    if len(text) <= limit:
        return text
    return text[: limit - 17] + b"~" + hashlib.sha256(text).hexdigest()[:16].encode()
