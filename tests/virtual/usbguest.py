"""The other end of a virtual USB device's cable, without a virtual machine: what a system does with a device.

`Guest` is the side of the protocol that QEMU has (`tests.virtual.usbwire`), with the requests that a kernel
makes when it enumerates, and transfers as libusb makes them. `PtpHost` is a PTP initiator on top.
"""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from tests.virtual.usbptp import BULK_IN, BULK_OUT, HEADER, Container
from tests.virtual.usbwire import (
    BULK_HEADER,
    CONTROL_HEADER,
    INTERRUPT_HEADER,
    GoneError,
    Link,
    Packet,
    Setup,
    Status,
)

_WAIT_S = 5.0
_READ = 1 << 16  # bytes asked for at once: a multiple of every packet size


class TransferError(Exception):
    """A transfer ended otherwise than well; the status is its argument."""


class Announced(NamedTuple):
    """What the protocol itself says of a device, before anybody asks it."""

    speed: int
    class_: tuple[int, int, int]
    vendor: int
    product: int
    interfaces: list[tuple[int, int, int]]
    endpoints: dict[int, tuple[int, int]]
    """Transfer type and packet size of each address."""


class Guest:
    """A system that a device is plugged into. Raises GoneError from everything once the device is gone."""

    def __init__(self, path: Path) -> None:
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(_WAIT_S)
        sock.connect(str(path))
        sock.settimeout(None)
        self._link = Link(sock, "medkiosk test guest")
        self._changed = threading.Condition()
        self._answers: dict[int, tuple[int, bytes]] = {}
        self._identity = 0
        self._interfaces: list[tuple[int, int, int]] = []
        self._endpoints: dict[int, tuple[int, int]] = {}
        self.announced: Announced | None = None
        self.connects = 0
        self._known = 0
        self.interrupts: list[tuple[int, bytes]] = []
        """What endpoints sent by themselves: address and data."""
        threading.Thread(target=self._listen, daemon=True).start()

    def wait_for(self, condition: Callable[[], bool], wait_s: float = _WAIT_S) -> None:
        with self._changed:
            if not self._changed.wait_for(condition, wait_s):
                raise TimeoutError("nothing came of it")

    def plugged(self) -> Announced:
        """Wait until a device is plugged that was not waited for before, and configure it."""
        self.wait_for(lambda: self.connects > self._known and self.announced is not None)
        self._known = self.connects
        self.ask(Packet.SET_CONFIGURATION, b"\x01")
        assert self.announced is not None
        return self.announced

    def unplugged(self) -> None:
        """Wait until it is gone."""
        self.wait_for(lambda: self.announced is None)

    def close(self) -> None:
        self._link.close()

    def ask(self, type_: Packet, payload: bytes, wait_s: float = _WAIT_S) -> bytes:
        """Send one packet and wait for its answer."""
        return self.answer(self.start(type_, payload), wait_s)

    def start(self, type_: Packet, payload: bytes) -> int:
        """Send one packet: the id by which its answer comes."""
        with self._changed:
            self._identity += 1
            identity = self._identity
        self._link.send(type_, identity, payload)
        return identity

    def answer(self, identity: int, wait_s: float = _WAIT_S) -> bytes:
        with self._changed:
            there = self._changed.wait_for(
                lambda: identity in self._answers or self.announced is None, wait_s
            )
            if identity in self._answers:
                return self._answers.pop(identity)[1]
            if there:
                raise GoneError("unplugged")
        raise TimeoutError("no answer")

    def control(self, setup: Setup, data: bytes = b"") -> bytes:
        """One control transfer: what the device sent. Raises TransferError where it stalled."""
        header = CONTROL_HEADER.pack(
            setup.request_type & 0x80,
            setup.request,
            setup.request_type,
            0,
            setup.value,
            setup.index,
            setup.length,
        )
        answer = self.ask(Packet.CONTROL, header + data)
        status = answer[3]
        if status != Status.SUCCESS:
            raise TransferError(Status(status))
        return answer[CONTROL_HEADER.size :]

    def descriptor(self, kind: int, index: int = 0, length: int = 0xFFFF) -> bytes:
        return self.control(Setup(0x80, 6, kind << 8 | index, 0x0409 if kind == 3 else 0, length))

    def text(self, index: int) -> str:
        """A string descriptor's text."""
        return self.descriptor(3, index, 255)[2:].decode("utf-16-le")

    def write(self, endpoint: int, data: bytes) -> None:
        header = BULK_HEADER.pack(endpoint, 0, len(data) & 0xFFFF, 0, len(data) >> 16)
        self._ended(self.ask(Packet.BULK, header + data))

    def read(self, endpoint: int, length: int = _READ, wait_s: float = _WAIT_S) -> bytes:
        """One request to an endpoint: up to ``length`` bytes."""
        return self._ended(self.answer(self.start_read(endpoint, length), wait_s))

    def start_read(self, endpoint: int, length: int = _READ) -> int:
        return self.start(Packet.BULK, BULK_HEADER.pack(endpoint, 0, length & 0xFFFF, 0, length >> 16))

    def cancel(self, identity: int) -> bytes:
        self._link.send(Packet.CANCEL_DATA_PACKET, identity)
        return self.answer(identity)

    def listen_to(self, endpoint: int) -> None:
        """Start to take what an interrupt endpoint sends."""
        self._link.send(Packet.START_INTERRUPT_RECEIVING, 0, bytes([endpoint]))

    def _ended(self, answer: bytes) -> bytes:
        status = answer[1]
        if status != Status.SUCCESS:
            raise TransferError(Status(status))
        return answer[BULK_HEADER.size :]

    def _listen(self) -> None:
        try:
            while True:
                type_, identity, payload = self._link.read()
                with self._changed:
                    self._take(type_, identity, payload)
                    self._changed.notify_all()
        except GoneError:
            with self._changed:
                self.announced = None
                self._changed.notify_all()

    def _take(self, type_: int, identity: int, payload: bytes) -> None:
        match type_:
            case Packet.INTERFACE_INFO:
                [count] = struct.unpack_from("<I", payload)
                rows = [payload[4 + 32 * row : 36 + 32 * row] for row in range(1, 4)]
                self._interfaces = [(rows[0][at], rows[1][at], rows[2][at]) for at in range(count)]
            case Packet.EP_INFO:
                sizes = struct.unpack_from("<32H", payload, 96)
                self._endpoints = {
                    (slot & 0x10) << 3 | slot & 0x0F: (payload[slot], sizes[slot])
                    for slot in range(32)
                    if payload[slot] != 255
                }
            case Packet.DEVICE_CONNECT:
                speed, *class_, vendor, product, _ = struct.unpack("<4B3H", payload)
                self.connects += 1
                self.announced = Announced(
                    speed,
                    (class_[0], class_[1], class_[2]),
                    vendor,
                    product,
                    self._interfaces,
                    self._endpoints,
                )
            case Packet.DEVICE_DISCONNECT:
                self.announced = None
            case Packet.INTERRUPT if payload[0] & 0x80:
                self.interrupts.append((payload[0], payload[INTERRUPT_HEADER.size :]))
            case Packet.INTERRUPT_RECEIVING_STATUS:
                pass
            case _:
                self._answers[identity] = type_, payload


