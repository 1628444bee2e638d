"""The little of libturbojpeg that is needed, by ctypes (TurboJPEG API 2.1; 3.x still offers these calls).

Why not a package: PyTurboJPEG 1.x binds the same library but offers no custom filter for a whole
transform, and 2.x needs TurboJPEG 3, which Debian 12 and 13 do not have.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from ctypes import POINTER, byref, c_char_p, c_int, c_short, c_ubyte, c_ulong, c_void_p
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from medkiosk.core.photo import Box, RedactCode
from medkiosk.redact.errors import TurboError
from medkiosk.redact.jpeg.upright import Op

LIBRARY = "libturbojpeg.so.0"
_PF_BGR = 1
_PF_GREY = 6
_FLAG_ACCURATE_DCT = 4096
_FLAG_STOP_ON_WARNING = 8192
_FLAG_LIMIT_SCANS = 32768
_FLAGS = _FLAG_STOP_ON_WARNING | _FLAG_LIMIT_SCANS


class Subsampling(IntEnum):
    """How `TurboJpeg.encode` stores colour, numbered as libturbojpeg's TJSAMP."""

    S444 = 0
    S422 = 1
    S420 = 2
    GREY = 3


class _Option(IntEnum):
    TRIM = 2
    CROP = 4
    NO_OUTPUT = 16
    COPY_NONE = 64


class _Region(ctypes.Structure):
    _fields_ = (("x", c_int), ("y", c_int), ("w", c_int), ("h", c_int))


# The coefficients come as a plain address: numpy takes longer to make an array of a typed pointer.
_FILTER = ctypes.CFUNCTYPE(c_int, c_void_p, _Region, _Region, c_int, c_int, c_void_p)


class _Transform(ctypes.Structure):
    _fields_ = (
        ("region", _Region),
        ("op", c_int),
        ("options", c_int),
        ("data", c_void_p),
        ("custom_filter", _FILTER),
    )


Blocks = NDArray[np.int16]
"""One row of blocks: shape (blocks across, 64), coefficients in natural order, DC first; writable."""

RowFilter = Callable[[Blocks, int, int], None]
"""Called with a row of blocks, the component's index and the row's index (0 at the top)."""


