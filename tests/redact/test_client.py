"""A worker that is not ours on the other end: whatever it says, the client answers with a code."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import BinaryIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medkiosk.core import quality
from medkiosk.core.errors import WorkerError
from medkiosk.core.frames import HEADER
from medkiosk.core.photo import MOST_FINDINGS, Box, Category, Decision, Finding, MediaKind, RedactCode
from medkiosk.core.quality import Quality
from medkiosk.redact import protocol
from medkiosk.redact.client import Plan, RedactResult, RedactSession
from medkiosk.redact.detectors import ALL_ABILITIES, DETECTORS, Ability, DetectorId, Layer
from medkiosk.redact.policy import default_text, policy_digest
from medkiosk.redact.protocol import Done, F, Ready, Window


class HostileWorker:
    """A `Channel` whose worker is a thread here that reads everything and says what it is told to say."""

    def __init__(self, *said: bytes, then_hang: bool = False) -> None:
        to_worker, from_daemon = os.pipe()
        to_daemon, from_worker = os.pipe()
        self.reader: BinaryIO = os.fdopen(to_daemon, "rb")
        self.writer: BinaryIO = os.fdopen(from_daemon, "wb")
        self._killed = threading.Event()
        self._hang = then_hang
        self._thread = threading.Thread(target=self._live, args=(to_worker, from_worker, said))
        self._thread.start()

    def _live(self, inlet: int, outlet: int, said: tuple[bytes, ...]) -> None:
        try:
            for index, part in enumerate(said):
                if index:
                    self._hear_a_job(inlet)
                with os.fdopen(os.dup(outlet), "wb") as out:
                    out.write(part)
            if self._hang:
                self._killed.wait()
        except OSError:
            pass  # the client has gone: so does this worker
        finally:
            os.close(outlet)
            os.close(inlet)

    def _hear_a_job(self, inlet: int) -> None:
        while True:
            header = os.read(inlet, HEADER.size)
            if len(header) < HEADER.size:
                return
            type_, length = HEADER.unpack(header)
            while length:
                length -= len(os.read(inlet, length))
            if type_ == F.END:
                return

    def kill(self) -> None:
        self._killed.set()

    def close(self) -> None:
        self.kill()
        self.writer.close()
        self.reader.close()
        self._thread.join()


def frame(type_: int, payload: bytes = b"") -> bytes:
    return HEADER.pack(type_, len(payload)) + payload


def done(
    code: RedactCode = RedactCode.OK, *, findings: int = 0, derivative: int = 4, crop: Box | None = None
) -> bytes:
    end = Done(code, MediaKind.JPEG, 100, 80, findings, derivative, crop)
    return frame(F.DONE, protocol.pack_done(end))


BOX = Box(1, 2, 3, 4)


def found(decision: Decision = Decision.MASK, box: Box = BOX) -> bytes:
    detector = DETECTORS[DetectorId.FACES]
    finding = Finding(Category.FACE, box, detector.name, detector.model_sha256, 900, decision)
    return frame(F.FINDING, protocol.pack_finding(finding))


READY = frame(
    F.READY, protocol.pack_ready(Ready(ALL_ABILITIES, Layer(sum(Layer)), policy_digest(default_text())))
)
WRITTEN = frame(F.DERIVATIVE, b"jpeg")
JPEG = frame(F.QUALITY, quality.pack(Quality(900, 900, 0, 0, 0, None, 0))) + WRITTEN
PIXELS = frame(F.PREVIEW, protocol.pack_preview(2, 1)) + frame(F.PIXELS, b"rgbRGB")
CLEAN = PIXELS + done(derivative=0)
"""The second process's answer: nothing is left."""
Talk = Callable[..., RedactResult]


@pytest.fixture
def talk() -> Iterator[Talk]:
    channels: list[HostileWorker] = []

    def run(*said: bytes, then_hang: bool = False, timeout_s: float = 5.0) -> RedactResult:
        channel = HostileWorker(READY, *said, then_hang=then_hang)
        channels.append(channel)
        return RedactSession(channel, timeout_s=timeout_s).detect(lambda: [b"image"], 5)

    yield run
    for channel in channels:
        channel.close()


