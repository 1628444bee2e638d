"""A process that asks the security keys that are plugged in, one request and then its end.

It holds no key of ours, sees no store and no network. It gets a credential's id, a salt and perhaps the PIN,
and gives 32 bytes or a number; what a security key says on USB is parsed here and nowhere else.
"""

from __future__ import annotations

import resource
import struct
import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from medkiosk.core.frames import FrameError, Readable, Writable, read_frame, write_frame
from medkiosk.token.errors import Code
from medkiosk.token.protocol import MAX_REQUEST, FromWorker, ToWorker, pack, unpack_request

if TYPE_CHECKING:
    from fido2.ctap import CtapDevice


def serve(
    reader: Readable, writer: Writable, devices: Callable[[], Iterable[CtapDevice]] | None = None
) -> None:
    """Answer one request.

    Args:
        reader: the request.
        writer: the answer.
        devices: the security keys; those on USB if not given.

    Raises:
        FrameError, ValueError: it is no request.
    """
    frame = read_frame(reader, MAX_REQUEST)
    if frame is None:
        return
    wanted, request = ToWorker(frame.type), unpack_request(frame.payload)
    try:
        from medkiosk.token import ctap
    except ImportError:
        _fail(writer, Code.NO_LIBRARY)
        return

    def touch() -> None:
        write_frame(writer, FromWorker.TOUCH)

    keys = (devices or ctap.plugged_in)()
    salt = bytes.fromhex(request.salt)
    try:
        if wanted is ToWorker.ADD:
            write_frame(writer, FromWorker.ADDED, pack(ctap.add(keys, salt, request.pin, touch)))
            return
        output = ctap.ask(keys, bytes.fromhex(request.credential), salt, request.verified, request.pin, touch)
        write_frame(writer, FromWorker.SAID, output)
    except ctap.RefusedError as error:
        _fail(writer, error.code)


def _fail(writer: Writable, code: Code) -> None:
    write_frame(writer, FromWorker.FAILED, struct.pack(">B", code))


def main() -> int:
    """Serve on standard input and output."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        serve(sys.stdin.buffer, sys.stdout.buffer)
    except (FrameError, ValueError, BrokenPipeError):
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
