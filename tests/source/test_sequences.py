"""One contract for camera and card: whatever happens in a row, nothing is lost and nothing is wrong.

Faults are drawn for each time that the device is plugged in. Each time a pass like the daemon's is made
through the real worker: files that were read whole are kept, by place and size, and not read again; where
bits may flip, each is read until two readings agree. Whatever was kept as whole is what lay under that name
on the card; what a device gave under a smaller size is a beginning of it, and does not count as whole. After
one clean replug all of the card is there. With the importer and the store in it:
tests/daemon/test_import_sequences.py.

How many sequences are drawn: ``MEDKIOSK_EXAMPLES`` (default 6 of each kind).
"""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from medkiosk.source.client import SourceSession
from medkiosk.source.model import Entry, Shape, SourceError
from medkiosk.source.whole import Form, form_of
from tests.source.conftest import MIB, camera_session, card_session
from tests.virtual import fuse
from tests.virtual.camera import RunningCamera
from tests.virtual.card import ONE_FILE, RunningCard

Place = tuple[str, str, int]
Truth = dict[Place, bytes]
Kept = dict[Place, tuple[bytes, Shape]]

FILES = {
    "DCIM/100CANON/IMG_0001.CR3": 2 * MIB,
    "DCIM/100CANON/IMG_0001.JPG": MIB + 17,
    "DCIM/100CANON/IMG_0002.CTG": 70_000,
    "DCIM/101CANON/IMG_0003.JPG": 300_000,
}
_STALL_S = 2.0
_READINGS = 4


class Plug(Protocol):
    """A device that can be plugged in again with other faults."""

    def restart(self, faults: Sequence[str] = ()) -> None: ...

    def stop(self) -> None: ...


def write_card(root: Path) -> None:
    rng = random.Random(1)
    for name, size in FILES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(
            b"\xff\xd8\xff\xda\0\x02" + rng.randbytes(size).replace(b"\xff", b"\0") + b"\xff\xd9"
        )


def truth(root: Path) -> Truth:
    found: Truth = {}
    for path in root.rglob("*.*"):
        place = path.relative_to(root)
        found[place.parent.as_posix(), place.name, path.stat().st_size] = path.read_bytes()
    return found


def read_once_or_twice(session: SourceSession, entry: Entry, *, twice: bool) -> bytes | None:
    """The bytes that two readings agree on (or one, where that is enough)."""
    seen: list[bytes] = []
    for _ in range(_READINGS):
        data = b"".join(session.read(entry.index))
        if not twice or data in seen:
            return data
        seen.append(data)
    return None


def pass_over(session: SourceSession, kept: Kept, *, twice: bool) -> bool:
    """Keep what can be read; say whether everything that is listed is kept."""
    whole = True
    for entry in session.list():
        place = entry.folder, entry.name, entry.size
        if entry.failure is None and place in kept:
            continue
        try:
            data = read_once_or_twice(session, entry, twice=twice)
        except SourceError as error:
            whole = False
            if error.ends_session:
                raise
            continue
        if data is None:
            whole = False
        else:
            kept[place] = data, session.shape
    return whole


def assert_was_there(place: Place, data: bytes, shape: Shape, versions: Truth) -> None:
    """What was kept lay there; where its size was a lie, it is a beginning of that, and not called whole."""
    folder, name, size = place
    assert len(data) == size
    there = [version for at, version in versions.items() if at[:2] == (folder, name)]
    if shape is Shape.WHOLE or place in versions:
        assert data in there, f"{place} is not what lies on the card"
    else:
        assert any(version.startswith(data) for version in there), f"{place} never lay on the card"
        assert shape.is_doubtful or form_of(name) is Form.ANY, f"{place} is a part of it, and {shape!r}"