def test_an_honest_answer_is_taken(talk: Talk) -> None:
    result = talk(found() + JPEG + done(findings=1), CLEAN)
    assert result.code is RedactCode.OK
    assert result.derivative == b"jpeg"
    assert [f.box for f in result.findings] == [Box(1, 2, 3, 4)]
    assert result.preview is not None
    assert (result.preview.width, result.preview.height, result.preview.rgb) == (2, 1, b"rgbRGB")
    assert result.policy.startswith("medkiosk-default/2 sha256:")


def test_what_is_left_over_is_apart_from_what_was_masked(talk: Talk) -> None:
    first = found() + found(Decision.SUGGEST, Box(9, 9, 9, 9)) + JPEG + done(findings=2)
    left = found(Decision.SUGGEST, Box(30, 30, 5, 5)) + PIXELS + done(findings=1, derivative=0)
    result = talk(first, left, WRITTEN + done(), left)
    assert result.code is RedactCode.RESIDUAL
    assert [(f.box.x, f.decision) for f in result.findings] == [
        (1, Decision.MASK),
        (9, Decision.SUGGEST),
        (30, Decision.MASK),
    ]
    assert [(f.box.x, f.decision) for f in result.residual] == [(30, Decision.SUGGEST)]


def test_what_the_second_look_finds_is_masked_and_looked_at_again(talk: Talk) -> None:
    left = found(Decision.SUGGEST) + PIXELS + done(findings=1, derivative=0)
    result = talk(JPEG + done(), left, frame(F.DERIVATIVE, b"better") + done(derivative=6), CLEAN)
    assert (result.code, result.derivative, result.residual) == (RedactCode.OK, b"better", ())
    assert [f.decision for f in result.findings] == [Decision.MASK]


def test_the_picture_that_was_judged_has_the_size_of_the_one_that_was_written(talk: Talk) -> None:
    other = frame(F.DONE, protocol.pack_done(Done(RedactCode.OK, MediaKind.JPEG, 99, 80, 0, 0)))
    assert talk(JPEG + done(), PIXELS + other).code is RedactCode.PROTOCOL


def test_without_a_second_look_there_is_no_derivative(talk: Talk) -> None:
    for code in (RedactCode.NO_DETECTOR, RedactCode.MISMATCH):
        result = talk(found() + JPEG + done(findings=1), done(code))
        assert (result.code, result.derivative, result.preview) == (code, b"", None)


def test_a_part_is_drawn_from_the_derivative_alone() -> None:
    with RedactSession(HostileWorker(READY, CLEAN, JPEG + done())) as session:
        drawn = session.draw(lambda: [b"jpeg"], 4, Window(Box(0, 0, 2, 1), 2, 1))
        assert drawn is not None
        assert drawn.rgb == b"rgbRGB"
        assert session.draw(lambda: [b"jpeg"], 4, Window(Box(0, 0, 2, 1), 2, 1)) is None


def test_a_crop_comes_back_in_the_pixels_of_the_whole_picture() -> None:
    shown = Box(16, 8, 48, 40)
    left = found(Decision.SUGGEST, Box(1, 2, 3, 4)) + PIXELS
    end = frame(F.DONE, protocol.pack_done(Done(RedactCode.OK, MediaKind.JPEG, 48, 40, 1, 0)))
    with RedactSession(HostileWorker(READY, WRITTEN + done(crop=shown), left + end)) as session:
        result = session.replay(lambda: [b"image"], 5, Plan(crop=Box(20, 10, 30, 30)))
    assert (result.code, result.width, result.height, result.crop) == (RedactCode.RESIDUAL, 100, 80, shown)
    assert [f.box for f in result.residual] == [Box(17, 10, 3, 4)]


def test_without_a_good_code_nothing_else_is_believed(talk: Talk) -> None:
    result = talk(found() + JPEG + done(RedactCode.CRASHED, findings=7, derivative=1))
    assert result == RedactResult(RedactCode.CRASHED, result.policy, MediaKind.JPEG)


