"""The redact worker: ``python -m medkiosk.redact.worker --models DIR [--policy FILE]``.

Loads the models once, shuts itself in, says READY, and then forks a disposable child for each photo. The
parent never looks into an image: it copies the job's bytes from the pipe into an anonymous mapping that the
child inherits and that is unmapped after the job, and hands on the child's frames. Whatever becomes of the
child (crash, endless loop, too much memory), the parent says DONE with the code for it and takes the next.
"""

from __future__ import annotations

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before numpy: a process with threads cannot fork or unshare safely

import argparse
import contextlib
import ctypes
import fcntl
import mmap
import select
import signal
import sys
import termios
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import cv2

from medkiosk.core import quality
from medkiosk.core.frames import CHUNK, HEADER, Frame
from medkiosk.core.photo import MediaKind, RedactCode
from medkiosk.redact import protocol
from medkiosk.redact.job import Outcome, do
from medkiosk.redact.kit import Kit, load_kit, warm_up
from medkiosk.redact.policy import PolicyError, default_text, parse_policy, policy_digest
from medkiosk.redact.protocol import Done, F, Job, ProtocolError, Ready
from medkiosk.redact.sandbox import confine as sandbox

_ANSWERS = frozenset({F.FINDING, F.SLATE, F.QUALITY, F.DERIVATIVE, F.PREVIEW, F.PIXELS, F.DONE})
_BAD_USAGE = 2
_LIBC = ctypes.CDLL(None)
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # malloc.h
_LARGEST_BLOCK = 1 << 30


class _EndOfInput(Exception):  # noqa: N818 - an end, not an error
    """The daemon closed the pipe between two jobs."""


