"""Make the pictures of the console in ``docs/img``.

``python -m tests.pictures.console`` starts the in-memory kiosk of the console's tests, photographs Home,
Imports, the forms and Export as SVG through Textual, and Review as PNG in a real xterm with sixels under
Xvfb: the whole with a suggestion chosen, and a part at full resolution. For the latter install: ``apt install
xvfb xterm imagemagick``; without them Review is left out, in words. The photo is the astronaut of
scikit-image (public domain, NASA) where set-up has put it, and bands of colour where not.
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
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from PIL import Image
from textual.pilot import Pilot

from medkiosk.console.app import KioskApp
from medkiosk.console.masks import lesion
from medkiosk.console.terminal import Terminal, cell_size
from medkiosk.core.clock import rfc3339
from medkiosk.core.device import DeviceState
from medkiosk.core.events import Role
from medkiosk.core.ids import RecipientId
from medkiosk.core.photo import Box, Category, Decision
from medkiosk.core.quality import Advice, Quality
from medkiosk.ipc.client import connect
from medkiosk.ipc.types import RecipientInfo
from tests.console import state as scratch
from tests.console.flows import assign_all, log_in, new_encounter, record_consent
from tests.console.kiosk import RunningKiosk

CHECKOUT = Path(__file__).resolve().parents[2]
ASTRONAUT = CHECKOUT / ".cache" / "photos" / "astronaut.png"
SIZE = (100, 30)
GEOMETRY = "150x46+0+0"
Steps = Callable[[Pilot[Any]], Awaitable[None]]


def filled() -> scratch.Kiosk:
    """A kiosk in the middle of a morning."""
    kiosk = scratch.Kiosk()
    kiosk.hire("rita", "Rita Reviewer", Role.REVIEWER, Role.PRIVACY_OFFICER)
    kiosk.recipients.append(
        RecipientInfo(
            recipient_id=RecipientId(kiosk.new_id()),
            display_name="Dr. Ana Sousa",
            organisation="University Hospital, Dermatology",
            age_recipient="age1example",
            expires=rfc3339(datetime.now(UTC) + timedelta(days=300)),
        )
    )
    kiosk.plug_in(4, name="IMG_01{:02d}")
    kiosk.plug_in(12)
    _judge(kiosk)
    if ASTRONAUT.exists():
        width, height = scratch.FULL
        image = Image.open(ASTRONAUT).convert("RGB")
        image = image.crop((0, 0, image.width, image.width * height // width))
        kiosk.scene = np.asarray(image.resize((width, height), Image.Resampling.LANCZOS))
        marks = (
            scratch.finding(Category.FACE, (975, 255, 520, 660)),
            scratch.suggested(Category.FACE, (1500, 560, 250, 300), 620),
            scratch.suggested(Category.MARK, (1340, 1380, 330, 300), 410),
            scratch.finding(Category.TEXT, (2200, 1095, 190, 110), 810),
            lesion(Box(560, 1250, 420, 400), next(iter(kiosk.accounts.values()))[0]),
        )
        for photo in kiosk.photos.values():
            photo.findings = marks
            photo.info = msgspec.structs.replace(photo.info, findings=len(marks))
    return kiosk


def _judge(kiosk: scratch.Kiosk) -> None:
    """Some photos of the newest import should be taken again."""
    newest = [each for each in kiosk.photos.values() if each.info.import_id == kiosk.imports[0].import_id]
    for place, advice in (
        (0, (Advice.GLARE,)),
        (4, (Advice.NO_SCALE,)),
        (7, (Advice.NOT_SHARP, Advice.CAST)),
    ):
        kiosk.judge(newest[place], Quality(500, 900, 0, 12, 40, None, 0, advice))


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


async def _svg(socket: Path, name: str, folder: Path, steps: Steps) -> None:
    app = KioskApp(socket, terminal=Terminal(sixel=False, cell=lambda: None))
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause(0.5)
        await steps(pilot)
        await pilot.pause(0.5)
        (folder / f"console-{name}.svg").write_text(portable(app.export_screenshot(title="medkiosk-console")))
    print(f"docs/img/console-{name}.svg")


async def _plain(folder: Path, socket: Path, kiosk: scratch.Kiosk) -> None:
    async def nothing(pilot: Pilot[Any]) -> None:
        pass

    async def imports(pilot: Pilot[Any]) -> None:
        await log_in(pilot, "rita")
        await pilot.press("i")

    async def advice(pilot: Pilot[Any]) -> None:
        await imports(pilot)
        await pilot.pause(0.5)
        await pilot.press("q")

    async def consent(pilot: Pilot[Any]) -> None:
        await log_in(pilot, "rita")
        await new_encounter(pilot, mrn="7421093", issuer="Demo Hospital", name="Mustermann, Erika")

    async def encounters(pilot: Pilot[Any]) -> None:
        await consent(pilot)
        await record_consent(pilot)
        await assign_all(pilot)
        await pilot.press("escape", "e")

    async def export(pilot: Pilot[Any]) -> None:
        await log_in(pilot, "rita")
        await pilot.press("x")

    async def login(pilot: Pilot[Any]) -> None:
        await pilot.press("l", *"rita", "enter", *"secret")

    await _svg(socket, "home", folder, nothing)
    await _svg(socket, "login", folder, login)
    await _svg(socket, "consent", folder, consent)
    await _svg(socket, "encounters", folder, encounters)
    await _svg(socket, "imports", folder, imports)
    await _svg(socket, "advice", folder, advice)
    _approve_first(socket)
    await _svg(socket, "export", folder, export)
    kiosk.devices = (scratch.device(DeviceState.IMPORTING, 12, 7),)
    kiosk.touch()
    await _svg(socket, "importing", folder, nothing)


def _approve_first(socket: Path) -> None:
    with connect(socket) as rita:
        rita.login("rita", scratch.PASSPHRASE)
        first = next(each for each in rita.list_captures().captures if each.encounter_id)
        found = rita.get_capture(first.capture_id).findings
        decided = tuple(
            msgspec.structs.replace(each, decision=Decision.MASK)
            if each.decision is Decision.SUGGEST
            else each
            for each in found
        )
        revision = rita.change_masks(first.capture_id, first.revision, decided).info.revision
        rita.get_preview(first.capture_id)
        rita.approve(first.capture_id, revision)


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
        await _to_review(pilot)
        await asyncio.to_thread(_wait_for_photograph, ready)
        await pilot.press("1")
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


def main() -> int:
    """Make all pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=CHECKOUT / "docs" / "img")
    parser.add_argument("--inside", nargs=2, type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        _inside(*options.inside)
        return 0
    options.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        plain = RunningKiosk(Path(folder) / "plain", filled())
        plain.start()
        asyncio.run(_plain(options.out, plain.path, plain.kiosk))
        plain.stop()
        missing = [tool for tool in ("Xvfb", "xterm", "import") if shutil.which(tool) is None]
        if missing:
            print(f"The pictures of Review are left out; missing: {', '.join(missing)}.")
            print("apt install xvfb xterm imagemagick")
            return 1
        for_review = RunningKiosk(Path(folder) / "review", filled())
        for_review.start()
        names = ("console-review.png", "console-closer.png")
        _photograph(for_review.path, Path(folder) / "ready", [options.out / name for name in names])
        for_review.stop()
        print("\n".join(f"docs/img/{name}" for name in names))
    return 0


if __name__ == "__main__":
    sys.exit(main())
