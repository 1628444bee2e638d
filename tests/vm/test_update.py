"""A second version from a stick; and one that does not start, after which the first one is back.

Needs a second build: ``make image-second``.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kiosk import CHECKOUT
from tests.vm import media
from tests.vm.desk import ADMIN, Desk
from tests.vm.machine import Machine, running
from tests.vm.prepared import READY

pytestmark = pytest.mark.timeout(7200)

UPDATES = Path(os.environ.get("MEDKIOSK_UPDATES", CHECKOUT / ".cache" / "image" / "updates"))
INSTALLED = "installed"


@pytest.fixture(scope="module")
def bundle(image: Path) -> Path:
    """The newest signed update that was built."""
    if not (found := sorted(UPDATES.glob("medkiosk-update-*"))):
        pytest.fail(f"there is no update in {UPDATES}: make image-second")
    running_version = (image.parent / "version").read_text().strip()
    if found[-1].name == f"medkiosk-update-{running_version}":
        pytest.fail("the update is the version that runs: make image-second")
    return found[-1]


@pytest.fixture(scope="module")
def installed(
    set_up_once: Machine, bundle: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Machine]:
    """A machine with the update in its place, written down before the restart: each test begins there.

    It is kept, like the machine that was set up.
    """
    kept = set_up_once.directory / INSTALLED / "memory.zst"
    if kept.exists() and kept.stat().st_mtime > (bundle / "update.json").stat().st_mtime:
        with running(set_up_once) as machine:
            yield machine
        return
    stick = media.fat32(tmp_path_factory.mktemp("update") / "stick.img", {}, label="MEDKIOSK", mib=1600)
    subprocess.run(["mcopy", "-i", f"{stick}@@{1 << 20}", "-s", bundle, "::"], check=True)
    with running(set_up_once) as machine:
        machine.restore(READY)
        install(machine, stick)
        machine.save(INSTALLED)
        yield machine


def install(kiosk: Machine, stick: Path) -> None:
    """What the administrator does, as far as the restart."""
    desk = Desk(kiosk)
    plugged = kiosk.plug_stick(stick)
    desk.log_in(ADMIN)
    kiosk.press("v")
    desk.see("On the stick")
    kiosk.press("c")
    desk.see("I installs it", timeout_s=900)
    kiosk.picture("update-found")
    kiosk.press("i")
    desk.see("Install version")
    kiosk.press("y")
    desk.see("UPDATE READY", timeout_s=3600)
    kiosk.picture("update-ready")
    plugged.unplug()


def version(kiosk: Machine) -> str:
    """What runs."""
    return kiosk.shell("cat /usr/lib/medkiosk/version").splitlines()[0]


def test_another_version_comes_from_a_stick_and_opens_the_same_disk(installed: Machine, bundle: Path) -> None:
    installed.restore(INSTALLED)
    before = len(installed.serial())
    installed.press("r")
    installed.see("Restart now")
    installed.press("y")
    installed.wait_serial("BdsDxe: starting Boot", 900, since=before)  # the firmware, once more
    installed.see("locked: no photo can be read here", timeout_s=900)
    assert f"medkiosk-update-{version(installed)}" == bundle.name
    installed.picture("updated")


def test_a_version_that_does_not_start_is_left_behind(installed: Machine, image: Path) -> None:
    installed.rewind(INSTALLED)  # so the power went when UPDATE READY was read: all of it is on the disk
    spoil_second_root(installed)
    before = len(installed.serial())
    installed.start()
    installed.see("locked: no photo can be read here", timeout_s=3600)
    assert installed.serial()[before:].count("BdsDxe: starting Boot") == 4  # three in vain
    assert version(installed) == (image.parent / "version").read_text().strip()
    installed.picture("rolled-back")


def spoil_second_root(kiosk: Machine) -> None:
    """The second root's bytes are not what they were."""
    raw = kiosk.directory / "spoilt.raw"
    subprocess.run(["qemu-img", "convert", "-O", "raw", kiosk.disk, raw], check=True)
    roots = {
        name: start for name, (start, _) in media.partitions(raw).items() if name.startswith("medkiosk_")
    }
    start = max(start for name, start in roots.items() if not name.endswith("_v"))
    with raw.open("r+b") as file:
        file.seek(start + 1024)  # the super block of erofs
        file.write(b"\0" * 128)
    subprocess.run(["qemu-img", "convert", "-O", "qcow2", raw, kiosk.disk], check=True)
    raw.unlink()
