"""A second reader of JPEG coefficients that shares nothing with libjpeg: baseline Huffman only, slow, small.

Written from ITU-T T.81 (annexes A, C, F) so that the promise "every coefficient outside the masks is
untouched" is not checked by the library that writes. It can also write what it has read, with other sampling
factors.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

import numpy as np

ZIGZAG = [
    *(0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48),
    *(41, 34, 27, 20, 13, 6, 7, 14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23),
    *(30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63),
]


@dataclass
class Plane:
    """One component: sampling factors, tables, and blocks, shape (rows, columns, 8, 8), with the padding."""

    h: int
    v: int
    quant: int
    dc: int = 0
    ac: int = 0
    blocks: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int16))


@dataclass
class Picture:
    width: int
    height: int
    ids: list[int]
    planes: list[Plane]
    codes: dict[int, dict[str, int]]
    quant: dict[int, np.ndarray]

    def visible(self, index: int) -> np.ndarray:
        """The blocks of a component that show at least one pixel."""
        plane = self.planes[index]
        top_h, top_v = max(p.h for p in self.planes), max(p.v for p in self.planes)
        columns = -(-self.width * plane.h // (8 * top_h))
        rows = -(-self.height * plane.v // (8 * top_v))
        return plane.blocks[:rows, :columns]


class _Bits:
    def __init__(self, data: bytes) -> None:
        self.text = "".join(f"{byte:08b}" for byte in data.replace(b"\xff\0", b"\xff"))
        self.at = 0

    def take(self, count: int) -> str:
        self.at += count
        return self.text[self.at - count : self.at]

    def symbol(self, codes: dict[str, int]) -> int:
        for length in range(1, 17):
            if (code := self.text[self.at : self.at + length]) in codes:
                self.at += length
                return codes[code]
        raise AssertionError("no such code")

    def value(self, size: int) -> int:
        if not size:
            return 0
        bits = int(self.take(size), 2)
        return bits if bits >> (size - 1) else bits - (1 << size) + 1


def read(data: bytes) -> Picture:
    """Read a baseline JPEG with one scan."""
    at, restart = 2, 0
    codes: dict[int, dict[str, int]] = {}
    quant: dict[int, np.ndarray] = {}
    picture = Picture(0, 0, [], [], codes, quant)
    while True:
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        body = data[at + 4 : at + 2 + length]
        at += 2 + length
        if marker == 0xC4:
            _tables(body, codes)
        elif marker == 0xDB:
            while body:
                assert body[0] < 4
                divisors = np.zeros(64, int)
                divisors[ZIGZAG] = list(body[1:65])
                quant[body[0]] = divisors
                body = body[65:]
        elif marker == 0xDD:
            restart = int.from_bytes(body, "big")
        elif marker in {0xC0, 0xC1}:
            picture.height, picture.width = struct.unpack(">HH", body[1:5])
            for i in range(6, len(body), 3):
                picture.ids.append(body[i])
                picture.planes.append(Plane(body[i + 1] >> 4, body[i + 1] & 15, body[i + 2]))
        elif marker == 0xDA:
            assert list(body[1:-3:2]) == picture.ids
            for plane, numbers in zip(picture.planes, body[2:-3:2], strict=True):
                plane.dc, plane.ac = numbers >> 4, 16 + (numbers & 15)
            _scan(picture, data[at : data.index(b"\xff\xd9", at)], restart)
            return picture


def _tables(body: bytes, codes: dict[int, dict[str, int]]) -> None:
    while body:
        table: dict[str, int] = {}
        code, at = 0, 17
        for length in range(1, 17):
            for _ in range(body[length]):
                table[f"{code:0{length}b}"] = body[at]
                code, at = code + 1, at + 1
            code <<= 1
        codes[body[0]] = table
        body = body[at:]


def _order(picture: Picture) -> list[list[tuple[int, int, int]]]:
    """Component, row and column of each block, MCU by MCU; also sets the planes' sizes."""
    if len(picture.planes) == 1:
        picture.planes[0].h = picture.planes[0].v = 1
    top_h, top_v = max(p.h for p in picture.planes), max(p.v for p in picture.planes)
    columns, rows = -(-picture.width // (8 * top_h)), -(-picture.height // (8 * top_v))
    for plane in picture.planes:
        if not plane.blocks.size:
            plane.blocks = np.zeros((rows * plane.v, columns * plane.h, 8, 8), np.int16)
    return [
        [
            (index, row * plane.v + y, column * plane.h + x)
            for index, plane in enumerate(picture.planes)
            for y in range(plane.v)
            for x in range(plane.h)
        ]
        for row in range(rows)
        for column in range(columns)
    ]


def _scan(picture: Picture, data: bytes, restart: int) -> None:
    parts = [data]
    for number in range(8):
        parts = [piece for part in parts for piece in part.split(bytes([0xFF, 0xD0 + number]))]
    mcus = _order(picture)
    step = restart or len(mcus)
    assert len(parts) == -(-len(mcus) // step)
    for start, part in zip(range(0, len(mcus), step), parts, strict=True):
        bits, last = _Bits(part), [0] * len(picture.planes)
        for mcu in mcus[start : start + step]:
            for index, row, column in mcu:
                block = _block(bits, picture, picture.planes[index])
                last[index] += block[0]
                block[0] = last[index]
                picture.planes[index].blocks[row, column].reshape(64)[ZIGZAG] = block


def _block(bits: _Bits, picture: Picture, plane: Plane) -> list[int]:
    block = [0] * 64
    block[0] = bits.value(bits.symbol(picture.codes[plane.dc]))
    k = 1
    while k < 64:
        symbol = bits.symbol(picture.codes[plane.ac])
        if symbol == 0:
            break
        k += symbol >> 4
        if symbol & 15:
            block[k] = bits.value(symbol & 15)
        k += 1
    return block


def write(picture: Picture, data: bytes) -> bytes:
    """Write a picture whose tables came from ``data`` (a file with the standard Huffman tables)."""
    text, last = [], [0] * len(picture.planes)
    reverse = {
        number: {symbol: code for code, symbol in table.items()} for number, table in picture.codes.items()
    }
    for mcu in _order(picture):
        for index, row, column in mcu:
            plane = picture.planes[index]
            block = [int(value) for value in plane.blocks[row, column].reshape(64)[ZIGZAG]]
            text.append(_coded(reverse[plane.dc], 0, block[0] - last[index]))
            last[index], run = block[0], 0
            for value in block[1:]:
                if not value:
                    run += 1
                    continue
                text.append(reverse[plane.ac][0xF0] * (run // 16))
                text.append(_coded(reverse[plane.ac], (run % 16) << 4, value))
                run = 0
            text.append(reverse[plane.ac][0] if run else "")
    bits = "".join(text)
    bits += "1" * (-len(bits) % 8)
    scan = bytes(int(bits[at : at + 8], 2) for at in range(0, len(bits), 8)).replace(b"\xff", b"\xff\0")
    frame = data.index(b"\xff\xc0") + 10
    factors = b"".join(
        bytes([id_, plane.h << 4 | plane.v, plane.quant])
        for id_, plane in zip(picture.ids, picture.planes, strict=True)
    )
    start = data.index(b"\xff\xda")
    start += 2 + int.from_bytes(data[start + 2 : start + 4], "big")
    return data[:frame] + factors + data[frame + len(factors) : start] + scan + b"\xff\xd9"


def _coded(codes: dict[int, str], run: int, value: int) -> str:
    size = abs(value).bit_length()
    bits = value if value > 0 else value + (1 << size) - 1
    return codes[run | size] + (f"{bits:0{size}b}" if size else "")


def turned(blocks: np.ndarray, orientation: int) -> np.ndarray:
    """Blocks, shape (rows, columns, 8, 8), made upright: mirroring changes the sign of odd frequencies."""
    odd = np.where(np.arange(8) % 2, -1, 1)

    def mirror(some: np.ndarray) -> np.ndarray:
        return some[:, ::-1] * odd

    def upside_down(some: np.ndarray) -> np.ndarray:
        return some[::-1] * odd[:, None]

    def transpose(some: np.ndarray) -> np.ndarray:
        return some.transpose(1, 0, 3, 2)

    steps = {
        1: (),
        2: (mirror,),
        3: (mirror, upside_down),
        4: (upside_down,),
        5: (transpose,),
        6: (transpose, mirror),
        7: (transpose, mirror, upside_down),
        8: (transpose, upside_down),
    }
    for step in steps[orientation]:
        blocks = step(blocks)
    return blocks
