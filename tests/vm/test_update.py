"""A second version from a stick; and two that do not come up, after which the first one is back.

Whatever becomes of an update, the pictures that were sealed before it are there, as they were. Needs a second
build: ``make image-second``.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.kiosk import CHECKOUT
from tests.virtual.photos import make_card
from tests.vm import media
from tests.vm.desk import ADMIN, Desk
from tests.vm.machine import Machine, running
from tests.vm.prepared import READY
from tests.vm.store import sealed, verified

pytestmark = pytest.mark.timeout(7200)

UPDATES = Path(os.environ.get("MEDKIOSK_UPDATES", CHECKOUT / ".cache" / "image" / "updates"))
INSTALLED = "installed"
BUILDER = CHECKOUT / ".cache" / "image"
DAEMON = "/usr/lib/medkiosk/venv/bin/medkioskd"


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
    """A machine with two photos and, after them, the update in its place, written down before the restart.

    Each test begins there. It is kept, like the machine that was set up.
    """
    kept = set_up_once.directory / INSTALLED / "memory.zst"
    if kept.exists() and kept.stat().st_mtime > (bundle / "update.json").stat().st_mtime:
        with running(set_up_once) as machine:
            yield machine
        return
    folder = tmp_path_factory.mktemp("update")
    stick = media.fat32(folder / "stick.img", {}, label="MEDKIOSK", mib=1600)
    subprocess.run(["mcopy", "-i", f"{stick}@@{1 << 20}", "-s", bundle, "::"], check=True)
    with running(set_up_once) as machine:
        machine.restore(READY)
        import_two(machine, folder)
        install(machine, stick)
        machine.save(INSTALLED)
        yield machine


def import_two(kiosk: Machine, folder: Path) -> None:
    """Photos of before the update; what is sealed of them is written down."""
    make_card(folder / "card", 2, fast=True, size=(684, 456), camera=False)
    paths = (path for path in (folder / "card").rglob("*.JPG"))
    files = {path.relative_to(folder / "card").as_posix(): path.read_bytes() for path in paths}
    plugged = kiosk.plug_stick(media.fat32(folder / "card.img", files))
    kiosk.see("SAFE TO UNPLUG", timeout_s=1800)
    plugged.unplug()
    found = sealed(kiosk)
    assert len(found) >= len(files)
    (kiosk.directory / "sealed.json").write_text(json.dumps(sorted(found)))


def nothing_is_lost(kiosk: Machine) -> None:
    """What was sealed before the update is there, byte for byte, and the store is good."""
    verified(kiosk)
    assert set(json.loads((kiosk.directory / "sealed.json").read_text())) <= sealed(kiosk)


def install(kiosk: Machine, stick: Path) -> None:
    """What the administrator does, as far as the restart."""
    desk = Desk(kiosk)
    plugged = kiosk.plug_stick(stick)
    desk.log_in(ADMIN)
    desk.press_for("v", "On the stick")
    desk.press_for("c", "I installs it", timeout_s=900)
    kiosk.picture("update-found")
    desk.press_for("i", "Install version")
    desk.press_for("y", "UPDATE READY", timeout_s=3600)
    kiosk.picture("update-ready")
    plugged.unplug()


def version(kiosk: Machine) -> str:
    """What runs."""
    return kiosk.shell("cat /usr/lib/medkiosk/version").splitlines()[0]


def test_another_version_comes_from_a_stick_and_opens_the_same_disk(installed: Machine, bundle: Path) -> None:
    installed.restore(INSTALLED)
    before = len(installed.serial())
    Desk(installed).press_for("r", "Restart now")
    installed.press("y")
    installed.wait_serial("BdsDxe: starting Boot", 900, since=before)  # the firmware, once more
    installed.see("locked: no photo can be read here", timeout_s=900)
    assert f"medkiosk-update-{version(installed)}" == bundle.name
    installed.picture("updated")
    nothing_is_lost(installed)


def test_a_version_that_does_not_start_is_left_behind(installed: Machine, image: Path) -> None:
    installed.rewind(INSTALLED)  # so the power went when UPDATE READY was read: all of it is on the disk
    spoil_second_root(installed)
    before = len(installed.serial())
    installed.start()
    installed.see("locked: no photo can be read here", timeout_s=3600)
    assert installed.serial()[before:].count("BdsDxe: starting Boot") == 4  # three in vain
    assert version(installed) == (image.parent / "version").read_text().strip()
    installed.picture("rolled-back")
    nothing_is_lost(installed)


def test_a_version_whose_daemon_never_becomes_ready_is_left_behind(
    installed: Machine, bundle: Path, image: Path
) -> None:
    installed.rewind(INSTALLED)
    end_second_daemon(installed, bundle)
    before = len(installed.serial())
    installed.start()
    installed.see("locked: no photo can be read here", timeout_s=3600)
    said = installed.serial()[before:]
    assert said.count("This version did not become ready: starting again.") == 1
    assert said.count("BdsDxe: starting Boot") == 2
    assert version(installed) == (image.parent / "version").read_text().strip()
    installed.picture("rolled-back-from-a-dead-daemon")
    nothing_is_lost(installed)


@contextmanager
def raw_disk(kiosk: Machine) -> Iterator[Path]:
    """The disk of a machine that is off, to be written to."""
    raw = kiosk.directory / "raw"
    subprocess.run(["qemu-img", "convert", "-O", "raw", kiosk.disk, raw], check=True)
    yield raw
    subprocess.run(["qemu-img", "convert", "-O", "qcow2", raw, kiosk.disk], check=True)
    raw.unlink()


def spoil_second_root(kiosk: Machine) -> None:
    """The second root's bytes are not what they were."""
    with raw_disk(kiosk) as raw:
        roots = {
            name: start for name, (start, _) in media.partitions(raw).items() if name.startswith("medkiosk_")
        }
        start = max(start for name, start in roots.items() if not name.endswith("_v"))
        with raw.open("r+b") as file:
            file.seek(start + 1024)  # the super block of erofs
            file.write(b"\0" * 128)


