"""The trusted side of a redact worker. Parses no image; believes no number that it has not bounded.

A derivative is made in one process and judged in another that is handed nothing but the derivative: a process
that a hostile original took over cannot show the reviewer another picture than the one that would leave.
"""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import msgspec

from medkiosk.core.channel import Channel
from medkiosk.core.errors import WorkerError
from medkiosk.core.frames import FrameCutError, FrameError, read_frame, write_frame
from medkiosk.core.identifiers import Identifier
from medkiosk.core.photo import (
    MOST_FINDINGS,
    REDACT_WORDS,
    Box,
    Category,
    Decision,
    Finding,
    MediaKind,
    RedactCode,
)
from medkiosk.core.quality import Quality
from medkiosk.redact import protocol
from medkiosk.redact.answer import Answer, Preview, receive
from medkiosk.redact.detectors import ALL_ABILITIES, Ability, Layer
from medkiosk.redact.media import SNIFF_BYTES
from medkiosk.redact.policy import default_text, parse_policy, policy_digest
from medkiosk.redact.protocol import F, Job, Mode, ProtocolError, Window
from medkiosk.redact.region import Size, clip, contains, iou

_WORKER_SHARE = 0.8
"""Part of the time limit that the worker may use, so that its own answer comes before we kill it."""
_SAME_IOU = 0.3
_LARGEST_MCU = 32
_EXTRA_ROUNDS = 1
"""How often what the check still finds is masked too, before it becomes a reviewer's question."""

Opener = Callable[[], Iterable[bytes]]
"""Gives a file's bytes, in pieces of any size, from the start, each time it is called."""
Areas = Sequence[tuple[Category, Box]]


@dataclass(frozen=True)
class RedactResult:
    """What came of one file.

    Attributes:
        code: OK, or why there is no derivative that may leave.
        policy: name, version and digest of the policy that the worker used.
        media: what the file is.
        width, height: size of the whole upright picture, pixels; 0 without a derivative. Findings are in it.
        crop: the part of it that the derivative shows, on MCU borders; None for all of it.
        findings: what was found and burned, or is only suggested (empty after a replay: the caller gave the
            masks).
        residual: what was still found in the written derivative, or in the original under no mask; empty
            unless the code is RESIDUAL.
        untrusted_slates: what QR codes in it say that begin like a slate; nobody has checked them.
        quality: what there is to say to the photographer; None after a replay.
        derivative: the redacted JPEG when the code is OK, or RESIDUAL (for the reviewer only); else empty.
        preview: a small picture of the derivative, or None.
    """

    code: RedactCode
    policy: str
    media: MediaKind = MediaKind.OTHER
    width: int = 0
    height: int = 0
    crop: Box | None = None
    findings: tuple[Finding, ...] = ()
    residual: tuple[Finding, ...] = ()
    untrusted_slates: tuple[str, ...] = ()
    quality: Quality | None = None
    derivative: bytes = b""
    preview: Preview | None = None

    @property
    def words(self) -> str:
        """The sentence that a person reads."""
        return REDACT_WORDS[self.code]


