"""Sticks that udev finds: the real desk and the real helper behind a real socket, on a loop device."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, cast

import pytest

from medkiosk.core.errors import NotAllowedError
from medkiosk.core.ids import KIOSK
from medkiosk.core.sticks import StickState
from medkiosk.daemon.board import Board
from medkiosk.daemon.sticks import StickDesk
from medkiosk.device import mount as helper
from medkiosk.device.cards import MountHelper
from medkiosk.device.model import DeviceRef
from medkiosk.export.bundle import Written, write_bundle
from medkiosk.export.errors import StickError
from medkiosk.export.volume import NoStickError
from medkiosk.workers import SocketChannel
from tests.daemon.test_journal import Rig, rig
from tests.device.test_mount import NAME, card_reader, mounts
from tests.export.build import bundle
from tests.stick.test_mount import Labelled, stick

__all__ = ["card_reader", "rig", "stick"]

AT = f"usb-{NAME}"


@pytest.fixture
def board() -> Board:
    return Board()


@pytest.fixture
def desk(stick: Labelled, rig: Rig, board: Board, tmp_path: Path) -> Iterator[StickDesk]:
    """A desk, and a helper for each connection, as systemd starts them."""
    server = socket.create_server(str(tmp_path / "mount.sock"), family=socket.AF_UNIX)

    def accept() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection:
                reader, writer = connection.makefile("rb"), connection.makefile("wb")
                helper.serve(cast("BinaryIO", reader), cast("BinaryIO", writer), stick)

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    mounting = MountHelper(lambda: SocketChannel(tmp_path / "mount.sock"), wait_s=30)
    made = StickDesk(
        (), "blank_or_enrolled", rig.journal, bytes(32), board, os.urandom, helper=mounting, poll_s=0.1
    )
    made.start()
    yield made
    made.stop()
    server.shutdown(socket.SHUT_RDWR)
    server.close()
    thread.join()


def plugged(system: Labelled) -> DeviceRef:
    return DeviceRef(
        kind="stick", key=f"/devices/{NAME}", port=str(system.sticks / NAME), model="", identity="1"
    )


def becomes(board: Board, state: StickState) -> None:
    deadline = time.monotonic() + 30
    while (shown := {one.name: one.state for one in board.status.sticks}.get(AT, StickState.ABSENT)) != state:
        assert time.monotonic() < deadline, shown
        time.sleep(0.02)


def test_a_stick_is_mounted_only_while_it_is_needed(desk: StickDesk, stick: Labelled, board: Board) -> None:
    at = stick.sticks / NAME
    desk.came(plugged(stick))
    becomes(board, StickState.READY)
    assert not at.exists()
    states = []

    def looking(_: Written, name_it: Callable[[], object]) -> None:
        states.append([one.state for one in board.status.sticks])
        name_it()

    with desk.writing(AT) as taken:
        (flags,) = mounts(at)
        assert "rw" in flags
        written = write_bundle(
            taken.path,
            bundle(2),
            taken.files,
            naming=looking,
        )
    assert states == [[StickState.READING_BACK]]
    becomes(board, StickState.DONE)
    assert not at.exists()
    helper.mount_stick(NAME, stick, writable=False)
    assert (at / written.folder / "manifest.json").stat().st_size
    helper.unmount_stick(NAME, stick)
    desk.went(plugged(stick))
    becomes(board, StickState.ABSENT)
    with pytest.raises(NoStickError):
        desk.writing(AT).__enter__()


def test_acknowledgements_come_from_a_stick_that_is_mounted_to_be_read(
    desk: StickDesk, stick: Labelled, board: Board
) -> None:
    helper.mount_stick(NAME, stick, writable=True)
    (stick.sticks / NAME / "medkiosk-acknowledgement-0123abcd.json").write_bytes(b"they say")
    helper.release_stick(NAME, stick)
    desk.came(plugged(stick))
    becomes(board, StickState.READY)
    assert desk.read_acknowledgements(AT) == [b"they say"]
    assert desk.read_acknowledgements() == [b"they say"]
    assert not (stick.sticks / NAME).exists()


def test_a_failed_export_leaves_nothing_mounted(desk: StickDesk, stick: Labelled, board: Board) -> None:
    desk.came(plugged(stick))
    becomes(board, StickState.READY)

    def write() -> None:
        with desk.writing(AT):
            raise StickError(detail="the stick failed or was pulled out")

    with pytest.raises(StickError):
        write()
    becomes(board, StickState.FAILED)
    assert not (stick.sticks / NAME).exists()


def test_what_has_nothing_to_do_with_the_stick_leaves_it_ready(
    desk: StickDesk, stick: Labelled, board: Board
) -> None:
    desk.came(plugged(stick))
    becomes(board, StickState.READY)

    def write() -> None:
        with desk.writing(AT):
            raise NotAllowedError(reason="the consent was withdrawn")

    with pytest.raises(NotAllowedError):
        write()
    becomes(board, StickState.READY)


def test_a_stick_that_is_held_is_not_said_to_be_safe(desk: StickDesk, stick: Labelled, board: Board) -> None:
    desk.came(plugged(stick))
    becomes(board, StickState.READY)
    with desk.writing(AT) as taken:
        write_bundle(taken.path, bundle(1), taken.files)
        held = os.open(taken.path, os.O_RDONLY)
    try:
        becomes(board, StickState.HELD)
        [line] = board.status.sticks
        assert "could not let go" in line.detail
        assert taken.after == line  # what the export tells whoever asked for it
        assert "SAFE" not in board.status.headline
    finally:
        os.close(held)


def test_pulled_out_while_it_is_written(desk: StickDesk, stick: Labelled, board: Board) -> None:
    desk.came(plugged(stick))
    becomes(board, StickState.READY)

    def write() -> None:
        with desk.writing(AT):
            desk.went(plugged(stick))
            becomes(board, StickState.LOST)
            raise StickError(detail="the stick failed or was pulled out")

    with pytest.raises(StickError):
        write()
    becomes(board, StickState.LOST)
    assert not (stick.sticks / NAME).exists()
    desk.came(plugged(stick))
    becomes(board, StickState.READY)


def test_enrolling_is_in_the_ledger_and_on_the_stick(
    desk: StickDesk, stick: Labelled, board: Board, rig: Rig
) -> None:
    helper.mount_stick(NAME, stick, writable=True)
    (stick.sticks / NAME / "thesis.docx").write_bytes(b"x")
    helper.release_stick(NAME, stick)
    desk.came(plugged(stick))
    becomes(board, StickState.FOREIGN)
    before = rig.journal.log.size
    desk.enrol(AT, "blue", KIOSK)
    becomes(board, StickState.READY)
    assert rig.journal.log.size == before + 1
    assert b'"type":"stick.enrolled"' in rig.journal.log.entry(before)
