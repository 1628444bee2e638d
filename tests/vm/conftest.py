"""The built image, a machine that was set up once, and copies of it for each test."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kiosk import CHECKOUT
from tests.vm.machine import FIRMWARE, Machine, running
from tests.vm.prepared import READY, prepared

OUT = Path(os.environ.get("MEDKIOSK_IMAGE", CHECKOUT / ".cache" / "image" / "out"))
PLACE = Path(os.environ.get("MEDKIOSK_VM_DIR", CHECKOUT / ".cache" / "vm"))
PROGRAMS = (
    "qemu-system-x86_64",
    "qemu-img",
    "swtpm",
    "zstd",
    "setpriv",
    "mcopy",
    "mkfs.vfat",
    "mkfs.exfat",
    "mkfs.ext4",
    "sfdisk",
)


def lacking() -> str:
    """What is not here that a machine needs; empty where one can be run."""
    if not (OUT / "medkiosk.raw").exists():
        return "there is no image: make image"
    if missing := [each for each in PROGRAMS if shutil.which(each) is None]:
        return f"not installed: {', '.join(missing)}"
    if not (FIRMWARE / "OVMF_CODE_4M.fd").exists():
        return "not installed: ovmf"
    return ""


@pytest.fixture(scope="session")
def image() -> Path:
    """The built image. Who asked for a machine is told what is missing by a failure, not by a skip."""
    if os.environ.get("MEDKIOSK_VM") != "1":
        pytest.skip("takes many minutes: make image-test")
    if reason := lacking():
        pytest.fail(reason)
    return OUT / "medkiosk.raw"


@pytest.fixture(scope="session")
def place(image: Path) -> Path:
    """A folder for machines of this image; those of an image before are removed."""
    mark = f"{(OUT / 'commit').read_text().strip()} {image.stat().st_mtime_ns}"
    if not (PLACE / "of").exists() or (PLACE / "of").read_text() != mark:
        shutil.rmtree(PLACE, ignore_errors=True)
        PLACE.mkdir(parents=True)
        (PLACE / "of").write_text(mark)
    return PLACE


@pytest.fixture
def fresh(image: Path, place: Path, request: pytest.FixtureRequest) -> Iterator[Machine]:
    """A machine with the image on its disk, switched off, never started before."""
    directory = place / request.node.name
    shutil.rmtree(directory, ignore_errors=True)
    with running(Machine(image, directory)) as machine:
        yield machine


@pytest.fixture(scope="session")
def set_up_once(image: Path, place: Path) -> Machine:
    """A machine that was set up by keys, switched off. It is kept: the next run begins there."""
    return prepared(image, place / "kiosk")


@pytest.fixture
def kiosk(set_up_once: Machine) -> Iterator[Machine]:
    """That machine, running again from the console on; whatever a test does to it is forgotten."""
    with running(set_up_once) as machine:
        machine.restore(READY)
        yield machine
