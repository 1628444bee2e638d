"""The installer: answers the set-up's questions by keys, and gives back the words that must be repeated.

What must be typed back is read from the terminal's own memory (vcs(4)), as exactly as an installer's eyes
read it; that it is on the screen is seen on the picture.
"""

from __future__ import annotations

import re
import time
from typing import Any

from medkiosk.setup.answers import QUESTIONS
from medkiosk.setup.layouts import PROOF
from tests.kiosk import PASSPHRASE
from tests.vm.desk import ADMIN, SLOW_S
from tests.vm.machine import KVM, Machine, NotSeenError

ANSWERS = {
    "layout": "us",
    "site": "Dermatology, room 12",
    "origin": "kiosk1.example.org/medkiosk",
    "zone": "UTC",
    "time": "",
    "user": ADMIN,
    "display_name": "Ada Admin",
    "passphrase": PASSPHRASE,
}
SHEETS = 3


class Installer:
    """Somebody at the bare terminal."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    def answer(self, boot_s: float) -> dict[str, Any]:
        """From power on to the end of the set-up; what was seen and how long it took."""
        began = time.monotonic()
        self._machine.see("Enter, to begin", timeout_s=boot_s)
        story: dict[str, Any] = {"asked_s": round(time.monotonic() - began, 1)}
        story["welcome"] = self.text()
        [story["secure_boot"]] = re.findall(r"^Secure Boot +(on|OFF)$", story["welcome"], re.MULTILINE)
        self._machine.picture("setup-1-welcome")
        self.enter()
        if story["secure_boot"] == "OFF":
            self.until("SECURE BOOT IS OFF", "to go on without it")
            self.enter("yes")
        for number, question in enumerate(QUESTIONS, 1):
            self.until(f"{number} of {len(QUESTIONS)}: {question.title}")
            if number == 1:
                self._machine.picture("setup-2-question")
            self.enter(ANSWERS[question.key])
            if question.key == "layout":
                self.until("Type these five characters")
                self.enter(PROOF)
            if question.secret:
                self.until("Once more:")
                self.enter(ANSWERS[question.key])
        self.until("Is all of this right?")
        story["answers"] = self.text()
        self._machine.picture("setup-3-right")
        self.enter("yes")
        story["sheets"] = [self._sheet(number) for number in range(1, SHEETS + 1)]
        self.until("Type two sheets back whole")
        self.enter()
        self.disk_key()
        self.until("The kiosk is set up.")
        story["keys"] = self.text()
        story["set_up_s"] = round(time.monotonic() - began, 1)
        self._machine.picture("setup-5-done")
        if not KVM:
            self._machine.patient()
        self.enter()
        return story

    def _sheet(self, number: int) -> str:
        shown = self.until(f"RECOVERY SHEET {number} OF {SHEETS}", "Enter, when it is written down")
        if number == 1:
            self._machine.picture("setup-4-sheet")
        words = {int(place): word for place, word in re.findall(r"\b([0-9]{1,2}) ([a-z]{3,8})\b", shown)}
        self.enter()
        for asked in range(2):
            prompts = self._prompts(asked + 1)
            self.enter(words[int(prompts[asked])])
        return " ".join(words[place] for place in sorted(words))

    def _prompts(self, count: int) -> list[str]:
        deadline = time.monotonic() + SLOW_S
        while len(found := re.findall(r"Word ([0-9]+):", self.text())) < count:
            if time.monotonic() > deadline:
                raise NotSeenError(self.text())
            time.sleep(0.5)
        return found

    def disk_key(self) -> None:
        """Read the disk's recovery key and type back what is asked of it."""
        shown = self.until("RECOVERY KEY OF THE DISK", "Enter, when it is written down")
        [key] = re.findall(r"[a-z]{8}(?:-\s*[a-z]{8}){7}", shown)
        self.enter()
        self.until("Enter alone shows it again")
        self.enter(key[-8:])

    def enter(self, text: str = "") -> None:
        """Type a line."""
        self._machine.type(text)
        self._machine.press("ret")

    def until(self, *texts: str) -> str:
        """Wait until the terminal says all of these; what it says then."""
        deadline = time.monotonic() + SLOW_S
        while True:
            shown = self.text()
            folded = " ".join(shown.split())
            if all(text in folded for text in texts):
                return shown
            if time.monotonic() > deadline:
                self._machine.picture("setup-not-seen")
                raise NotSeenError(f"waited for {texts}; the terminal says:\n{shown}")
            time.sleep(0.5)

    def text(self) -> str:
        """The bare terminal's text, line by line."""
        said = self._machine.shell("stty size < /dev/tty1; cat /dev/vcs1; echo")
        size, _, rest = said.partition("\n")
        columns = int(size.split()[1])
        lines = [rest[at : at + columns].rstrip() for at in range(0, len(rest), columns)]
        return "\n".join(lines[:-1]).rstrip()
