"""The virtual R6 in a real system: kernel, udev, libusb and gphoto2 in QEMU. Minutes: set MEDKIOSK_VM=1."""

from __future__ import annotations

import hashlib
import os
import random
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.virtual.usb import VirtualR6Usb
from tests.virtual.usbsystem import System, build, missing

pytestmark = [
    pytest.mark.skipif("MEDKIOSK_VM" not in os.environ, reason="boots a machine: set MEDKIOSK_VM=1"),
    pytest.mark.skipif(bool(missing()), reason=missing()),
    pytest.mark.timeout(900),
]
MIB = 1 << 20
SIZES = {
    "IMG_0001.JPG": 3 * MIB + 17,
    "IMG_0002.JPG": 512 * 40 - 12,  # with the container's header it fills its last packet
    "IMG_0003.JPG": (1 << 16) - 12,
    "IMG_0004.CR3": 20_000_000,
}


@pytest.fixture(scope="module")
def card(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("card")
    for name, size in SIZES.items():
        path = root / "DCIM/100CANON" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(random.Random(size).randbytes(size))
    return root


@pytest.fixture(scope="module")
def camera(card: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[VirtualR6Usb]:
    device = VirtualR6Usb(tmp_path_factory.mktemp("r6") / "s", card)
    yield device
    device.close()


@pytest.fixture(scope="module")
def system(camera: VirtualR6Usb, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    build()
    with System(tmp_path_factory.mktemp("vm")) as running:
        running.attach(camera.path)
        yield running


@pytest.fixture(autouse=True)
def plugged(system: System, camera: VirtualR6Usb) -> None:
    camera.replug()
    system.wait_for("udevadm settle; lsusb", "04a9:32f5")
    system.run("rm -rf /tmp/o; mkdir /tmp/o; cd /tmp/o")


def sums(card: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in card.glob("DCIM/*/*.*")}


def downloaded(system: System) -> dict[str, str]:
    said = system.run("sha256sum *")
    return {name: digest for digest, name in re.findall(r"([0-9a-f]{64})  (\S+)", said)}


def test_udev_knows_it(system: System) -> None:
    said = system.run("udevadm info $(grep -l 32f5 /sys/bus/usb/devices/*/idProduct | xargs dirname)")
    for line in ("ID_GPHOTO2=1", "ID_USB_INTERFACES=:060101:", "ID_VENDOR_ID=04a9", "DEVTYPE=usb_device"):
        assert line in said


def test_gphoto2_gets_every_file(system: System, card: Path) -> None:
    assert re.search(r"Canon EOS R6 +usb:001,\d+", system.run("gphoto2 -q --auto-detect"))
    listed = system.run("gphoto2 -q --list-files")
    assert all(name in listed for name in SIZES)
    said = system.run("gphoto2 -q --get-all-files", wait_s=300)
    assert "rror" not in said
    assert downloaded(system) == sums(card)


def test_it_is_pulled_out_during_a_transfer(system: System, camera: VirtualR6Usb, card: Path) -> None:
    camera.replug(["vanish-at=8000000"])
    system.wait_for("udevadm settle; lsusb", "04a9:32f5")
    said = system.run("gphoto2 -q --get-all-files", wait_s=300)
    assert "rror" in said
    assert "04a9:32f5" not in system.run("lsusb")
    assert "USB disconnect" in system.run("dmesg | tail -n 5")
    camera.replug()
    system.wait_for("udevadm settle; lsusb", "04a9:32f5")
    system.run("rm -f *; gphoto2 -q --get-all-files", wait_s=300)
    assert downloaded(system) == sums(card)


def test_a_program_that_was_killed_leaves_a_session_behind(
    system: System, camera: VirtualR6Usb, card: Path
) -> None:
    camera.replug(["slow=0.5"])
    system.wait_for("udevadm settle; lsusb", "04a9:32f5")
    said = system.run("timeout -s KILL 8 gphoto2 -q --get-all-files", wait_s=300)
    assert "\n137:" in said
    system.run("rm -f *; gphoto2 -q --get-all-files", wait_s=300)
    assert downloaded(system) == sums(card)


def test_an_endpoint_halts_once(system: System, camera: VirtualR6Usb) -> None:
    camera.replug(wire=["halt=1000000"])
    system.wait_for("udevadm settle; lsusb", "04a9:32f5")
    said = system.run("gphoto2 -q --get-all-files", wait_s=300)
    print(said[-1500:])
    assert downloaded(system).items() <= sums(Path(camera.camera.root)).items()
