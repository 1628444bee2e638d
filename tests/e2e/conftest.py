"""A camera with photographs, and a kiosk that it is plugged into."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.kiosk import ScratchKiosk, redacted
from tests.virtual.camera import RunningCamera
from tests.virtual.photos import Photo, make_card

SMALL = (1216, 816)
MANY, FEW = 10, 3


@pytest.fixture(scope="session")
def card(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`MANY` small photographs, made once; do not write here."""
    root = tmp_path_factory.mktemp("card")
    make_card(root, MANY, fast=True, size=SMALL)
    return root


@pytest.fixture(scope="session")
def small_card(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`FEW` small photographs, for tests that wait until all are redacted."""
    root = tmp_path_factory.mktemp("small")
    make_card(root, FEW, fast=True, size=SMALL)
    return root


@pytest.fixture(scope="session")
def bad_card(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Photo]]:
    """Two photographs and one file of each bad kind."""
    root = tmp_path_factory.mktemp("bad")
    return root, make_card(root, 2, fast=True, bad=True, noise_bytes=5_000_000, size=SMALL)


@pytest.fixture
def camera(card: Path) -> Iterator[RunningCamera]:
    """A virtual R6 with the small photographs in it."""
    camera = RunningCamera(card, owner="Owner Of The Camera")
    yield camera
    camera.stop()


@pytest.fixture
def small_camera(small_card: Path) -> Iterator[RunningCamera]:
    """A virtual R6 with few photographs in it."""
    camera = RunningCamera(small_card)
    yield camera
    camera.stop()


@pytest.fixture(scope="module")
def day(small_card: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScratchKiosk]:
    """A kiosk with few redacted photographs, staff, and the camera still in; for all tests of a module."""
    camera = RunningCamera(small_card, owner="Owner Of The Camera")
    kiosk = ScratchKiosk(tmp_path_factory.mktemp("day") / "kiosk", cameras=[camera.gphoto_port])
    try:
        kiosk.init()
        kiosk.start()
        kiosk.wait(redacted, timeout_s=120)
        kiosk.hire()
        yield kiosk
    finally:
        kiosk.close()
        camera.stop()


@pytest.fixture
def make_kiosk(tmp_path: Path) -> Iterator[Callable[..., ScratchKiosk]]:
    """Makes kiosks that are stopped at the end of the test."""
    made: list[ScratchKiosk] = []

    def make(**options: object) -> ScratchKiosk:
        kiosk = ScratchKiosk(tmp_path / f"kiosk{len(made)}", **options)  # type: ignore[arg-type]
        made.append(kiosk)
        kiosk.init()
        return kiosk

    yield make
    for kiosk in made:
        kiosk.close()