class Worker:
    """The parent: two descriptors to the daemon, and what every child inherits.

    Args:
        source: descriptor that the daemon writes to.
        sink: descriptor that the daemon reads from.
        kit: the loaded detectors.
        baseline: address space of the parent, bytes.
        monotonic: a clock in seconds.
    """

    def __init__(
        self, source: int, sink: int, kit: Kit, baseline: int, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._source = source
        self._sink = sink
        self._kit = kit
        self._baseline = baseline
        self._monotonic = monotonic

    def serve(self) -> None:
        """Do jobs until the daemon closes the pipe.

        Raises:
            ProtocolError: the daemon said something that it never says.
        """
        while True:
            try:
                job = self._job()
            except _EndOfInput:
                return
            mapping = mmap.mmap(-1, max(job.size, 1), flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
            with mapping, memoryview(mapping)[: job.size] as image:
                self._receive(image)
                self._run(job, image)

    def _job(self) -> Job:
        type_, length = self._header(first=True)
        if type_ != F.JOB or length > protocol.MAX_JOB:
            raise ProtocolError(f"frame {type_} where a job was expected")
        payload = bytearray(length)
        self._fill(memoryview(payload))
        return protocol.unpack_job(bytes(payload))

    def _receive(self, image: memoryview) -> None:
        """Read the image straight into its mapping: no copy of it is left in the parent's heap."""
        at = 0
        while True:
            type_, length = self._header()
            if type_ == F.END and length == 0 and at == len(image):
                return
            if type_ != F.DATA or not 0 < length <= min(CHUNK, len(image) - at):
                raise ProtocolError(f"frame {type_} of {length} bytes inside a job")
            self._fill(image[at : at + length])
            at += length

    def _header(self, *, first: bool = False) -> tuple[int, int]:
        header = bytearray(HEADER.size)
        self._fill(memoryview(header), may_end=first)
        type_, length = HEADER.unpack(header)
        return type_, length

    def _fill(self, into: memoryview, *, may_end: bool = False) -> None:
        at = 0
        while at < len(into):
            got = os.readv(self._source, [into[at:]])
            if not got:
                if may_end and not at:
                    raise _EndOfInput
                raise ProtocolError("the daemon ended inside a frame")
            at += got

    def _run(self, job: Job, image: memoryview) -> None:
        """Fork a child for the job and hand on what it says, to its DONE or ours."""
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reader)
            self._be_child(job, image, writer)
        os.close(writer)
        code = RedactCode.CRASHED
        try:
            for frame in _frames(reader, self._monotonic() + job.limit_ms / 1000, self._monotonic):
                _write_all(self._sink, HEADER.pack(frame.type, len(frame.payload)) + frame.payload)
                if frame.type == F.DONE:
                    return
        except TimeoutError:
            code = RedactCode.TIMEOUT
        except ProtocolError:
            code = RedactCode.PROTOCOL
        finally:
            os.close(reader)
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        done = protocol.pack_done(Done(code, MediaKind.OTHER, 0, 0, 0, 0))
        _write_all(self._sink, HEADER.pack(F.DONE, len(done)) + done)

    def _be_child(self, job: Job, image: memoryview, writer: int) -> NoReturn:
        """One photo, then the end, whatever happens."""
        status = 1
        try:
            os.close(self._source)
            os.close(self._sink)
            memory = self._baseline + job.size + (self._kit.policy.limits.memory_mib << 20)
            sandbox.confine_child(memory)
            _keep_freed_memory()
            for type_, payload in answer(attempt(image, job, self._kit)):
                _write_all(writer, HEADER.pack(type_, len(payload)))
                _write_all(writer, payload)
            status = 0
        finally:
            os._exit(status)


def attempt(image: memoryview, job: Job, kit: Kit) -> Outcome:
    """`do` a job, with every failure turned into a code; only the place of a failure is printed."""
    try:
        return do(image, job, kit)
    except MemoryError:
        code = RedactCode.OUT_OF_MEMORY
    except cv2.error as error:
        out_of_memory = error.code == cv2.Error.STS_NO_MEM or "alloc" in str(error)
        code = RedactCode.OUT_OF_MEMORY if out_of_memory else RedactCode.INTERNAL
        _print_place(error)
    except Exception as error:  # noqa: BLE001 - one photo must not stop the next, and text must not cross
        code = RedactCode.INTERNAL
        _print_place(error)
    return Outcome(code, MediaKind.OTHER)


def answer(outcome: Outcome) -> Iterator[tuple[F, bytes | memoryview]]:
    """An outcome as frames: type and payload."""
    for finding in outcome.findings:
        yield F.FINDING, protocol.pack_finding(finding)
    for text in outcome.slates:
        yield F.SLATE, protocol.pack_slate(text)
    if outcome.quality is not None:
        yield F.QUALITY, quality.pack(outcome.quality)
    for piece in protocol.chunks(outcome.derivative):
        yield F.DERIVATIVE, piece
    if outcome.preview is not None:
        height, width = outcome.preview.shape[:2]
        yield F.PREVIEW, protocol.pack_preview(width, height)
        for piece in protocol.chunks(outcome.preview.reshape(-1).data):
            yield F.PIXELS, piece
    yield (
        F.DONE,
        protocol.pack_done(
            Done(
                code=outcome.code,
                media=outcome.media,
                width=outcome.width,
                height=outcome.height,
                findings=len(outcome.findings),
                derivative=len(outcome.derivative),
                crop=outcome.crop,
            )
        ),
    )


def _frames(reader: int, deadline: float, monotonic: Callable[[], float]) -> Iterator[Frame]:
    """The child's frames, until it ends.

    Raises:
        TimeoutError: the deadline passed.
        ProtocolError: a frame that is none of ours or too large.
    """
    poll = select.poll()
    poll.register(reader, select.POLLIN)
    held = bytearray()
    while True:
        left = deadline - monotonic()
        if left <= 0 or not poll.poll(left * 1000):
            raise TimeoutError
        got = os.read(reader, CHUNK)
        if not got:
            return
        held += got
        while len(held) >= HEADER.size:
            type_, length = HEADER.unpack_from(held)
            if type_ not in _ANSWERS or length > CHUNK:
                raise ProtocolError(f"frame {type_} of {length} bytes from the child")
            end = HEADER.size + length
            if len(held) < end:
                break
            frame = Frame(type_, bytes(held[HEADER.size : end]))
            del held[:end]
            yield frame


def _keep_freed_memory() -> None:
    """Have malloc keep what is freed for the next use; a child lives for one photo.

    By default each large block is given back, and the next one is touched for the first time again, page by
    page: a quarter of all page faults of a job.
    """
    _LIBC.mallopt(_M_MMAP_THRESHOLD, _LARGEST_BLOCK)
    _LIBC.mallopt(_M_TRIM_THRESHOLD, _LARGEST_BLOCK)


def _write_all(descriptor: int, data: bytes | memoryview) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _print_place(error: Exception) -> None:
    """Say where it failed, on stderr, without the message: it could quote what was in the image."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    print(f"{type(error).__name__} in {Path(place.filename).name}:{place.lineno}", file=sys.stderr)


@contextlib.contextmanager
def ended_by_a_hang_up(descriptor: int) -> Iterator[None]:
    """Meanwhile the end of this process is the daemon's hanging up (SIGIO: fcntl(2), F_SETOWN).

    Where systemd started it nobody else would end it: it would go on loading for nobody, beside the next one.
    """
    poll = select.poll()
    poll.register(descriptor, select.POLLHUP | select.POLLRDHUP)

    def look(*_: object) -> None:
        waiting = bytearray(4)
        fcntl.ioctl(descriptor, termios.FIONREAD, waiting)
        if poll.poll(0) and not any(waiting):
            os._exit(0)

    flags = fcntl.fcntl(descriptor, fcntl.F_GETFL)
    before = signal.signal(signal.SIGIO, look)
    fcntl.fcntl(descriptor, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(descriptor, fcntl.F_SETFL, flags | os.O_ASYNC)
    try:
        look()  # it may have been too late for a signal
        yield
    finally:
        fcntl.fcntl(descriptor, fcntl.F_SETFL, flags)
        signal.signal(signal.SIGIO, before)


def main() -> int:
    """Run the worker on stdin and stdout."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", type=Path, required=True, help="folder of the model files")
    parser.add_argument("--policy", type=Path, help="policy file instead of the one in the package")
    options = parser.parse_args()
    text = options.policy.read_bytes() if options.policy else default_text()
    try:
        policy = parse_policy(text)
    except PolicyError as error:
        print(f"The policy cannot be used: {error}", file=sys.stderr)
        return _BAD_USAGE
    # Frames have a descriptor of their own: a stray print, also one from C, lands on stderr.
    sink = os.dup(1)
    os.dup2(2, 1)
    with ended_by_a_hang_up(0):
        kit = load_kit(options.models, policy)
        warm_up(kit)
    # What loading needed and gave back: a child that took it for its own use would have it copied first.
    _LIBC.malloc_trim(0)
    baseline = sandbox.address_space()
    layers = sandbox.confine()
    ready = protocol.pack_ready(Ready(kit.abilities, layers, policy_digest(text)))
    try:
        _write_all(sink, HEADER.pack(F.READY, len(ready)) + ready)
        Worker(0, sink, kit, baseline).serve()
    except BrokenPipeError:
        return 0  # the daemon is gone
    except ProtocolError as error:
        print(f"The daemon broke the protocol: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
