"""The virtual camera's settings, as an EOS tells them: by events after its event mode was switched on.

Kept for the whole run, over any number of sessions, as a camera keeps its clock.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Callable

from tests.virtual.ptpip import Answer

CAMERA_TIME = 0xD113
OWNER = 0xD115
AVAILABLE_SHOTS = 0xD11B
CAPTURE_DESTINATION = 0xD11C
UTC_TIME = 0xD17C
EVF_OUTPUT = 0xD1B0
TO_CARD = 2
TO_COMPUTER = 4

_VALUE_CHANGED = 0xC189
_END = struct.pack("<II", 8, 0)


class Settings:
    """What the camera's menu holds.

    Args:
        owner: the owner's name.
        offset: how far the camera's UTC is ahead of this machine's, seconds.
        zone: how far its display is ahead of its UTC, seconds.
        has_clock: whether it tells its time at all.
        now: seconds since 1970.
    """

    def __init__(
        self,
        *,
        owner: str = "",
        offset: int = 0,
        zone: int = 0,
        has_clock: bool = True,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._owner = owner
        self._offset = offset
        self._zone = zone
        self._has_clock = has_clock
        self._now = now
        self.destination = TO_CARD

    def dump(self) -> bytes:
        """Every setting as one event each: the answer to the first GetEvent."""
        values = {EVF_OUTPUT: 1, CAPTURE_DESTINATION: self.destination, AVAILABLE_SHOTS: 32194}
        return (
            _event(OWNER, self._owner.encode() + b"\0")
            + self._times()
            + b"".join(_event(code, struct.pack("<I", value)) for code, value in values.items())
        )

    def set(self, data: bytes) -> tuple[int, bytes]:
        """SetDevicePropValueEx: the response code, and the events that follow."""
        if len(data) < 12:
            return Answer.INVALID_PARAMETER, b""
        _, code, value = struct.unpack_from("<III", data)
        if code == UTC_TIME and self._has_clock:
            self._offset = value - int(self._now())
            return Answer.OK, self._times()
        if code == CAPTURE_DESTINATION:
            self.destination = value
            return Answer.OK, _event(code, struct.pack("<I", value))
        return Answer.OK, b""

    def _times(self) -> bytes:
        if not self._has_clock:
            return b""
        utc = int(self._now()) + self._offset
        return _event(UTC_TIME, struct.pack("<I", utc)) + _event(
            CAMERA_TIME, struct.pack("<I", utc + self._zone)
        )


def ended(events: bytes) -> bytes:
    """The payload of GetEvent."""
    return events + _END


def _event(code: int, value: bytes) -> bytes:
    return struct.pack("<III", 12 + len(value), _VALUE_CHANGED, code) + value
