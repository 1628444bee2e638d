"""A container that systemd 257 boots with our units in it: real sandboxes, no devices, no kernel of its own.

The tree is made by ``image-build/nspawn.sh``; what is written goes into a layer that is thrown away.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import tempfile
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.systemd.tools import ROOT, UNITS, files

TREE = ROOT / ".cache" / "nspawn" / "tree"
MODELS = Path(os.environ.get("MEDKIOSK_MODELS", ROOT / ".models"))
_VENV = "usr/lib/medkiosk/venv"
_PROBE = Path(__file__).with_name("probe.py")
_PLACES = {"sysusers": "sysusers.d", "tmpfiles": "tmpfiles.d"}
_DROPPED = (
    "RuntimeDirectory",
    "Exec",
    "Standard",
    "Restart",
    "Type=",
    "Watchdog",
    "Sockets=",
    "TTY",
    "NotifyAccess",
)


class Container:
    """A booted system.

    Attributes:
        root: its root, as seen from outside; changes there are seen inside.
    """

    def __init__(self, root: Path, log: Path) -> None:
        self.root = root
        self._log = log
        self._nspawn: subprocess.Popen[bytes] | None = None
        self._leader = 0

    def start(self) -> None:
        """Boot, and wait until systemd says that it is up."""
        command = ["systemd-nspawn", "--quiet", "--boot", "--register=no", "--keep-unit", "--private-network"]
        command += ["--console=read-only", f"--directory={self.root}"]
        command += [
            f"--bind-ro={MODELS}:/usr/share/medkiosk/models",
            "--link-journal=no",
            "--system-call-filter=landlock_create_ruleset landlock_add_rule landlock_restrict_self seccomp",
        ]
        with self._log.open("wb") as log:
            self._nspawn = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"},
            )
        deadline = time.monotonic() + 90
        while True:
            children = Path(f"/proc/{self._nspawn.pid}/task/{self._nspawn.pid}/children").read_text().split()
            for child in children:
                with contextlib.suppress(OSError):
                    if "systemd" in Path(f"/proc/{child}/comm").read_text():
                        self._leader = int(child)
            if self._leader and self.run("systemctl", "is-system-running", check=False).strip() in (
                "running",
                "degraded",
            ):
                return
            if time.monotonic() > deadline or self._nspawn.poll() is not None:
                raise RuntimeError(f"the container did not boot: {self._log.read_text()[-3000:]}")
            time.sleep(0.2)

    def stop(self) -> None:
        """Switch it off."""
        if self._nspawn is None:
            return
        if self._leader:
            self.run("systemctl", "poweroff", check=False)
        try:
            self._nspawn.wait(30)
        except subprocess.TimeoutExpired:
            self._nspawn.kill()
            self._nspawn.wait()

    def run(self, *command: str, stdin: str = "", check: bool = True, user: str = "") -> str:
        """Run something inside as root or as a user; give what it printed.

        Raises:
            RuntimeError: it failed.
        """
        enter = ["nsenter", "-t", str(self._leader), "-m", "-u", "-i", "-n", "-p", "--root", "--wd=/"]
        enter += ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups"] if user else []
        done = subprocess.run(
            [*enter, *command],
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
            env={"PATH": "/usr/sbin:/usr/bin", "LC_ALL": "C.UTF-8", "HOME": "/"},
        )
        if check and done.returncode:
            raise RuntimeError(f"{command}: {done.returncode}: {done.stdout}{done.stderr}")
        return done.stdout

    def show(self, unit: str, name: str) -> str:
        """A property of a unit."""
        return self.run("systemctl", "show", "-P", name, unit).strip()

    def journal(self, unit: str) -> str:
        """What a unit logged."""
        return self.run("journalctl", "--no-pager", "-o", "cat", "-u", unit, check=False)

    def probe(self, unit: str, *arguments: str) -> dict[str, Any]:
        """Run the probe with exactly the settings of a unit; give what it found."""
        text = (UNITS / unit).read_text().partition("[Service]")[2].partition("[Install]")[0]
        kept = [line for line in text.splitlines() if not line.startswith(_DROPPED)]
        name = f"probe-{unit.removesuffix('.service').rstrip('@')}.service"
        (self.root / "run/out").unlink(missing_ok=True)
        out = self.run("mktemp", "-p", "/run").strip()
        body = ["[Unit]", "StartLimitIntervalSec=0", "[Service]", *kept, "Type=oneshot", "RemainAfterExit=no"]
        body += [f"ExecStart=/{_VENV}/bin/python -I /usr/lib/medkiosk/probe.py {' '.join(arguments)}"]
        body += [f"StandardOutput=file:{out}", "StandardError=journal"]
        self.run("tee", f"/run/systemd/system/{name}", stdin="\n".join(body) + "\n")
        self.run("systemctl", "daemon-reload")
        try:
            self.run("systemctl", "start", name)
        except RuntimeError as error:
            raise RuntimeError(f"{error}\n{self.journal(name)}") from error
        found: dict[str, Any] = json.loads(self.run("cat", out))
        return found


def _fill(root: Path) -> None:
    """Put what the image has besides Debian's packages into a root."""
    lib = root / "usr/lib"
    for path in files():
        shutil.copy(path, lib / "systemd/system" / path.name)
    for ending, folder in _PLACES.items():
        for path in UNITS.glob(f"*.{ending}"):
            shutil.copy(path, lib / folder / f"{path.stem}.conf")
    for path in UNITS.glob("*.preset"):
        shutil.copy(path, lib / "systemd/system-preset" / path.name)
    for unit in (UNITS / "masked").read_text().splitlines():
        if unit and not unit.startswith("#"):
            link = root / "etc/systemd/system" / unit
            link.unlink(missing_ok=True)
            link.symlink_to("/dev/null")
    [packages] = (root / _VENV).glob("lib/python3*/site-packages")
    shutil.copytree(
        ROOT / "medkiosk", packages / "medkiosk", ignore=shutil.ignore_patterns("__pycache__", "node_modules")
    )
    for name, target in tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"].items():
        module, _, function = target.partition(":")
        script = root / "usr/bin" / name
        script.write_text(
            f"#!/{_VENV}/bin/python\nimport sys\nfrom {module} import {function}\nsys.exit({function}())\n"
        )
        script.chmod(0o755)
    (lib / "medkiosk/version").write_text("0.0.1\n")
    shutil.copy(_PROBE, lib / "medkiosk/probe.py")
    (root / "usr/share/medkiosk/models").mkdir(parents=True)
    shutil.copy(ROOT / "config/foot.ini", root / "usr/share/medkiosk/foot.ini")
    for short, folder in (("medkiosk", "medkiosk-site"), ("credstore.encrypted", "medkiosk-credentials")):
        place = root / "etc" / short
        if place.is_dir():
            place.rmdir()
        place.symlink_to(f"../var/lib/{folder}")
    (root / "etc/machine-id").write_text("")


@contextlib.contextmanager
def container() -> Iterator[Container]:
    """Lay a layer over the tree, fill it, boot it; everything is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="medkiosk-nspawn-") as scratch:
        place = Path(scratch)
        for name in ("upper", "work", "root"):
            (place / name).mkdir()
        layers = f"lowerdir={TREE},upperdir={place / 'upper'},workdir={place / 'work'}"
        subprocess.run(["mount", "-t", "overlay", "overlay", "-o", layers, place / "root"], check=True)
        try:
            _fill(place / "root")
            subprocess.run(
                ["chroot", place / "root", "systemctl", "preset-all"], check=True, capture_output=True
            )
            made = Container(place / "root", place / "log")
            try:
                made.start()
                yield made
            finally:
                made.stop()
        finally:
            subprocess.run(["umount", place / "root"], check=True)
