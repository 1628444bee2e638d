"""What the tests ask the built image."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests import gpt
from tests.kiosk import CHECKOUT

CACHE = CHECKOUT / ".cache" / "image"
ESP = uuid.UUID("c12a7328-f81f-11d2-ba4b-00a0c93ec93b")
ROOT = uuid.UUID("4f68bce3-e8cd-4db1-96e7-fbcaf984b709")
ROOT_VERITY = uuid.UUID("2c7357ed-ebd2-46d9-aec1-23d437ec2bf5")


@dataclass(frozen=True)
class Built:
    """``out``: what a build leaves; ``tree``: the root's files; ``initrd``: the kernel image's sections."""

    out: Path
    tree: Path
    initrd: Path

    @property
    def version(self) -> str:
        """The version that was built."""
        return (self.out / "version").read_text().strip()

    @property
    def command_line(self) -> list[str]:
        """The command line inside the unified kernel image, word by word."""
        return (self.initrd / "cmdline").read_bytes().rstrip(b"\0").decode().split()

    def partitions(self) -> list[gpt.Partition]:
        """The image's partitions."""
        return gpt.read(self.out / "medkiosk.raw")

    def files(self) -> Iterator[tuple[str, os.stat_result]]:
        """Every name in the root, with what ``lstat`` says."""
        for folder, names, files in os.walk(self.tree):
            for name in (*names, *files):
                path = Path(folder) / name
                yield str(path.relative_to(self.tree)), path.lstat()

    def programs(self) -> set[str]:
        """The names of everything that can be started."""
        return {
            Path(name).name
            for name, status in self.files()
            if not stat.S_ISDIR(status.st_mode)
            and re.match(r"(usr/)?s?bin/|usr/lib/medkiosk/venv/bin/", name)
        }

    def modules(self) -> list[str]:
        """The kernel's modules, in the root and in the initrd, as paths below ``kernel/``."""
        return sorted(
            str(path).partition("/kernel/")[2].removesuffix(".xz")
            for top in (self.tree, self.initrd / "files")
            for path in top.glob("usr/lib/modules/*/kernel/**/*.ko*")
        )

    def run(self, *command: str, timeout: float = 60) -> str:
        """Run a command with the image's root as its root; what it printed. An error fails the test."""
        inside = 'mount -t proc proc "$0/proc"; mount -t tmpfs t "$0/tmp"; exec chroot "$0" "$@"'
        done = subprocess.run(
            ["unshare", "--mount", "--net", "sh", "-c", inside, self.tree, *command],
            capture_output=True,
            text=True,
            timeout=timeout,
            env={"PATH": "/usr/bin:/usr/sbin", "LANG": "C.UTF-8", "HOME": "/tmp"},
        )
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout + done.stderr


def tools(*command: str, timeout: float = 120) -> str:
    """Run a command in the builder's tools; what it printed. An error fails the test."""
    done = subprocess.run(
        [CHECKOUT / "image-build" / "image.sh", "enter", *command],
        capture_output=True,
        text=True,
        timeout=timeout,
    )
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout + done.stderr
