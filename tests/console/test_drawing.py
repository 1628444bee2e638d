"""The process that draws: what it draws again, how it ends, and that the console's own loads no numpy."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import numpy as np
import psutil
import pytest

from medkiosk.console.drawing.client import Artist, ArtistError, EndedError, Pixels
from medkiosk.console.drawing.painter import Painter
from medkiosk.console.drawing.protocol import Order
from medkiosk.console.drawing.shapes import Grid, Outline, View
from medkiosk.workers import ProcessChannel
from tests.console.test_sixel import decode, noise

WIDTH, HEIGHT = 480, 288
WHOLE = View(0, 0, WIDTH, HEIGHT)
GRID = Grid(48, 18, (10, 16))
"""Two tiles beside each other, three below each other; each of the picture's pixels is one on the screen."""
TILES = 6


def pixels(number: int = 1) -> Pixels:
    return Pixels(number, WIDTH, HEIGHT, noise(WIDTH, HEIGHT, number).tobytes())


def order(number: int, before: int = 0, source: int = 1, *outlines: Outline, view: View = WHOLE) -> Order:
    return Order(number, before, source, (source,), view, outlines, GRID)


def drawing(parent: int | None = None) -> set[int]:
    """The processes that draw for this one, or for another."""
    found = set()
    for child in psutil.Process(parent).children():
        with suppress(psutil.NoSuchProcess):  # it just ended
            found |= {child.pid} if "medkiosk.console.drawing.worker" in child.cmdline() else set()
    return found


@pytest.fixture
def artist() -> Iterator[Artist]:
    """One that draws, and whoever drew for an earlier test is gone."""
    assert not _drawing_after(5)
    artist = Artist()
    yield artist
    artist.close()


def test_what_comes_back_is_the_picture(artist: Artist) -> None:
    flat = Pixels(1, WIDTH, HEIGHT, bytes([200, 40, 80]) * (WIDTH * HEIGHT))
    tiles = artist.draw(order(1), flat)
    assert sorted(tiles) == list(range(TILES))
    for sixels in tiles.values():
        registers, indices = decode(sixels)
        [entry] = set(indices.ravel().tolist())
        assert np.abs(np.array(registers[entry]) * 2.55 - [200, 40, 80]).max() < 8


def test_only_tiles_that_look_different_come_again(artist: Artist) -> None:
    source = pixels()
    assert len(artist.draw(order(1), source)) == TILES
    assert artist.draw(order(2, 1), source) == {}
    upper_left = Outline(20, 20, 60, 40, strong=True)
    assert set(artist.draw(order(3, 2, 1, upper_left), source)) == {0}
    # The console threw the third away and still shows the second.
    assert artist.draw(order(4, 2), source) == {}
    assert set(artist.draw(order(5, 2, 1, upper_left), source)) == {0}
    assert len(artist.draw(order(6, 5, 2), pixels(2))) == TILES


def test_a_frame_that_is_not_known_any_more_is_none(artist: Artist) -> None:
    source = pixels()
    artist.draw(order(1), source)
    artist.forget()
    assert len(artist.draw(order(2, 1), source)) == TILES


def test_a_process_that_was_killed_is_started_again_and_told_all(artist: Artist) -> None:
    source = pixels()
    first = artist.draw(order(1), source)
    [pid] = drawing()
    os.kill(pid, signal.SIGKILL)
    assert artist.draw(order(2, 1), source) == first
    assert drawing().isdisjoint({pid})


def test_one_that_hangs_is_killed_and_there_is_no_picture() -> None:
    started: list[ProcessChannel] = []

    def hanging() -> ProcessChannel:
        started.append(ProcessChannel([sys.executable, "-c", "import time; time.sleep(60)"]))
        return started[-1]

    artist = Artist(hanging, timeout_s=0.5)
    with pytest.raises(ArtistError):
        artist.draw(order(1), pixels())
    assert len(started) == 2, "once more, and then no more"
    deadline = time.monotonic() + 5
    while any(each.process.returncode is None for each in started):
        assert time.monotonic() < deadline, "it hangs on"
        time.sleep(0.02)


