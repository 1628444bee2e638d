"""A virtual USB device for QEMU's ``usb-redir``: the device's side of the USB network redirection protocol.

The system in QEMU sees a device that is plugged into its own controller: the kernel enumerates it, udev names
it, libusb opens it. Here the device answers every transfer itself.

    RedirDevice(path, descriptors, handler)        listens at a Unix socket; QEMU connects:
    -chardev socket,id=c,path=PATH,reconnect=1 -device usb-redir,chardev=c,bus=xhci.0

Whoever connects is told of the device once it is plugged (`RedirDevice.plug`). ADR 0015: why not USB/IP.
"""

from __future__ import annotations

import socket
import struct
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tests.virtual.usbdesc import Descriptors, Transfer
from tests.virtual.usbwire import (
    BULK_HEADER,
    CONTROL_HEADER,
    INTERRUPT_HEADER,
    GoneError,
    Link,
    Packet,
    Setup,
    Speed,
    Status,
)

_SLOTS = 32  # endpoints, and interfaces, that the protocol has room for
_UNUSED = 255
_DIRECTION_IN = 0x80


class Handler(Protocol):
    """What a virtual device does. It is called from one thread; it may send from any."""

    def plugged(self, port: RedirDevice) -> None:
        """The device is about to be announced: start afresh."""

    def reset(self) -> None:
        """The host reset the device or configured it."""

    def control(self, setup: Setup, data: bytes) -> bytes | Status | None:
        """Answer a request that is not one of those about descriptors, halts and configurations.

        Returns: the data (of a request that sends some: nothing), `Status.STALL`, or None to never answer.
        """

    def received(self, endpoint: int, data: bytes) -> Status:
        """Take what the host sent to an endpoint."""


@dataclass
class _Sending:
    """One transfer towards the host. It ends by a packet that is not full, if need be an empty one.

    Attributes:
        left: what the host has not read.
        is_full: its last packet is full, so that an empty one must follow.
        is_open: it should be followed by an empty packet, but is not: what comes next is part of it.
        then: called instead of giving the last bytes, once the host wants more than there are.
    """

    left: memoryview
    is_full: bool
    is_open: bool = False
    then: Callable[[], None] | None = None


class _Pipe:
    """An endpoint that the host reads from. The device's lock is held around every call."""

    def __init__(self, max_packet: int) -> None:
        self._max_packet = max_packet
        self.is_halted = False
        self.is_receiving = False
        self.sending: deque[_Sending] = deque()
        self.waiting: deque[tuple[int, int, int]] = deque()  # id, stream, length of each request

    def add(self, data: bytes, *, ended: bool, then: Callable[[], None] | None) -> None:
        if self.sending and self.sending[-1].is_open:
            data = bytes(self.sending.pop().left) + data
        is_full = len(data) % self._max_packet == 0
        self.sending.append(_Sending(memoryview(data), is_full, is_full and not ended, then))

    def next(self, length: int) -> tuple[Status, bytes | memoryview] | Callable[[], None] | None:
        """What a request for ``length`` bytes gets: None while there is nothing; or what is to be done."""
        if self.is_halted:
            return Status.STALL, b""
        if not self.sending:
            return None
        head = self.sending[0]
        if len(head.left) < max(length, 1):
            if head.is_open:
                return None
            self.sending.popleft()
            return head.then or (Status.SUCCESS, head.left)
        data, head.left = head.left[:length], head.left[length:]
        if head.left and length % self._max_packet:
            return Status.BABBLE, data  # the last packet has more than there is room for
        if not head.left and (not head.is_full or head.is_open):
            self.sending.popleft()  # otherwise the next request gets the empty packet
        return Status.SUCCESS, data