@pytest.mark.parametrize(
    "said",
    [
        JPEG + done(findings=1),  # a finding too few
        found() + JPEG + done(),  # a finding too many
        JPEG + done(derivative=5),  # a byte too few
        done(derivative=0),  # OK without a picture
        JPEG + done(crop=BOX),  # cropped without being asked
        JPEG + PIXELS + done(),  # who writes a picture does not draw it
        found(box=Box(90, 0, 11, 1)) + JPEG + done(findings=1),  # outside the picture
        frame(F.DERIVATIVE, b"") + JPEG + done(),  # an empty piece could go on for ever
        frame(F.DERIVATIVE, bytes(1 << 20)) * 17,  # more than any derivative of 5 bytes
        frame(F.QUALITY, b""),
        WRITTEN + done(),  # nothing said about the picture's quality
        frame(F.PIXELS, b"rgb"),  # pixels of no preview
        frame(F.PREVIEW, protocol.pack_preview(1, 1)) + frame(F.PIXELS, b"rgba"),
        frame(F.PREVIEW, protocol.pack_preview(1, 1)) * 2,
        frame(F.PREVIEW, protocol.pack_preview(2, 2)) + JPEG + done(),  # a preview without pixels
        found() * (MOST_FINDINGS + 1),
        frame(F.FINDING, b"short"),
        frame(99),
        READY,
        HEADER.pack(F.DERIVATIVE, 2**32 - 1),
    ],
)
def test_nonsense_is_a_protocol_error(talk: Talk, said: bytes) -> None:
    result = talk(said, then_hang=True)
    assert result == RedactResult(RedactCode.PROTOCOL, result.policy)


@pytest.mark.parametrize("said", [b"", JPEG, JPEG[:3], JPEG[:7], found()])
def test_a_worker_that_dies_has_crashed(talk: Talk, said: bytes) -> None:
    assert talk(said).code is RedactCode.CRASHED


@pytest.mark.parametrize("said", [b"", JPEG, JPEG[:3]])
def test_a_worker_that_hangs_times_out(said: bytes) -> None:
    # A pipe whose write end stays open: only the kill ends the read, as with a real process.
    channel = HostileWorker(READY, said, then_hang=True)
    started = time.monotonic()
    session = RedactSession(channel, timeout_s=0.3)
    assert session.detect(lambda: [b"image"], 5).code is RedactCode.TIMEOUT
    assert session.broken
    assert session.detect(lambda: [b"image"], 5).code is RedactCode.CRASHED
    assert time.monotonic() - started < 30
    session.close()


@settings(deadline=None, max_examples=60)
@given(st.binary(max_size=200))
def test_any_bytes_give_a_code(said: bytes) -> None:
    channel = HostileWorker(READY, said)
    with RedactSession(channel, timeout_s=5) as session:
        assert session.detect(lambda: [b"image"], 5).code in RedactCode


@pytest.mark.parametrize(
    "hello", [b"", b"\x10\0", frame(F.DONE), frame(F.READY, b"?"), HEADER.pack(16, 1 << 30)]
)
def test_a_worker_that_does_not_get_ready_is_an_error(hello: bytes) -> None:
    channel = HostileWorker(hello)
    with pytest.raises(WorkerError):
        RedactSession(channel)
    channel.close()


def test_a_worker_that_never_gets_ready_is_stopped() -> None:
    channel = HostileWorker(then_hang=True)
    with pytest.raises(WorkerError, match="in time"):
        RedactSession(channel, start_timeout_s=0.2)
    channel.close()


def test_what_is_missing_has_a_name() -> None:
    ready = protocol.pack_ready(Ready(Ability.FACES | Ability.CODES | Ability.BURN, Layer(0), bytes(32)))
    with RedactSession(HostileWorker(frame(F.READY, ready))) as session:
        assert session.detectors == ("faces", "codes", "burn")
        assert session.missing == ("text", "hevc", "reading")
        assert session.policy == "other sha256:" + "00" * 32


@pytest.mark.parametrize("size", [4, 6])
def test_a_caller_that_miscounts_is_told(size: int) -> None:
    with RedactSession(HostileWorker(READY, b"")) as session:
        with pytest.raises(ValueError, match="than announced"):
            session.detect(lambda: [b"image"], size)
        assert session.broken


def test_the_trusted_side_loads_no_image_library() -> None:
    code = (
        "import sys, medkiosk.redact.client, medkiosk.redact.files, medkiosk.redact.media;"
        "print(sorted({'cv2', 'numpy', 'PIL', 'zxingcpp'} & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert ran.stdout.strip() == "[]"
