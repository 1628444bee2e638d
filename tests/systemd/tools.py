"""The systemd that units are checked with: that of the appliance, Debian 13, where it is here."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
UNITS = ROOT / "systemd"
NEEDED = 257  # PrivatePIDs=, PrivateUsers=identity, PrivateTmp=disconnected
_TREES = (ROOT / ".cache" / "image" / "tools", ROOT / ".cache" / "nspawn" / "tree")
_KINDS = ("*.service", "*.socket", "*.target", "*.timer", "*.mount", "*.path")


@dataclass(frozen=True)
class Tools:
    """``systemd-analyze`` in a folder that is a system, or this machine's own (``/``)."""

    root: Path

    def run(self, *arguments: str, units: Path) -> subprocess.CompletedProcess[str]:
        """Run it with the units in a folder, given as it is called inside."""
        prefix = [] if self.root == Path("/") else ["chroot", str(self.root)]
        return subprocess.run(
            [*prefix, "systemd-analyze", *arguments],
            env={**os.environ, "SYSTEMD_UNIT_PATH": f"{units}:", "SYSTEMD_COLORS": "0", "LC_ALL": "C.UTF-8"},
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )

    @contextlib.contextmanager
    def units(self, names: Sequence[str] | None = None) -> Iterator[Path]:
        """Put our units inside, with programs that are there; yield their folder, as it is called inside."""
        with tempfile.TemporaryDirectory(dir=self.root / "tmp") as folder:
            for path in files():
                text = path.read_text()
                if names is None or path.name in names:
                    text = self._with_programs(text)
                (Path(folder) / path.name).write_text(text)
            yield Path("/") / Path(folder).relative_to(self.root)

    def _with_programs(self, text: str) -> str:
        def there(found: re.Match[str]) -> str:
            program = self.root / found[2].lstrip("/")
            return found[0] if program.exists() else f"{found[1]}/usr/bin/true"

        return re.sub(r"^(Exec\w+=[-+!:@]*)(/\S+)", there, text, flags=re.MULTILINE)


def files() -> list[Path]:
    """Every unit of ours."""
    return sorted(path for kind in _KINDS for path in UNITS.glob(kind))


def _version(root: Path) -> int:
    prefix = [] if root == Path("/") else ["chroot", str(root)]
    try:
        done = subprocess.run(
            [*prefix, "systemd-analyze", "--version"], capture_output=True, text=True, check=False
        )
    except OSError:
        return 0
    found = re.match(r"systemd (\d+)", done.stdout)
    return int(found[1]) if found else 0


@cache
def find() -> Tools | None:
    """The first that is new enough; None where there is none."""
    if _version(Path("/")) >= NEEDED:
        return Tools(Path("/"))
    if os.geteuid() == 0 and shutil.which("chroot"):
        for tree in _TREES:
            if (tree / "usr/bin/systemd-analyze").exists() and _version(tree) >= NEEDED:
                return Tools(tree)
    return None


ABSENT = f"no systemd {NEEDED} or later here (image-build/image.sh tools, or make nspawn, brings it)"
