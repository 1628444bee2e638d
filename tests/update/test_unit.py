"""The helper in its own unit's sandbox, under systemd 257, with the real systemd-sysupdate (make nspawn).

What a container has not is a disk: the one that is written to is a file beside the kernel images.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.systemd.container import TREE, Container, container
from tests.update.build import SIGNERS, Update
from tests.update.test_sysupdate import SYSUPDATE, TOOLS, Appliance

pytestmark = [
    pytest.mark.skipif("MEDKIOSK_NSPAWN" not in os.environ, reason="make nspawn sets it"),
    pytest.mark.skipif(not TREE.with_suffix(".ready").exists(), reason="make nspawn makes the tree"),
    pytest.mark.skipif(
        not (TOOLS / SYSUPDATE[1:]).exists(), reason="the image's tools are not here: image.sh tools"
    ),
    pytest.mark.skipif(os.geteuid() != 0 or shutil.which("systemd-nspawn") is None, reason="root and nspawn"),
    pytest.mark.timeout(600),
]
PYTHON = "/usr/lib/medkiosk/venv/bin/python"
# The daemon's way: its reader, its feed, the helper's socket.
CLIENT = """
from pathlib import Path
from medkiosk.daemon.updatefeed import Feed, ask_restart, spawn_reader
from medkiosk.update.errors import UpdateError
from medkiosk.workers import SocketChannel

socket = Path("/run/medkiosk-workers/update.sock")
feed = Feed(Path("/srv/stick"), spawn_reader, lambda: SocketChannel(socket))
try:
    print(feed.offer().version)
    feed.install(lambda count: None, lambda: None)
    print("installed")
except UpdateError as error:
    print(error.code)
finally:
    feed.close()
"""


@pytest.fixture(scope="module")
def booted() -> Iterator[Container]:
    with container() as made:
        for name in ("systemd-sysupdate", "systemd-import"):
            shutil.copy(TOOLS / "usr/lib/systemd" / name, made.root / "usr/lib/systemd" / name)
        libraries = "usr/lib/x86_64-linux-gnu"
        for pattern in (
            "libfdisk.so*",
            "liblzma.so*",
            "libbz2.so*",
            "libz.so*",
            "libblkid.so*",
            "libuuid.so*",
        ):
            for path in (TOOLS / libraries).glob(pattern):
                if not (made.root / libraries / path.name).exists():
                    shutil.copy(path, made.root / libraries / path.name)
        yield made


def test_in_its_sandbox_an_update_comes_into_its_place(booted: Container, tmp_path: Path) -> None:
    appliance, update = Appliance(tmp_path / "appliance"), Update()
    root = booted.root
    update.write(root / "srv/stick")
    with (root / "usr/lib/os-release").open("a") as file:
        file.write("IMAGE_ID=medkiosk\nIMAGE_VERSION=0.0.1\n")
    (root / "usr/lib/medkiosk/release.pub").write_text(SIGNERS)
    (root / "usr/lib/sysupdate.d").mkdir()
    for path in (appliance.at / "definitions").iterdir():
        text = (
            path.read_text()
            .replace("/mnt/folder", "/var/lib/medkiosk-update")
            .replace("/mnt/disk", "/efi/disk")
        )
        (root / "usr/lib/sysupdate.d" / path.name).write_text(text.replace("/mnt/boot", "/efi/EFI/Linux"))
    (root / "efi/EFI/Linux").mkdir(parents=True)
    shutil.copy(appliance.at / "disk", root / "efi/disk")
    booted.run("systemctl", "start", "medkiosk-update.socket")

    assert booted.run(PYTHON, "-I", "-c", CLIENT).split() == ["0.0.2", "update.on_trial"]
    (root / "efi/EFI/Linux/medkiosk_0.0.1.efi").write_text("the one that runs")
    said = booted.run(PYTHON, "-I", "-c", CLIENT).split()
    journal = booted.run("journalctl", "--no-pager", "-o", "cat", "-t", "medkiosk-update", check=False)
    assert said == ["0.0.2", "installed"], journal
    shutil.copy(root / "efi/disk", appliance.at / "disk")
    shutil.copytree(root / "efi/EFI/Linux", appliance.at / "boot", dirs_exist_ok=True)
    assert appliance.installed(update)
    assert {path.name for path in (root / "var/lib/medkiosk-update").iterdir()} == {".lock"}
