"""Ten thousand files, and films at and beyond the bounds: what they cost the worker.

CPU seconds and memory are read from the kernel, so that a busy machine does not matter much.
The films take minutes: they run where ``MEDKIOSK_LARGE`` is set.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from medkiosk.source.client import SourceSession
from medkiosk.source.model import HEAD_BYTES, Entry, Shape
from medkiosk.workers import ProcessChannel
from tests.source.conftest import MIB, camera_session, card_session, large
from tests.virtual.camera import RunningCamera
from tests.virtual.faults import many_files, sparse_film

Start = Callable[..., RunningCamera]

_MOST_MEMORY = 64 * MIB


def _cpu_and_memory(session: SourceSession) -> tuple[float, int]:
    """CPU seconds and the most memory so far, bytes, of the session's worker."""
    assert isinstance(session._channel, ProcessChannel)
    process = Path(f"/proc/{session._channel.process.pid}")
    fields = (process / "stat").read_text().rpartition(")")[2].split()
    peak = next(line for line in (process / "status").read_text().splitlines() if line.startswith("VmHWM"))
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"), int(peak.split()[1]) * 1024


@pytest.mark.parametrize("kind", ["camera", "card"])
def test_ten_thousand_files_are_listed_in_two_seconds(camera_on: Start, tmp_path: Path, kind: str) -> None:
    opened = (
        camera_session(camera_on(tmp_path, faults=["many=10000"]))
        if kind == "camera"
        else card_session(many_files(tmp_path, 10_000))
    )
    with opened as session:
        session.hello()
        before, _ = _cpu_and_memory(session)
        entries = session.list()
        after, memory = _cpu_and_memory(session)
        assert len({(entry.folder, entry.name) for entry in entries}) == 10_000
        assert all(entry.size == 1 and entry.failure is None for entry in entries)
    assert after - before < 2
    assert memory < _MOST_MEMORY


def _read(session: SourceSession, entry: Entry) -> tuple[int, int]:
    total = sum(map(len, session.read(entry.index)))
    return total, _cpu_and_memory(session)[1]


@large
@pytest.mark.timeout(600)
def test_a_film_of_five_gib_from_a_card(tmp_path: Path) -> None:
    sparse_film(tmp_path / "DCIM/100CANON/MVI_0001.MP4", 5 << 30)
    with card_session(tmp_path) as session:
        [entry] = session.list()
        assert len(session.head(entry.index)) == HEAD_BYTES
        total, memory = _read(session, entry)
        assert total == 5 << 30
        assert memory < _MOST_MEMORY
        assert session.shape == Shape.WHOLE


@large
@pytest.mark.timeout(600)
def test_the_largest_film_that_a_camera_can_tell_of(camera_on: Start, tmp_path: Path) -> None:
    with camera_session(camera_on(tmp_path, faults=["film=4294967294"])) as session:
        [entry] = session.list()
        total, memory = _read(session, entry)
        assert total == 0xFFFFFFFE
        assert memory < _MOST_MEMORY
        assert session.shape == Shape.WHOLE
