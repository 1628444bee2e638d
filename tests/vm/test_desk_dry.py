"""What the scenario types at the console, without a machine: the real daemon, the console in a terminal.

The steps in `tests.vm.desk` wait for words and press keys; here they are held against this console,
in every run.
"""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest

from tests.console.terminals import PtyConsole, command
from tests.kiosk import ScratchKiosk, redacted
from tests.virtual.photos import make_card
from tests.vm.desk import ADMIN, OLGA, RITA, Desk, Screen
from tests.vm.machine import NotSeenError
from tests.vm.ocr import says

_BYTES = {
    "ret": b"\r",
    "esc": b"\x1b",
    "spc": b" ",
    "right": b"\x1b[C",
    "f2": b"\x1bOQ",
    "f3": b"\x1bOR",
    "f9": b"\x1b[20~",
}

_READS_S = 0.5
"""Reading a picture of the machine's screen takes longer; what is pressed sooner was not read by anybody."""


class TerminalScreen:
    """A console in a pseudo-terminal, in the machine's place."""

    def __init__(self, console: PtyConsole) -> None:
        self._console = console

    def words(self) -> str:
        """What a person reads on it."""
        return self._console.text()

    def see(self, *texts: str, timeout_s: float = 120) -> str:
        """Wait for one of the texts."""
        deadline = time.monotonic() + min(timeout_s, 60)
        while True:
            shown = self.words()
            for text in texts:
                if says(shown, text):
                    time.sleep(_READS_S)
                    return text
            if time.monotonic() > deadline:
                raise NotSeenError(f"waited for {texts}; it says:\n" + "\n".join(self._console.lines()))

    def press(self, *names: str) -> None:
        """QEMU's names of keys."""
        for name in names:
            self._write(_BYTES.get(name, name.encode()))
            time.sleep(0.3 if name == "esc" else 0.05)

    def type(self, text: str) -> None:
        """A hand's pace, or it would be taken for a scanner's."""
        for letter in text:
            self._write(letter.encode())
            time.sleep(0.04)

    def _write(self, data: bytes) -> None:
        self._console.write(data)


@pytest.mark.timeout(300)
def test_the_steps_of_the_scenario_work_on_this_console(tmp_path: Path) -> None:
    make_card(tmp_path / "card", 2, fast=True, camera=False, size=(1368, 912))
    kiosk = ScratchKiosk(tmp_path / "kiosk", cards=[tmp_path / "card"])
    kiosk.init()
    kiosk.start()
    try:
        kiosk.wait(redacted, timeout_s=120)
        with PtyConsole(
            command(kiosk.socket, "--graphics", "sixel"), columns=80, rows=25, cell=(16, 32)
        ) as console:
            screen: Screen = TerminalScreen(console)
            desk = Desk(screen)
            desk.see("Log in")
            desk.log_in(ADMIN)
            desk.hire(RITA)
            desk.hire(OLGA)
            desk.log_out()
            desk.log_in(RITA.user)
            desk.record_encounter()
            desk.assign_newest_import()
            desk.approve_first()
            screen.press("esc", "esc")
            desk.log_out()
            desk.log_in(OLGA.user)
            desk.enrol_recipient("Dr. C. Ollaborator", _age_key(tmp_path))
            desk.export()
    finally:
        kiosk.close()


def _age_key(into: Path) -> str:
    path = into / "identity.txt"
    subprocess.run(["age-keygen", "-o", path], check=True, capture_output=True)
    return subprocess.run(
        ["age-keygen", "-y", path], check=True, capture_output=True, text=True
    ).stdout.strip()
