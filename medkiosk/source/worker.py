"""The source worker: one device on one side, frames on standard input and output on the other.

It holds no key, writes no file and says nothing but frames (`medkiosk.source.protocol`).
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from medkiosk.core.frames import FrameError, Readable, Writable, read_frame, write_frame
from medkiosk.source.hardening import forbid_core_dumps, private_streams
from medkiosk.source.model import HEAD_BYTES, DeviceInfo, Grant, Shape, SourceError
from medkiosk.source.protocol import (
    MAX_OPEN,
    MAX_REQUEST,
    FromWorker,
    ProtocolError,
    ToWorker,
    pack_code,
    pack_end,
    pack_entry,
    pack_hello,
    pack_index,
    pack_time,
    unpack_index,
    unpack_open,
    unpack_seconds,
)
from medkiosk.source.reading import DeviceReader
from medkiosk.source.whole import Form, Whole, form_of

_LISTING_FLUSH_S = 0.5
"""Longest that entries wait for others to go with, seconds: a slow device is not a silent one."""

Open = Callable[[], tuple[DeviceReader, Grant]]


def serve(open_device: Open, reader: Readable, writer: Writable) -> None:
    """Answer requests until BYE or the end of the stream.

    Raises:
        FrameError, ProtocolError: the daemon said something that it never says.
        ConnectionError: the daemon is gone.
    """
    try:
        device, grants = open_device()
    except SourceError as error:
        write_frame(writer, FromWorker.FAIL, pack_code(error.reason))
        return
    try:
        try:
            hello = pack_hello(device.info())
        except SourceError as error:
            write_frame(writer, FromWorker.FAIL, pack_code(error.reason))
            return
        write_frame(writer, FromWorker.HELLO, hello)
        _answer(device, grants, reader, writer)
    finally:
        device.close()


def _answer(device: DeviceReader, grants: Grant, reader: Readable, writer: Writable) -> None:
    listed = 0
    forms = bytearray()
    """What the name of each listed file says of its structure."""

    def index(payload: bytes) -> int:
        value = unpack_index(payload)
        if value >= listed:
            raise ProtocolError("index that was never listed")
        return value

    def list_all() -> None:
        nonlocal listed
        listed = 0
        forms.clear()
        flushed = time.monotonic()
        for entry in device.entries():
            now = time.monotonic()
            is_due = now - flushed > _LISTING_FLUSH_S
            write_frame(writer, FromWorker.ENTRY, pack_entry(entry), flush=is_due)
            flushed = now if is_due else flushed
            forms.append(form_of(entry.name.decode("ascii", "replace")))
            listed += 1
        write_frame(writer, FromWorker.LISTED, pack_index(listed))

    def send(which: int, limit: int | None) -> None:
        size = 0
        whole = Whole(Form(forms[which]))
        for block in device.blocks(which, limit):
            write_frame(writer, FromWorker.DATA, block)
            size += len(block)
            if limit is None:
                whole.update(block)
        write_frame(writer, FromWorker.END, pack_end(size, whole.shape() if limit is None else Shape.UNKNOWN))

    def clock() -> None:
        nonlocal listed
        listed = 0
        write_frame(writer, FromWorker.TIME, pack_time(device.clock()))

    def set_clock(seconds: int) -> None:
        nonlocal listed
        listed = 0
        device.set_clock(seconds)
        write_frame(writer, FromWorker.DONE)

    def delete(which: int) -> None:
        device.delete(which)
        write_frame(writer, FromWorker.DONE)

    def granted(grant: Grant) -> None:
        if grant not in grants:
            raise ProtocolError("asked for what was not granted")

    while (frame := read_frame(reader, MAX_REQUEST)) is not None:
        match frame.type:
            case ToWorker.LIST:
                _fail_on_error(writer, list_all)
            case ToWorker.HEAD:
                which = index(frame.payload)
                _fail_on_error(writer, partial(send, which, HEAD_BYTES))
            case ToWorker.READ:
                which = index(frame.payload)
                _fail_on_error(writer, partial(send, which, None))
            case ToWorker.CLOCK:
                _fail_on_error(writer, clock)
            case ToWorker.SET_CLOCK:
                granted(Grant.SET_CLOCK)
                _fail_on_error(writer, partial(set_clock, unpack_seconds(frame.payload)))
            case ToWorker.DELETE:
                granted(Grant.DELETE)
                _fail_on_error(writer, partial(delete, index(frame.payload)))
            case ToWorker.BYE:
                return
            case _:
                raise ProtocolError("unknown request")


def _fail_on_error(writer: Writable, step: Callable[[], None]) -> None:
    try:
        step()
    except SourceError as error:
        write_frame(writer, FromWorker.FAIL, pack_code(error.reason))


def _asked(reader: Readable) -> tuple[DeviceInfo, Grant]:
    frame = read_frame(reader, MAX_OPEN)
    if frame is None or frame.type != ToWorker.OPEN:
        raise ProtocolError("OPEN was expected")
    return unpack_open(frame.payload)


def main() -> None:
    """Run the worker: ``--camera PORT --model NAME``, ``--card DIRECTORY``, or ``--asked``."""
    parser = argparse.ArgumentParser(description="Reads one camera or card for medkioskd.")
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--camera", metavar="PORT", help="libgphoto2's port string")
    which.add_argument("--card", metavar="DIRECTORY", type=Path, help="where the card is mounted")
    which.add_argument("--asked", action="store_true", help="the daemon says which, by OPEN")
    parser.add_argument("--model", default="Canon EOS R6", help="libgphoto2's name of the camera")
    parser.add_argument("--may-delete", action="store_true", help="files may be deleted, when asked to")
    parser.add_argument("--may-set-clock", action="store_true", help="the clock may be set, when asked to")
    options = parser.parse_args()
    forbid_core_dumps()
    reader, writer = private_streams()

    def open_device() -> tuple[DeviceReader, Grant]:
        grants = Grant.DELETE if options.may_delete else Grant.NONE
        grants |= Grant.SET_CLOCK if options.may_set_clock else Grant.NONE
        if options.asked:
            asked, grants = _asked(reader)
        elif options.card is not None:
            asked = DeviceInfo(kind="card", model="", serial="", port=str(options.card))
        else:
            asked = DeviceInfo(kind="camera", model=options.model, serial="", port=options.camera)
        if asked.kind == "card":
            from medkiosk.source.card import CardReader

            return CardReader(Path(asked.port)), grants
        from medkiosk.source.ptp import CameraReader

        return CameraReader(asked.port, asked.model), grants

    try:
        serve(open_device, reader, writer)
    except (ConnectionError, FrameError, ProtocolError):
        sys.exit(1)


if __name__ == "__main__":
    main()