def _drawing_after(seconds: float) -> set[int]:
    deadline = time.monotonic() + seconds
    while (left := drawing()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return left


def test_to_end_it_ends_it_at_once_whatever_it_does(artist: Artist) -> None:
    artist.draw(order(1), pixels())
    [pid] = drawing()
    os.kill(pid, signal.SIGSTOP)
    caught: list[BaseException] = []

    def draw() -> None:
        try:
            artist.draw(order(2), pixels())
        except EndedError as error:
            caught.append(error)

    waiting = threading.Thread(target=draw)
    waiting.start()
    while not artist._turn.locked():
        time.sleep(0.01)
    artist.forget()
    assert artist._turn.locked(), "to forget waits for nobody"
    time.sleep(0.2)
    artist.end()
    waiting.join(10)
    assert caught
    assert pid not in _drawing_after(5)
    assert len(artist.draw(order(3, 1), pixels())) == TILES, "it goes on with another one"


def test_what_is_closed_starts_nothing_more() -> None:
    artist = Artist()
    artist.draw(order(1), pixels())
    artist.close()
    with pytest.raises(EndedError):
        artist.draw(order(2), pixels())
    assert not _drawing_after(5)


def test_it_ends_with_the_console_however_that_ends() -> None:
    script = (
        "import sys, time\n"
        "from medkiosk.console.drawing.client import Artist\n"
        "Artist().start()\n"
        "print('on', flush=True)\n"
        "time.sleep(60)"
    )
    console = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    assert console.stdout is not None
    assert console.stdout.readline() == b"on\n"
    [pid] = drawing(console.pid)
    console.kill()
    console.wait()
    console.stdout.close()
    deadline = time.monotonic() + 10
    with suppress(psutil.NoSuchProcess):
        while psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
            assert time.monotonic() < deadline, "it draws for nobody"
            time.sleep(0.02)


def test_what_is_drawn_while_it_should_forget_is_drawn_and_forgotten_after_it(artist: Artist) -> None:
    artist.draw(order(1), pixels())
    [pid] = drawing()
    os.kill(pid, signal.SIGSTOP)
    done: list[int] = []
    waiting = threading.Thread(target=lambda: done.append(len(artist.draw(order(2, 1), pixels()))))
    waiting.start()
    while not artist._turn.locked():
        time.sleep(0.01)
    artist.forget()
    os.kill(pid, signal.SIGCONT)
    waiting.join(10)
    assert done == [0], "it was drawn, and looked as before"
    assert len(artist.draw(order(3, 2), pixels())) == TILES, "and is not known any more"
    assert drawing() == {pid}, "nothing had to be started for it"


def test_two_may_ask_at_once(artist: Artist) -> None:
    found: dict[int, dict[int, str]] = {}

    def ask(source: int) -> None:
        for number in range(5):
            artist.forget()
            found[source] = artist.draw(order(10 * source + number, 0, source), pixels(source))

    asking = [threading.Thread(target=ask, args=(source,)) for source in (1, 2)]
    for each in asking:
        each.start()
    for each in asking:
        each.join(30)
    for source in (1, 2):
        assert found[source] == artist.draw(order(90 + source, 0, source), pixels(source))
    assert len(drawing()) == 1


@pytest.mark.parametrize(
    "spoken",
    [
        "write(1, pack('>I', 999) + b'\\x1bP;\\x1b\\\\')",
        "write(1, pack('>I', 0) + b'\\x1b[2Jhello')",
        "write(1, pack('>I', 0) + b'\\x1bP;\\x1b[2J\\x1b\\\\')",
        "write(1, b'')",
        "write(7, b'')",
    ],
    ids=["a tile that there is not", "no sixels", "more than sixels", "nothing", "another frame"],
)
def test_what_must_not_be_answered_is_not_taken(spoken: str) -> None:
    script = (
        "import sys, time\n"
        "from struct import pack\n"
        "def write(kind, data):\n"
        "    sys.stdout.buffer.write(pack('>BI', kind, len(data)) + data)\n"
        f"{spoken}\n"
        "write(2, b'')\n"
        "sys.stdout.flush()\n"
        "sys.stdin.buffer.read()"
    )
    artist = Artist(lambda: ProcessChannel([sys.executable, "-c", script]))
    with pytest.raises(ArtistError):
        artist.draw(order(1), pixels())
    artist.close()


def test_where_nothing_can_be_started_there_is_no_picture() -> None:
    artist = Artist(lambda: ProcessChannel(["/nonexistent"]))
    with pytest.raises(ArtistError):
        artist.start()
    with pytest.raises(ArtistError):
        artist.draw(order(1), pixels())
    artist.end()
    artist.close()


def test_where_large_pipes_are_used_up_small_ones_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """pipe(7): a user has so many of them; asked for here is more than anybody may have."""
    monkeypatch.setattr("medkiosk.console.drawing.client._PIPE_BYTES", 1 << 31)
    artist = Artist()
    assert len(artist.draw(order(1), pixels())) == TILES
    artist.close()


@pytest.mark.parametrize(
    "wrong",
    [
        order(1, source=7),
        order(1, view=View(0, 0, WIDTH + 1, HEIGHT)),
        order(1, view=View(-1, 0, WIDTH, HEIGHT)),
        order(1, view=View(0, 0, 0, HEIGHT)),
    ],
    ids=["no such source", "beside it", "before it", "nothing of it"],
)
def test_what_cannot_be_drawn_is_refused(wrong: Order) -> None:
    painter = Painter()
    painter.take(1, WIDTH, HEIGHT, bytes(pixels().rgb))
    with pytest.raises(ValueError, match="nothing to draw"):
        list(painter.draw(wrong))


def test_an_order_that_cannot_be_drawn_is_an_error_and_no_loop(artist: Artist) -> None:
    with pytest.raises(ArtistError):
        artist.draw(order(1, view=View(0, 0, WIDTH + 1, HEIGHT)), pixels())
    assert len(artist.draw(order(2), pixels())) == TILES


def test_the_console_itself_loads_no_numpy() -> None:
    """Whatever is computed with it would keep keys waiting, if only for the interpreter."""
    script = "import sys, medkiosk.console.app; print(*[name for name in sys.modules if name == 'numpy'])"
    said = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert not said.stdout.strip()
