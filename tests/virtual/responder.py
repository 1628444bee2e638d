"""What a virtual Canon EOS R6 answers, on PTP/IP (`tests.virtual.r6`) or on USB (`tests.virtual.usb`).

What the real camera announces is taken from libgphoto2's own record of one (cameras/canon-eos-r6.txt).
"""

from __future__ import annotations

import argparse
import os
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from tests.virtual.faults import FAULTS, Faults
from tests.virtual.objects import ROOT, Cards, Object, eos_entries, object_info
from tests.virtual.ptpip import Answer, Request, array16, array32, string
from tests.virtual.settings import Settings, ended

MODEL = "Canon EOS R6"
SERIAL = "0123456789abcdef0123456789abcdef"
_CARD_BYTES = 64_054_362_112
_ALL = 0xFFFFFFFF  # as the handle in DeleteObject: every object of the camera


class VanishedError(Exception):
    """The fault says that the camera is gone now."""


@dataclass(frozen=True)
class Reply:
    """An answer: a response code, perhaps a dataset, or a slice of an object's bytes."""

    code: int = Answer.OK
    data: bytes | None = None
    item: Object | None = None
    offset: int = 0
    count: int = 0
    params: tuple[int, ...] = ()


class Camera:
    """The camera behind a wire: what outlives a session.

    Args:
        root: its cards, see `tests.virtual.objects.Cards`.
        trace: gets each operation's code, parameters and data, one line each.
    """

    def __init__(
        self, root: Path, *, serial: str, settings: Settings, faults: Faults, trace: IO[str] | None = None
    ) -> None:
        self.root = root
        self.serial = serial
        self.settings = settings
        self.faults = faults
        self._trace = trace
        self._seen: Cards | None = None
        faults.prepare(root)

    def cards(self) -> Cards:
        """The cards as a new session sees them."""
        if self._seen is None or not self.faults.is_stale():
            self._seen = Cards(self.root, self.faults)
        return self._seen

    def answer(self, session: Session, request: Request, received: bytes) -> Reply:
        """Answer one operation, or refuse it where a fault says so."""
        if self._trace is not None:
            said = " ".join(f"{value:x}" for value in request.params)
            self._trace.write(f"{request.code:04x} {said} {received.hex()}".rstrip() + "\n")
            self._trace.flush()
        refusal = self.faults.refuse(request.code)
        return Reply(refusal) if refusal is not None else session.answer(request, received)