def end_second_daemon(kiosk: Machine, bundle: Path) -> None:
    """The second version starts, opens the disk, and its daemon ends at once: for the third time.

    It is the same root; its unified kernel image is made anew with one more word in the command line, by
    which ``/usr/bin/false`` lies over the daemon, and signed with the builder's own keys. Two of its three
    starts were in vain already: that all three are counted, the spoilt root shows.
    """
    with tempfile.TemporaryDirectory(dir=BUILDER / "tmp") as folder:
        shutil.copy(bundle / "uki.efi", Path(folder) / "uki.efi")
        word = f"systemd.mount-extra=/usr/bin/false:{DAEMON}:none:bind"
        builder: list[str | Path] = [CHECKOUT / "image-build" / "image.sh", "enter"]
        subprocess.run(
            [*builder, "bash", "-euc", _ANEW, "anew", f"/cache/tmp/{Path(folder).name}", word], check=True
        )
        with raw_disk(kiosk) as raw:
            start, _ = media.partitions(raw)["medkiosk-esp"]
            esp = f"{raw}@@{start}"
            listed = subprocess.run(
                ["mdir", "-b", "-i", esp, "::/EFI/Linux"], check=True, capture_output=True, text=True
            ).stdout.split()
            number = bundle.name.rpartition("-")[2]
            [second] = [each for each in listed if f"medkiosk_{number}+" in each]
            last = f"{second.rpartition('+')[0]}+1-2.efi"
            subprocess.run(["mdel", "-i", esp, second], check=True)
            subprocess.run(["mcopy", "-i", esp, Path(folder) / "anew.efi", last], check=True)


_ANEW = r"""
cd "$1"
python3 -c '
import pathlib, pefile
for section in pefile.PE("uki.efi").sections:
    name = section.Name.rstrip(b"\0").decode().lstrip(".")
    pathlib.Path(name).write_bytes(section.get_data()[: section.Misc_VirtualSize])
'
printf "%s %s" "$(tr -d "\0" <cmdline)" "$2" >cmdline.more
/usr/lib/systemd/ukify build --linux=linux --initrd=initrd --cmdline=@cmdline.more --os-release=@osrel \
    --uname="$(cat uname)" --pcr-private-key=/keys/pcr.key --pcr-banks=sha256 \
    --signtool=systemd-sbsign --secureboot-private-key=/keys/secureboot.key \
    --secureboot-certificate=/keys/secureboot.crt --no-sign-kernel --output=anew.efi
"""
