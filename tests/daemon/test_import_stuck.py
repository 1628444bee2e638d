"""A device that stops answering at one thing: everything else comes all the same."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from medkiosk.core.device import DeviceState
from medkiosk.core.events import FileFailed
from medkiosk.daemon.importer import Importer
from medkiosk.daemon.importstuck import Stuck
from medkiosk.ipc.types import DeviceStatus
from medkiosk.source.model import Entry, SourceCode, SourceError
from tests.daemon.importing import ImportRig, picture, reference, write
from tests.virtual import fuse
from tests.virtual.camera import RunningCamera, running_camera

ONE, TWO = "DCIM/100CANON/IMG_0001.JPG", "DCIM/100CANON/IMG_0002.JPG"
needs_fuse = pytest.mark.skipif(bool(fuse.why_not()), reason=fuse.why_not() or "FUSE")


def _plugged(
    imports: ImportRig, device: Path | RunningCamera, until: Callable[[DeviceStatus], bool]
) -> DeviceStatus:
    """Plug it in with little patience, and pull it when it stands like this, or after 30 s."""
    importer: Importer = imports.importer(reference(device))
    importer._tools = dataclasses.replace(importer._tools, stall_s=1)  # nobody waits 30 s here
    importer.start()
    deadline = time.monotonic() + 30
    while not until(importer.status) and time.monotonic() < deadline:
        time.sleep(0.02)
    status = importer.status
    importer.unplugged()
    return status


def _slow(content: bytes, slow: Callable[[], bool]) -> fuse.Node:
    """A file whose first bytes come at once, the rest too slowly to wait for."""

    def read(offset: int, count: int) -> bytes:
        if offset >= 128 << 10 and slow():
            time.sleep(0.8)
        return content[offset : offset + count]

    return fuse.File(len(content), read)


def _card(first: fuse.Node) -> fuse.Folder:
    pictures: dict[str, fuse.Node] = {"IMG_0001.JPG": first, "IMG_0002.JPG": fuse.data(picture(2))}
    return fuse.folder({"DCIM": fuse.folder({"100CANON": fuse.folder(pictures)})})


@needs_fuse
def test_a_file_at_which_every_session_ends_fails_alone(imports: ImportRig, tmp_path: Path) -> None:
    first = _slow(picture(1, size=2 << 20), lambda: True)
    with fuse.mounted(_card(first), tmp_path / "card") as card:
        status = _plugged(imports, card, lambda status: status.failed > 0 and bool(status.detail))
    assert (status.state, status.failed) == (DeviceState.INCOMPLETE, 1)
    [failed] = imports.events(FileFailed)
    assert (failed.file, failed.code) == ("IMG_0001.JPG", SourceCode.STUCK)
    assert list(imports.content()) == [picture(2)]
    imports.assert_clean()


@needs_fuse
def test_a_file_at_which_one_session_ended_is_read_again(imports: ImportRig, tmp_path: Path) -> None:
    asked: list[float] = []

    def slow() -> bool:
        # Two reads of 0.8 s are more than the first session waits for; the next one meets one at most.
        asked.append(time.monotonic())
        return asked[-1] < asked[0] + 1.4

    content = picture(1, size=2 << 20)
    first = _slow(content, slow)
    with fuse.mounted(_card(first), tmp_path / "card") as card:
        status = _plugged(imports, card, lambda status: status.state is DeviceState.SAFE)
    assert (status.state, status.failed) == (DeviceState.SAFE, 0)
    assert set(imports.content()) == {content, picture(2)}


def test_the_file_at_which_a_session_ended_comes_last_and_then_not_at_all() -> None:
    stuck = Stuck()
    one, two = (Entry(n, "card", "DCIM/100CANON", f"IMG_000{n}.JPG", 5, 0) for n in range(2))
    for reason in (SourceCode.UNREADABLE, SourceCode.STALLED, SourceCode.CRASHED):
        assert stuck.last([one, two]) == ([two, one] if reason is SourceCode.CRASHED else [one, two])
        with pytest.raises(SourceError), stuck.reading(one):
            raise SourceError(reason)
    with pytest.raises(SourceError) as caught, stuck.reading(one):
        pytest.fail("it was asked for")
    assert caught.value.reason is SourceCode.STUCK


def test_a_camera_whose_clock_does_not_answer_is_imported(imports: ImportRig, tmp_path: Path) -> None:
    with running_camera(write(tmp_path / "card", {ONE: picture(1)}), faults=["clock-hangs=3"]) as camera:
        status = _plugged(imports, camera, lambda status: status.state is DeviceState.SAFE)
    assert status.state is DeviceState.SAFE
    assert list(imports.content()) == [picture(1)]
    assert "clock" in status.notes[0]