def survive(
    plug: Plug,
    open_: Callable[[], SourceSession],
    root: Path,
    plugs: list[list[str]],
    *,
    sizes_checked: bool,
) -> None:
    kept: Kept = {}
    versions = truth(root)
    for faults in [*plugs, []]:
        plug.restart(faults)
        twice = any(fault.startswith("flip") for fault in faults)
        try:
            with open_() as session:
                complete = pass_over(session, kept, twice=twice)
        except SourceError:
            complete = False
        versions |= truth(root)  # a picture may have been taken, or a file have grown
        for place, (data, shape) in kept.items():
            if sizes_checked:
                assert_was_there(place, data, shape, versions)
            else:
                assert data == versions.get(place, data), f"{place} is not what lies on the card"
        assert complete or faults, "a clean replug has no failures"
    now = truth(root)
    assert now.keys() <= kept.keys()
    assert all(kept[place][0] == data for place, data in now.items())


_names = st.sampled_from([name.rpartition("/")[2] for name in FILES])
_bytes = st.integers(0, 4 * MIB)
_few = st.integers(1, 3)

camera_faults = st.one_of(
    st.builds("{}={}".format, st.sampled_from(["vanish-at", "again-with-new-handles"]), _bytes),
    st.builds(
        "{}={}".format, st.sampled_from(["short-read", "long-read", "half-object", "grow", "flip"]), _names
    ),
    st.builds("short-read={}:{}".format, _names, st.integers(0, 100_000)),
    st.builds("long-read={}:{}".format, _names, st.integers(1, 3 * MIB)),
    st.builds("size={}:{}".format, _names, st.sampled_from([0, 1, 65_536, 3 * MIB, 0xFFFFFFFF])),
    st.builds("{}={}".format, st.sampled_from(["busy", "denied", "list-busy", "short-listing"]), _few),
    st.builds("flip={}:{}".format, _names, st.integers(2, 4)),
    st.builds("new-photo=IMG_00{:02d}.JPG".format, st.integers(10, 99)),
    st.builds("stall={}".format, st.integers(MIB, 4 * MIB)),
    st.sampled_from(["new-handles", "stale", "busy", "denied", "list-busy"]),
)
card_faults = st.one_of(
    st.builds("{}={}".format, st.sampled_from([*ONE_FILE, "flip-once"]), _names),
    st.builds("{}={}:{}".format, st.sampled_from(["bad-sector", "short"]), _names, st.integers(0, 70_000)),
    st.builds(
        "{}={}".format, st.sampled_from(["bad-folder", "gone"]), st.sampled_from(["100CANON", "101CANON"])
    ),
    st.builds("vanish-at={}".format, _bytes),
)


def sequences(fault: st.SearchStrategy[str]) -> st.SearchStrategy[list[list[str]]]:
    return st.lists(st.lists(fault, min_size=1, max_size=3, unique=True), min_size=1, max_size=3)


many = settings(
    max_examples=int(os.environ.get("MEDKIOSK_EXAMPLES", "6")),
    deadline=None,
    derandomize="MEDKIOSK_EXAMPLES" not in os.environ,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "card"


def _fresh(root: Path) -> None:
    shutil.rmtree(root, ignore_errors=True)
    write_card(root)


@many
@given(plugs=sequences(camera_faults))
def test_a_camera_survives_whatever_happens_in_a_row(root: Path, plugs: list[list[str]]) -> None:
    _fresh(root)
    camera = RunningCamera(root)
    try:
        survive(
            camera, lambda: camera_session(camera, stall_s=_STALL_S * 5), root, plugs, sizes_checked=False
        )
    finally:
        camera.stop()


@pytest.mark.skipif(bool(fuse.why_not()), reason=fuse.why_not() or "FUSE")
@many
@given(plugs=sequences(card_faults))
def test_a_card_survives_whatever_happens_in_a_row(
    root: Path, tmp_path: Path, plugs: list[list[str]]
) -> None:
    _fresh(root)
    card = RunningCard(root, tmp_path / "mounted")
    try:
        survive(card, lambda: card_session(card.root, stall_s=_STALL_S), root, plugs, sizes_checked=True)
    finally:
        card.stop()
