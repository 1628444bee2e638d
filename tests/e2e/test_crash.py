"""Cables, power cuts and dying processes: nothing acknowledged is lost, nothing is there twice."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.e2e.conftest import FEW, MANY
from tests.e2e.proof import assert_clean, assert_exactly_once
from tests.kiosk import ScratchKiosk, imported, redacted, safe
from tests.virtual.camera import RunningCamera

Make = Callable[..., ScratchKiosk]
SLOWLY = "group_files = 2"  # small groups: many acknowledgements to be killed between


def workers(kiosk: ScratchKiosk, module: str) -> list[psutil.Process]:
    """The daemon's child processes that run a module."""
    return [
        child
        for child in psutil.Process(kiosk.pid).children(recursive=True)
        if module in " ".join(child.cmdline())
    ]


@pytest.mark.parametrize("after", [0, 2, 6])
def test_daemon_killed_in_mid_import(
    make_kiosk: Make, camera: RunningCamera, card: Path, tmp_path: Path, after: int
) -> None:
    kiosk = make_kiosk(cameras=[camera.gphoto_port], settings=SLOWLY)
    kiosk.start()
    kiosk.wait(lambda s: bool(s.devices) and s.devices[0].files > 0 and s.devices[0].sealed >= after)
    kiosk.kill()

    kiosk.start()
    status = kiosk.wait(safe)
    assert status.devices[0].sealed + status.devices[0].already == status.devices[0].files == MANY
    assert status.devices[0].already >= after
    kiosk.stop()
    assert_exactly_once(kiosk, card, tmp_path / "proof")


def test_source_worker_killed_in_mid_import(
    make_kiosk: Make, camera: RunningCamera, card: Path, tmp_path: Path
) -> None:
    kiosk = make_kiosk(cameras=[camera.gphoto_port], settings=SLOWLY)
    kiosk.start()
    kiosk.wait(lambda s: bool(s.devices) and s.devices[0].sealed >= 2)
    for worker in workers(kiosk, "medkiosk.source.worker"):
        worker.kill()
    status = kiosk.wait(safe)
    assert status.devices[0].failed == 0
    kiosk.stop()
    assert_exactly_once(kiosk, card, tmp_path / "proof")


def test_redact_worker_killed_in_mid_photo(
    make_kiosk: Make, small_camera: RunningCamera, small_card: Path, tmp_path: Path
) -> None:
    kiosk = make_kiosk(cameras=[small_camera.gphoto_port])
    kiosk.start()
    kiosk.wait(lambda s: s.redaction.done >= 1, timeout_s=120)
    for worker in workers(kiosk, "medkiosk.redact.worker"):
        worker.kill()
    status = kiosk.wait(redacted, timeout_s=120)
    # The photo in hand got another chance with a new worker.
    assert (status.redaction.done, status.redaction.failed) == (FEW, 0)
    kiosk.stop()
    assert_exactly_once(kiosk, small_card, tmp_path / "proof")


def test_daemon_killed_while_photos_wait_for_redaction(
    make_kiosk: Make, small_camera: RunningCamera, small_card: Path, tmp_path: Path
) -> None:
    kiosk = make_kiosk(cameras=[small_camera.gphoto_port])
    kiosk.start()
    kiosk.wait(safe)
    kiosk.kill()
    kiosk.start()
    assert kiosk.wait(safe).redaction.done < FEW
    with kiosk.session("admin"):  # any login opens the vault; the queue fills by itself
        kiosk.wait(lambda s: s.redaction.waiting > 0 or s.redaction.done > 0)
    # The keys of what waits stay in memory after the logout, until each photo is redacted.
    kiosk.wait(lambda s: s.redaction.waiting == 0, timeout_s=120)
    kiosk.hire()
    with kiosk.session("rita") as rita:
        captures = rita.list_captures().captures
    assert len(captures) == FEW
    assert {c.state.value for c in captures} == {"proposed"}
    assert all(c.revision == 1 for c in captures)
    kiosk.stop()
    assert_exactly_once(kiosk, small_card, tmp_path / "proof")


def test_camera_yanked_in_mid_file_and_plugged_in_again(make_kiosk: Make, card: Path, tmp_path: Path) -> None:
    sizes = [path.stat().st_size for path in sorted(card.rglob("*.JPG"))]
    camera = RunningCamera(card, faults=[f"vanish-at={12 * 65536 + sum(sizes[:4]) + sizes[4] // 2}"])
    try:
        kiosk = make_kiosk(cameras=[camera.gphoto_port], settings=SLOWLY + "\nretries = 1")
        kiosk.start()
        status = kiosk.wait(lambda s: bool(s.devices) and s.devices[0].state in ("lost", "incomplete"))
        assert not safe(status)
        camera.restart()
        status = kiosk.wait(safe)
        assert status.devices[0].already >= 1
        kiosk.stop()
    finally:
        camera.stop()
    assert_exactly_once(kiosk, card, tmp_path / "proof")


def test_plugging_in_again_reads_nothing_twice(
    make_kiosk: Make, camera: RunningCamera, card: Path, tmp_path: Path
) -> None:
    kiosk = make_kiosk(cameras=[camera.gphoto_port])
    kiosk.start()
    kiosk.wait(safe)
    size = kiosk.status().objects
    camera.stop()
    kiosk.wait(lambda s: not imported(s) or s.devices[0].state == "gone")
    camera.restart()
    status = kiosk.wait(lambda s: safe(s) and s.devices[0].already == MANY)
    assert status.devices[0].sealed == 0
    kiosk.stop()
    assert_clean(kiosk)
    assert_exactly_once(kiosk, card, tmp_path / "proof")
    assert size > 0
