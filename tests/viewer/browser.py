"""One real browser, driven through `drive.mjs`."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil

HERE = Path(__file__).parent
BROWSERS = {
    "chrome": ("chromium", "chromium-browser", "google-chrome"),
    "firefox": ("firefox-esr", "firefox"),
}
OPENED = "!document.getElementById('opened').hidden"
READY = "!document.getElementById('locked').hidden || document.querySelector('#alert .bad')"
SHOWN = "document.getElementById('checked').textContent.startsWith('Checked')"
REFUSED = "document.querySelector('#stage .bad')"


def missing(kind: str) -> str:
    """Why this browser cannot be driven here; empty if it can."""
    if not shutil.which("node"):
        return "node is not installed"
    if not (HERE / "node_modules/puppeteer-core").exists():
        return "what drives browsers is not installed: image-build/viewer.sh test"
    if not any(map(shutil.which, BROWSERS[kind])):
        return f"{BROWSERS[kind][0]} is not installed"
    return ""


class BrowserError(Exception):
    """The browser could not do what it was told."""


class Browser:
    """Commands to one browser; each `open` is a new page.

    Attributes:
        kind: ``chrome`` or ``firefox``.
        downloads: where what is saved lands.
    """

    def __init__(self, kind: str, downloads: Path, process: subprocess.Popen[str]) -> None:
        self.kind = kind
        self.downloads = downloads
        self._process = process

    def do(self, op: str, **options: object) -> Any:
        """Send one command of drive.mjs and wait for its answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"op": op, **options}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise BrowserError(f"{op}: the driver is gone")
        answer = json.loads(line)
        if "error" in answer:
            raise BrowserError(f"{op} {options}: {answer['error']}")
        return answer["value"]

    def open(self, url: str | Path, before: str = "") -> None:
        """Load an address, or the ``index.html`` of a folder as a double click does."""
        address = url if isinstance(url, str) else (url / "index.html").as_uri()
        self.do("open", url=address, before=before)

    def wait(self, until: str, ms: int = 30000) -> None:
        """Wait until a JavaScript expression holds."""
        self.do("wait", until=until, ms=ms)

    def run(self, code: str) -> Any:
        """Evaluate a JavaScript expression in the page."""
        return self.do("run", code=code)

    def text(self, selector: str) -> str:
        """The text of an element, with single blanks; empty where there is none."""
        found: str = self.run(f"document.querySelector({selector!r})?.innerText ?? ''")
        return " ".join(found.split())

    def press(self, *keys: str) -> None:
        """Press keys one after another."""
        self.do("press", keys=keys)

    def type(self, text: str) -> None:
        """Type where the focus is."""
        self.do("type", text=text)

    def click(self, at: str) -> None:
        """Click on an element."""
        self.do("click", at=at)

    def unlock(self, passphrase: str) -> None:
        """Enter a passphrase and wait until the pictures, or a complaint, are there."""
        self.wait(READY)
        self.click("#passphrase")
        self.type(passphrase)
        self.press("Enter")
        self.wait(f"({OPENED}) || document.querySelector('#alert .bad')", 60000)

    def show(self, at: int = 0) -> None:
        """Choose a picture and wait until it, or a complaint, is there."""
        self.run(f"document.querySelectorAll('.grid button')[{at}].click()")
        self.wait(f"({SHOWN}) || ({REFUSED})", 30000)

    def saved(self, name: str) -> bytes:
        """A download, once it is whole."""
        at = self.downloads / name
        end = time.monotonic() + 30
        while not (at.exists() and at.stat().st_size) or list(self.downloads.glob("*.crdownload")):
            if time.monotonic() > end:
                raise BrowserError(f"{name} was not saved")
            time.sleep(0.05)
        return at.read_bytes()

    @property
    def cpu_s(self) -> float:
        """Processor time of all its processes so far, seconds: what a busy machine does not stretch."""
        used = 0.0
        for process in psutil.Process(self._process.pid).children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                used += times.user + times.system
        return used

    @property
    def requests(self) -> list[str]:
        """Addresses that the page asked for."""
        found: list[str] = self.do("seen")["requests"]
        return found

    @property
    def said(self) -> list[str]:
        """What the page or the browser said on its console."""
        found: list[str] = self.do("seen")["said"]
        return found


@contextlib.contextmanager
def browser(kind: str, scratch: Path) -> Iterator[Browser]:
    """Start a browser; it and all that it started are gone afterwards."""
    executable = next(path for name in BROWSERS[kind] if (path := shutil.which(name)))
    scratch.mkdir(parents=True, exist_ok=True)
    with (scratch / "browser.log").open("w") as log:
        process = subprocess.Popen(
            ["node", str(HERE / "drive.mjs"), kind, executable, str(scratch)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            start_new_session=True,
            env={**os.environ, "HOME": str(scratch), "XDG_CONFIG_HOME": str(scratch / "config")},
        )
        try:
            yield Browser(kind, scratch, process)
        finally:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.close()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            process.stdout.close()