class Session:
    """One initiator's view: the cards as they were when it opened the session."""

    def __init__(self, camera: Camera) -> None:
        self._camera = camera
        self._cards = camera.cards()
        self._opened = False
        self._descriptor: tuple[int, int] | None = None
        self._events = b""
        self._operations: dict[int, Callable[[tuple[int, ...], bytes], Reply]] = {
            0x1001: self._device_info,
            0x1002: self._open_session,
            0x1003: self._close_session,
            0x1004: self._storage_ids,
            0x1005: self._storage_info,
            0x1007: self._object_handles,
            0x1008: self._object_info,
            0x1009: self._object,
            0x100B: self._delete,
            0x1014: self._property,
            0x101B: self._partial_object,
            0x9101: self._storage_ids,
            0x9102: self._storage_info,
            0x9109: self._eos_folder,
            0x910C: self._accept,  # SetObjectAttributes: clears the "not downloaded" flag
            0x9110: self._set_property,
            0x9114: self._accept,  # SetRemoteMode
            0x9115: self._event_mode,
            0x9116: self._event,
            0x911A: self._accept,  # PCHDDCapacity
            0x911D: self._accept,  # KeepDeviceOn
            0x9127: self._accept,  # RequestDevicePropValue
            0x9128: self._accept,  # RemoteReleaseOn: announced, since by it libgphoto2 knows an EOS
        }

    def answer(self, request: Request, received: bytes) -> Reply:
        operation = self._operations.get(request.code)
        if operation is None:
            return Reply(Answer.OPERATION_NOT_SUPPORTED)
        if not self._opened and request.code not in {0x1001, 0x1002}:
            return Reply(Answer.SESSION_NOT_OPEN)
        return operation((*request.params, 0, 0, 0, 0, 0), received)

    def descriptor(self, item: Object) -> int:
        """An open file for this object; the last one is kept, since blocks come in order."""
        if self._descriptor is None or self._descriptor[0] != item.handle:
            self.close()
            self._descriptor = item.handle, os.open(item.path, os.O_RDONLY | os.O_CLOEXEC)
        return self._descriptor[1]

    @property
    def is_open(self) -> bool:
        """Whether an initiator opened it and did not close it."""
        return self._opened

    def close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor[1])
            self._descriptor = None

    __del__ = close

    def _accept(self, params: tuple[int, ...], received: bytes) -> Reply:
        return Reply()

    def _device_info(self, params: tuple[int, ...], received: bytes) -> Reply:
        data = (
            struct.pack("<HIH", 100, 0x0B, 100)
            + string("")
            + struct.pack("<H", 0)
            + array16(tuple(self._operations))
            + array16((0xC181, 0x4003, 0x4009))
            + array16(tuple(_PROPERTIES))
            + array16((0x3801,))
            + array16(
                (0x3001, 0x3002, 0x3006, 0x300A, 0x3008, 0x3801, 0xB101, 0xB103, 0xBF02, 0xB104, 0xB105)
            )
            + string("Canon.Inc")
            + string(MODEL)
            + string("3-1.0.0")
            + string(self._camera.serial)
        )
        return Reply(data=data)

    def _open_session(self, params: tuple[int, ...], received: bytes) -> Reply:
        self._opened = True
        return Reply()

    def _close_session(self, params: tuple[int, ...], received: bytes) -> Reply:
        self._opened = False
        self.close()
        return Reply()

    def _storage_ids(self, params: tuple[int, ...], received: bytes) -> Reply:
        return Reply(data=array32(tuple(self._cards.storages)))

    def _storage_info(self, params: tuple[int, ...], received: bytes) -> Reply:
        if params[0] not in self._cards.storages:
            return Reply(Answer.INVALID_STORAGE)
        free = _CARD_BYTES - sum(
            item.size for item in self._cards.objects.values() if item.storage == params[0]
        )
        access = 1 if self._camera.faults.read_only() else 0
        data = struct.pack("<HHHQQI", 4, 2, access, _CARD_BYTES, max(free, 0), 0xFFFFFFFF)
        return Reply(data=data + string(f"SD{params[0] >> 16}") + string(""))

    def _object_handles(self, params: tuple[int, ...], received: bytes) -> Reply:
        storage, _, parent = params[:3]
        found = self._cards.in_folder(storage, parent or ROOT)
        if found is None:
            return Reply(Answer.INVALID_PARAMETER)
        return Reply(data=array32(tuple(item.handle for item in found)))

    def _object_info(self, params: tuple[int, ...], received: bytes) -> Reply:
        item = self._cards.objects.get(params[0])
        return Reply(Answer.INVALID_HANDLE) if item is None else Reply(data=object_info(item))

    def _object(self, params: tuple[int, ...], received: bytes) -> Reply:
        item = self._cards.objects.get(params[0])
        if item is None or not item.path.exists():  # removed behind a session that does not notice
            return Reply(Answer.INVALID_HANDLE)
        return Reply(item=item, count=min(item.size, item.announced_size))

    def _partial_object(self, params: tuple[int, ...], received: bytes) -> Reply:
        handle, offset, wanted = params[:3]
        item = self._cards.objects.get(handle)
        if item is None or not item.path.exists():
            return Reply(Answer.INVALID_HANDLE)
        there = max(0, min(wanted, max(item.size, item.announced_size) - offset))
        count = self._camera.faults.partial(item.name, there)
        return Reply(item=item, offset=offset, count=count, params=(count,))

    def _eos_folder(self, params: tuple[int, ...], received: bytes) -> Reply:
        storage, parent = params[:2]
        found = self._cards.in_folder(storage, parent)
        if found is None:
            return Reply(Answer.INVALID_PARAMETER)
        data = eos_entries(found)
        if data is None:
            return Reply(Answer.OPERATION_NOT_SUPPORTED)
        return Reply(data=self._camera.faults.listing(data))

    def _property(self, params: tuple[int, ...], received: bytes) -> Reply:
        data = _PROPERTIES.get(params[0])
        return Reply(Answer.PROPERTY_NOT_SUPPORTED) if data is None else Reply(data=data)

    def _event_mode(self, params: tuple[int, ...], received: bytes) -> Reply:
        self._events = self._camera.settings.dump() if params[0] else b""
        return Reply()

    def _event(self, params: tuple[int, ...], received: bytes) -> Reply:
        events, self._events = self._events, b""
        return Reply(data=ended(events))

    def _set_property(self, params: tuple[int, ...], received: bytes) -> Reply:
        code, events = self._camera.settings.set(received)
        self._events += events
        return Reply(code)

    def _delete(self, params: tuple[int, ...], received: bytes) -> Reply:
        refusal = self._camera.faults.refuse_delete()
        if refusal is not None:
            return Reply(refusal)
        if params[0] == _ALL or self._camera.faults.deletes_all():
            for handle in list(self._cards.objects):
                self._cards.delete(handle)
            return Reply()
        if params[0] not in self._cards.objects:
            return Reply(Answer.INVALID_HANDLE)
        return Reply(Answer.OK if self._cards.delete(params[0]) else Answer.OBJECT_WRITE_PROTECTED)


def _read_only(code: int, type_: int, value: bytes) -> bytes:
    return struct.pack("<HHB", code, type_, 0) + value + value + b"\0"


_PROPERTIES = {
    0xD402: _read_only(0xD402, 0xFFFF, string(MODEL)),
    0xD407: _read_only(0xD407, 6, struct.pack("<I", 1)),
    0xD406: struct.pack("<HHB", 0xD406, 0xFFFF, 1) + 2 * string("Unknown Initiator") + b"\0",
    0xD303: _read_only(0xD303, 2, b"\1"),
    0x5001: struct.pack("<HHBBBBH4B", 0x5001, 2, 0, 100, 75, 2, 4, 100, 75, 50, 0),
}


def add_options(parser: argparse.ArgumentParser) -> None:
    """The arguments that say which camera it is."""
    parser.add_argument("--serial", default=SERIAL)
    parser.add_argument("--owner", default="")
    parser.add_argument("--clock-offset", type=int, default=0, help="how far its clock is ahead, seconds")
    parser.add_argument(
        "--zone", type=int, default=0, help="how far its display is ahead of its UTC, seconds"
    )
    parser.add_argument("--no-clock", action="store_true", help="it does not tell its time")
    parser.add_argument("--fault", action="append", default=[], help=f"NAME[=ARG]: {', '.join(FAULTS)}")
    parser.add_argument("--trace", type=Path, help="a file for the codes of all operations")


def chosen_settings(options: argparse.Namespace) -> Settings:
    """The settings that arguments ask for."""
    return Settings(
        owner=options.owner,
        offset=options.clock_offset,
        zone=options.zone,
        has_clock=not options.no_clock,
    )


def chosen_trace(options: argparse.Namespace) -> IO[str] | None:
    """Where arguments want the operations written."""
    return options.trace.open("a") if options.trace else None
