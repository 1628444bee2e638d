"""A real worker with the real models: from bytes to a derivative, and through every kind of bad day."""

from __future__ import annotations

import io
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from PIL import Image

from medkiosk.core.photo import Box, Category, Decision, MediaKind, RedactCode
from medkiosk.redact.client import Plan, RedactResult, RedactSession
from medkiosk.redact.derivative import sight_of_derivative
from medkiosk.redact.jpeg.structure import flaw
from medkiosk.redact.kit import Kit
from medkiosk.redact.region import share_covered
from medkiosk.redact.residual import uncovered
from medkiosk.redact.worker import ended_by_a_hang_up
from medkiosk.workers import ProcessChannel, python_worker
from tests.redact.jpegs import SECRETS, camera_jpeg, encode, photo, stored
from tests.redact.scenes import face, skin, with_qr, with_text

Spawn = Callable[[], ProcessChannel]


def detect(session: RedactSession, data: bytes) -> RedactResult:
    halves = [data[: len(data) // 2], data[len(data) // 2 :]]
    return session.detect(lambda: halves, len(data))


def replay(session: RedactSession, data: bytes, **plan: Any) -> RedactResult:
    return session.replay(lambda: [data], len(data), Plan(**plan))


def opened(result: RedactResult) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(result.derivative)).convert("RGB"))


def test_faces_text_and_codes_are_found_masked_and_gone(
    session: RedactSession, kit: Kit, faces_folder: Path
) -> None:
    scene = skin(1600, 1200)
    portrait, faces = face(faces_folder, 0)
    scene.paste(portrait, (100, 200))
    wanted = [Box(box.x + 100, box.y + 200, box.w, box.h) for box in faces]
    label = with_text(scene, "J. Smith  MRN 00471193", 40, (850, 150))
    code = with_qr(scene, "encounter 7f3a9c", 6, (1000, 700))
    data = camera_jpeg(encode(stored(scene, 6), subsampling="4:2:2", quality=95), 6)

    result = detect(session, data)

    assert result.code is RedactCode.OK
    assert (result.width, result.height) == (1600, 1200)
    masked = [finding for finding in result.findings if finding.decision is Decision.MASK]
    by_category = {c: [f.box for f in masked if f.category is c] for c in Category}
    for box in wanted:
        assert share_covered(box, by_category[Category.FACE]) > 0.8
    text_only = Box(label.x + 20, label.y + 20, label.w - 40, label.h - 40)
    assert share_covered(text_only, by_category[Category.TEXT]) > 0.95
    assert share_covered(code, by_category[Category.CODE]) == 1
    assert all(finding.detector and finding.confidence for finding in result.findings)
    pixels = opened(result)
    for box in [finding.box for finding in masked]:
        assert pixels[box.y + 2 : box.y + box.h - 2, box.x + 2 : box.x + box.w - 2].max() <= 2
    masks = [finding.box for finding in masked]
    again = kit.again(sight_of_derivative(memoryview(result.derivative), kit.policy.limits))
    assert uncovered(again, masks, (), kit.policy.residual.covered) == []
    assert flaw(result.derivative) == ""
    assert not any(secret in result.derivative for secret in SECRETS)
    assert result.preview is not None
    assert (result.preview.width, result.preview.height) == (1600, 1200)
    shown = np.frombuffer(result.preview.rgb, np.uint8).reshape(1200, 1600, 3)
    assert np.abs(shown.astype(int) - pixels).max() <= 1


def test_a_picture_without_identifiers_keeps_every_pixel(session: RedactSession) -> None:
    data = encode(skin(1200, 800), subsampling="4:2:0")
    result = detect(session, data)
    assert (result.code, result.findings, result.residual) == (RedactCode.OK, (), ())
    assert (opened(result) == np.asarray(Image.open(io.BytesIO(data)))).all()


def test_replaying_the_findings_gives_the_same_bytes(session: RedactSession, faces_folder: Path) -> None:
    data = (faces_folder / "face_002.jpg").read_bytes()
    first = detect(session, data)
    boxes = [(f.category, f.box) for f in first.findings if f.decision is Decision.MASK]
    assert boxes
    again = replay(session, data, masks=tuple(boxes))
    assert again.derivative == first.derivative
    assert again.code is RedactCode.OK


