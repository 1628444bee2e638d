"""Write HEVC still pictures without a loss: every block is stored as plain samples (H.265 7.3.8.7, pcm_flag).

A whole encoder is not needed for that: of the arithmetic coder only one bin a block is used (part_mode), and
it starts afresh after each block. What a decoder gives back is exactly what was put in.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

BLOCK = 16
_CHROMA = {"4:0:0": (0, 0, 0), "4:2:0": (1, 2, 2), "4:2:2": (2, 2, 1), "4:4:4": (3, 1, 1)}
# Table 9-52, last column (range 448 to 510): the part of the range of the less probable symbol by state.
_LPS = (
    240, 227, 216, 205, 195, 185, 175, 166, 158, 150, 142, 135, 128, 122, 116, 110, 104, 99, 94, 89, 85,
    80, 76, 72, 69, 65, 62, 59, 56, 53, 50, 48, 45, 43, 41, 39, 37, 35, 33, 31, 30, 28,
    27, 25, 24, 23, 22, 21, 20, 19, 18, 17, 16, 15, 14, 14, 13, 12, 12, 11, 11, 10, 9,
)  # fmt: skip

Plane = NDArray[np.uint16]


class _Bits:
    def __init__(self) -> None:
        self.text: list[str] = []
        self.count = 0

    def put(self, value: int, size: int) -> None:
        if size:
            self.text.append(format(value, f"0{size}b"))
            self.count += size

    def golomb(self, *values: int) -> None:
        for value in values:
            size = (value + 1).bit_length()
            self.put(value + 1, 2 * size - 1)

    def align(self) -> None:
        self.put(0, -self.count % 8)

    def stop(self) -> None:
        self.put(1, 1)
        self.align()

    def bytes(self) -> bytes:
        text = "".join(self.text)
        return int(text, 2).to_bytes(len(text) // 8, "big")


def _unit(type_: int, payload: bytes) -> bytes:
    """A NAL unit: header, and a 3 wherever two zeros would be followed by something below 4 (7.4.2)."""
    out = bytearray([type_ << 1, 1])
    zeros = 0
    for byte in payload:
        if zeros >= 2 and byte <= 3:
            out.append(3)
            zeros = 0
        out.append(byte)
        zeros = 0 if byte else zeros + 1
    return bytes(out)


def _profile(bits: _Bits) -> None:
    bits.put(4, 8)  # format range extensions
    bits.put(1 << 27, 32)
    bits.put(0b1001 << 44, 48)
    bits.put(90, 8)


def parameter_sets(size: tuple[int, int], subsampling: str, depth: int) -> list[bytes]:
    """VPS, SPS and PPS for a picture of (width, height)."""
    width, height = size
    chroma, across, down = _CHROMA[subsampling]
    vps = _Bits()
    vps.put(0b0000_11_000000_000_1, 16)
    vps.put(0xFFFF, 16)
    _profile(vps)
    vps.put(1, 1)
    vps.golomb(0, 0, 0)
    vps.put(0, 6)
    vps.golomb(0)
    vps.put(0, 2)
    vps.stop()
    sps = _Bits()
    sps.put(0b0000_000_1, 8)
    _profile(sps)
    sps.golomb(0, chroma)
    if chroma == 3:
        sps.put(0, 1)
    coded = width + -width % BLOCK, height + -height % BLOCK
    sps.golomb(*coded)
    sps.put(1, 1)
    sps.golomb(0, (coded[0] - width) // max(across, 1), 0, (coded[1] - height) // max(down, 1))
    sps.golomb(depth - 8, depth - 8, 0)
    sps.put(1, 1)
    sps.golomb(0, 0, 0)
    sps.golomb(1, 0, 0, 2, 0, 0)
    sps.put(0b0001, 4)
    sps.put(depth - 1, 4)
    sps.put(depth - 1, 4)
    sps.golomb(1, 0)
    sps.put(1, 1)
    sps.golomb(0)
    sps.put(0, 5)
    sps.stop()
    pps = _Bits()
    pps.golomb(0, 0)
    pps.put(0, 7)
    pps.golomb(0, 0, 0)
    pps.put(0, 3)
    pps.golomb(0, 0)
    pps.put(0, 7)
    pps.put(0b101, 3)
    pps.put(0, 2)
    pps.golomb(0)
    pps.put(0, 2)
    pps.stop()
    return [_unit(32, vps.bytes()), _unit(33, sps.bytes()), _unit(34, pps.bytes())]


class _Arithmetic:
    """The few steps of the arithmetic encoder that are needed (9.3.4.3, encoding: 9.3.5)."""

    def __init__(self, bits: _Bits) -> None:
        self._bits = bits
        self.start()
        self._state = 0

    def start(self) -> None:
        self._low, self._range, self._first, self._waiting = 0, 510, True, 0

    def likely(self) -> None:
        """The more probable symbol; the range stays above 255, so nothing is written."""
        self._range -= _LPS[self._state]
        assert self._range >= 256
        self._state = min(self._state + 1, 62)

    def go_on(self) -> None:
        """A terminating bin of 0."""
        self._range -= 2

    def end(self) -> None:
        """A terminating bin of 1, and everything that is held back."""
        self._low += self._range - 2
        self._range = 2
        for _ in range(7):
            if self._low >= 512:
                self._low -= 512
                self._put(1)
            elif self._low < 256:
                self._put(0)
            else:
                self._low -= 256
                self._waiting += 1
            self._low <<= 1
        self._put(self._low >> 9 & 1)
        self._bits.put(self._low >> 7 & 3 | 1, 2)

    def _put(self, bit: int) -> None:
        if not self._first:
            self._bits.put(bit, 1)
        self._first = False
        for _ in range(self._waiting):
            self._bits.put(1 - bit, 1)
        self._waiting = 0


def slice_unit(planes: Sequence[Plane], depth: int) -> bytes:
    """The picture's data. Sides of the planes need not be whole blocks."""
    bits = _Bits()
    bits.put(0b10, 2)
    bits.golomb(0, 2)
    bits.golomb(0)
    bits.stop()
    height, width = planes[0].shape
    padded = [_padded(plane, planes[0].shape) for plane in planes]
    coder = _Arithmetic(bits)
    for top in range(0, height, BLOCK):
        for left in range(0, width, BLOCK):
            if top or left:
                coder.go_on()
            coder.likely()
            coder.end()
            bits.align()
            for plane in padded:
                down = BLOCK * len(plane) // len(padded[0])
                across = BLOCK * plane.shape[1] // padded[0].shape[1]
                y, x = top * down // BLOCK, left * across // BLOCK
                for value in plane[y : y + down, x : x + across].reshape(-1):
                    bits.put(int(value), depth)
            coder.start()
    coder.end()
    bits.align()
    return _unit(19, bits.bytes())


def _padded(plane: Plane, whole: tuple[int, ...]) -> Plane:
    """Fill up to whole blocks of luma."""
    sides = []
    for mine, luma in zip(plane.shape, whole, strict=True):
        ratio = round(luma / mine)
        sides.append((luma + -luma % BLOCK) // ratio - mine)
    return np.pad(plane, ((0, sides[0]), (0, sides[1])), mode="edge")


def configuration(sets: Sequence[bytes]) -> bytes:
    """The body of an hvcC box (ISO/IEC 14496-15, 8.3.3.1)."""
    record = bytes([1]) + bytes(20) + bytes([0x0F, len(sets)])
    for unit in sets:
        record += bytes([unit[0] >> 1]) + struct.pack(">HH", 1, len(unit)) + unit
    return record


def coded(planes: Sequence[Plane], subsampling: str, depth: int) -> tuple[bytes, bytes]:
    """A picture as the body of hvcC and the bytes of an hvc1 item."""
    height, width = planes[0].shape
    data = slice_unit(planes, depth)
    sets = parameter_sets((width, height), subsampling, depth)
    return configuration(sets), struct.pack(">I", len(data)) + data
