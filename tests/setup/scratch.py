"""An appliance in a folder: the real set-up, its real programs, a TPM in software, a disk in a file.

As a program (``python -m tests.setup.scratch FOLDER ...``) it is ``medkiosk-setup`` with the paths of that
folder.
Only what would change this machine is another: its clock (what it was set to is written to a file) and its
keyboards (two that are always there). And a passphrase costs next to nothing to try.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

from medkiosk.core.errors import KioskError
from medkiosk.device import usbpolicy
from medkiosk.device.usbkeyboards import Keyboard
from medkiosk.setup import secureboot
from medkiosk.setup.__main__ import go
from medkiosk.setup.machine import Sealing
from medkiosk.setup.places import Places
from medkiosk.setup.steps import SetUp
from tests.cheap import make_cheap

CHECKOUT = Path(__file__).resolve().parents[2]
TREE = CHECKOUT / ".cache" / "image" / "tools"
"""Debian 13 with systemd 257, which can open a disk with the TPM to enrol another key."""
KEYBOARDS = (
    Keyboard("046d", "c31c", "pci-0000:00:14.0-usb-0:3", "", "Logitech USB Keyboard"),
    Keyboard("05e0", "1200", "pci-0000:00:14.0-usb-0:4", "S1234", "Symbol Scanner"),
)
ANSWERS = {
    "layout": "ch-de",
    "site": 'Dermatology "12"',
    "origin": "kiosk1.hospital.example/medkiosk",
    "zone": "Europe/Zurich",
    "user": "admin",
    "display_name": "Ada Admin",
    "passphrase": "correct horse battery",
}
BUILT = 1_780_000_000
"""2026-05-28."""
_IN_TREE = 'mount --bind /tmp "$0/tmp" && mount --rbind /dev "$0/dev" && exec chroot "$0" "$@"'


def tools_are_here() -> bool:
    """Whether systemd 257 and a TPM in software can be had."""
    programs = ("usr/bin/systemd-creds", "usr/bin/systemd-cryptenroll")
    return (
        os.geteuid() == 0
        and all((TREE / one).exists() for one in programs)
        and all(map(shutil.which, ("swtpm", "cryptsetup", "unshare", "chroot")))
    )


def prefix() -> list[str]:
    """What a command of the tree is started with; it sees this machine's /tmp."""
    return ["unshare", "--mount", "--propagation", "private", "/bin/sh", "-c", _IN_TREE, str(TREE)]


