"""What is fuzzed: for each reader of hostile bytes a function, the errors it may raise, and real seeds.

Anything else that comes out, and a call that takes seconds, is a finding.
"""

from __future__ import annotations

import functools
import io
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from medkiosk.core import quality
from medkiosk.core.frames import FrameError, read_frame
from medkiosk.core.photo import Box, Category, Decision, Finding, MediaKind, RedactCode
from medkiosk.export.record import recipient_fingerprint
from medkiosk.receiver import medkiosk_verify as receiver
from medkiosk.redact import protocol
from medkiosk.redact.container import isobmff
from medkiosk.redact.container.cr3 import embedded_photo
from medkiosk.redact.container.heif import read_layout
from medkiosk.redact.detect.net import open_sizes
from medkiosk.redact.detectors import DETECTORS, DetectorId
from medkiosk.redact.errors import ContainerError, JpegError
from medkiosk.redact.jpeg import header as jpeg
from medkiosk.redact.jpeg.structure import flaw
from medkiosk.redact.jpeg.upright import upright
from medkiosk.redact.media import sniff
from medkiosk.redact.protocol import Done, Job, Mode, ProtocolError
from tests.export import build
from tests.redact import containers
from tests.redact.jpegs import camera_jpeg, encode, photo

Errors = tuple[type[Exception], ...]


@dataclass(frozen=True)
class Target:
    """One reader: ``run`` may return or raise one of ``expected``."""

    run: Callable[[bytes], object]
    expected: Errors
    seeds: Callable[[], list[bytes]]


def _jpegs() -> list[bytes]:
    grey = encode(photo(40, 30, grey=True))
    progressive = encode(photo(48, 40), progressive=True)
    turned = camera_jpeg(encode(photo(64, 48), subsampling="4:2:2", restart_marker_rows=1), 6)
    return [grey, progressive, turned]


def _raws() -> list[bytes]:
    embedded = encode(photo(64, 48), subsampling="4:2:2")
    return [containers.cr3(embedded, (64, 48), 6), containers.cr3(embedded, (64, 48), wide=True, short=True)]


def _heifs() -> list[bytes]:
    planes = containers.ramp(64, 48)
    turned = containers.heif(planes, properties=(containers.nclx(), containers.irot(1)))
    return [turned, containers.heif(containers.ramp(128, 96), grid=(2, 2))]


def _parse_jpeg(data: bytes) -> None:
    header = jpeg.parse(data)
    upright(header)
    flaw(data)


def _protocol(data: bytes) -> None:
    for unpack in (
        protocol.unpack_ready,
        protocol.unpack_job,
        protocol.unpack_finding,
        protocol.unpack_preview,
        protocol.unpack_quality,
        protocol.unpack_done,
    ):
        try:
            unpack(data)
        except ProtocolError:
            continue


def _messages() -> list[bytes]:
    face = DETECTORS[DetectorId.FACES]
    finding = Finding(Category.FACE, Box(1, 2, 3, 4), face.name, face.model_sha256, 900, Decision.MASK)
    return [
        protocol.pack_job(Job(Mode.REPLAY, 5, 6, ((Category.FACE, Box(1, 2, 3, 4)),), crop=Box(0, 0, 9, 9))),
        protocol.pack_finding(finding),
        protocol.pack_preview(100, 100),
        protocol.pack_done(Done(RedactCode.OK, MediaKind.JPEG, 100, 80, 1, 2)),
    ]


def _frames(data: bytes) -> None:
    stream = io.BytesIO(data)
    while read_frame(stream) is not None:
        pass


@functools.cache
def _bundle() -> tuple[receiver.Manifest, str]:
    """The manifest and the recipient that `_records` belong to."""
    (contents,) = _exported("manifest.json")
    return receiver.read_manifest(contents), recipient_fingerprint(str(build.IDENTITY.to_public()))


def _exported(name: str) -> list[bytes]:
    with tempfile.TemporaryDirectory() as folder:
        bundle = build.write(Path(folder), 2)
        return [(bundle / name).read_bytes()]


def _records() -> list[bytes]:
    with tempfile.TemporaryDirectory() as folder:
        return [build.opened(build.write(Path(folder), 2), "record.zip.age")]


def _decrypt(data: bytes) -> None:
    identity = receiver.Identity.parse(str(build.IDENTITY))
    for unwrap in (receiver.with_identities([identity]), receiver.with_passphrase("words", most_work=4)):
        try:
            for _ in receiver.decrypt(io.BytesIO(data), unwrap, one_stanza=False):
                pass
        except receiver.AgeError:
            continue


def _signature(data: bytes) -> None:
    receiver.check_signature(b"", data, receiver.read_key(build.SIGNER_LINE), receiver.EXPORT_NAMESPACE)


TARGETS: dict[str, Target] = {
    "export-age": Target(_decrypt, (), lambda: _exported("record.zip.age")),
    "export-manifest": Target(receiver.read_manifest, (ValueError,), lambda: _exported("manifest.json")),
    "export-signature": Target(_signature, (ValueError,), lambda: _exported("manifest.json.sig")),
    "export-checkpoint": Target(receiver.read_checkpoint, (ValueError,), lambda: _exported("checkpoint")),
    "export-record": Target(lambda data: receiver.read_record(data, *_bundle()), (ValueError,), _records),
    "export-zip": Target(receiver.read_zip, (ValueError,), _records),
    "jpeg": Target(_parse_jpeg, (JpegError,), _jpegs),
    "isobmff": Target(lambda data: isobmff.complete(memoryview(data)), (ContainerError,), _raws),
    "cr3": Target(lambda data: embedded_photo(memoryview(data)), (ContainerError, JpegError), _raws),
    "heif": Target(lambda data: read_layout(memoryview(data), 1 << 20, 4096), (ContainerError,), _heifs),
    "protocol": Target(_protocol, (), _messages),
    "quality": Target(quality.unpack, (ValueError,), lambda: [bytes(15)]),
    "frames": Target(_frames, (FrameError,), lambda: [b"\x01\0\0\0\x02ab", b"\x02\0\0\0\0"]),
    "sniff": Target(lambda data: sniff(data[:64]), (), lambda: [*_jpegs(), *_raws(), *_heifs()]),
    "onnx": Target(open_sizes, (ValueError,), lambda: [b"\x08\x07\x3a\x06\x5a\x04\x0a\x02ab"]),
}


def check(name: str, data: bytes) -> None:
    """Run one target once.

    Raises:
        Exception: whatever it should not raise.
    """
    target = TARGETS[name]
    try:
        target.run(data)
    except target.expected:
        return