class PtpHost:
    """A PTP initiator: one operation at a time."""

    def __init__(self, guest: Guest) -> None:
        self.guest = guest
        self._transaction = 0

    def operation(
        self, code: int, *params: int, data: bytes | None = None, wait_s: float = _WAIT_S
    ) -> tuple[int, bytes]:
        """Return the response code and the data that came with it."""
        self.command(code, *params, data=data)
        found = b""
        while True:
            type_, said, payload = self.container(wait_s)
            if type_ == Container.RESPONSE:
                return said, found
            found = payload

    def command(self, code: int, *params: int, data: bytes | None = None) -> None:
        self._transaction += 1
        self._put(Container.COMMAND, code, struct.pack(f"<{len(params)}I", *params))
        if data is not None:
            self._put(Container.DATA, code, data)

    def container(self, wait_s: float = _WAIT_S) -> tuple[int, int, bytes]:
        """Read one container, up to where its transfer ends: type, code, and payload."""
        whole = part = self.guest.read(BULK_IN, wait_s=wait_s)
        while len(part) == _READ:
            part = self.guest.read(BULK_IN, wait_s=wait_s)
            whole += part
        length, type_, code, transaction = HEADER.unpack_from(whole)
        assert transaction == self._transaction, "another transaction's container"
        assert length == len(whole), "another length than the container says"
        return type_, code, whole[HEADER.size :]

    def _put(self, type_: Container, code: int, payload: bytes) -> None:
        self.guest.write(
            BULK_OUT, HEADER.pack(HEADER.size + len(payload), type_, code, self._transaction) + payload
        )
