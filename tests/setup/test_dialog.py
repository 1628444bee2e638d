"""The set-up as an installer sees it: a real terminal, every question, every mistake, nothing left on it."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pyte
import pytest

from medkiosk.core.config import parse
from medkiosk.devicetpm import TpmSecrets
from medkiosk.offline.recovery import try_sheets
from medkiosk.setup.answers import QUESTIONS, Facts
from medkiosk.setup.dialog import Dialog
from medkiosk.setup.errors import StepFailedError
from medkiosk.setup.layouts import PROOF
from medkiosk.setup.terminal import Terminal
from tests.setup.scratch import ANSWERS, CHECKOUT, Scratch, tools_are_here
from tests.virtual.tpm import AVAILABLE, NEEDED, SoftTpm

SETUP = CHECKOUT / "medkiosk" / "setup"
_ASKED, _WRITTEN = r"Word \d+:", "Enter, when it is written down >"
_WORD = re.compile(r"(\d\d?) ([a-z]{4,})")


class Installer:
    """Sits at a terminal of 80 columns and 25 lines."""

    def __init__(self, scratch: Scratch) -> None:
        self.screen = pyte.Screen(80, 25)
        self._stream = pyte.ByteStream(self.screen)
        self.seen = b""
        self._mark = 0
        ours, theirs = pty.openpty()
        self._fd = ours
        self.process = subprocess.Popen(
            scratch.command,
            stdin=theirs,
            stdout=theirs,
            stderr=subprocess.PIPE,
            cwd=CHECKOUT,
            start_new_session=True,
            env={**os.environ, "TERM": "linux"},
        )
        os.close(theirs)

    @property
    def text(self) -> str:
        return "\n".join(line.rstrip() for line in self.screen.display)

    def see(self, words: str) -> str:
        """Wait until something new came and the cursor is behind a prompt that ends so; give the screen."""
        end = time.monotonic() + 60
        while True:
            before = self.screen.display[self.screen.cursor.y][: self.screen.cursor.x]
            if len(self.seen) > self._mark and re.search(words + " ?$", before):
                self._mark = len(self.seen)
                return self.text
            assert time.monotonic() < end, f"no {words!r} on:\n{self.text}"
            if select.select([self._fd], [], [], 0.2)[0]:
                data = os.read(self._fd, 4096)
                self.seen += data
                self._stream.feed(data)

    def say(self, line: str, until: str) -> str:
        """Type a line, and wait for what comes."""
        os.write(self._fd, line.encode() + b"\n")
        return self.see(until)

    def end(self) -> tuple[int, bytes]:
        """Type Enter; return how it ended, and what it said to the journal."""
        os.write(self._fd, b"\n")
        end = time.monotonic() + 30
        while self.process.poll() is None and time.monotonic() < end:
            if select.select([self._fd], [], [], 0.1)[0]:
                try:
                    self._stream.feed(os.read(self._fd, 4096))
                except OSError:  # the terminal's other end is closed
                    break
        _, said = self.process.communicate(timeout=30)
        return self.process.returncode, said

    def close(self) -> None:
        os.close(self._fd)
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()


@pytest.fixture
def installer(scratch: Scratch) -> Iterator[Installer]:
    made = Installer(scratch)
    yield made
    made.close()


def sheet(screen: str) -> list[str]:
    found = {int(number): word for number, word in _WORD.findall(screen.split("machine.", 1)[-1])}
    assert sorted(found) == list(range(1, len(found) + 1))
    return [found[number] for number in sorted(found)]


def betrayed(screen: str, words: list[str]) -> set[str]:
    """Words of a sheet on a screen, but those that the program itself says, such as "paper"."""
    own = set(re.findall(r"[a-z]+", "".join(path.read_text() for path in SETUP.glob("*.py")).lower()))
    assert len(set(words) - own) > 15
    return (set(words) - own) & set(re.findall(r"[a-z]+", screen.lower()))


def answer_all(installer: Installer) -> str:
    """Answer every question, one of them wrongly at first; say yes at the end."""
    installer.see("Enter, to begin >")
    installer.say("", r"\[us\] >")
    installer.say("qwerty", r"\[us\] >")
    assert "there is no such layout" in installer.text
    assert "2 of 8" in installer.say(ANSWERS["layout"], ">")
    installer.say(ANSWERS["site"], r"\[dermatology-12.medkiosk.invalid/[0-9a-f]{8}\] >")
    installer.say(ANSWERS["origin"], ">")
    installer.say("Europe/Zurich", ">")
    assert "(Europe/Zurich)" in installer.text
    installer.say("1999-12-31 23:59", ">")
    assert "cannot be earlier" in installer.text
    installer.say("", ">")
    installer.say("adminn", r"\[adminn\] >")
    installer.say(ANSWERS["display_name"], ">")
    assert "8 of 8" in installer.text
    installer.say("password", ">")
    installer.say(ANSWERS["passphrase"], "Once more:")
    installer.say("another one", ">")
    assert "the two differ" in installer.text
    installer.say(ANSWERS["passphrase"], "Once more:")
    screen = installer.say(ANSWERS["passphrase"], ">")
    assert "Is all of this right?" in screen
    assert "adminn" in screen
    installer.say("6", ">")
    assert "Is all of this right?" in installer.say("admin", ">")
    return installer.say("yes", _WRITTEN)


def give_back(installer: Installer, words: list[str], *, first: bool, then: str) -> str:
    """From the screen that shows a sheet to what comes after its two words."""
    screen = installer.say("", _ASKED)
    assert not betrayed(screen, words)
    if first:
        place = asked(screen)
        installer.say("academic" if words[place - 1] != "academic" else "zero", f"Word {place}:")
        assert "Not the one that was shown" in installer.text
        assert sheet(installer.say("", _WRITTEN)) == words  # it is shown again
        screen = installer.say("", _ASKED)
    screen = installer.say(words[asked(screen) - 1][:4], _ASKED)
    return installer.say(words[asked(screen) - 1], then)


def asked(screen: str) -> int:
    return int(re.findall(r"Word (\d+):", screen)[-1])


def test_an_installer_answers_everything_and_leaves_no_word_on_the_screen(
    scratch: Scratch, installer: Installer
) -> None:
    screen = answer_all(installer)
    sheets = []
    for number in (1, 2, 3):
        assert f"RECOVERY SHEET {number} OF 3" in screen
        sheets.append(sheet(screen))
        then = _WRITTEN if number < 3 else "Sheet 1 >"
        screen = give_back(installer, sheets[-1], first=number == 1, then=then)
    assert not betrayed(installer.text, sheets[2])
    installer.say(" ".join(sheets[0][:-1]), "Sheet 1 >")
    assert "the sheet has 33" in installer.text
    installer.say(" ".join(word[:4] for word in sheets[0]), "Sheet 2 >")
    installer.say(" ".join(sheets[1]), "Enter, to start the kiosk >")
    assert "Ledger key:" in installer.text
    code, journal = installer.end()
    assert (code, journal) == (0, b"")
    assert (scratch.root / "site" / "ready").exists()
    assert not any(betrayed(installer.text, words) for words in sheets)
    assert ANSWERS["passphrase"].encode() not in installer.seen
    config = parse((scratch.root / "site" / "medkiosk.toml").read_text(), name="made")
    try_sheets(config, [" ".join(sheets[0]), " ".join(sheets[2])])
    assert (config.site.name, config.site.origin) == (ANSWERS["site"], ANSWERS["origin"])


@pytest.mark.parametrize("content", [None, b"", b"\x06\0\0\0\0", b"\x06\0\0\0\x01\0"])
def test_secure_boot_that_is_off_is_said_and_takes_a_yes(scratch: Scratch, content: bytes | None) -> None:
    scratch.secure_boot.unlink()
    if content is not None:
        scratch.secure_boot.write_bytes(content)
    installer = Installer(scratch)
    try:
        assert re.search(r"^Secure Boot +OFF$", installer.see("Enter, to begin >"), re.MULTILINE)
        screen = installer.say("", "to go on without it >")
        assert "SECURE BOOT IS OFF" in screen
        for other in ("", "y", "no"):
            assert "1 of 8" not in installer.say(other, "to go on without it >")
        assert "1 of 8" in installer.say("yes", r"\[us\] >")
    finally:
        installer.close()


def test_secure_boot_that_is_on_is_said_and_asks_nothing(installer: Installer) -> None:
    assert re.search(r"^Secure Boot +on$", installer.see("Enter, to begin >"), re.MULTILINE)
    assert "1 of 8" in installer.say("", r"\[us\] >")


def test_nobody_gets_behind_the_questions(installer: Installer) -> None:
    installer.see("Enter, to begin >")
    for key in (b"\x03", b"\x1c", b"\x1a"):  # what ends, kills or stops a program at a terminal
        os.write(installer._fd, key)
    time.sleep(0.3)
    assert installer.process.poll() is None
    installer.say("", r"\[us\] >")


def test_a_layout_that_cannot_be_loaded_is_not_taken_but_the_kernels_own_needs_none() -> None:
    ours, theirs = pty.openpty()
    asked = []

    def load(keymap: str) -> None:
        asked.append(keymap)
        raise StepFailedError(step="loading", detail="no such keymap")

    facts = Facts(datetime(2026, 11, 23, tzinfo=UTC), datetime(2026, 5, 28, tzinfo=UTC), "00")
    dialog = Dialog(Terminal(theirs, theirs), lambda: facts, load, lambda count, _: range(count))
    os.write(ours, b"de\nus\nzy/-@\nus\n" + PROOF.encode() + b"\n")
    assert dialog._ask(1, QUESTIONS[0], {}) == "us"
    assert asked == ["de-latin1-nodeadkeys", "us", "us"]
    shown = ""
    while select.select([ours], [], [], 0.2)[0]:
        shown += os.read(ours, 4096).decode()
    assert "could not be loaded: no such keymap" in " ".join(shown.split())
    assert "other characters came" in shown
    os.close(ours)
    os.close(theirs)


@pytest.mark.skipif(not AVAILABLE, reason=NEEDED)
def test_what_the_tpm_remembers_of_another_kiosk_goes_when_somebody_says_so(scratch: Scratch) -> None:
    with SoftTpm(scratch.root / "state") as tpm:
        (scratch.root / "tpm").symlink_to(tpm.path)
        secrets = TpmSecrets(scratch.places.tpm)
        secrets.put(7, bytes(32))
        installer = Installer(scratch)
        try:
            installer.see("Enter, to begin >")
            screen = installer.say("", "to destroy it >")
            assert "ANOTHER KIOSK" in screen
            installer.say("yes", "to destroy it >")
            assert "switch the machine off" in " ".join(installer.text.split())
            assert secrets.generations() == [7]
            assert "1 of 8" in installer.say("forget", r"\[us\] >")
            assert secrets.generations() == []
        finally:
            installer.close()


@pytest.mark.skipif(not tools_are_here(), reason="no systemd 257 here, or no swtpm, or not root")
def test_the_key_of_the_disk_is_shown_and_asked_back(scratch: Scratch) -> None:
    with scratch.with_tpm_and_disk():
        installer = Installer(scratch)
        try:
            screen = answer_all(installer)
            for number in (1, 2, 3):
                then = _WRITTEN if number < 3 else "Sheet 1 >"
                screen = give_back(installer, sheet(screen), first=False, then=then)
            screen = installer.say("", _WRITTEN)
            assert "RECOVERY KEY OF THE DISK" in screen
            key = "".join(re.findall(r"^ {4}([a-z-]+)$", screen, re.MULTILINE))
            installer.say("", r"last 8 letters .*:")
            installer.say("cbdefghi", r"last 8 letters .*:")
            assert "Not those" in installer.text
            installer.say(key.rsplit("-", 1)[1], "Enter, to start the kiosk >")
            assert key.split("-")[3] not in installer.text
            assert installer.end() == (0, b"")
            assert scratch.opens_disk(key)
        finally:
            installer.close()
