"""When the daemon may be ended for a repair, and when not."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from medkiosk.core.config import Config, parse
from medkiosk.core.device import DeviceState
from medkiosk.core.drives import DriveState
from medkiosk.core.errors import BadRequestError
from medkiosk.core.sticks import STICK_WORDS, StickState
from medkiosk.core.updates import UpdateState
from medkiosk.daemon.board import Board, first_line
from medkiosk.daemon.maintainingstart import request, restart
from medkiosk.device.model import DeviceRef
from medkiosk.ipc.types import BackupStatus, StickInfo, UpdateStatus
from tests.console.state import backup

CONFIG = Path(__file__).resolve().parents[2] / "config" / "medkiosk.toml"


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """A kiosk with one backup drive, which is plugged in."""
    text = CONFIG.read_text()
    made = parse(
        text.replace('path = "/var/lib/medkiosk/store"', f'path = "{tmp_path / "kiosk" / "store"}"')
        + f'\n[[backup]]\nname = "left"\npath = "{tmp_path / "plug"}"\n',
        name="test",
    )
    (tmp_path / "kiosk").mkdir()
    (tmp_path / "plug" / "store").mkdir(parents=True)
    (tmp_path / "plug" / "store" / "vault.db").touch()
    return made


def camera(board: Board) -> None:
    ref = DeviceRef(kind="camera", key="1", port="1", model="C")
    board.device(first_line(ref, "C", DeviceState.IMPORTING))


def stick(board: Board) -> None:
    state = StickState.WRITING
    board.set(sticks=(StickInfo(name="usb", state=state, words=STICK_WORDS[state], detail="", free=0),))


def drive(board: Board) -> None:
    line: BackupStatus = backup(DriveState.COPYING)
    board.backup(line)


def disposal(board: Board) -> None:
    board.set(disposal="DISPOSING")


def update(board: Board) -> None:
    board.set(update=UpdateStatus(state=UpdateState.INSTALLING))


@pytest.mark.parametrize(
    ("begin", "words"),
    [
        (camera, "imported"),
        (stick, "stick"),
        (drive, "backup"),
        (disposal, "disposed"),
        (update, "update"),
    ],
)
def test_nothing_that_is_in_progress_is_ended(
    config: Config, begin: Callable[[Board], None], words: str
) -> None:
    board = Board()
    begin(board)
    with pytest.raises(BadRequestError, match=words):
        restart(config, board, working=False)
    assert not request(config).exists()


def test_nobody_who_waits_for_a_call_is_cut_off(config: Config) -> None:
    with pytest.raises(BadRequestError, match="somebody waits"):
        restart(config, Board(), working=True)
    assert not request(config).exists()


def test_without_a_drive_it_must_be_meant(config: Config, tmp_path: Path) -> None:
    ended = threading.Event()
    before = signal.signal(signal.SIGTERM, lambda *_: ended.set())
    try:
        (tmp_path / "plug" / "store" / "vault.db").unlink()
        with pytest.raises(BadRequestError, match="no backup drive"):
            restart(config, Board(), working=False)
        assert not request(config).exists()
        restart(config, Board(), working=False, without_drive=True)
        assert request(config).exists()
        assert ended.wait(5)
        request(config).unlink()
        ended.clear()
        (tmp_path / "plug" / "store" / "vault.db").touch()
        restart(config, Board(), working=False)
        assert request(config).exists()
        assert ended.wait(5)
    finally:
        signal.signal(signal.SIGTERM, before)
