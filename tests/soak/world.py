"""The kiosk under soak, with what is around it: a clock that jumps, cards, a camera, a stick, a sampler."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil

from tests.kiosk import ScratchKiosk
from tests.soak.measure import Sample
from tests.virtual.camera import RunningCamera
from tests.virtual.exif import Shot, jpeg_with_metadata
from tests.virtual.scenes import Body, compose

SIZE = (608, 408)
SCENES = ("portrait", "retina", "lying", "flower")
WATCHDOG_S = 30.0
"""`WatchdogSec=` of the unit."""
_START = datetime(2026, 3, 2, 8, 30, tzinfo=UTC)
_SHIM = Path(__file__).with_name("clock.c")


class WallClock:
    """The kiosk's wall clock: this machine's plus an offset that a test sets while the daemon runs."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "offset"
        self.library = folder / "clock.so"
        self.offset = 0
        self.set(0)
        subprocess.run(
            ["cc", "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", self.library, _SHIM, "-ldl"],
            check=True,
        )

    def set(self, offset: int) -> None:
        """Let the clock be so many seconds ahead of this machine's."""
        self.offset = offset
        with self._file.open("r+b" if self._file.exists() else "wb") as stream:
            stream.write(struct.pack("l", offset))

    def now(self) -> datetime:
        """What the kiosk reads."""
        return datetime.now(UTC) + timedelta(seconds=self.offset)

    @property
    def prefix(self) -> list[str]:
        """Runs a command with this clock."""
        return ["env", f"LD_PRELOAD={self.library}", f"MEDKIOSK_TEST_CLOCK={self._file}"]


class SoakKiosk(ScratchKiosk):
    """A kiosk that remembers when the daemon said something to the service manager."""

    fed: float = 0.0
    """When the watchdog was last fed, or the daemon became ready: monotonic seconds; 0 while it is off."""
    longest: float = 0.0
    """The longest time between two of these."""

    def _listen(self, notify: socket.socket) -> None:
        with contextlib.suppress(OSError):  # closed when the daemon has ended
            while line := notify.recv(4096).decode():
                if line.startswith("STATUS="):
                    continue
                self.notified.append(line)
                if line in ("WATCHDOG=1", "READY=1"):
                    now = time.monotonic()
                    if self.fed:
                        self.longest = max(self.longest, now - self.fed)
                    self.fed = now

    def signal(self, number: int) -> int:
        self.fed = 0.0
        return super().signal(number)


class Pictures:
    """Photographs of which no two are the same file."""

    def __init__(self) -> None:
        self._bodies: list[Body] = [compose(scene, 0, SIZE) for scene in SCENES]
        self._made = 0

    def write(self, root: Path, count: int) -> list[Path]:
        """So many new ones on a card."""
        folder = root / "DCIM" / "100CANON"
        folder.mkdir(parents=True, exist_ok=True)
        paths = []
        for _ in range(count):
            self._made += 1
            body = self._bodies[self._made % len(self._bodies)]
            moment = _START + timedelta(seconds=37 * self._made)
            shot = Shot(moment, self._made, orientation=body.orientation)
            path = folder / f"IMG_{self._made % 9999 + 1:04d}.JPG"
            path.write_bytes(jpeg_with_metadata(body.jpeg, shot, body.thumbnail, body.preview))
            paths.append(path)
        return paths


