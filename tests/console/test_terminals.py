"""The installed command in real terminals: pictures, no pictures, golden screens, crashes, leaks."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from medkiosk.core.photo import ReviewState
from tests.console.kiosk import RunningKiosk
from tests.console.state import PASSPHRASE
from tests.console.terminals import CHECKOUT, PtyConsole, command, log_in, plain_flow, sixel_flow
from tests.console.test_sixel import decode

GOLDEN = Path(__file__).parent / "golden"


def golden(name: str, drawn: Callable[[], list[str]]) -> None:
    """Wait until the screen is the stored one; ``MEDKIOSK_GOLDEN=write`` stores it once it rests."""
    path = GOLDEN / f"{name}.txt"

    def shown() -> str:
        return "\n".join(drawn()).rstrip() + "\n"

    if os.environ.get("MEDKIOSK_GOLDEN") == "write":
        path.parent.mkdir(exist_ok=True)
        time.sleep(1.0)
        path.write_text(shown())
    stored, deadline = path.read_text(), time.monotonic() + 10
    while shown() != stored and time.monotonic() < deadline:
        time.sleep(0.05)  # a footer, say, is drawn after what was waited for
    assert shown() == stored


def test_home_and_login_on_eighty_by_twenty_four(running: RunningKiosk) -> None:
    with PtyConsole(command(running.path, "--theme", "ansi"), columns=80, rows=24) as console:
        console.until("SAFE TO UNPLUG 3 of 3 files")
        golden("home", console.inked)
        console.press("l")
        console.until("Passphrase")
        golden("login", console.inked)


def test_keys_that_come_all_at_once_go_where_they_belong(running: RunningKiosk) -> None:
    """As from a barcode scanner, which types and presses Enter faster than anything is drawn."""
    with PtyConsole(command(running.path)) as console:
        console.until("Log in")
        console.press("l")
        console.until("Passphrase")
        console.type(f"rita\r{PASSPHRASE}\r")
        console.until("open: somebody is logged in")
        assert PASSPHRASE not in console.raw.decode()


def test_the_whole_flow_in_a_terminal_with_pictures(running: RunningKiosk) -> None:
    pictures = sixel_flow(running.path)
    assert len(pictures) > 20
    pixels = sum(decode(picture.decode())[1].size for picture in pictures[:28])
    assert pixels > 500_000
    first = next(iter(running.kiosk.photos.values()))
    assert first.info.state is ReviewState.APPROVED
    assert first.info.revision == 2


@pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")
def test_the_flow_in_tmux_ends_where_a_photo_would_have_to_be_seen(running: RunningKiosk) -> None:
    shown = plain_flow(running.path)
    assert "This terminal cannot show photos" in shown
    assert all(photo.info.state is ReviewState.PROPOSED for photo in running.kiosk.photos.values())
    assert "get_preview" not in running.kiosk.calls


def test_a_terminal_that_hides_its_cell_size_gets_words(running: RunningKiosk) -> None:
    argv = command(running.path, "--graphics", "sixel")
    with PtyConsole(argv, cell=(0, 0)) as console:
        log_in(console)
        console.press("r")
        console.until("does not say how large its")
        console.until("NOT TO BE APPROVED HERE")
        assert not console.pictures


def test_leaving_restores_the_terminal_and_ends_the_session(running: RunningKiosk) -> None:
    with PtyConsole(command(running.path)) as console:
        log_in(console)
        assert running.kiosk.logged_in == 1
        console.press("\x11")  # ctrl+q
        code, written = console.finish()
    assert code == 0
    assert "\x1b[?1049l" in written
    assert running.kiosk.logged_in == 0


def test_on_a_kiosk_no_key_ends_it(running: RunningKiosk) -> None:
    with PtyConsole(command(running.path, "--stay")) as console:
        console.until("Log in")
        for key in ("\x11", "\x03", "\x1a", "\x1c", "\x04"):  # ctrl+q, c, z, backslash, d
            console.press(key)
        log_in(console)
        assert running.kiosk.logged_in == 1


CRASHING = """
import sys
from medkiosk.console import __main__, app
from medkiosk.console.screens.home import HomeScreen
def fail(self):
    patient = "Mustermann, Erika"
    raise ValueError(patient)
HomeScreen.action_imports = fail
sys.exit(__main__.main(sys.argv[1:]))
"""


def test_a_crash_is_one_sentence_without_a_name_or_a_local_variable(running: RunningKiosk) -> None:
    argv = [sys.executable, "-c", CRASHING, "--socket", str(running.path)]
    with PtyConsole(argv) as console:
        log_in(console)
        console.press("i")
        code, written = console.finish()
    after = written.rpartition("\x1b[?1049l")[2]
    assert code == 1
    assert "The console stopped because of an error inside it (ValueError" in " ".join(after.split())
    assert "Mustermann" not in after
    assert "Traceback" not in written
    assert "patient" not in after


def test_it_says_that_it_needs_a_terminal(tmp_path: Path) -> None:
    done = subprocess.run(
        command(tmp_path / "none"), stdin=subprocess.DEVNULL, capture_output=True, text=True, cwd=CHECKOUT
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == (
        "medkiosk-console needs a terminal: start it on the kiosk's screen, not through a pipe.\n"
    )


LEAKS = """
import os, resource, sys
from medkiosk.console.__main__ import build
build(["--socket", "/nonexistent"])
from textual import constants
assert constants.LOG_FILE is None and not constants.DEBUG
assert constants.MAX_FPS == 240
assert "TEXTUAL_LOG" not in os.environ and "TEXTUAL" not in os.environ
assert resource.getrlimit(resource.RLIMIT_CORE) == (0, 0)
from medkiosk.console.app import KioskApp
assert not KioskApp.ENABLE_COMMAND_PALETTE and not KioskApp.ALLOW_SELECT
mine = sorted(name for name in sys.modules if name.startswith("medkiosk."))
# A security key is asked in a worker process: what starts and asks it is here, what speaks to it is not.
# Of audit, guide, identity and settings it takes what is pure.
allowed = ("audit", "console", "core", "guide", "identity", "ipc", "settings", "token", "workers")
assert all(name.split(".")[1] in allowed for name in mine), mine
parsers = {"PIL", "cv2", "textual_image", "sqlite3", "cryptography", "fido2", "medkiosk.token.ctap"}
assert not parsers & set(sys.modules)
"""


@pytest.mark.parametrize("started", [(), ("env", "--ignore-signal=HUP")], ids=["", "hang-ups ignored"])
@pytest.mark.parametrize("options", [(), ("--plain",)])
def test_a_console_whose_terminal_is_gone_ends(
    running: RunningKiosk, options: tuple[str, ...], started: tuple[str, ...]
) -> None:
    console = PtyConsole([*started, *command(running.path, *options)])
    console.until("Log in")
    console.gone()
    assert console.process.wait(10) == -signal.SIGHUP


def test_logs_dumps_and_image_parsers_are_out_of_reach(tmp_path: Path) -> None:
    log = tmp_path / "textual.log"
    done = subprocess.run(
        [sys.executable, "-c", LEAKS],
        env={**os.environ, "TEXTUAL": "devtools,debug", "TEXTUAL_LOG": str(log), "TEXTUAL_DEBUG": "1"},
        capture_output=True,
        text=True,
        cwd=CHECKOUT,
    )
    assert done.returncode == 0, done.stderr
    assert not log.exists()
