"""The trusted side of a redact worker. Parses no image; believes no number that it has not bounded."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from medkiosk.core.channel import Channel
from medkiosk.core.errors import WorkerError
from medkiosk.core.frames import Frame, FrameCutError, FrameError, read_frame, write_frame
from medkiosk.core.photo import REDACT_WORDS, Box, Category, Decision, Finding, MediaKind, RedactCode
from medkiosk.redact import protocol
from medkiosk.redact.detectors import ALL_ABILITIES, Ability, Layer
from medkiosk.redact.media import SNIFF_BYTES
from medkiosk.redact.policy import default_text, parse_policy, policy_digest
from medkiosk.redact.protocol import Done, F, Job, Mode, ProtocolError

_WITH_DERIVATIVE = frozenset({RedactCode.OK, RedactCode.RESIDUAL})
_WORKER_SHARE = 0.8
"""Part of the time limit that the worker may use, so that its own answer comes before we kill it."""


@dataclass(frozen=True)
class Preview:
    """A small picture of the derivative for the reviewer: ``width * height`` RGB triples, row by row."""

    width: int
    height: int
    rgb: bytes


@dataclass(frozen=True)
class RedactResult:
    """What came of one file.

    Attributes:
        code: OK, or why there is no derivative that may leave.
        policy: name, version and digest of the policy that the worker used.
        media: what the file is.
        width, height: upright size of the derivative, pixels; 0 without one.
        findings: what was found and burned, in the derivative's pixels (empty after a replay: the caller
            gave the masks).
        residual: what was still found in the written derivative; empty unless the code is RESIDUAL.
        derivative: the redacted JPEG when the code is OK, or RESIDUAL (for the reviewer only); else empty.
        preview: a small picture of the derivative, or None.
    """

    code: RedactCode
    policy: str
    media: MediaKind = MediaKind.OTHER
    width: int = 0
    height: int = 0
    findings: tuple[Finding, ...] = ()
    residual: tuple[Finding, ...] = ()
    derivative: bytes = b""
    preview: Preview | None = None

    @property
    def words(self) -> str:
        """The sentence that a person reads."""
        return REDACT_WORDS[self.code]


class _Deadline:
    """Kills the worker when time is up, so that no read or write blocks for longer."""

    def __init__(self, seconds: float, channel: Channel) -> None:
        self._channel = channel
        self._timer = threading.Timer(seconds, self._fire)
        self._timer.daemon = True
        self.passed = False

    def _fire(self) -> None:
        self.passed = True
        self._channel.kill()

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        self._timer.join()


class RedactSession:
    """One worker, given one file after another.

    A worker that dies, hangs or breaks the protocol is killed; the file in hand gets the code for that, and
    every later one gets CRASHED: look at `broken`, close this session and start a new one.

    Attributes:
        detectors: what the worker has, by name.
        missing: what it should have and has not; while there is any, every photo gets NO_DETECTOR.
        layers: the layers of the sandbox that are active around it.
        policy: name, version and digest of its policy.
    """

    def __init__(self, channel: Channel, *, timeout_s: float = 60.0, start_timeout_s: float = 60.0) -> None:
        """Wait for the worker's READY.

        Args:
            channel: the worker, just started.
            timeout_s: how long one file may take, sending and receiving included.
            start_timeout_s: how long the worker may take to load its models.

        Raises:
            WorkerError: it did not get ready.
        """
        self._channel = channel
        self._timeout_s = timeout_s
        self._broken = False
        with _Deadline(start_timeout_s, channel) as deadline:
            try:
                frame = read_frame(channel.reader, protocol.MAX_JOB)
                if frame is None or frame.type != F.READY:
                    raise ProtocolError("it ended before it was ready")
                ready = protocol.unpack_ready(frame.payload)
            except (FrameError, ProtocolError, OSError) as error:
                channel.kill()
                detail = "it was not ready in time" if deadline.passed else str(error)
                raise WorkerError(worker="redact", detail=detail) from error
        self.detectors: tuple[str, ...] = _names(ready.abilities)
        self.missing: tuple[str, ...] = _names(ALL_ABILITIES & ~ready.abilities)
        self.layers: Layer = ready.layers
        self.policy: str = _policy_name(ready.policy)

    @property
    def broken(self) -> bool:
        """Whether the worker is gone."""
        return self._broken

    def detect(self, chunks: Iterable[bytes], size: int) -> RedactResult:
        """Find what identifies, mask it, check the result.

        Args:
            chunks: the file's bytes, in pieces of any size.
            size: how many bytes there are in all.

        Raises:
            ValueError: ``chunks`` gave more or fewer bytes than ``size``.
        """
        if size > protocol.MAX_IMAGE:
            return self._sniff(chunks)
        return self._run(Job(Mode.DETECT, size, self._limit_ms()), chunks)

    def replay(
        self,
        chunks: Iterable[bytes],
        size: int,
        boxes: Sequence[tuple[Category, Box]],
        kept: Sequence[tuple[Category, Box]] = (),
    ) -> RedactResult:
        """Burn exactly ``boxes`` (grown to whole MCUs), then look again with every detector.

        Args:
            chunks: the original file's bytes.
            size: how many bytes there are in all.
            boxes: what to mask, upright pixels.
            kept: what a reviewer decided to keep: a finding of the same category inside does not count.

        Raises:
            ValueError: a box that no picture can have, too many of them, or the wrong number of bytes.
        """
        if size > protocol.MAX_IMAGE:
            return self._sniff(chunks)
        return self._run(Job(Mode.REPLAY, size, self._limit_ms(), tuple(boxes), tuple(kept)), chunks)

    def close(self) -> None:
        """End the worker in order."""
        self._broken = True
        self._channel.close()

    def kill(self) -> None:
        """End the worker at once; a job that another thread waits for gets CRASHED."""
        self._broken = True
        self._channel.kill()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _limit_ms(self) -> int:
        return max(1, round(self._timeout_s * _WORKER_SHARE * 1000))

    def _sniff(self, chunks: Iterable[bytes]) -> RedactResult:
        """Learn only what a very large file is; its first bytes are all that the worker gets."""
        head = b""
        for chunk in chunks:
            head += chunk[:SNIFF_BYTES]
            if len(head) >= SNIFF_BYTES:
                break
        head = head[:SNIFF_BYTES]
        return self._run(Job(Mode.SNIFF, len(head), self._limit_ms()), [head])

    def _run(self, job: Job, chunks: Iterable[bytes]) -> RedactResult:
        payload = protocol.pack_job(job)
        if self._broken:
            return RedactResult(RedactCode.CRASHED, self.policy)
        with _Deadline(self._timeout_s, self._channel) as deadline:
            try:
                self._send(payload, job.size, chunks)
                return _receive(self._channel, job.size, self.policy)
            except (ProtocolError, FrameError, OSError) as error:
                self.kill()
                gone = isinstance(error, FrameCutError | OSError)
                code = RedactCode.CRASHED if gone else RedactCode.PROTOCOL
                return RedactResult(RedactCode.TIMEOUT if deadline.passed else code, self.policy)
            except BaseException:
                self.kill()
                raise

    def _send(self, payload: bytes, size: int, chunks: Iterable[bytes]) -> None:
        writer = self._channel.writer
        write_frame(writer, F.JOB, payload)
        left = size
        for chunk in chunks:
            left -= len(chunk)
            if left < 0:
                raise ValueError("more bytes than announced")
            for piece in protocol.chunks(chunk):
                write_frame(writer, F.DATA, piece)
        if left:
            raise ValueError("fewer bytes than announced")
        write_frame(writer, F.END)


def _receive(channel: Channel, size: int, policy: str) -> RedactResult:
    """Collect one job's answer, each part within its bound.

    Raises:
        ProtocolError: something that is not allowed.
        FrameError, OSError: the stream broke.
    """
    findings: list[Finding] = []
    derivative, pixels = bytearray(), bytearray()
    preview: tuple[int, int] | None = None
    # A burned picture is smaller than its original, but a progressive one grows when it becomes baseline.
    most = 2 * size + (1 << 20)
    while True:
        untrusted = read_frame(channel.reader)
        if untrusted is None:
            raise FrameCutError("the worker ended")
        match untrusted.type:
            case F.FINDING if len(findings) < protocol.MAX_FINDINGS:
                findings.append(protocol.unpack_finding(untrusted.payload))
            case F.DERIVATIVE if untrusted.payload and len(derivative) + len(untrusted.payload) <= most:
                derivative += untrusted.payload
            case F.PREVIEW if preview is None:
                preview = protocol.unpack_preview(untrusted.payload)
            case F.PIXELS if _fits(untrusted, pixels, preview):
                pixels += untrusted.payload
            case F.DONE:
                done = protocol.unpack_done(untrusted.payload)
                return _result(done, policy, findings, bytes(derivative), preview, bytes(pixels))
            case _:
                raise ProtocolError(f"frame {untrusted.type} is not allowed here")


def _fits(untrusted: Frame, pixels: bytearray, preview: tuple[int, int] | None) -> bool:
    if preview is None or not untrusted.payload:
        return False
    return len(pixels) + len(untrusted.payload) <= preview[0] * preview[1] * 3


def _result(
    done: Done,
    policy: str,
    findings: list[Finding],
    derivative: bytes,
    preview: tuple[int, int] | None,
    pixels: bytes,
) -> RedactResult:
    """Put an answer together; one whose parts do not agree with its DONE is refused."""
    if done.code not in _WITH_DERIVATIVE:
        # A child may have died half way through its answer: only the code counts.
        return RedactResult(done.code, policy, done.media)
    if done.findings != len(findings) or done.derivative != len(derivative) or not derivative:
        raise ProtocolError("the answer is not complete")
    if not (done.width and done.height):
        raise ProtocolError("a derivative without a size")
    for finding in findings:
        box = finding.box
        if box.x + box.w > done.width or box.y + box.h > done.height:
            raise ProtocolError("a finding outside the picture")
    shown = None
    if preview is not None:
        if len(pixels) != preview[0] * preview[1] * 3:
            raise ProtocolError("the preview is not complete")
        shown = Preview(preview[0], preview[1], pixels)
    residual = tuple(finding for finding in findings if finding.decision is Decision.SUGGEST)
    if bool(residual) != (done.code is RedactCode.RESIDUAL):
        raise ProtocolError("what is left does not agree with the code")
    return RedactResult(
        code=done.code,
        policy=policy,
        media=done.media,
        width=done.width,
        height=done.height,
        findings=tuple(finding for finding in findings if finding.decision is Decision.MASK),
        residual=residual,
        derivative=derivative,
        preview=shown,
    )


def _names(abilities: Ability) -> tuple[str, ...]:
    return tuple((ability.name or "").lower() for ability in Ability if ability in abilities)


def _policy_name(digest: bytes) -> str:
    """Name a policy by what we know it to be; one that is not ours has only its digest."""
    text = default_text()
    if policy_digest(text) != digest:
        return f"other sha256:{digest.hex()}"
    policy = parse_policy(text)
    return f"{policy.name}/{policy.version} sha256:{digest.hex()}"