class TurboJpeg:
    """The library, loaded once; every call makes and destroys its own handle."""

    def __init__(self) -> None:
        """Load the library.

        Raises:
            OSError: it is not installed.
        """
        lib = ctypes.CDLL(LIBRARY)
        for name in ("tjInitCompress", "tjInitDecompress", "tjInitTransform"):
            getattr(lib, name).argtypes = []
            getattr(lib, name).restype = c_void_p
        lib.tjDestroy.argtypes = [c_void_p]
        lib.tjFree.argtypes = [c_void_p]
        lib.tjFree.restype = None
        lib.tjGetErrorStr2.argtypes = [c_void_p]
        lib.tjGetErrorStr2.restype = c_char_p
        lib.tjDecompress2.argtypes = [
            c_void_p, c_void_p, c_ulong, c_void_p, c_int, c_int, c_int, c_int, c_int,
        ]  # fmt: skip
        lib.tjCompress2.argtypes = [
            c_void_p, c_void_p, c_int, c_int, c_int, c_int, POINTER(POINTER(c_ubyte)), POINTER(c_ulong),
            c_int, c_int, c_int,
        ]  # fmt: skip
        lib.tjTransform.argtypes = [
            c_void_p, c_void_p, c_ulong, c_int, POINTER(POINTER(c_ubyte)), POINTER(c_ulong),
            POINTER(_Transform), c_int,
        ]  # fmt: skip
        self._lib = lib

    def decode(self, data: bytes | memoryview, width: int, height: int) -> NDArray[np.uint8]:
        """Decode to BGR pixels, shape (height, width, 3). Any warning about the data is an error.

        Raises:
            TurboError: TRUNCATED, UNSUPPORTED or OUT_OF_MEMORY.
        """
        pixels = np.empty((height, width, 3), np.uint8)
        return self._decode(data, pixels, _PF_BGR)

    def decode_scaled(
        self, data: bytes | memoryview, width: int, height: int, eighths: int
    ) -> NDArray[np.uint8]:
        """Decode to BGR pixels at ``eighths`` / 8 of the size, by a smaller inverse DCT.

        Args:
            data: a JPEG.
            width: its full width.
            height: its full height.
            eighths: 1 to 8. Both sides are rounded up.

        Raises:
            TurboError: as `decode`.
        """
        if not 1 <= eighths <= 8:
            raise ValueError("a scale is 1 to 8 eighths")
        pixels = np.empty((-(-height * eighths // 8), -(-width * eighths // 8), 3), np.uint8)
        return self._decode(data, pixels, _PF_BGR)

    def decode_grey(self, data: bytes | memoryview, width: int, height: int) -> NDArray[np.uint8]:
        """Decode the luma component only, shape (height, width).

        Raises:
            TurboError: as `decode`.
        """
        return self._decode(data, np.empty((height, width), np.uint8), _PF_GREY)

    def _decode(
        self, data: bytes | memoryview, pixels: NDArray[np.uint8], pixel_format: int
    ) -> NDArray[np.uint8]:
        source = np.frombuffer(data, np.uint8)
        height, width = pixels.shape[:2]
        handle = self._handle(self._lib.tjInitDecompress)
        try:
            failed = self._lib.tjDecompress2(
                handle, source.ctypes.data, source.size, pixels.ctypes.data, width, pixels.strides[0], height,
                pixel_format, _FLAGS,
            )  # fmt: skip
            if failed:
                raise self._error(handle)
        finally:
            self._lib.tjDestroy(handle)
        return pixels

    def encode(self, pixels: NDArray[np.uint8], quality: int, subsampling: Subsampling) -> bytes:
        """Encode BGR pixels, shape (height, width, 3): baseline, the accurate DCT, standard tables.

        The same pixels give the same bytes on one version of the library (and no ``TJ_`` variable in the
        environment). For sources that are not JPEG: what comes out has sampling factors and tables that
        burning knows.

        Args:
            pixels: 8 bit; at most 65,500 a side.
            quality: 1 to 100, as libjpeg scales its tables.
            subsampling: of the colour components.

        Raises:
            TurboError: OUT_OF_MEMORY, or whatever else the library refuses.
        """
        source = np.ascontiguousarray(pixels)
        height, width = source.shape[:2]
        output = POINTER(c_ubyte)()
        size = c_ulong(0)
        handle = self._handle(self._lib.tjInitCompress)
        try:
            failed = self._lib.tjCompress2(
                handle, source.ctypes.data, width, source.strides[0], height, _PF_BGR, byref(output),
                byref(size), subsampling, quality, _FLAG_ACCURATE_DCT,
            )  # fmt: skip
            if failed:
                raise self._error(handle)
            return ctypes.string_at(output, size.value)
        finally:
            self._lib.tjFree(output)
            self._lib.tjDestroy(handle)

    def transform(self, data: bytes | memoryview, op: Op, rows: RowFilter) -> bytes:
        """Apply ``op``, let ``rows`` change the coefficients, and write a JPEG without any metadata.

        Raises:
            TurboError: the data cannot be read to its end or written.
            Exception: what ``rows`` raised.
        """
        return self._transform(data, op, _Option.TRIM | _Option.COPY_NONE, rows)

    def read_coefficients(self, data: bytes | memoryview, rows: RowFilter) -> None:
        """Show every row of blocks to ``rows`` and write nothing.

        Raises:
            TurboError: the data cannot be read to its end.
            Exception: what ``rows`` raised.
        """
        self._transform(data, Op.NONE, _Option.NO_OUTPUT | _Option.COPY_NONE, rows)

    def crop(self, data: bytes | memoryview, box: Box, rows: RowFilter) -> bytes:
        """Write a JPEG of a part of the picture, without any metadata; ``rows`` sees what is written.

        Args:
            data: a JPEG.
            box: the part; its top left corner must be that of an MCU.
            rows: the row filter.

        Raises:
            TurboError: the data cannot be read to its end, or the box is not on MCU borders.
            Exception: what ``rows`` raised.
        """
        options = _Option.CROP | _Option.COPY_NONE
        return self._transform(data, Op.NONE, options, rows, _Region(box.x, box.y, box.w, box.h))

    def _transform(
        self,
        data: bytes | memoryview,
        op: Op,
        options: int,
        rows: RowFilter,
        region: _Region = _Region(0, 0, 0, 0),  # noqa: B008 - never written to
    ) -> bytes:
        source = np.frombuffer(data, np.uint8)
        raised: list[BaseException] = []

        def call(
            coefficients: int,
            array: _Region,
            plane: _Region,
            component: int,
            _index: int,
            _transform: int | None,
        ) -> int:
            try:
                # Rows below the plane are padding to a whole MCU: they are never written out.
                if array.y < plane.h:
                    row = (c_short * (8 * array.w)).from_address(coefficients)
                    rows(np.ndarray((array.w // 8, 64), np.int16, row), component, array.y // 8)
            except BaseException as error:  # noqa: BLE001 - must not pass through C; raised again below
                raised.append(error)
                return -1
            return 0

        transform = _Transform(region, op, options, None, _FILTER(call))
        output = POINTER(c_ubyte)()
        size = c_ulong(0)
        handle = self._handle(self._lib.tjInitTransform)
        try:
            failed = self._lib.tjTransform(
                handle,
                source.ctypes.data,
                source.size,
                1,
                byref(output),
                byref(size),
                byref(transform),
                _FLAGS,
            )
            if raised:
                raise raised[0]
            if failed:
                raise self._error(handle)
            return ctypes.string_at(output, size.value) if size.value else b""
        finally:
            self._lib.tjFree(output)
            self._lib.tjDestroy(handle)

    @staticmethod
    def _handle(init: Callable[[], int | None]) -> int:
        handle = init()
        if not handle:
            raise TurboError(RedactCode.OUT_OF_MEMORY, "no handle")
        return handle

    def _error(self, handle: int) -> TurboError:
        """Sort the library's message into a code; whatever is not recognised counts as damage."""
        text: str = self._lib.tjGetErrorStr2(handle).decode("ascii", "replace")
        lowered = text.lower()
        if "memory" in lowered:
            code = RedactCode.OUT_OF_MEMORY
        elif "unsupported" in lowered or "subsampling" in lowered or "too many" in lowered:
            code = RedactCode.UNSUPPORTED
        else:
            code = RedactCode.TRUNCATED
        return TurboError(code, text)
