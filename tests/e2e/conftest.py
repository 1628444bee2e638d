"""A camera with photographs, and a kiosk that it is plugged into."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.kiosk import ScratchKiosk
from tests.virtual.camera import RunningCamera
from tests.virtual.photos import Photo, make_card

SMALL = (1216, 816)


@pytest.fixture(scope="session")
def card(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve small photographs, made once; do not write here."""
    root = tmp_path_factory.mktemp("card")
    make_card(root, 12, fast=True, size=SMALL)
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
