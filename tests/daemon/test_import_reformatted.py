"""A card that was wiped in the camera and shot again: the same names, the same sizes, other pictures."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from medkiosk.core.device import REUSE, DeviceState
from tests.daemon.importing import ImportRig, picture, raw, write
from tests.virtual.camera import RunningCamera, running_camera

MOMENT = 1_777_626_000
NAMES = [f"DCIM/100CANON/IMG_{number:04d}" for number in range(1, 4)]


def _shoot(root: Path, series: int, at: int) -> list[bytes]:
    """Wipe the card and put a series of pictures on it; the bytes of each."""
    shutil.rmtree(root, ignore_errors=True)
    minute = f"2026:05:01 09:{series:02d}:00"
    made = {}
    for number, name in enumerate(NAMES):
        made[f"{name}.JPG"] = picture(10 * series + number, minute, size=100_000)
        made[f"{name}.CR3"] = raw(10 * series + number, minute, size=100_000)
    write(root, made)
    for name in made:
        os.utime(root / name, (at, at))
    return list(made.values())


@contextmanager
def _inserted(kind: str, root: Path) -> Iterator[Path | RunningCamera]:
    if kind == "card":
        yield root
    else:
        with running_camera(root) as camera:
            yield camera


@pytest.mark.parametrize("later", [0, 86_400], ids=["same time", "a day later"])
@pytest.mark.parametrize("kind", ["card", "camera"])
def test_of_a_reformatted_card_both_series_are_sealed(
    imports: ImportRig, tmp_path: Path, kind: str, later: int
) -> None:
    root, sealed = tmp_path / "card", []
    for series, at in ((1, MOMENT), (2, MOMENT + later)):
        sealed += _shoot(root, series, at)
        with _inserted(kind, root) as device:
            status = imports.plug(device)
        assert status.state is DeviceState.SAFE, status.detail
        assert (status.sealed, status.already, status.copies) == (len(NAMES) * 2, 0, 0)
        assert status.passport == (REUSE if kind == "card" else "")
    assert imports.content() == dict.fromkeys(sealed, 1)
    events = [event for event, _ in imports.originals()]
    assert len({(event.folder, event.file, event.size) for event in events}) == len(sealed) / 2
    # Each shot of both series is a capture of its own: nothing of the second one joined the first.
    assert len({event.capture_id for event in events}) == len(NAMES) * 2
    imports.assert_clean()


@pytest.mark.parametrize("kind", ["card", "camera"])
def test_pictures_of_a_reformatted_card_that_were_imported_before_are_known(
    imports: ImportRig, tmp_path: Path, kind: str
) -> None:
    """Somebody puts the old series back: it is known, and no second one of it is made."""
    root = tmp_path / "card"
    first = _shoot(root, 1, MOMENT)
    for series, sealed in ((1, 6), (2, 6), (1, 0)):
        _shoot(root, series, MOMENT)
        with _inserted(kind, root) as device:
            status = imports.plug(device)
        assert (status.state, status.sealed) == (DeviceState.SAFE, sealed)
    assert status.already == len(first)
    assert set(imports.content().values()) == {1}
