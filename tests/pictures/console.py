"""Make the pictures of the console in ``docs/img``.

``python -m tests.pictures.console`` starts the in-memory kiosk of the console's tests, walks past every
screen (`tests.console.wholewalk`) and photographs it as SVG through Textual, and Practice and Review as PNG
in a real xterm with sixels under Xvfb: the whole with a suggestion chosen, and a part at full resolution. For
the latter install: ``apt install xvfb xterm imagemagick``; without them they are left out, in words. The
photo is the astronaut of scikit-image (public domain, NASA) where set-up has put it, and bands of colour
where not.
"""

from __future__ import annotations

import argparse
import asyncio
import html
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from textual.pilot import Pilot

from medkiosk.console.app import KioskApp
from medkiosk.console.terminal import Terminal, cell_size
from medkiosk.core.device import DeviceState
from tests.console import state as scratch
from tests.console import walk, wholewalk
from tests.console.flows import assign_all, log_in, new_encounter, on_review, record_consent, until_text
from tests.console.kiosk import RunningKiosk
from tests.console.morning import filled

CHECKOUT = Path(__file__).resolve().parents[2]
SIZE = (100, 30)
GEOMETRY = "150x46+0+0"
_STILL_S = 0.5
REVIEW = ("practice", "review", "closer", "original", "second")
"""Pictures of Practice and of Review, in the order in which `_inside` waits for them."""


_TEXT = re.compile(
    r'(<text class="[^"]*") x="([0-9.]+)"( y="[0-9.]+") textLength="([0-9.]+)"([^>]*>)([^<]*)</text>'
)


def portable(svg: str) -> str:
    """Take out what not every viewer does: fonts from the network, and blanks around a text.

    Each text is placed by its first visible character; what is only blank goes.
    """

    def trimmed(match: re.Match[str]) -> str:
        start, x, y, length, rest, raw = match.groups()
        words = html.unescape(raw).replace("\N{NO-BREAK SPACE}", " ")
        if not words.strip():
            return ""
        width = float(length) / len(words)
        left = float(x) + (len(words) - len(words.lstrip())) * width
        shown = words.strip()
        body = html.escape(shown).replace(" ", "&#160;")
        return f'{start} x="{left:.1f}"{y} textLength="{len(shown) * width:.1f}"{rest}{body}</text>'

    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    return _TEXT.sub(trimmed, svg.replace("Fira Code, monospace", "DejaVu Sans Mono, Menlo, monospace"))


async def _plain(folder: Path, size: tuple[int, int], running: RunningKiosk) -> None:
    """Walk past every screen, and photograph those that the documentation shows."""
    kiosk = running.kiosk
    app = KioskApp(running.path, terminal=Terminal(sixel=False, cell=lambda: None))
    async with app.run_test(size=size) as pilot:

        async def photograph(name: str) -> None:
            await pilot.pause(_STILL_S)
            svg = app.export_screenshot(title="medkiosk-console")
            (folder / f"console-{name}.svg").write_text(portable(svg))
            print(f"docs/img/console-{name}.svg", flush=True)

        devices = kiosk.devices
        kiosk.devices = (scratch.device(DeviceState.IMPORTING, 12, 7),)
        kiosk.touch()
        await until_text(pilot, "DO NOT UNPLUG")
        await photograph("importing")
        kiosk.devices = devices
        kiosk.touch()
        for stops in (walk.OUT, wholewalk.IN):
            for stop in stops:
                await wholewalk.in_pilot(pilot, kiosk, stop)
                if stop.picture:
                    await photograph(stop.name)
            if stops is walk.OUT:
                await pilot.press("escape")
                await log_in(pilot, "alma")


async def _to_practice(pilot: Pilot[Any]) -> None:
    await pilot.press("o")
    await until_text(pilot, "A session")
    await pilot.press("p")
    await on_review(pilot)


async def _to_review(pilot: Pilot[Any]) -> None:
    await log_in(pilot, "rita")
    await new_encounter(pilot, mrn="7421093", issuer="Demo Hospital", name="Mustermann, Erika")
    await record_consent(pilot)
    await assign_all(pilot)
    await pilot.press("enter", "enter")
    await pilot.pause(3)


def _wait_for_photograph(ready: Path) -> None:
    """Say that the screen is as wanted, and wait until the other process has taken its picture."""
    ready.touch()
    while ready.exists():
        time.sleep(0.1)