class Scratch:
    """A folder that is an appliance before its set-up."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @property
    def store(self) -> Path:
        return self.root / "store"

    @property
    def keys(self) -> Path:
        return self.root / "keys"

    @property
    def tpm(self) -> str:
        """For systemd's programs; one that answers nothing where a test made it."""
        mute = self.root / "mute"
        return f"swtpm:path={mute if mute.exists() else self.root / 'tpm'}"

    @property
    def places(self) -> Places:
        return Places(
            site=self.root / "site",
            credentials=self.root / "credentials",
            keyboards=self.root / "usb" / "keyboards.rules",
            template=self.root / "template.toml",
            built=(self.root / "version",),
            disk=self.root / "disk",
            tpm=self.root / "tpm",
            rtc=self.root / "none",
            backup=self.root / "backup",
            restoring=self.root / "run" / "restoring",
        )

    def sealing(self) -> Sealing:
        return Sealing(self.places, prefix=prefix(), tpm=self.tpm)

    def make(self) -> None:
        for name in ("site", "credentials", "usb", "keys"):
            (self.root / name).mkdir(mode=0o700, parents=True)
        template = (CHECKOUT / "config" / "appliance.toml").read_text()
        template = template.replace("/var/lib/medkiosk/store", str(self.store))
        self.places.template.write_text(template.replace("/var/lib/medkiosk-keys", str(self.keys)))
        (self.root / "version").touch()
        os.utime(self.root / "version", (BUILT, BUILT))
        self.secure_boot.write_bytes(b"\x06\0\0\0\x01")
        self.answer()

    @property
    def secure_boot(self) -> Path:
        """The firmware's variable."""
        return self.root / "SecureBoot"

    def answer(self, **changed: str | bool) -> None:
        (self.root / "answers.json").write_text(json.dumps(ANSWERS | changed))

    @property
    def command(self) -> list[str]:
        return [sys.executable, "-m", "tests.setup.scratch", str(self.root)]

    def type(
        self, *lines: str, arguments: Sequence[str] = (), before: Sequence[str] = ()
    ) -> subprocess.CompletedProcess[str]:
        """Run it with somebody who types these lines."""
        return subprocess.run(
            [*before, *self.command, *arguments],
            input="".join(f"{line}\n" for line in lines),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            cwd=CHECKOUT,
        )

    def set_up(self, *before: str) -> subprocess.CompletedProcess[str]:
        """Run it with `ANSWERS`, the words to a pipe."""
        answers = str(self.root / "answers.json")
        return subprocess.run(
            [*before, *self.command, "--answers", answers, "--words-to-pipe"],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            cwd=CHECKOUT,
        )

    @contextlib.contextmanager
    def with_tpm_and_disk(self) -> Iterator[None]:
        """A TPM in software, and a disk in a file that opens with it, as systemd-repart leaves it."""
        (self.root / "tpm-state").mkdir()
        process = subprocess.Popen(
            [
                *("swtpm", "socket", "--tpm2", "--flags", "startup-clear,not-need-init"),
                *("--tpmstate", f"dir={self.root / 'tpm-state'}"),
                *("--server", f"type=unixio,path={self.root / 'tpm'}"),
                *("--ctrl", f"type=unixio,path={self.root / 'tpm'}.ctrl"),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            while not (self.root / "tpm.ctrl").exists():
                time.sleep(0.01)
            first = self.root / "first"
            first.write_text("first")
            first.chmod(0o600)
            with self.places.disk.open("wb") as disk:
                disk.truncate(20 << 20)
            quick = ("--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000")
            disk_and_key = (str(self.places.disk), str(first))
            self._do("cryptsetup", "luksFormat", "--type", "luks2", "-q", *quick, *disk_and_key)
            enrol = ("/usr/bin/systemd-cryptenroll", f"--tpm2-device={self.tpm}", "--wipe-slot=password")
            self._do(*prefix(), *enrol, f"--unlock-key-file={first}", "--tpm2-pcrs=", str(self.places.disk))
            yield
        finally:
            process.terminate()
            process.wait()

    @staticmethod
    def _do(*command: str) -> None:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr

    def opens_disk(self, key: str) -> bool:
        """Whether a key opens the disk."""
        done = subprocess.run(
            ["cryptsetup", "open", "--test-passphrase", "--key-file", "-", str(self.places.disk)],
            input=key.encode(),
            capture_output=True,
            timeout=60,
            check=False,
        )
        return done.returncode == 0


def main() -> int:
    """Be ``medkiosk-setup``."""
    make_cheap()
    scratch = Scratch(Path(sys.argv[1]))

    def set_clock(moment: datetime, places: Places) -> None:
        (scratch.root / "clock").write_text(moment.isoformat())

    setup = SetUp(
        scratch.places,
        scratch.sealing(),
        lambda: KEYBOARDS,
        usbpolicy.save,
        set_clock,
        secure_boot=lambda: secureboot.is_on(scratch.secure_boot),
    )
    if sys.argv[2:] == ["replace"]:  # what the repair's menu asks for at a terminal comes from a pipe here
        try:
            setup.replace(*json.load(sys.stdin))
        except KioskError as error:
            print(error.message)
            return error.exit_code
        return 0
    return go(sys.argv[2:], scratch.places, setup)


if __name__ == "__main__":
    sys.exit(main())
