"""The photo on the screen where its size, its picture or whoever draws it changes meanwhile."""

from __future__ import annotations

import os
import signal

from textual import on
from textual.app import App, ComposeResult

from medkiosk.console.drawing.client import Artist
from medkiosk.console.drawing.shapes import Stroke
from medkiosk.console.terminal import Terminal
from medkiosk.console.widgets.photo import Look, Mark, PhotoView, Tile
from medkiosk.core.ids import CaptureId
from medkiosk.core.photo import Box
from medkiosk.ipc.types import Picture
from medkiosk.workers import ProcessChannel
from tests.console import flows
from tests.console.conftest import running
from tests.console.kiosk import RunningKiosk
from tests.console.test_closer import view_of
from tests.console.test_drawing import drawing
from tests.console.test_screens import review_screen, reviewing
from tests.console.test_second import until_original
from tests.console.test_sixel import noise

__all__ = ["running"]


def blank(view: PhotoView) -> int:
    return sum(not tile.sixels for tile in view.query(Tile))


class Bare(App[None]):
    """Nothing but a photo; keeps how many tiles were blank each time that it was said to be on the screen."""

    def __init__(self) -> None:
        super().__init__()
        self.view = PhotoView(Terminal(sixel=True, cell=lambda: (10, 20)))
        self.painted: list[int] = []

    def compose(self) -> ComposeResult:
        yield self.view

    @on(PhotoView.Painted)
    def _is_painted(self) -> None:
        self.painted.append(blank(self.view))


async def test_a_size_that_comes_back_while_it_is_drawn_leaves_no_tile_blank() -> None:
    picture = Picture(CaptureId("a" * 32), 1, 900, 600, 3 * 900 * 600)
    app = Bare()
    async with app.run_test(size=(100, 40)) as pilot:
        view, grid = app.view, app.view._grid
        view.show(picture, noise(900, 600).tobytes(), (900, 600), Look())
        await flows.until(pilot, lambda: app.painted, "not drawn")
        [pid] = drawing()
        os.kill(pid, signal.SIGSTOP)
        view.look(Look(marks=(Mark(Box(20, 20, 40, 40), Stroke.MASK, strong=False),)))  # one tile changes
        await flows.until(pilot, lambda: view._encoding, "nothing is drawn")
        await pilot.resize_terminal(100, 34)
        await flows.until(pilot, lambda: view._grid != grid, "no other size")
        await pilot.resize_terminal(100, 40)
        await flows.until(pilot, lambda: view._grid == grid, "not the size before")
        os.kill(pid, signal.SIGCONT)
        await flows.until(pilot, lambda: len(app.painted) > 1, "not drawn again")
        await flows.until(pilot, lambda: not view._encoding and not view._undrawn, "not all drawn again")
        assert blank(view) == 0
        assert set(app.painted) == {0}, "what is not on the screen was not seen"


async def test_where_nothing_can_be_drawn_any_more_no_original_stays(running: RunningKiosk) -> None:
    async with reviewing(running) as pilot:
        await flows.until_text(pilot, "READY")
        await pilot.press("v", "1")
        await until_original(pilot)
        view = view_of(pilot)
        view._artist._spawn = lambda: ProcessChannel(["/nonexistent"])
        await pilot.press("v")
        await flows.until_text(pilot, "This photo could not be drawn")
        assert blank(view) == len(view.query(Tile))
        assert not view.comparing
        assert review_screen(pilot)._painted == 0


async def test_a_photo_that_cannot_be_drawn_takes_no_other_with_it(running: RunningKiosk) -> None:
    async with reviewing(running) as pilot:
        await flows.until_text(pilot, "READY")
        view = view_of(pilot)
        view._artist.end()
        hanging: list[ProcessChannel] = []

        def hang() -> ProcessChannel:
            hanging.append(ProcessChannel(["/bin/sleep", "60"] if not hanging else ["/bin/false"]))
            return hanging[-1]

        failing = Artist(hang)
        view._artist, good = failing, view._artist
        await pilot.press("tab")
        await flows.until(pilot, lambda: view._encoding, "nothing is drawn")
        await pilot.press("n")
        await flows.until_text(pilot, "photo 2 of 3")
        view._artist = good
        hanging[0].kill()
        await flows.until(pilot, lambda: view._frame and not view._undrawn, "the next one is not drawn")
        assert blank(view) == 0
        await flows.until_text(pilot, "READY")
        failing.close()