@dataclass(frozen=True)
class Plan:
    """A reviewer's decisions about one picture, in its upright pixels.

    Attributes:
        masks: what to burn (grown to whole MCUs).
        kept: what was decided to keep: a finding of the same category and of about its size does not count.
        crop: the part to leave; None for all of it.
    """

    masks: tuple[tuple[Category, Box], ...] = ()
    kept: tuple[tuple[Category, Box], ...] = ()
    crop: Box | None = None


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

    def detect(self, original: Opener, size: int) -> RedactResult:
        """Find what identifies, mask it, and check the result.

        Args:
            original: the file.
            size: how many bytes it has.

        Raises:
            ValueError: ``original`` gave more or fewer bytes than ``size``.
        """
        if size > protocol.MAX_IMAGE:
            return self._sniff(original())
        first = written = self._run(self._job(Mode.DETECT, size), original())
        findings = first.findings
        for round_ in range(_EXTRA_ROUNDS + 1):
            masks = tuple((f.category, f.box) for f in findings if f.decision is Decision.MASK)
            checked = self._check(written, masks, ())
            more = tuple(msgspec.structs.replace(f, decision=Decision.MASK) for f in checked.findings)
            if not more or round_ == _EXTRA_ROUNDS or len(masks) + len(more) > protocol.MAX_BOXES:
                break
            findings += more
            masks += tuple((f.category, f.box) for f in more)
            written = self._run(self._job(Mode.BURN, size, masks=masks), original())
            if written.whole and (written.width, written.height) != (first.width, first.height):
                self.kill()
                written = Answer(RedactCode.PROTOCOL, first.media)
        result = self._result(written, checked, findings, quality=first.quality)
        return dataclasses.replace(result, untrusted_slates=first.untrusted_slates)

    def replay(self, original: Opener, size: int, plan: Plan) -> RedactResult:
        """Burn exactly a plan, then look again with every detector, at the original and at the result.

        Raises:
            ValueError: a box that no picture can have, too many of them, or the wrong number of bytes.
        """
        if size > protocol.MAX_IMAGE:
            return self._sniff(original())
        job = self._job(Mode.REPLAY, size, masks=plan.masks, kept=plan.kept, crop=plan.crop)
        written = self._run(job, original())
        checked = self._check(written, plan.masks, plan.kept)
        return self._result(written, checked, (), missed=written.findings)

    def compare(
        self, original: Opener, size: int, plan: Plan, identifiers: tuple[Identifier, ...]
    ) -> tuple[RedactCode, tuple[Finding, ...]]:
        """Read the original's text and compare it with what is known of a person.

        Only this job is told who that is, and it writes nothing: a process that makes a derivative knows no
        name that it could hide in it.

        Returns:
            OK and what names the person and is neither under a mask of the plan nor cropped away; or the code
            that says why it could not be read.

        Raises:
            ValueError: ``original`` gave more or fewer bytes than ``size``.
        """
        job = self._job(Mode.COMPARE, size, masks=plan.masks, crop=plan.crop, identifiers=identifiers)
        answer = self._run(job, original())
        return answer.code, answer.findings

    def draw(self, derivative: Opener, size: int, window: Window) -> Preview | None:
        """Draw a part of a derivative at its full resolution, in a process that sees nothing else.

        Args:
            derivative: its bytes.
            size: how many there are.
            window: which part, and the size to fit it in (never scaled up).

        Returns:
            None when it cannot be drawn.

        Raises:
            ValueError: ``derivative`` gave more or fewer bytes than ``size``.
        """
        answer = self._run(self._job(Mode.VIEW, size, window=window), derivative())
        return answer.preview

    def draw_original(self, original: Opener, size: int, window: Window) -> Preview | None:
        """Draw a part of an original, upright and not redacted, in a process that is asked for nothing else.

        Args:
            original: the file: a JPEG, or one with a photograph inside (CR3, HEIF).
            size: how many bytes it has.
            window: which part of the upright picture, and the size to fit it in (never scaled up).

        Returns:
            None when it cannot be drawn.

        Raises:
            ValueError: ``original`` gave more or fewer bytes than ``size``.
        """
        if size > protocol.MAX_IMAGE:
            return None
        return self._run(self._job(Mode.ORIGINAL, size, window=window), original()).preview

    def thumbnail(self, preview: Preview) -> bytes:
        """Make a small JPEG of a preview's pixels, in a process that sees nothing else.

        Returns:
            A JPEG that fits in 320 x 320 pixels and 32 KiB, without metadata; nothing when none came.
        """
        box = Box(0, 0, preview.width, preview.height)
        window = Window(box, protocol.THUMBNAIL_SIDE, protocol.THUMBNAIL_SIDE)
        job = self._job(Mode.THUMBNAIL, len(preview.rgb), window=window)
        return self._run(job, [preview.rgb]).derivative

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

    def _job(
        self,
        mode: Mode,
        size: int,
        *,
        masks: tuple[tuple[Category, Box], ...] = (),
        kept: tuple[tuple[Category, Box], ...] = (),
        crop: Box | None = None,
        identifiers: tuple[Identifier, ...] = (),
        window: Window | None = None,
    ) -> Job:
        limit = max(1, round(self._timeout_s * _WORKER_SHARE * 1000))
        return Job(mode, size, limit, masks, kept, crop, identifiers, window)

    def _sniff(self, chunks: Iterable[bytes]) -> RedactResult:
        """Learn only what a very large file is; its first bytes are all that the worker gets."""
        head = b""
        for chunk in chunks:
            head += chunk[:SNIFF_BYTES]
            if len(head) >= SNIFF_BYTES:
                break
        head = head[:SNIFF_BYTES]
        answer = self._run(self._job(Mode.SNIFF, len(head)), [head])
        return RedactResult(answer.code, self.policy, answer.media)

    def _check(self, written: Answer, masks: Areas, kept: Areas) -> Answer:
        """Have a second process look at a derivative, and draw it. Its boxes are those of the derivative.

        Returns:
            Its answer; the one given when there is no derivative to look at.
        """
        if not written.whole:
            return written
        shown = written.crop or Box(0, 0, written.width, written.height)
        job = self._job(
            Mode.CHECK, len(written.derivative), masks=_shifted(masks, shown), kept=_shifted(kept, shown)
        )
        answer = self._run(job, [written.derivative])
        if answer.whole and (answer.width, answer.height) != (shown.w, shown.h):
            self.kill()
            return Answer(RedactCode.PROTOCOL, written.media)
        back = tuple(msgspec.structs.replace(f, box=_moved(f.box, shown.x, shown.y)) for f in answer.findings)
        return dataclasses.replace(answer, findings=back)

    def _result(
        self,
        written: Answer,
        checked: Answer,
        findings: tuple[Finding, ...],
        *,
        missed: tuple[Finding, ...] = (),
        quality: Quality | None = None,
    ) -> RedactResult:
        """Both processes' answers as one; unless both came to their end there is no derivative."""
        for answer in (written, checked):
            if not answer.whole:
                return RedactResult(answer.code, self.policy, written.media)
        again = (f for f in checked.findings if not any(_same(f, m) for m in missed))
        residual = (*missed, *again)
        if len(findings) + len(residual) > MOST_FINDINGS:
            return RedactResult(RedactCode.CROWDED, self.policy, written.media)
        return RedactResult(
            code=RedactCode.RESIDUAL if residual else RedactCode.OK,
            policy=self.policy,
            media=written.media,
            width=written.width,
            height=written.height,
            crop=written.crop,
            findings=findings,
            residual=residual,
            quality=quality,
            derivative=written.derivative,
            preview=checked.preview,
        )

    def _run(self, job: Job, chunks: Iterable[bytes]) -> Answer:
        payload = protocol.pack_job(job)
        if self._broken:
            return Answer(RedactCode.CRASHED)
        with _Deadline(self._timeout_s, self._channel) as deadline:
            try:
                self._send(payload, job.size, chunks)
                # A progressive picture grows when it becomes baseline, and a HEIF when it becomes a JPEG.
                answer = receive(self._channel, min(protocol.MAX_IMAGE, 4 * job.size + (16 << 20)))
                _must_fit(job, answer)
            except (ProtocolError, FrameError, OSError) as error:
                self.kill()
                gone = isinstance(error, FrameCutError | OSError)
                code = RedactCode.CRASHED if gone else RedactCode.PROTOCOL
                return Answer(RedactCode.TIMEOUT if deadline.passed else code)
            except BaseException:
                self.kill()
                raise
        return answer

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