def _inside(socket: Path, ready: Path) -> None:
    """What runs in the xterm: the console, driven to the review screen, until the photo is taken."""

    async def drive(pilot: Pilot[Any]) -> None:
        await pilot.pause(0.5)
        await _to_practice(pilot)
        await asyncio.to_thread(_wait_for_photograph, ready)
        await pilot.press("escape", "escape")
        await until_text(pilot, walk.HOME)
        await _to_review(pilot)
        await asyncio.to_thread(_wait_for_photograph, ready)
        await pilot.press("1")
        await pilot.pause(3)
        await asyncio.to_thread(_wait_for_photograph, ready)
        await pilot.press("0", "v", "1")
        await pilot.pause(3)
        await asyncio.to_thread(_wait_for_photograph, ready)
        await pilot.press("v", "t")
        await pilot.pause(1)
        await pilot.press("1")
        await pilot.pause(3)
        await pilot.press("p")
        await pilot.pause(3)
        await asyncio.to_thread(_wait_for_photograph, ready)
        pilot.app.exit()

    KioskApp(socket, terminal=Terminal(sixel=True, cell=cell_size)).run(auto_pilot=drive)


def _photograph(socket: Path, ready: Path, targets: Sequence[Path]) -> None:
    """Run xterm under Xvfb, and photograph the review screen each time that it is as wanted."""
    screen = "1400x900"
    read, write = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), "-screen", "0", f"{screen}x24", "-nolisten", "tcp"],
        pass_fds=(write,),
        stderr=subprocess.DEVNULL,
    )
    os.close(write)
    with os.fdopen(read) as number:
        environment = {**os.environ, "DISPLAY": f":{number.readline().strip()}"}
    options = ["-ti", "vt340", "-xrm", "XTerm*decTerminalID: vt340", "-xrm", "XTerm*numColorRegisters: 256"]
    options += ["-fa", "DejaVu Sans Mono", "-fs", "11", "-b", "0", "-bw", "0", "+sb", "-geometry", GEOMETRY]
    inside = ["env", "COLORTERM=truecolor", sys.executable, "-m", "tests.pictures.console", "--inside"]
    terminal = subprocess.Popen(
        ["xterm", *options, "-e", *inside, str(socket), str(ready)], env=environment, cwd=CHECKOUT
    )
    try:
        for target in targets:
            _wait_until(ready, terminal)
            subprocess.run(
                [
                    "import",
                    "-window",
                    "root",
                    "-trim",
                    "+repage",
                    "+dither",
                    "-colors",
                    "255",
                    f"PNG8:{target}",
                ],
                env=environment,
                check=True,
            )
            ready.unlink()
    finally:
        ready.unlink(missing_ok=True)
        terminal.terminate()
        terminal.wait(10)
        server.terminate()
        server.wait(10)


def _wait_until(ready: Path, terminal: subprocess.Popen[bytes]) -> None:
    """Wait until the console in a terminal is as wanted, and drawn."""
    deadline = time.monotonic() + 60
    while not ready.exists():
        if time.monotonic() > deadline or terminal.poll() is not None:
            raise RuntimeError("the console did not get as far as the review screen")
        time.sleep(0.2)
    time.sleep(1)


def _size(text: str) -> tuple[int, int]:
    columns, lines = text.split("x")
    return int(columns), int(lines)


def main() -> int:
    """Make all pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=CHECKOUT / "docs" / "img")
    parser.add_argument("--size", type=_size, default=SIZE, metavar="COLUMNSxLINES", help="default: 100x30")
    parser.add_argument("--inside", nargs=2, type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        _inside(*options.inside)
        return 0
    options.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        plain = wholewalk.WalkedKiosk(Path(folder) / "plain", filled())
        plain.start()
        walk.prepare(plain)
        asyncio.run(_plain(options.out, options.size, plain))
        plain.stop()
        missing = [tool for tool in ("Xvfb", "xterm", "import") if shutil.which(tool) is None]
        if missing:
            print(f"The pictures of Practice and Review are left out; missing: {', '.join(missing)}.")
            print("apt install xvfb xterm imagemagick")
            return 1
        for_review = RunningKiosk(Path(folder) / "review", filled())
        for_review.start()
        names = tuple(f"console-{name}.png" for name in REVIEW)
        _photograph(for_review.path, Path(folder) / "ready", [options.out / name for name in names])
        for_review.stop()
        print("\n".join(f"docs/img/{name}" for name in names))
    return 0


if __name__ == "__main__":
    sys.exit(main())