class RedirDevice:
    """A virtual USB device at a Unix socket. One guest at a time; the device outlives each.

    Args:
        socket_path: where to listen; what lies there is replaced.
        descriptors: what it says of itself.
        handler: what it does.
        speed: at which it is attached.

    Attributes:
        lock: held while the handler is called; take it to look and send in one.
    """

    def __init__(
        self, socket_path: Path, descriptors: Descriptors, handler: Handler, *, speed: Speed = Speed.HIGH
    ) -> None:
        self.path = socket_path
        self.descriptors = descriptors
        self.handler = handler
        self._speed = speed
        self.lock = threading.RLock()
        self._link: Link | None = None
        self._is_in = False
        self._configuration = 1
        self._alternates: dict[int, int] = {}
        self._pipes: dict[int, _Pipe] = {}
        self._interrupts = 0
        socket_path.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(socket_path))
        self._listener.listen(1)
        threading.Thread(target=self._serve, daemon=True).start()

    def plug(self) -> None:
        """Push the plug in: now, or when a guest connects."""
        with self.lock:
            if not self._is_in:
                self._is_in = True
                self.handler.plugged(self)
                self._announce()

    def unplug(self) -> None:
        """Pull it out, whatever is going on."""
        with self.lock:
            if not self._is_in:
                return
            self._is_in = False
            self._pipes.clear()
            if self._link is not None:
                self._tell(Packet.DEVICE_DISCONNECT, 0)

    @property
    def is_plugged(self) -> bool:
        return self._is_in

    def close(self) -> None:
        """Pull it out and stop listening."""
        self.unplug()
        with suppress(OSError):  # closed before
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self.lock:
            if self._link is not None:
                self._link.close()

    def send(
        self, endpoint: int, data: bytes, *, ended: bool = True, then: Callable[[], None] | None = None
    ) -> None:
        """Give the host one transfer to read from an endpoint.

        Args:
            ended: where the last packet is full, an empty one follows.
            then: called instead of giving the last bytes, once the host wants more than there are.
        """
        with self.lock:
            pipe = self._pipes.get(endpoint)
            if pipe is not None:
                pipe.add(data, ended=ended, then=then)
                self._flow(endpoint, pipe)

    def halt(self, endpoint: int) -> None:
        """Stall an endpoint until the host clears it."""
        with self.lock:
            pipe = self._pipes.get(endpoint)
            if pipe is not None:
                pipe.is_halted = True
                self._flow(endpoint, pipe)

    def forget(self, endpoint: int) -> None:
        """Drop what the host has not read from an endpoint."""
        with self.lock:
            if endpoint in self._pipes:
                self._pipes[endpoint].sending.clear()

    def _serve(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return  # close() shut the listener
            try:
                link = Link(sock, "medkiosk virtual device")
                with self.lock:
                    self._link = link
                    self._announce()
                while True:
                    self._take(*link.read())
            except GoneError:
                pass  # the guest was switched off, or the port taken away from it
            finally:
                with self.lock:
                    self._link = None
                    for pipe in self._pipes.values():
                        pipe.waiting.clear()
                        pipe.is_receiving = False
                sock.close()

    def _tell(self, type_: Packet, identity: int, *payload: bytes | memoryview) -> None:
        if self._link is None:
            return
        try:
            self._link.send(type_, identity, *payload)
        except GoneError:
            self._link = None  # the reading side notices, too, and waits for the next guest

    def _announce(self) -> None:
        if self._link is None or not self._is_in:
            return
        self._fresh()
        self._describe()
        facts = self.descriptors.device.ljust(18, b"\0")
        vendor, product, version = struct.unpack_from("<HHH", facts, 8)
        connect = struct.pack("<4B3H", self._speed, *facts[4:7], vendor, product, version)
        self._tell(Packet.DEVICE_CONNECT, 0, connect)

    def _fresh(self) -> None:
        self._alternates.clear()
        self._pipes = {
            one.address: _Pipe(one.max_packet or 1)
            for one in self.descriptors.endpoints()
            if one.address & _DIRECTION_IN
        }

    def _describe(self) -> None:
        """Tell of interfaces and endpoints, which QEMU wants to know before the device and after changes."""
        found = self.descriptors.interfaces()[:_SLOTS]
        columns = [[one.number, *one.class_] for one in found] + [[0] * 4] * (_SLOTS - len(found))
        rows = b"".join(bytes(column[row] for column in columns) for row in range(4))
        self._tell(Packet.INTERFACE_INFO, 0, struct.pack("<I", len(found)), rows)
        types, intervals, interfaces = [_UNUSED] * _SLOTS, [0] * _SLOTS, [0] * _SLOTS
        sizes = [0] * _SLOTS
        types[0] = types[16] = Transfer.CONTROL
        for one in self.descriptors.endpoints():
            slot = (one.address & _DIRECTION_IN) >> 3 | one.address & 0x0F
            types[slot], intervals[slot] = one.transfer, max(1, one.interval)
            interfaces[slot], sizes[slot] = one.interface & 0xFF, one.max_packet
        info = struct.pack(f"<{3 * _SLOTS}B{_SLOTS}H", *types, *intervals, *interfaces, *sizes)
        self._tell(Packet.EP_INFO, 0, info)

    def _take(self, type_: int, identity: int, payload: bytes) -> None:
        with self.lock:
            if not self._is_in:
                return
            match type_:
                case Packet.CONTROL:
                    self._control(identity, payload)
                case Packet.BULK:
                    self._bulk(identity, payload)
                case Packet.INTERRUPT:
                    endpoint = payload[0]
                    status = self.handler.received(endpoint, payload[INTERRUPT_HEADER.size :])
                    self._tell(Packet.INTERRUPT, identity, INTERRUPT_HEADER.pack(endpoint, status, 0))
                case Packet.START_INTERRUPT_RECEIVING | Packet.STOP_INTERRUPT_RECEIVING:
                    self._receiving(identity, payload[0], type_ == Packet.START_INTERRUPT_RECEIVING)
                case Packet.CANCEL_DATA_PACKET:
                    self._cancel(identity)
                case Packet.RESET:
                    self._fresh()
                    self.handler.reset()
                case Packet.SET_CONFIGURATION | Packet.GET_CONFIGURATION:
                    if type_ == Packet.SET_CONFIGURATION:
                        self._configuration = payload[0]
                        self._fresh()
                        self.handler.reset()
                        self._describe()
                    self._tell(Packet.CONFIGURATION_STATUS, identity, bytes([0, self._configuration]))
                case Packet.SET_ALT_SETTING | Packet.GET_ALT_SETTING:
                    if type_ == Packet.SET_ALT_SETTING:
                        self._alternates[payload[0]] = payload[1]
                        self._describe()
                    chosen = self._alternates.get(payload[0], 0)
                    self._tell(Packet.ALT_SETTING_STATUS, identity, bytes([0, payload[0], chosen]))

    def _control(self, identity: int, payload: bytes) -> None:
        if self.descriptors.is_silent:
            return
        endpoint, request, request_type, _, value, index, length = CONTROL_HEADER.unpack_from(payload)
        setup = Setup(request_type, request, value, index, length)
        answer = self._standard(setup)
        if answer is None:
            answer = self.handler.control(setup, payload[CONTROL_HEADER.size :])
        if answer is None:
            return
        status, data = (answer, b"") if isinstance(answer, Status) else (Status.SUCCESS, answer[:length])
        is_in = request_type & _DIRECTION_IN
        count = len(data) if is_in else (length if status == Status.SUCCESS else 0)
        header = CONTROL_HEADER.pack(endpoint, request, request_type, status, value, index, count)
        self._tell(Packet.CONTROL, identity, header, data if is_in else b"")

    def _standard(self, setup: Setup) -> bytes | Status | None:
        pipe = self._pipes.get(setup.index & 0xFF)
        match setup.request_type, setup.request:  # USB 2.0, table 9-3
            case (0x80, 6):
                found = self.descriptors.get(setup.value >> 8, setup.value & 0xFF, setup.length)
                return Status.STALL if found is None else found
            case (0x80 | 0x81, 0):
                return b"\0\0"
            case (0x82, 0):
                return bytes([pipe is not None and pipe.is_halted, 0])
            case (0x02, 1):
                if pipe is not None:
                    pipe.is_halted = False
                return b""
            case (0x02, 3):
                if pipe is not None:
                    pipe.is_halted = True
                return b""
            case (0x00, 1 | 3):
                return b""
        return None

    def _bulk(self, identity: int, payload: bytes) -> None:
        endpoint, _, low, stream, high = BULK_HEADER.unpack_from(payload)
        length = high << 16 | low
        pipe = self._pipes.get(endpoint)
        if not endpoint & _DIRECTION_IN:
            data = payload[BULK_HEADER.size :]
            status = self.handler.received(endpoint, data)
            length = len(data) if status == Status.SUCCESS else 0
        elif pipe is not None:
            pipe.waiting.append((identity, stream, length))
            self._flow(endpoint, pipe)
            return
        else:
            status, length = Status.STALL, 0
        self._answer_bulk(identity, endpoint, status, stream, length, b"")

    def _answer_bulk(
        self, identity: int, endpoint: int, status: Status, stream: int, length: int, data: bytes | memoryview
    ) -> None:
        header = BULK_HEADER.pack(endpoint, status, length & 0xFFFF, stream, length >> 16)
        self._tell(Packet.BULK, identity, header, data)

    def _flow(self, endpoint: int, pipe: _Pipe) -> None:
        """Give the host what it asked for, as far as it is there."""
        if pipe.is_receiving:
            while pipe.sending:
                event = pipe.sending.popleft().left
                self._interrupts += 1
                header = INTERRUPT_HEADER.pack(endpoint, Status.SUCCESS, len(event))
                self._tell(Packet.INTERRUPT, self._interrupts, header, event)
            return
        while pipe.waiting:
            identity, stream, length = pipe.waiting[0]
            given = pipe.next(length)
            if given is None:
                break
            if callable(given):
                given()
                return
            pipe.waiting.popleft()
            status, data = given
            self._answer_bulk(identity, endpoint, status, stream, len(data), data)

    def _receiving(self, identity: int, endpoint: int, is_receiving: bool) -> None:
        pipe = self._pipes.get(endpoint)
        status = Status.STALL if pipe is None else Status.SUCCESS
        self._tell(Packet.INTERRUPT_RECEIVING_STATUS, identity, bytes([status, endpoint]))
        if pipe is not None:
            pipe.is_receiving = is_receiving
            self._flow(endpoint, pipe)

    def _cancel(self, identity: int) -> None:
        for endpoint, pipe in self._pipes.items():
            for request in pipe.waiting:
                if request[0] == identity:
                    pipe.waiting.remove(request)
                    self._answer_bulk(identity, endpoint, Status.CANCELLED, request[1], 0, b"")
                    return