class World:
    """Everything that acts work on.

    Args:
        root: a folder for all of it.
        rng: the only source of choices.
        say: prints a line.
    """

    def __init__(self, root: Path, rng: random.Random, say: Callable[[str], None]) -> None:
        self.root = root
        self.rng = rng
        self.say = say
        root.mkdir(parents=True, exist_ok=True)
        self.clock = WallClock(root)
        self.pictures = Pictures()
        self.reader = root / "reader"
        self.drawer = root / "drawer"
        self.drawer.mkdir()
        self.inside = root / "camera"
        self.pictures.write(self.inside, 1)
        self.camera = RunningCamera(self.inside)
        self.camera.stop()
        self.kiosk = SoakKiosk(
            root / "kiosk",
            cameras=[self.camera.gphoto_port],
            cards=[self.reader],
            settings="group_files = 2\n[access]\nidle_lock_s = 3600\n[scrub]\nevery_days = 7",
        )
        self.samples: list[Sample] = []
        self.acts = 0
        self.runs = 0
        self.longest_watchdog = 0.0
        self.broken: list[str] = []
        self._stopped = threading.Event()

    def begin(self) -> None:
        """Set the kiosk up, and hire."""
        self.kiosk.init()
        self.start()
        self.kiosk.hire()

    def end(self) -> None:
        """Stop everything; the folder stays."""
        self.camera.stop()
        self.kiosk.close()

    def start(self) -> None:
        """Switch the kiosk on."""
        self.runs += 1
        watchdog = f"WATCHDOG_USEC={int(WATCHDOG_S * 1e6)}"
        self.kiosk.start(prefix=[*self.clock.prefix, watchdog])

    def power_cut(self) -> None:
        """Kill the daemon and everything that it started, at once, and switch it on again."""
        daemon = psutil.Process(self.kiosk.pid)
        children = daemon.children(recursive=True)
        self._take_watchdog()
        self.kiosk.kill()
        for child in children:
            if child.is_running():
                child.kill()
        self.start()

    def restart(self) -> None:
        """Stop the daemon as systemd does, and start it."""
        self._take_watchdog()
        if code := self.kiosk.stop():
            self.broken.append(f"the daemon ended with {code} when it was told to stop")
        self.start()

    def _take_watchdog(self) -> None:
        self.longest_watchdog = max(self.longest_watchdog, self.kiosk.longest)
        self.kiosk.longest = 0.0

    def check_watchdog(self) -> None:
        """Note a daemon that was silent for longer than half of what systemd waits."""
        silent = time.monotonic() - self.kiosk.fed if self.kiosk.fed else 0.0
        self._take_watchdog()
        self.longest_watchdog = max(self.longest_watchdog, silent)
        if self.longest_watchdog > WATCHDOG_S / 2:
            self.broken.append(f"the watchdog was not fed for {self.longest_watchdog:.1f} s")
            self.longest_watchdog = 0.0

    def sample(self, acknowledged: int) -> Sample:
        """Look at the daemon while it rests."""
        daemon = psutil.Process(self.kiosk.pid)
        objects = self.kiosk.store / "objects"
        sealed = _bytes(objects)
        taken = Sample(
            at=time.monotonic(),
            act=self.acts,
            run=self.runs,
            rss=daemon.memory_info().rss,
            fds=daemon.num_fds(),
            threads=daemon.num_threads(),
            children=len(daemon.children(recursive=True)),
            disk=sealed + _bytes(self.kiosk.root, without=objects),
            sealed=sealed,
            tmp=sum(1 for path in (self.kiosk.store / "tmp").rglob("*") if path.is_file()),
            log=self.kiosk.log.read_bytes().count(b"\n"),
            acknowledged=acknowledged,
        )
        self.samples.append(taken)
        with (self.root / "samples.jsonl").open("a") as stream:
            stream.write(json.dumps(asdict(taken)) + "\n")
        return taken

    # Cards

    def put_in(self, card: Path) -> None:
        """A card goes into the reader."""
        card.rename(self.reader)

    def take_out(self, card: Path) -> None:
        """It goes back into the drawer. What a mounted card would not allow, a folder does: it is moved."""
        self.reader.rename(card)

    def new_card(self, photos: int) -> Path:
        """A card with so many new photographs."""
        card = self.drawer / f"card{self.acts:06d}"
        self.pictures.write(card, photos)
        return card

    def cards(self) -> Sequence[Path]:
        """What is in the drawer, oldest first."""
        return sorted(self.drawer.iterdir())

    def throw_away(self, keep: int) -> None:
        """Of old cards, keep so many: the drawer is not what is measured."""
        for card in self.cards()[:-keep]:
            shutil.rmtree(card)

    def wait(self, until: Callable[[Any], bool], timeout_s: float = 180) -> Any:
        """See `ScratchKiosk.wait`; generous, since whoever soaks gives way to everybody else."""
        return self.kiosk.wait(until, timeout_s=timeout_s)


def _bytes(folder: Path, without: Path | None = None) -> int:
    """Of all files in it and not in another, but for those that are gone before they are looked at."""
    total = 0
    for at, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if Path(at, name) != without]
        for name in files:
            with contextlib.suppress(FileNotFoundError):
                total += Path(at, name).lstat().st_size
    return total
