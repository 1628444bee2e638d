"""The scans of a JPEG: does every coefficient of every component arrive, whole and once? Pure.

A file may be well formed and still be half a picture: progressive files send coefficients in bands and bits,
and one that lacks its last scans decodes without a word. Decoders differ on what they then show, and on
scans that the standard forbids. So the script is followed scan by scan, as ITU-T T.81 G.1.1.1 allows it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from medkiosk.core.photo import RedactCode
from medkiosk.redact.errors import JpegError

MAX_SCANS = 100
"""Encoders write 1 to about 20. Every scan of a large picture costs the time of going through all of it."""
_MAX_BLOCKS_IN_MCU = 10
_MAX_SHIFT = 13
_NEVER = -1


class Scans:
    """Follows the scan headers of one frame.

    Args:
        blocks: component id -> blocks in an MCU (horizontal times vertical sampling factor), in the order of
            the frame.
        progressive: the frame is progressive (SOF2), not sequential.
    """

    def __init__(self, blocks: dict[int, int], *, progressive: bool) -> None:
        self._blocks = blocks
        self._progressive = progressive
        self._count = 0
        # For each component and coefficient in zigzag order: lowest bit that arrived, or `_NEVER`.
        self._bits = {component: [_NEVER] * 64 for component in blocks}

    def add(self, body: bytes) -> None:
        """Take the next scan header (payload of SOS).

        Raises:
            JpegError: TRUNCATED when it is malformed or not the next step of a legal script, CODING when
                there are too many.
        """
        self._count += 1
        if self._count > MAX_SCANS:
            raise JpegError(RedactCode.CODING, "too many scans")
        if not body or not 1 <= body[0] <= 4 or len(body) != 4 + 2 * body[0]:
            raise _illegal("scan header of the wrong length")
        members = body[1:-3:2]
        first, last, high, low = body[-3], body[-2], body[-1] >> 4, body[-1] & 15
        self._check_members(members)
        if not self._progressive:
            if (first, last, high, low) != (0, 63, 0, 0):
                raise _illegal("a sequential scan of a part of the coefficients")
        else:
            self._check_band(members, first, last)
            if low > _MAX_SHIFT or (high and low != high - 1):
                raise _illegal("bits out of order")
        for member in members:
            self._advance(self._bits[member], range(first, last + 1), high, low)

    def check_complete(self) -> None:
        """Raise TRUNCATED unless every coefficient of every component has arrived in full."""
        if any(bit for bits in self._bits.values() for bit in bits):
            raise _illegal("scans are missing")

    def _check_members(self, members: Sequence[int]) -> None:
        order = [component for component in self._blocks if component in members]
        if list(members) != order:
            raise _illegal("unknown, repeated or misplaced components in a scan")
        if len(members) > 1 and sum(self._blocks[member] for member in members) > _MAX_BLOCKS_IN_MCU:
            raise _illegal("too many blocks in an MCU")

    def _check_band(self, members: Sequence[int], first: int, last: int) -> None:
        if first == 0:
            if last:
                raise _illegal("DC and AC in one scan")
        elif len(members) > 1 or not first <= last <= 63:
            raise _illegal("not a band of one component")
        elif self._bits[members[0]][0] == _NEVER:
            raise _illegal("AC before DC")

    @staticmethod
    def _advance(bits: list[int], band: Iterable[int], high: int, low: int) -> None:
        for index in band:
            if bits[index] != (high or _NEVER):
                raise _illegal("a coefficient arrives twice, or its bits out of order")
            bits[index] = low


def _illegal(detail: str) -> JpegError:
    return JpegError(RedactCode.TRUNCATED, detail)
