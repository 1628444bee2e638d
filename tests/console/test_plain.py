"""The plain mode: the same screens as lines of text, each change once, and no escape sequence."""

from __future__ import annotations

import time

import pytest

from medkiosk.console.plain import linear
from medkiosk.console.speaking import Snapshot, Speaker
from medkiosk.core.photo import ReviewState
from tests.console.kiosk import RunningKiosk
from tests.console.state import PASSPHRASE
from tests.console.terminals import PtyConsole, command
from tests.console.test_terminals import golden


def shot(screen: int = 1, heading: str = "Home", focus: str = "", **blocks: str) -> Snapshot:
    numbered = {number: tuple(text.splitlines()) for number, text in enumerate(blocks.values())}
    return Snapshot(screen, heading, numbered, "Keys: F1 Keys", focus)


def test_a_screen_is_said_whole_and_once() -> None:
    speaker = Speaker()
    now = shot(a="SAFE", b="one\ntwo", focus="User: empty")
    assert speaker.lines(now, 0) == ["", "== Home ==", "SAFE", "one", "two", "Keys: F1 Keys", "User: empty"]
    assert speaker.lines(now, 1) == []


def test_of_a_change_only_what_is_new_is_said() -> None:
    speaker = Speaker()
    speaker.lines(shot(a="SAFE", b="one\ntwo"), 0)
    assert speaker.lines(shot(a="SAFE", b="one\nthree"), 9) == ["three"]
    assert speaker.lines(shot(a="SAFE", b="one\nthree", focus="2 of 3: x"), 10) == ["2 of 3: x"]
    assert speaker.lines(shot(a="SAFE", b="one"), 99) == []  # what goes is not said


def test_what_goes_on_changing_is_said_now_and_then_and_at_its_end() -> None:
    speaker = Speaker(every_s=3)
    speaker.lines(shot(a="0 %"), 0)
    said = [(at, speaker.lines(shot(a=f"{at} %"), at)) for at in range(1, 11)]
    assert [at for at, lines in said if lines] == [3, 6, 9]
    assert speaker.lines(shot(a="100 %"), 11) == []
    assert speaker.lines(shot(a="100 %"), 12) == ["100 %"]


def test_another_screen_of_the_same_kind_is_said_again() -> None:
    speaker = Speaker()
    speaker.lines(shot(1), 0)
    assert "== Home ==" in speaker.lines(shot(2), 0)


def test_frames_and_gaps_are_left_out() -> None:
    drawn = ["\u250c\u2500\u2500\u2510", "\u2502 Name      Erika \u2502", "   ", "\u2588\u2588"]
    assert linear(drawn) == ("Name  Erika",)


def test_a_session_in_lines(running: RunningKiosk) -> None:
    """Everything but pictures works on a serial line; what is said is compared with what was said before."""
    with PtyConsole(command(running.path, "--plain"), columns=80, rows=24) as terminal:
        terminal.until("Keys: L Log in")
        terminal.press("l")
        terminal.until("User: empty")
        terminal.type("rita\r")
        terminal.until("Passphrase: empty")
        terminal.type(f"{PASSPHRASE}\r")
        terminal.until("to review (R)")
        terminal.press("i")
        terminal.until("1 of 1: ")
        terminal.press("enter")
        terminal.until("1 of 3: IMG_0001")
        terminal._read(1.0)
        raw = terminal.raw
    assert PASSPHRASE.encode() not in raw
    assert b"\x1b" not in raw
    lines = raw.decode().replace("\r", "").splitlines()
    # Letters that are typed are said when they rest for a moment, which depends on the machine; so does
    # whether the line at the bottom is said before what waits was counted.
    late = ("User: r", "Passphrase: hidden", "Next: Record an encounter")
    said = [line for line in lines if not line.startswith(late)]
    golden("plain", lambda: said)
    assert all(photo.info.state is ReviewState.PROPOSED for photo in running.kiosk.photos.values())


@pytest.mark.parametrize("language", ["de"])
def test_lines_in_another_language(running: RunningKiosk, language: str) -> None:
    with PtyConsole(command(running.path, "--plain", "--language", language)) as terminal:
        terminal.until("Tasten: L Anmelden")
        terminal.press("l")
        terminal.until("Benutzer: leer")


def test_the_daemon_goes_and_comes_and_both_are_said(running: RunningKiosk) -> None:
    with PtyConsole(command(running.path, "--plain")) as terminal:
        terminal.until("SAFE TO UNPLUG")
        running.stop()
        terminal.until("NO ANSWER")
        running.start()
        deadline = time.monotonic() + 30
        while terminal.raw.count(b"SAFE TO UNPLUG") < 3 and time.monotonic() < deadline:
            terminal._read(0.2)
        assert terminal.raw.count(b"SAFE TO UNPLUG") >= 3