def _must_fit(job: Job, answer: Answer) -> None:
    """Refuse an answer that this job cannot have.

    Raises:
        ProtocolError: a part too many or too few.
    """
    if not answer.whole:
        return
    writes = job.mode in {Mode.DETECT, Mode.REPLAY, Mode.BURN, Mode.THUMBNAIL}
    draws = job.mode in {Mode.CHECK, Mode.VIEW, Mode.ORIGINAL}
    if writes != bool(answer.derivative) or draws != (answer.preview is not None):
        raise ProtocolError("a part of the answer is missing, or too many came")
    if not _is_cropped(answer.crop, job.crop if writes else None):
        raise ProtocolError("cropped otherwise than asked")
    if job.mode is not Mode.DETECT and any(f.decision is not Decision.SUGGEST for f in answer.findings):
        raise ProtocolError("only detection masks by itself")
    if answer.findings and job.mode in {Mode.BURN, Mode.VIEW, Mode.ORIGINAL, Mode.THUMBNAIL}:
        raise ProtocolError("findings where nothing was looked for")
    if (answer.quality is not None) != (job.mode is Mode.DETECT) or (
        answer.untrusted_slates and job.mode is not Mode.DETECT
    ):
        raise ProtocolError("only detection judges the picture")
    if (preview := answer.preview) and (window := job.window) and not _fits(preview, window):
        raise ProtocolError("more was drawn than asked for")
    if job.mode is Mode.THUMBNAIL and not _is_thumbnail(answer):
        raise ProtocolError("not a thumbnail")
    if job.mode is Mode.SNIFF:
        raise ProtocolError("a picture where only its kind was asked for")


def _is_cropped(shown: Box | None, asked: Box | None) -> bool:
    """Whether a crop is what was asked for, grown to whole MCUs at most."""
    if shown is None or asked is None:
        return shown is asked
    return contains(shown, asked) and max(shown.w - asked.w, shown.h - asked.h) < 2 * _LARGEST_MCU


def _fits(preview: Preview, window: Window) -> bool:
    return preview.width <= window.width and preview.height <= window.height


def _is_thumbnail(answer: Answer) -> bool:
    """Whether what came can be one; the trusted side parses no picture, so this is all that it can tell."""
    jpeg = answer.derivative
    return (
        len(jpeg) <= protocol.MAX_THUMBNAIL
        and max(answer.width, answer.height) <= protocol.THUMBNAIL_SIDE
        and jpeg.startswith(b"\xff\xd8")
        and jpeg.endswith(b"\xff\xd9")
    )


def _same(one: Finding, other: Finding) -> bool:
    """Two looks at the same thing, which a person decides once."""
    return one.category is other.category and iou(one.box, other.box) >= _SAME_IOU


def _shifted(areas: Areas, shown: Box) -> tuple[tuple[Category, Box], ...]:
    """Areas of the whole picture in the pixels of the part that is shown; what lies outside is left out."""
    moved = ((category, _moved(box, -shown.x, -shown.y)) for category, box in areas)
    size = Size(shown.w, shown.h)
    return tuple((category, cut) for category, box in moved if (cut := clip(box, size)) is not None)


def _moved(box: Box, dx: int, dy: int) -> Box:
    return Box(box.x + dx, box.y + dy, box.w, box.h)


def _names(abilities: Ability) -> tuple[str, ...]:
    return tuple((ability.name or "").lower() for ability in Ability if ability in abilities)


def _policy_name(digest: bytes) -> str:
    """Name a policy by what we know it to be; one that is not ours has only its digest."""
    text = default_text()
    if policy_digest(text) != digest:
        return f"other sha256:{digest.hex()}"
    policy = parse_policy(text)
    return f"{policy.name}/{policy.version} sha256:{digest.hex()}"