def test_a_reviewer_who_unmasks_a_face_must_say_so(session: RedactSession, faces_folder: Path) -> None:
    data = (faces_folder / "face_002.jpg").read_bytes()
    bare = replay(session, data)
    assert bare.code is RedactCode.RESIDUAL
    assert [f.category for f in bare.residual] == [Category.FACE]
    assert bare.findings == ()
    assert bare.derivative
    assert bare.preview is not None
    found = bare.residual[0].box
    eyes = Box(found.x, found.y + found.h // 4, found.w, found.h // 5)
    assert replay(session, data, masks=((Category.FACE, eyes),)).code is RedactCode.RESIDUAL
    kept = replay(session, data, kept=((Category.FACE, found),))
    assert kept.code is RedactCode.OK
    assert kept.derivative == bare.derivative
    words = replay(session, data, kept=((Category.TEXT, found),))
    assert words.code is RedactCode.RESIDUAL, "to keep the words there is not to keep the face"


def noise(width: int, height: int) -> bytes:
    """A large picture that takes a worker seconds, made in no time."""
    pixels = np.random.default_rng(3).integers(0, 255, (height, width, 3), np.uint8)
    return encode(Image.fromarray(pixels), quality=30)


def png() -> bytes:
    out = io.BytesIO()
    photo(64, 64).save(out, "PNG")
    return out.getvalue()


def giant() -> bytes:
    data = encode(photo(64, 64))
    at = data.index(b"\xff\xc0") + 5
    return data[:at] + b"\xea\x60\xea\x60" + data[at + 4 :]


def cut_inside() -> bytes:
    data = encode(photo(600, 400), restart_marker_rows=2)
    middle = data.index(b"\xff\xd3", len(data) // 2)
    return data[:middle] + data[middle + 60 :]


@pytest.mark.parametrize(
    ("data", "media", "code"),
    [
        (b"", MediaKind.EMPTY, RedactCode.EMPTY),
        (png(), MediaKind.OTHER, RedactCode.UNSUPPORTED),
        (np.random.default_rng(1).bytes(300_000), MediaKind.OTHER, RedactCode.NOT_A_PHOTO),
        (b"\0\0\0\x20ftypmp42" + bytes(100_000), MediaKind.VIDEO, RedactCode.VIDEO),
        (b"\0\0\0\x18ftypcrx " + bytes(100_000), MediaKind.CR3, RedactCode.TRUNCATED),
        (encode(photo(600, 400))[:-5000], MediaKind.JPEG, RedactCode.TRUNCATED),
        (encode(photo(600, 400))[:-5000] + b"\xff\xd9", MediaKind.JPEG, RedactCode.TRUNCATED),
        (cut_inside(), MediaKind.JPEG, RedactCode.TRUNCATED),
        (giant(), MediaKind.JPEG, RedactCode.TOO_LARGE),
        (encode(photo(64, 64).convert("CMYK")), MediaKind.JPEG, RedactCode.CMYK),
        (b"\xff\xd8\xff" + bytes(1000), MediaKind.JPEG, RedactCode.TRUNCATED),
    ],
)
def test_bad_input_has_its_code_and_harms_nobody(
    session: RedactSession, data: bytes, media: MediaKind, code: RedactCode
) -> None:
    result = detect(session, data)
    assert (result.code, result.media) == (code, media)
    assert (result.derivative, result.preview, result.findings) == (b"", None, ())
    assert not session.broken


def test_a_file_too_large_to_send_is_only_sniffed(session: RedactSession) -> None:
    sent = []

    def pieces() -> Iterator[bytes]:
        for _ in range(1000):
            sent.append(1)
            yield b"\0\0\0\x20ftypmp42" + bytes(1000)

    result = session.detect(pieces, 5 << 30)
    assert (result.code, result.media, len(sent)) == (RedactCode.VIDEO, MediaKind.VIDEO, 1)
    huge_jpeg = session.detect(lambda: [encode(photo(64, 64))], 5 << 30)
    assert (huge_jpeg.code, huge_jpeg.media) == (RedactCode.TOO_LARGE, MediaKind.JPEG)


def child_of(worker: int) -> psutil.Process:
    for _ in range(500):
        if children := psutil.Process(worker).children():
            return children[0]
        time.sleep(0.01)
    raise AssertionError("the worker has no child")


def test_a_killed_child_costs_one_photo(spawn: Spawn) -> None:
    channel = spawn()
    busy = noise(3000, 2000)
    with RedactSession(channel) as session:

        def kill_child() -> None:
            child_of(channel.process.pid).send_signal(signal.SIGKILL)

        killer = threading.Thread(target=kill_child)
        killer.start()
        result = detect(session, busy)
        killer.join()
        assert result == RedactResult(RedactCode.CRASHED, session.policy)
        assert not session.broken
        assert detect(session, encode(skin(200, 200))).code is RedactCode.OK


def test_a_killed_worker_is_a_crash_and_leaves_no_child(spawn: Spawn) -> None:
    channel = spawn()
    children: list[psutil.Process] = []
    session = RedactSession(channel)

    def kill_worker() -> None:
        children.append(child_of(channel.process.pid))
        os.kill(channel.process.pid, signal.SIGKILL)

    killer = threading.Thread(target=kill_worker)
    killer.start()
    result = detect(session, noise(3000, 2000))
    killer.join()
    assert result.code is RedactCode.CRASHED
    assert session.broken
    session.close()
    assert psutil.wait_procs(children, timeout=5)[1] == []


def test_a_photo_that_takes_too_long_is_stopped(spawn: Spawn) -> None:
    with RedactSession(spawn(), timeout_s=0.5) as session:
        result = detect(session, noise(3000, 2000))
        assert result == RedactResult(RedactCode.TIMEOUT, session.policy)


def test_a_photo_that_needs_too_much_memory_is_stopped(models: Path, tmp_path: Path) -> None:
    source = Path(__file__).parents[2] / "medkiosk/redact/policy.toml"
    policy = tmp_path / "policy.toml"
    text = source.read_text(encoding="utf-8")
    assert "memory_mib = 1024" in text
    policy.write_text(text.replace("memory_mib = 1024", "memory_mib = 60"), encoding="utf-8")
    arguments = ("--models", str(models), "--policy", str(policy))
    with RedactSession(ProcessChannel(python_worker("medkiosk.redact.worker", *arguments))) as session:
        assert session.policy.startswith("other sha256:")
        assert detect(session, noise(5472, 3648)).code is RedactCode.OUT_OF_MEMORY
        assert detect(session, png()).code is RedactCode.UNSUPPORTED


@pytest.mark.parametrize("spoil", ["absent", "changed"])
def test_a_missing_or_changed_model_closes_the_gate(models: Path, tmp_path: Path, spoil: str) -> None:
    for name in ("ppocrv6_det.onnx", "ppocrv6_rec.onnx"):
        (tmp_path / name).symlink_to(models / name)
    if spoil == "changed":
        content = bytearray((models / "centerface.onnx").read_bytes())
        content[-1] ^= 1
        (tmp_path / "centerface.onnx").write_bytes(content)
    command = python_worker("medkiosk.redact.worker", "--models", str(tmp_path))
    with RedactSession(ProcessChannel(command)) as session:
        assert session.missing == ("faces",)
        result = detect(session, encode(skin(100, 100)))
        assert (result.code, result.derivative) == (RedactCode.NO_DETECTOR, b"")
        assert replay(session, png()).code is RedactCode.UNSUPPORTED


def test_a_worker_without_input_ends_by_itself(spawn: Spawn) -> None:
    channel = spawn()
    session = RedactSession(channel)
    channel.writer.close()
    assert channel.process.wait(10) == 0
    session.close()


def test_steady_memory(spawn: Spawn) -> None:
    channel = spawn()
    data = encode(skin(300, 200))
    sizes = []
    with RedactSession(channel) as session:
        for _ in range(3):
            assert detect(session, data).code is RedactCode.OK
            sizes.append(psutil.Process(channel.process.pid).memory_info().rss)
    assert sizes[-1] < 280 << 20
    assert sizes[-1] - sizes[0] < 4 << 20


def end_of_a_worker_that_loads(near: int, hang_up: Callable[[], None]) -> int:
    """How a process ends that would go on for a minute; the daemon's end is not open in it."""
    child = os.fork()
    if child == 0:
        try:
            hang_up()
            with ended_by_a_hang_up(near):
                for _ in range(6000):
                    time.sleep(0.01)
        finally:
            os._exit(1)
    time.sleep(0.3)
    assert os.waitpid(child, os.WNOHANG) == (0, 0)
    hang_up()
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_who_loads_for_a_daemon_that_has_gone_ends() -> None:
    far, near = socket.socketpair()
    assert end_of_a_worker_that_loads(near.fileno(), far.close) == 0
    near.close()
    reader, writer = os.pipe()
    assert end_of_a_worker_that_loads(reader, lambda: os.close(writer)) == 0
    os.close(reader)


def test_what_was_said_while_it_loads_is_read_afterwards() -> None:
    far, near = socket.socketpair()
    with far, near:
        with ended_by_a_hang_up(near.fileno()):
            far.sendall(b"job")
            far.shutdown(socket.SHUT_WR)
            time.sleep(0.1)
        assert near.recv(10) == b"job"
