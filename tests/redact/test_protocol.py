from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medkiosk.core.identifiers import LONGEST, Identifier, IdentifierKind
from medkiosk.core.photo import Box, Category, Finding, MediaKind, RedactCode
from medkiosk.redact import protocol
from medkiosk.redact.detectors import DETECTORS, Ability, Layer
from medkiosk.redact.protocol import Done, Job, Mode, ProtocolError, Ready, Window


def _encodable(text: str) -> bool:
    return text.isprintable()


sides = st.integers(1, 65535)
boxes = st.builds(Box, st.integers(0, 65535), st.integers(0, 65535), sides, sides)
findings = st.builds(
    lambda box, detector, confidence: Finding(
        detector.category, box, detector.name, detector.model_sha256, confidence, detector.decision
    ),
    boxes,
    st.sampled_from(list(DETECTORS.values())),
    st.integers(0, 1000),
)
identifiers = st.builds(
    Identifier, st.sampled_from(list(IdentifierKind)), st.text(max_size=LONGEST).filter(_encodable)
)
windows = st.builds(Window, boxes, st.integers(1, 2048), st.integers(1, 2048))
jobs = st.builds(
    Job,
    st.sampled_from(list(Mode)),
    st.integers(0, protocol.MAX_IMAGE),
    st.integers(0, 2**32 - 1),
    st.lists(st.tuples(st.sampled_from(list(Category)), boxes), max_size=5).map(tuple),
    st.lists(st.tuples(st.sampled_from(list(Category)), boxes), max_size=5).map(tuple),
    st.none() | boxes,
    st.lists(identifiers, max_size=protocol.MAX_IDENTIFIERS).map(tuple),
    st.none() | windows,
)
dones = st.builds(
    Done,
    st.sampled_from(list(RedactCode)),
    st.sampled_from(list(MediaKind)),
    st.integers(0, 65535),
    st.integers(0, 65535),
    st.integers(0, 1024),
    st.integers(0, 2**40),
)


@given(findings)
def test_a_finding_survives(finding: Finding) -> None:
    assert protocol.unpack_finding(protocol.pack_finding(finding)) == finding


@given(jobs)
def test_a_job_survives(job: Job) -> None:
    assert protocol.unpack_job(protocol.pack_job(job)) == job


@given(dones)
def test_an_end_survives(done: Done) -> None:
    assert protocol.unpack_done(protocol.pack_done(done)) == done


def test_ready_survives_and_unknown_bits_are_dropped() -> None:
    ready = Ready(Ability.FACES | Ability.BURN, Layer.SECCOMP, bytes(range(32)))
    packed = protocol.pack_ready(ready)
    assert protocol.unpack_ready(packed) == ready
    unknown = packed[:2] + b"\xff\xff\xff\x09" + packed[6:]
    assert protocol.unpack_ready(unknown).abilities == Ability.FACES | Ability.BURN


@given(st.binary(max_size=70))
def test_any_bytes_are_read_or_refused(untrusted: bytes) -> None:
    for unpack in (
        protocol.unpack_ready,
        protocol.unpack_job,
        protocol.unpack_finding,
        protocol.unpack_preview,
        protocol.unpack_quality,
        protocol.unpack_done,
    ):
        with contextlib.suppress(ProtocolError):
            unpack(untrusted)


@given(st.binary(min_size=20, max_size=20))
def test_any_finding_that_is_read_is_within_bounds(untrusted: bytes) -> None:
    try:
        finding = protocol.unpack_finding(untrusted)
    except ProtocolError:
        return
    assert 0 <= finding.confidence <= 1000
    assert 1 <= finding.box.w <= 65535


@pytest.mark.parametrize("size", [(0, 5), (5, 0), (2049, 5), (5, 2**32 - 1)])
def test_a_preview_out_of_bounds_is_refused(size: tuple[int, int]) -> None:
    with pytest.raises(ProtocolError):
        protocol.unpack_preview(protocol.pack_preview(*size))


def test_a_job_with_too_much_in_it_is_refused() -> None:
    many = ((Category.FACE, Box(0, 0, 1, 1)),) * (protocol.MAX_BOXES + 1)
    with pytest.raises(ValueError, match="too many"):
        protocol.pack_job(Job(Mode.REPLAY, 1, 1, many))
    with pytest.raises(ValueError, match="no picture"):
        protocol.pack_job(Job(Mode.REPLAY, 1, 1, ((Category.FACE, Box(-1, 0, 1, 1)),)))
    with pytest.raises(ProtocolError):
        protocol.unpack_job(protocol.pack_job(Job(Mode.DETECT, protocol.MAX_IMAGE + 1, 1)))
