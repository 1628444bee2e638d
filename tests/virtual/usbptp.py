"""A camera's PTP function on USB: containers over bulk endpoints (PIMA 15740, annex D).

It answers as the virtual R6 does (`tests.virtual.responder`), with its faults. What can go wrong on this wire
alone is a `Wire` fault. A camera keeps its session when the program that opened it dies: so does this one.
"""

from __future__ import annotations

import os
import queue
import struct
import threading
from collections.abc import Callable, Iterable
from enum import IntEnum

from tests.virtual.ptpip import Answer, Request
from tests.virtual.responder import Camera, Reply, Session, VanishedError
from tests.virtual.usbdesc import Descriptors, Transfer, configuration, device, endpoint, interface, string
from tests.virtual.usbredir import RedirDevice
from tests.virtual.usbwire import Setup, Status

VENDOR, PRODUCT = 0x04A9, 0x32F5
PTP_CLASS = (6, 1, 1)
BULK_IN, BULK_OUT, EVENTS = 0x81, 0x02, 0x83
BULK_PACKET = 512
HEADER = struct.Struct("<IHHI")  # length of the whole container, type, code, transaction

_CANCEL, _EVENT_DATA, _RESET, _STATUS = 0x64, 0x65, 0x66, 0x67
_DATA_OUT = frozenset({0x100C, 0x100D, 0x1016, 0x9110})  # operations for which the initiator sends data
_MAX_CONTAINER = 1 << 20


class Container(IntEnum):
    COMMAND = 1
    DATA = 2
    RESPONSE = 3
    EVENT = 4


WIRE_FAULTS = {
    "halt": "halt=BYTES: the endpoint halts, once, after that many bytes of object data",
    "length": "length=BYTES: data containers claim so many bytes more (or, negative, fewer) than they have",
    "no-empty-packet": "no-empty-packet: data that fills its last packet ends without an empty one",
    "stale": "stale: what was not read of one transaction comes in the next one",
    "transaction": "transaction: data and answers carry the number of another transaction",
}


class Wire:
    """The chosen faults of the wire, ``NAME`` or ``NAME=NUMBER``. Raises KeyError for an unknown name."""

    def __init__(self, chosen: Iterable[str] = ()) -> None:
        self._chosen: dict[str, int] = {}
        for text in chosen:
            name, _, argument = text.partition("=")
            if name not in WIRE_FAULTS:
                raise KeyError(name)
            self._chosen[name] = int(argument or 0)
        self.extra = self._chosen.get("length", 0)
        self.has_empty_packet = "no-empty-packet" not in self._chosen
        self.is_stale = "stale" in self._chosen
        self.shift = 7 if "transaction" in self._chosen else 0

    def halts(self, count: int) -> bool:
        """Whether the endpoint halts before the next ``count`` bytes of object data."""
        if "halt" not in self._chosen:
            return False
        self._chosen["halt"] -= count
        if self._chosen["halt"] > 0:
            return False
        del self._chosen["halt"]
        return True


def ptp_interface(number: int = 0) -> bytes:
    """The interface of a camera that speaks PTP at high speed."""
    return interface(
        number,
        PTP_CLASS,
        endpoint(BULK_IN, Transfer.BULK, BULK_PACKET),
        endpoint(BULK_OUT, Transfer.BULK, BULK_PACKET),
        endpoint(EVENTS, Transfer.INTERRUPT, 64, 9),
    )


def r6_descriptors(serial: str) -> Descriptors:
    """What an R6 says of itself."""
    return Descriptors(
        device=device(VENDOR, PRODUCT, version=0x0002),
        configuration=configuration(ptp_interface()),
        strings=[string("Canon Inc."), string("Canon Digital Camera"), string(serial)],
    )


