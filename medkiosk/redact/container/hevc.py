"""Decode one HEVC still picture with libde265, by ctypes.

Why libde265 and not libheif: libheif starts threads, conceals damage without a word, and brings encoders and
a dozen formats; what a HEIF file says around the picture is read by our own bounded parser (`heif.py`).
libde265 only decodes, on the calling thread, and says what was wrong with the data.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from ctypes import POINTER, byref, c_int, c_int64, c_void_p
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medkiosk.core.photo import RedactCode
from medkiosk.redact.container.isobmff import number, truncated
from medkiosk.redact.errors import ContainerError

LIBRARY = "libde265.so.0"

Plane = NDArray[np.uint8] | NDArray[np.uint16]

_MAX_NAL_UNITS = 4096
_MAX_DEPTH = 12
_OUT_OF_MEMORY = 7
_CHECK_HASH = 0  # DE265_DECODER_PARAM_BOOL_SEI_CHECK_HASH
_SPS = 33
_COVER = 1 << 16  # pixels: a camera codes its 320x214 thumbnail as 320x320 and has it cropped
_ALLOWED = {*range(16, 22), 32, 33, 34, 35, 36, 37, 38, 39, 40}
"""NAL unit types of a still picture (H.265 table 7-1): pictures that stand alone, and what surrounds them."""


@dataclass(frozen=True)
class Picture:
    """A decoded picture: luma, and two chroma planes or none, shape (height, width); ``depth`` in bits."""

    planes: tuple[Plane, ...]
    depth: int


class Hevc:
    """The library, loaded once; every call makes and destroys its own decoder."""

    def __init__(self) -> None:
        """Load the library, and let it make its tables.

        Raises:
            OSError: it is not installed.
        """
        lib = ctypes.CDLL(LIBRARY)
        signatures: dict[str, tuple[type | None, tuple[type, ...]]] = {
            "de265_new_decoder": (c_void_p, ()),
            "de265_free_decoder": (c_int, (c_void_p,)),
            "de265_set_parameter_bool": (None, (c_void_p, c_int, c_int)),
            "de265_push_NAL": (c_int, (c_void_p, c_void_p, c_int, c_int64, c_void_p)),
            "de265_flush_data": (c_int, (c_void_p,)),
            "de265_decode": (c_int, (c_void_p, POINTER(c_int))),
            "de265_get_warning": (c_int, (c_void_p,)),
            "de265_get_next_picture": (c_void_p, (c_void_p,)),
            "de265_get_image_width": (c_int, (c_void_p, c_int)),
            "de265_get_image_height": (c_int, (c_void_p, c_int)),
            "de265_get_bits_per_pixel": (c_int, (c_void_p, c_int)),
            "de265_get_chroma_format": (c_int, (c_void_p,)),
            "de265_get_image_plane": (c_void_p, (c_void_p, c_int, POINTER(c_int))),
        }
        for name, (result, arguments) in signatures.items():
            function = getattr(lib, name)
            function.restype, function.argtypes = result, list(arguments)
        self._lib = lib
        lib.de265_free_decoder(lib.de265_new_decoder())

    def decode(self, configuration: memoryview, data: memoryview, width: int, height: int) -> Picture:
        """Decode one picture.

        Args:
            configuration: an HEVCDecoderConfigurationRecord (ISO/IEC 14496-15, 8.3.3.1): the body of hvcC.
            data: NAL units, each after its length.
            width: of the picture, pixels, as the file says; nothing larger is decoded.
            height: likewise.

        Raises:
            ContainerError: TRUNCATED when the data is damaged or the picture has another size, UNSUPPORTED
                when it is no still picture, OUT_OF_MEMORY.
        """
        units = [*_parameter_sets(configuration), *_units(data, (configuration[21] & 3) + 1)]
        _check(units, width, height)
        handle = self._lib.de265_new_decoder()
        if not handle:
            raise ContainerError(RedactCode.OUT_OF_MEMORY, "no decoder")
        try:
            self._lib.de265_set_parameter_bool(handle, _CHECK_HASH, 1)
            return self._planes(self._decode(handle, units), width, height)
        finally:
            self._lib.de265_free_decoder(handle)

    def _decode(self, handle: int, units: Sequence[memoryview]) -> int:
        """Feed all units; the one picture that comes out. Any warning about the data is an error."""
        for unit in units:
            source = np.frombuffer(unit, np.uint8)
            self._must(self._lib.de265_push_NAL(handle, source.ctypes.data, source.size, 0, None))
        self._must(self._lib.de265_flush_data(handle))
        image: int | None = None
        more = c_int(1)
        for _ in range(len(units) + 16):
            self._must(self._lib.de265_decode(handle, byref(more)))
            image = self._lib.de265_get_next_picture(handle)
            if image or not more.value:
                break
        self._must(self._lib.de265_get_warning(handle))
        if not image:
            raise truncated("no picture in the HEVC data")
        return image

    def _planes(self, image: int, width: int, height: int) -> Picture:
        lib = self._lib
        across, down = {0: (0, 0), 1: (2, 2), 2: (2, 1), 3: (1, 1)}[lib.de265_get_chroma_format(image)]
        depth = lib.de265_get_bits_per_pixel(image, 0)
        if not 8 <= depth <= _MAX_DEPTH:
            raise ContainerError(RedactCode.UNSUPPORTED, f"{depth} bits a sample")
        sizes = [(width, height)]
        if across:
            sizes += [(-(-width // across), -(-height // down))] * 2
        planes: list[Plane] = []
        for channel, (w, h) in enumerate(sizes):
            size = lib.de265_get_image_width(image, channel), lib.de265_get_image_height(image, channel)
            if size != (w, h) or lib.de265_get_bits_per_pixel(image, channel) != depth:
                raise truncated(f"plane {channel} of {size} instead of {(w, h)}")
            planes.append(self._copy(image, channel, w, h, depth))
        return Picture(tuple(planes), depth)

    def _copy(self, image: int, channel: int, width: int, height: int, depth: int) -> Plane:
        stride = c_int()
        address = self._lib.de265_get_image_plane(image, channel, byref(stride))
        size = 1 if depth == 8 else 2
        if not address or stride.value < width * size:
            raise truncated("no pixels")
        raw = memoryview((ctypes.c_uint8 * (stride.value * height)).from_address(address))
        rows = np.frombuffer(raw, np.uint8).reshape(height, stride.value)[:, : width * size].copy()
        return rows if size == 1 else rows.view(np.uint16)

    def _must(self, result: int) -> None:
        if result:
            code = RedactCode.OUT_OF_MEMORY if result == _OUT_OF_MEMORY else RedactCode.TRUNCATED
            raise ContainerError(code, f"libde265 {result}")


def _parameter_sets(configuration: memoryview) -> Iterator[memoryview]:
    """The NAL units in the arrays of a configuration record."""
    at = 23
    for _ in range(number(configuration, 22, 1)):
        count = number(configuration, at + 1, 2)
        at += 3
        for _ in range(count):
            size = number(configuration, at, 2)
            if at + 2 + size > len(configuration):
                raise truncated("parameter set cut off")
            yield configuration[at + 2 : at + 2 + size]
            at += 2 + size


def _units(data: memoryview, length_size: int) -> Iterator[memoryview]:
    at = 0
    while at < len(data):
        size = number(data, at, length_size)
        at += length_size
        if at + size > len(data):
            raise truncated("NAL unit cut off")
        yield data[at : at + size]
        at += size


def _check(units: Sequence[memoryview], width: int, height: int) -> None:
    """Before anything is decoded: the kinds of units, and the size in every sequence parameter set."""
    if len(units) > _MAX_NAL_UNITS:
        raise ContainerError(RedactCode.UNSUPPORTED, f"{len(units)} NAL units")
    sizes = 0
    for unit in units:
        if len(unit) < 3:
            raise truncated("empty NAL unit")
        type_ = unit[0] >> 1 & 63
        if type_ not in _ALLOWED:
            raise ContainerError(RedactCode.UNSUPPORTED, f"NAL unit type {type_}")
        if type_ == _SPS:
            coded_width, coded_height = coded_size(unit)
            too_small = coded_width < width or coded_height < height
            if too_small or coded_width * coded_height > 2 * width * height + _COVER:
                raise truncated(f"{coded_width}x{coded_height} coded where {width}x{height} is said")
            sizes += 1
    if not sizes:
        raise truncated("no sequence parameter set")


def coded_size(sps: memoryview) -> tuple[int, int]:
    """Width and height in a sequence parameter set (H.265 7.3.2.2), before cropping.

    Raises:
        ContainerError: TRUNCATED.
    """
    # 7.3.1.1: a 3 after two zeros only keeps start codes from appearing. Profile and level of up to eight
    # layers are at most 12 + 8 * 14 bytes.
    head = bytes(sps[2:256]).replace(b"\0\0\3", b"\0\0")
    bits = _Bits(head)
    bits.skip(4)
    layers = bits.take(3)
    bits.skip(1 + 88 + 8)
    present = [bits.take(2) for _ in range(layers)]
    if layers:
        bits.skip(2 * (8 - layers))
    for flags in present:
        bits.skip(88 * (flags >> 1) + 8 * (flags & 1))
    bits.golomb()
    if bits.golomb() == 3:
        bits.skip(1)
    return bits.golomb(), bits.golomb()


class _Bits:
    """Reads bits from the left (H.265 9.2: ue(v) is Exp-Golomb)."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "big")
        self._left = 8 * len(data)

    def skip(self, count: int) -> None:
        self.take(count)

    def take(self, count: int) -> int:
        self._left -= count
        if self._left < 0:
            raise truncated("sequence parameter set cut off")
        return self._value >> self._left & ((1 << count) - 1)

    def golomb(self) -> int:
        zeros = 0
        while not self.take(1):
            zeros += 1
            if zeros > 31:
                raise truncated("a number that no picture has")
        return (1 << zeros) - 1 + self.take(zeros)
