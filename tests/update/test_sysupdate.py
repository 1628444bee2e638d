"""The real systemd-sysupdate, with the appliance's own definitions, on a disk that is a file.

It runs in the root that the image is built with (`image-build/image.sh tools`); skipped without it.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from medkiosk.core.frames import Frame
from medkiosk.update import errors
from medkiosk.update.manifest import PartName
from medkiosk.update.protocol import Say
from tests.update.build import UUIDS, Update
from tests.update.helper import CHECKOUT, Place
from tests.update.test_apply import DONE, failed, install

TOOLS = Path(os.environ.get("MEDKIOSK_IMAGE_TOOLS", CHECKOUT / ".cache/image/tools"))
SYSUPDATE = "/usr/lib/systemd/systemd-sysupdate"
SECTOR = 512
pytestmark = [
    pytest.mark.skipif(
        not (TOOLS / SYSUPDATE[1:]).exists(), reason="the image's tools are not here: image.sh tools"
    ),
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root, for a chroot"),
]
# In a mount namespace of its own: /proc, and the version that runs.
RUN = """#!/bin/sh
set -e
[ ! -e "{at}/cut" ] || {{ rm "{at}/cut"; limit="timeout -s KILL 0.1"; }}
exec unshare -m sh -c 'mount -t proc proc {tools}/proc
mount --bind "{at}/os-release" {tools}/usr/lib/os-release
mount --bind "{at}" {tools}/mnt
exec chroot {tools} '"$limit"' {sysupdate} --definitions=/mnt/definitions --verify=no update '"$1"
"""


@dataclass
class Appliance(Place):
    """A disk with two slots, and a folder for what the firmware starts."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.run_version(self.running)
        definitions = self.at / "definitions"
        definitions.mkdir()
        (self.at / "folder").mkdir()
        for path in (CHECKOUT / "image-build" / "sysupdate.d").glob("*.transfer"):
            text = path.read_text().replace("Path=/var/lib/medkiosk-update", "Path=/mnt/folder")
            text = text.replace("Path=auto", "Path=/mnt/disk").replace("PathRelativeTo=boot\n", "")
            (definitions / path.name).write_text(text.replace("Path=/EFI/Linux", "Path=/mnt/boot"))
        with (self.at / "disk").open("wb") as disk:
            disk.truncate(40 << 20)
        root, verity = "4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709", "2C7357ED-EBD2-46D9-AEC1-23D437EC2BF5"
        table = [
            "label: gpt",
            "size=1M, type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B, name=medkiosk-esp",
            f'size=8M, type={root}, name="medkiosk_{self.running}"',
            f'size=1M, type={verity}, name="medkiosk_{self.running}_v"',
            f"size=8M, type={root}, name=_empty",
            f"size=1M, type={verity}, name=_empty",
        ]
        self.sfdisk("-q", said="\n".join(table))
        (self.at / "install").write_text(RUN.format(at=self.at, tools=TOOLS, sysupdate=SYSUPDATE))

    def run_version(self, version: str) -> None:
        self.running = version
        (self.at / "version").write_text(version + "\n")
        (self.at / "os-release").write_text(f"ID=debian\nIMAGE_ID=medkiosk\nIMAGE_VERSION={version}\n")

    def sfdisk(self, *options: str, said: str = "") -> str:
        program, libraries = TOOLS / "usr/sbin/sfdisk", TOOLS / "usr/lib/x86_64-linux-gnu"
        done = subprocess.run(
            [
                libraries / "ld-linux-x86-64.so.2",
                "--library-path",
                libraries,
                program,
                *options,
                self.at / "disk",
            ],
            input=said,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout

    @property
    def slots(self) -> dict[str, tuple[int, str]]:
        """Where each partition begins, in bytes, and its UUID."""
        line = re.compile(r"start= *(\d+),.*uuid=([0-9A-F-]+), name=\"([^\"]*)\"")
        found = line.findall(self.sfdisk("--dump"))
        return {name: (int(start) * SECTOR, uuid.UUID(id_).hex) for start, id_, name in found}

    def installed(self, update: Update) -> bool:
        slots = self.slots
        disk = (self.at / "disk").read_bytes()
        for name, label in ((PartName.ROOT, ""), (PartName.VERITY, "_v")):
            start, id_ = slots[f"medkiosk_{update.version}{label}"]
            data = update.parts[name]
            if disk[start : start + len(data)] != data or id_ != UUIDS[name]:
                return False
        return (self.at / "boot" / f"medkiosk_{update.version}+3-0.efi").read_bytes() == update.parts[
            PartName.UKI
        ]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Appliance]:
    yield Appliance(tmp_path / "appliance")
    shutil.rmtree(tmp_path / "appliance")


def test_an_update_goes_to_the_slot_that_does_not_run(place: Appliance) -> None:
    update = Update()
    assert install(place, update) == DONE
    assert place.installed(update)
    assert place.images == {"medkiosk_0.0.1.efi", "medkiosk_0.0.2+3-0.efi"}
    assert "medkiosk_0.0.1" in place.slots
    assert place.staged == set()


def test_one_after_a_good_one_replaces_the_oldest_and_one_after_a_bad_one_the_bad_one(
    place: Appliance,
) -> None:
    assert install(place, Update()) == DONE
    boot = place.at / "boot"
    # It did not start: what runs is 0.0.1, and stays.
    (boot / "medkiosk_0.0.2+3-0.efi").rename(boot / "medkiosk_0.0.2+0-3.efi")
    good = Update(version="0.0.3")
    assert install(place, good) == DONE
    assert place.installed(good)
    assert place.images == {"medkiosk_0.0.1.efi", "medkiosk_0.0.3+3-0.efi"}
    # It started, and proved itself: 0.0.1 makes room.
    (boot / "medkiosk_0.0.3+3-0.efi").rename(boot / "medkiosk_0.0.3.efi")
    place.run_version("0.0.3")
    next_one = Update(version="0.0.4")
    assert install(place, next_one) == DONE
    assert place.installed(next_one)
    assert place.images == {"medkiosk_0.0.3.efi", "medkiosk_0.0.4+3-0.efi"}


def test_cut_off_while_it_writes_nothing_can_be_started_but_what_runs(place: Appliance) -> None:
    update = Update()
    (place.at / "cut").touch()
    said = install(place, update)
    if said == failed(errors.NotInstalledError):  # on a quick machine it is done by then
        assert place.images == {"medkiosk_0.0.1.efi"}
    assert "medkiosk_0.0.1" in place.slots
    assert isinstance(said, Frame)
    assert said.type in (Say.DONE, Say.FAILED)
    assert install(place, update) == DONE
    assert place.installed(update)


def test_one_that_had_no_tries_left_gets_new_ones(place: Appliance) -> None:
    update = Update()
    assert install(place, update) == DONE
    boot = place.at / "boot"
    (boot / "medkiosk_0.0.2+3-0.efi").rename(boot / "medkiosk_0.0.2+0-3.efi")
    assert install(place, update) == DONE
    assert place.installed(update)


def test_one_that_a_power_cut_left_empty_is_written_again(place: Appliance) -> None:
    update = Update()
    assert install(place, update) == DONE
    (place.at / "boot" / "medkiosk_0.0.2+3-0.efi").write_bytes(b"")
    assert install(place, update) == DONE
    assert place.installed(update)


def test_a_root_that_is_larger_than_its_slot_is_said(place: Appliance) -> None:
    assert install(place, Update(sizes=(9 << 20, 512, 100))) == failed(errors.NotInstalledError)
    assert place.images == {"medkiosk_0.0.1.efi"}
    assert install(place, Update()) == DONE