class PtpFunction:
    """The handler of a camera's transfers (`tests.virtual.usbredir.Handler`)."""

    def __init__(self, camera: Camera, wire: Wire | None = None) -> None:
        self._camera = camera
        self._wire = wire or Wire()
        self._session = Session(camera)
        self._incoming = bytearray()
        self._command: Request | None = None
        self._asked: queue.SimpleQueue[tuple[int, Request, bytes]] = queue.SimpleQueue()
        self._turn = 0  # raised whenever what is going on is given up
        self._worker: threading.Thread | None = None
        self.port: RedirDevice | None = None

    def plugged(self, port: RedirDevice) -> None:
        self.port = port
        self._session = Session(self._camera)
        self.reset()
        if self._worker is None:  # its own thread: a camera that is stuck still answers control requests
            self._worker = threading.Thread(target=self._work, daemon=True)
            self._worker.start()

    def reset(self) -> None:
        self._give_up()

    def control(self, setup: Setup, data: bytes) -> bytes | Status | None:
        match setup.request_type, setup.request:
            case (0x21, code) if code == _CANCEL:
                self._give_up()
                return b""
            case (0x21, code) if code == _RESET:
                self._give_up()
                self._session.close()
                self._session = Session(self._camera)
                return b""
            case (0xA1, code) if code == _STATUS:
                return struct.pack("<HH", 4, Answer.OK)
        return Status.STALL

    def received(self, endpoint: int, data: bytes) -> Status:
        self._incoming += data
        if len(self._incoming) > _MAX_CONTAINER:
            self._incoming.clear()
            return Status.STALL
        while len(self._incoming) >= HEADER.size:
            length, type_, code, transaction = HEADER.unpack_from(self._incoming)
            if length < HEADER.size:
                self._incoming.clear()
                return Status.STALL
            if len(self._incoming) < length:
                break
            payload = bytes(self._incoming[HEADER.size : length])
            del self._incoming[:length]
            self._container(type_, code, transaction, payload)
        return Status.SUCCESS

    def event(self, code: int, *params: int) -> None:
        """Tell the host of something that happened at the camera."""
        assert self.port is not None
        payload = struct.pack(f"<{len(params)}I", *params)
        self.port.send(EVENTS, HEADER.pack(HEADER.size + len(payload), Container.EVENT, code, 0) + payload)

    def _container(self, type_: int, code: int, transaction: int, payload: bytes) -> None:
        if type_ == Container.COMMAND:
            params = struct.unpack(f"<{len(payload) // 4}I", payload[: len(payload) & ~3])
            request = Request(code, transaction, params)
            if self.port is not None and not self._wire.is_stale:
                self.port.forget(BULK_IN)  # whoever asked before does not read it any more
            if code in _DATA_OUT:
                self._command = request
            else:
                self._asked.put((self._turn, request, b""))
        elif type_ == Container.DATA and self._command is not None:
            self._asked.put((self._turn, self._command, payload))
            self._command = None

    def _give_up(self) -> None:
        self._turn += 1
        self._command = None
        self._incoming.clear()
        if self.port is not None and not self._wire.is_stale:
            self.port.forget(BULK_IN)

    def _work(self) -> None:
        while True:
            turn, request, received = self._asked.get()
            if turn != self._turn:
                continue
            try:
                self._answer(turn, request, received)
            except VanishedError:
                assert self.port is not None
                self.port.unplug()

    def _answer(self, turn: int, request: Request, received: bytes) -> None:
        if request.code == 0x1002:
            if self._session.is_open:
                self._send(turn, Container.RESPONSE, Answer.SESSION_ALREADY_OPEN, request)
                return
            self._session = Session(self._camera)  # which sees the card as it is now
        reply = self._camera.answer(self._session, request, received)
        if reply.data is not None:
            self._send(turn, Container.DATA, request.code, request, reply.data)
        elif reply.item is not None:
            self._slice(turn, request, reply)
        payload = struct.pack(f"<{len(reply.params)}I", *reply.params)
        self._send(turn, Container.RESPONSE, reply.code, request, payload)

    def _slice(self, turn: int, request: Request, reply: Reply) -> None:
        assert reply.item is not None
        assert self.port is not None
        faults, name = self._camera.faults, reply.item.name
        faults.before_data(self._camera.root, name, reply.offset)
        if self._wire.halts(reply.count):
            self.port.halt(BULK_IN)
        sent = faults.sent(name, reply.count)
        allowed = faults.allow(sent)
        there = max(0, min(sent, reply.item.size - reply.offset))
        data = os.pread(self._session.descriptor(reply.item), there, reply.offset).ljust(sent, b"\0")
        if faults.alters(name):
            data = faults.alter(name, reply.offset, data)
        if allowed < sent:
            head = HEADER.pack(HEADER.size + reply.count, Container.DATA, request.code, request.transaction)
            self._put(turn, head + data[:allowed], then=self.port.unplug)
        else:
            self._send(turn, Container.DATA, request.code, request, data, reply.count)

    def _send(
        self,
        turn: int,
        type_: Container,
        code: int,
        request: Request,
        payload: bytes = b"",
        announced: int | None = None,
    ) -> None:
        length = HEADER.size + (len(payload) if announced is None else announced)
        if type_ == Container.DATA:
            length = max(0, length + self._wire.extra)
        head = HEADER.pack(length, type_, code, request.transaction + self._wire.shift & 0xFFFFFFFF)
        self._put(turn, head + payload)

    def _put(self, turn: int, data: bytes, then: Callable[[], None] | None = None) -> None:
        assert self.port is not None
        with self.port.lock:
            if turn == self._turn:
                self.port.send(BULK_IN, data, ended=self._wire.has_empty_packet, then=then)
