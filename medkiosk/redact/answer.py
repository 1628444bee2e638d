"""What a redact worker answered to one job, read by the trusted side with every part held against a bound."""

from __future__ import annotations

from dataclasses import dataclass

from medkiosk.core.channel import Channel
from medkiosk.core.frames import Frame, FrameCutError, read_frame
from medkiosk.core.photo import MOST_FINDINGS, Box, Finding, MediaKind, RedactCode
from medkiosk.core.quality import Quality
from medkiosk.core.slate import MOST as MOST_SLATES
from medkiosk.redact import protocol
from medkiosk.redact.protocol import Done, F, ProtocolError


@dataclass(frozen=True)
class Preview:
    """Pixels of a derivative for a screen: ``width * height`` RGB triples, row by row."""

    width: int
    height: int
    rgb: bytes


@dataclass(frozen=True)
class Answer:
    """The parts of an answer; with any code but OK there are none.

    Attributes:
        code: how the job went.
        media: what the file is.
        width, height: of the upright picture that was looked at, pixels.
        crop: which part of it the derivative shows; None for all of it.
        findings: what was found, in that picture's pixels.
        untrusted_slates: what QR codes say that begin like a slate; nobody has checked them.
        quality: what there is to say to the photographer.
        derivative: the written JPEG.
        preview: drawn pixels.
    """

    code: RedactCode
    media: MediaKind = MediaKind.OTHER
    width: int = 0
    height: int = 0
    crop: Box | None = None
    findings: tuple[Finding, ...] = ()
    untrusted_slates: tuple[str, ...] = ()
    quality: Quality | None = None
    derivative: bytes = b""
    preview: Preview | None = None

    @property
    def whole(self) -> bool:
        """Whether the job came to its end with a picture."""
        return self.code is RedactCode.OK


class _Parts:
    """What has come so far."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.findings: list[Finding] = []
        self.derivative = bytearray()
        self.pixels = bytearray()
        self.size: tuple[int, int] | None = None
        self.quality: Quality | None = None
        self.slates: list[str] = []

    def take(self, untrusted: Frame) -> None:
        """Take one frame that is not the last.

        Raises:
            ProtocolError: it is not allowed here.
        """
        payload = untrusted.payload
        match untrusted.type:
            case F.FINDING if len(self.findings) < MOST_FINDINGS:
                self.findings.append(protocol.unpack_finding(payload))
            case F.DERIVATIVE if payload and len(self.derivative) + len(payload) <= self._most:
                self.derivative += payload
            case F.PREVIEW if self.size is None:
                self.size = protocol.unpack_preview(payload)
            case F.PIXELS if self.size and payload and len(self.pixels) + len(payload) <= self._pixels:
                self.pixels += payload
            case F.SLATE if len(self.slates) < MOST_SLATES:
                self.slates.append(protocol.unpack_slate(payload))
            case F.QUALITY if self.quality is None:
                self.quality = protocol.unpack_quality(payload)
            case _:
                raise ProtocolError(f"frame {untrusted.type} is not allowed here")

    @property
    def _pixels(self) -> int:
        return self.size[0] * self.size[1] * 3 if self.size else 0

    def together(self, done: Done) -> Answer:
        """Put the answer together.

        Raises:
            ProtocolError: its parts do not agree with its end.
        """
        if done.code is not RedactCode.OK:
            # A process may have died half way through its answer: only the code counts.
            return Answer(done.code, done.media)
        if (done.findings, done.derivative) != (len(self.findings), len(self.derivative)):
            raise ProtocolError("the answer is not complete")
        if not (done.width and done.height) or len(self.pixels) != self._pixels:
            raise ProtocolError("the answer has no size, or not all of its pixels")
        if not all(protocol.within(finding.box, done.width, done.height) for finding in self.findings):
            raise ProtocolError("a finding outside the picture")
        return Answer(
            code=done.code,
            media=done.media,
            width=done.width,
            height=done.height,
            crop=done.crop,
            findings=tuple(self.findings),
            untrusted_slates=tuple(self.slates),
            quality=self.quality,
            derivative=bytes(self.derivative),
            preview=Preview(*self.size, bytes(self.pixels)) if self.size else None,
        )


def receive(channel: Channel, most: int) -> Answer:
    """Read one answer to its DONE.

    Args:
        channel: the worker.
        most: longest derivative that is believed, bytes.

    Raises:
        ProtocolError: something that is not allowed.
        FrameError, OSError: the stream broke.
    """
    parts = _Parts(most)
    while True:
        untrusted = read_frame(channel.reader)
        if untrusted is None:
            raise FrameCutError("the worker ended")
        if untrusted.type == F.DONE:
            return parts.together(protocol.unpack_done(untrusted.payload))
        parts.take(untrusted)
