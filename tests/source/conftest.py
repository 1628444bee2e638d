"""A small tree of files, and sessions on it: through the virtual camera, or as a card."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from medkiosk.source.client import SourceSession
from medkiosk.source.model import SourceCode, SourceError
from medkiosk.workers import GRACE_S, ProcessChannel, python_worker
from tests.virtual.camera import RunningCamera, running_camera

MIB = 1 << 20
large = pytest.mark.skipif("MEDKIOSK_LARGE" not in os.environ, reason="takes long: set MEDKIOSK_LARGE=1")
SIZES = {
    "DCIM/100CANON/IMG_0001.CR3": 200_000,
    "DCIM/100CANON/IMG_0001.JPG": 3 * MIB + 17,
    "DCIM/100CANON/IMG_0002.CTG": 0,
    "DCIM/100CANON/IMG_0003.JPG": MIB,
    "DCIM/100CANON/MVI_0004.MP4": MIB + 1,
    "DCIM/101CANON/IMG_0005.JPG": 1,
}

Outcome = dict[str, bytes | SourceCode]
Opener = Callable[[], AbstractContextManager[SourceSession]]


def camera_session(camera: RunningCamera, *options: str, stall_s: float = 30) -> SourceSession:
    """A worker for this camera; ``options`` are more of its arguments, e.g. ``--may-delete``."""
    arguments = ("--camera", camera.gphoto_port, "--model", camera.model, *options)
    return SourceSession(ProcessChannel(python_worker("medkiosk.source.worker", *arguments)), stall_s=stall_s)


def card_session(root: Path, *options: str, stall_s: float = 30, grace_s: float = GRACE_S) -> SourceSession:
    """A worker for this card; ``options`` are more of its arguments, e.g. ``--may-delete``."""
    arguments = python_worker("medkiosk.source.worker", "--card", str(root), *options)
    return SourceSession(ProcessChannel(arguments, grace_s=grace_s), stall_s=stall_s)


def outcome(session: SourceSession) -> Outcome | SourceCode:
    """What comes of each file that is listed, or of the session before it could list."""
    found: Outcome = {}
    try:
        with session:
            for entry in session.list():
                place = f"{entry.folder}/{entry.name}"
                try:
                    found[place] = b"".join(session.read(entry.index))
                except SourceError as error:
                    found[place] = error.reason
    except SourceError as error:
        return error.reason
    return found


def truth(root: Path) -> Outcome:
    """What comes of each file of a tree on which nothing is wrong."""
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*.*")}


def fill(root: Path, sizes: dict[str, int]) -> Path:
    rng = random.Random(0)
    for name, size in sizes.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(rng.randbytes(size))
    return root


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A card's root with some files on it."""
    return fill(tmp_path / "card", SIZES)


@pytest.fixture(params=["camera", "card"])
def source(request: pytest.FixtureRequest, tree: Path) -> Iterator[Opener]:
    """Opens a session on `tree`; each kind of source in turn."""
    if request.param == "card":
        yield lambda: card_session(tree)
    else:
        with running_camera(tree) as camera:
            yield lambda: camera_session(camera)


@pytest.fixture
def camera_on(tmp_path: Path) -> Iterator[Callable[..., RunningCamera]]:
    """Starts a virtual camera on a card: ``camera_on(root, faults=[...])``."""
    running: list[RunningCamera] = []

    def start(root: Path, **options: object) -> RunningCamera:
        camera = RunningCamera(root, **options)  # type: ignore[arg-type]
        running.append(camera)
        return camera

    yield start
    for camera in running:
        camera.stop()
