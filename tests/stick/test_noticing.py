"""One process, thread or descriptor that cannot be had does not end the noticing of sticks."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from medkiosk.core import config
from medkiosk.core.channel import Channel
from medkiosk.core.sticks import StickState
from medkiosk.daemon import stickreading
from medkiosk.daemon.board import Board
from medkiosk.daemon.sticks import StickDesk
from medkiosk.ipc.types import StickInfo
from tests.daemon.test_journal import Rig, rig

__all__ = ["rig"]


class Short:
    """Starts the real worker, but for the first times, when the machine is short of something."""

    def __init__(self, error: Exception, times: int) -> None:
        self.error = error
        self.left = times

    def __call__(self, folder: int) -> Channel:
        if self.left:
            self.left -= 1
            raise self.error
        return stickreading.spawn(folder)


def wait(board: Board, there: Callable[[StickInfo], bool]) -> StickInfo:
    deadline = time.monotonic() + 20
    while not (found := [one for one in board.status.sticks if there(one)]):
        assert time.monotonic() < deadline, board.status.sticks
        time.sleep(0.01)
    return found[0]


@pytest.fixture
def started(rig: Rig, tmp_path: Path) -> Iterator[Callable[[Short], tuple[Board, Path]]]:
    made: list[StickDesk] = []

    def start(short: Short) -> tuple[Board, Path]:
        board, place = Board(), tmp_path / "stick"
        place.mkdir()
        desk = StickDesk(
            (config.Stick(name="s", path=str(place)),),
            "blank_or_enrolled",
            rig.journal,
            bytes(32),
            board,
            os.urandom,
            poll_s=0.5,
            start=short,
        )
        made.append(desk)
        desk.start()
        return board, place

    yield start
    for desk in made:
        desk.stop()


@pytest.mark.parametrize(
    "error",
    [
        *(OSError(number, os.strerror(number)) for number in (errno.ENOMEM, errno.EAGAIN, errno.EMFILE)),
        MemoryError(),
    ],
    ids=repr,
)
def test_a_stick_that_could_not_be_looked_at_is_said_and_looked_at_again(
    started: Callable[[Short], tuple[Board, Path]], error: Exception
) -> None:
    short = Short(error, 2)
    board, place = started(short)
    said = wait(board, lambda one: one.state is StickState.UNSUITABLE)
    assert "The kiosk itself could not look at" in said.detail
    assert wait(board, lambda one: one.state is StickState.READY).detail == ""
    assert short.left == 0
    place.rmdir()
    deadline = time.monotonic() + 20
    while board.status.sticks:
        assert time.monotonic() < deadline, "pulled out, and nobody noticed"
        time.sleep(0.01)
