"""Photograph Review in foot under a headless sway: the terminal and the protocols of the kiosk's own screen.

``python -m tests.pictures.foot --out DIR``. Needs ``apt install sway foot grim``; without them it says so.
wlroots draws into memory (``WLR_BACKENDS=headless``, ``WLR_RENDERER=pixman``); grim copies the output.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.console.kiosk import RunningKiosk
from tests.console.morning import filled
from tests.pictures.console import CHECKOUT, REVIEW

TOOLS = ("sway", "foot", "grim")
_START_S = 120.0


def photograph(socket: Path, folder: Path, targets: list[Path]) -> None:
    """Run the console in foot, and photograph it each time that it is as wanted.

    Raises:
        RuntimeError: sway or the console did not get so far.
    """
    ready = folder / "ready"
    inside = [sys.executable, "-m", "tests.pictures.console", "--inside", str(socket), str(ready)]
    settings, runtime = folder / "sway", folder / "run"
    settings.write_text("output HEADLESS-1 resolution 1400x900\ndefault_border none\nxwayland disable\n")
    runtime.mkdir(mode=0o700)
    environment = {
        **os.environ,
        "XDG_RUNTIME_DIR": str(runtime),
        "WLR_BACKENDS": "headless",
        "WLR_RENDERER": "pixman",
        "WLR_LIBINPUT_NO_DEVICES": "1",
        "LC_ALL": "C.UTF-8",
    }
    command = ["sway", "--unsupported-gpu", "-c", str(settings)]
    if os.geteuid() == 0:  # it refuses to run as root
        folder.chmod(0o711)
        shutil.chown(runtime, "nobody")
        command = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", *command]
    sway = subprocess.Popen(
        command, env=environment, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    foot = None
    try:
        environment["WAYLAND_DISPLAY"] = _display(runtime, sway)
        foot = subprocess.Popen(
            [
                "foot",
                "--config=/dev/null",
                "--override=font=DejaVu Sans Mono:size=9",
                "env",
                "COLORTERM=truecolor",
                *inside,
            ],
            env=environment,
            cwd=CHECKOUT,
        )
        for target in targets:
            deadline = time.monotonic() + _START_S
            while not ready.exists():
                if time.monotonic() > deadline or foot.poll() is not None:
                    raise RuntimeError("the console did not get as far as the review screen")
                time.sleep(0.2)
            time.sleep(1)
            subprocess.run(["grim", str(target)], env=environment, check=True)
            ready.unlink()
    finally:
        ready.unlink(missing_ok=True)
        for process in filter(None, (foot, sway)):
            process.terminate()
            process.wait(10)


def _display(runtime: Path, sway: subprocess.Popen[bytes]) -> str:
    """Wait until sway listens; the name of its socket."""
    deadline = time.monotonic() + _START_S
    while True:
        if found := [each.name for each in runtime.glob("wayland-*") if each.suffix != ".lock"]:
            return found[0]
        if time.monotonic() > deadline or sway.poll() is not None:
            raise RuntimeError("sway did not start")
        time.sleep(0.1)


def main() -> int:
    """Make the pictures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    if missing := [tool for tool in TOOLS if shutil.which(tool) is None]:
        print(f"Missing: {', '.join(missing)}. apt install {' '.join(TOOLS)}")
        return 1
    options.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        kiosk = RunningKiosk(folder / "kiosk", filled())
        kiosk.start()
        photograph(kiosk.path, folder, [options.out / f"foot-{each}.png" for each in REVIEW])
        kiosk.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
