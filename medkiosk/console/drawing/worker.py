"""The process that draws: orders on standard input, sixels on standard output (`protocol`).

A process of its own, for one interpreter runs one thread at a time: as a thread of the console it waited for
the screen to be painted, and the screen for it. It opens nothing and ends with the console.
"""

from __future__ import annotations

import resource
import sys

from medkiosk.console.drawing.painter import Painter
from medkiosk.console.drawing.protocol import LIMIT, SOURCE, TILE, FromPainter, ToPainter, unpack
from medkiosk.core.frames import Frame, FrameError, Readable, Writable, read_frame, write_frame


def serve(reader: Readable, writer: Writable) -> None:
    """Draw until the other side ends.

    Raises:
        FrameError, ValueError: what came is no order.
    """
    painter = Painter()
    while (frame := read_frame(reader, LIMIT)) is not None:
        match ToPainter(frame.type):
            case ToPainter.SOURCE:
                _take(painter, frame, read_frame(reader, LIMIT))
            case ToPainter.PIXELS:
                raise ValueError("pixels of nothing")
            case ToPainter.FORGET:
                painter.forget()
            case ToPainter.DRAW:
                for number, sixels in painter.draw(unpack(frame.payload)):
                    write_frame(writer, FromPainter.TILE, TILE.pack(number) + sixels.encode(), flush=False)
                write_frame(writer, FromPainter.DRAWN)
        del frame  # with a source's pixels, while it waits for the next


def _take(painter: Painter, head: Frame, pixels: Frame | None) -> None:
    if len(head.payload) != SOURCE.size or pixels is None or pixels.type != ToPainter.PIXELS:
        raise ValueError("a source without its size, or without pixels")
    number, width, height = SOURCE.unpack(head.payload)
    painter.take(number, width, height, pixels.payload)


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
