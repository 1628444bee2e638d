"""Cards between udev and the import, with the real helper behind a real socket."""

from __future__ import annotations

import io
import queue
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, cast

import pytest

from medkiosk.core.frames import write_frame
from medkiosk.daemon.board import Board
from medkiosk.daemon.cardlines import CardLines
from medkiosk.device import mount as helper
from medkiosk.device.cards import CardDesk, CardRefusedError, MountHelper
from medkiosk.device.model import DeviceRef
from medkiosk.device.mount import System
from medkiosk.device.volume import CODE, WORDS, Answer, MountCode, Request
from medkiosk.workers import SocketChannel
from tests.device.test_mount import NAME, Reader, card_reader

__all__ = ["card_reader"]

Serve = Callable[[BinaryIO, BinaryIO], None]


class Listening:
    """What systemd does with the socket of the helper: a helper for each connection."""

    def __init__(self, path: Path, serve: Serve) -> None:
        self.path = path
        self._serve = serve
        self.restart()

    def restart(self) -> None:
        self.path.unlink(missing_ok=True)
        self._server = socket.create_server(str(self.path), family=socket.AF_UNIX)
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def helper(self, wait_s: float = 30) -> MountHelper:
        return MountHelper(lambda: SocketChannel(self.path), wait_s=wait_s)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            with connection:
                self._serve(
                    cast("BinaryIO", connection.makefile("rb")), cast("BinaryIO", connection.makefile("wb"))
                )

    def close(self) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._thread.join()


@pytest.fixture
def listen(tmp_path: Path) -> Iterator[Callable[[Serve], Listening]]:
    running: list[Listening] = []

    def start(serve: Serve) -> Listening:
        running.append(Listening(tmp_path / "mount.sock", serve))
        return running[-1]

    yield start
    for one in running:
        one.close()


class Told:
    """What the desk told, in order."""

    def __init__(self) -> None:
        self.queue: queue.Queue[tuple[str, str, object]] = queue.Queue()

    def desk(self, mounts: MountHelper) -> CardDesk:
        desk = CardDesk(
            mounts,
            lambda device: self._say("plugged", device),
            lambda device: self._say("unplugged", device),
            lambda device, error: self.queue.put(("refused", device.key, error.reason)),
        )
        desk.start()
        return desk

    def _say(self, what: str, device: DeviceRef) -> None:
        path = Path(device.port)
        self.queue.put((what, device.key, path.is_dir() and path.is_mount()))

    def next(self) -> tuple[str, str, object]:
        return self.queue.get(timeout=60)


def device(cards: Path, name: str = NAME) -> DeviceRef:
    return DeviceRef(kind="card", key=f"/devices/{name}", port=str(cards / name), model="", identity="1")


def test_a_card_comes_is_read_and_goes(card_reader: Reader, listen: Callable[[Serve], Listening]) -> None:
    system = card_reader.system
    listening = listen(lambda reader, writer: helper.serve(reader, writer, system))
    helper.mount(NAME, system)  # left behind by an earlier daemon
    told = Told()
    desk = told.desk(listening.helper())
    card = device(system.cards)
    for _ in range(2):
        desk.came(card)
        assert told.next() == ("plugged", card.key, True)
        desk.went(card)
        assert told.next() == ("unplugged", card.key, True)  # while it is still mounted
    desk.came(card)
    assert told.next() == ("plugged", card.key, True)
    desk.release(card)
    desk.went(card)
    assert told.next() == ("unplugged", card.key, False)
    desk.came(card)
    assert told.next() == ("plugged", card.key, True)
    desk.stop()
    assert not card_reader.at.exists()
    assert told.queue.empty()


def test_a_card_that_cannot_be_mounted_is_said_in_words(
    tmp_path: Path, listen: Callable[[Serve], Listening]
) -> None:
    nothing = System(tmp_path / "sys", tmp_path / "dev", tmp_path / "cards", 46)
    listening = listen(lambda reader, writer: helper.serve(reader, writer, nothing))
    told = Told()
    desk = told.desk(listening.helper())
    card = device(tmp_path / "cards")
    desk.came(card)
    assert told.next() == ("refused", card.key, MountCode.GONE)
    desk.went(card)
    assert told.next() == ("unplugged", card.key, False)  # so that the refusal goes with it
    desk.went(card)
    desk.stop()
    assert told.queue.empty()  # what nothing was told of is never unplugged


def test_without_a_helper_every_card_says_so(tmp_path: Path) -> None:
    told = Told()
    desk = told.desk(MountHelper(lambda: SocketChannel(tmp_path / "nothing.sock")))
    card = device(tmp_path)
    for _ in range(2):
        desk.came(card)
        assert told.next() == ("refused", card.key, MountCode.HELPER)
        desk.went(card)
        assert told.next() == ("unplugged", card.key, False)
    desk.stop()
    assert told.queue.empty()  # nothing was opened, so nothing can be stuck


def test_a_card_that_nobody_could_take_is_said_and_the_next_one_is_read(
    card_reader: Reader, listen: Callable[[Serve], Listening]
) -> None:
    listening = listen(lambda reader, writer: helper.serve(reader, writer, card_reader.system))
    told: queue.Queue[tuple[str, object]] = queue.Queue()
    short = [RuntimeError("can't start new thread")]

    def plugged(device: DeviceRef) -> None:
        if short:
            raise short.pop()
        told.put(("plugged", device.key))

    desk = CardDesk(
        listening.helper(),
        plugged,
        lambda _device: None,
        lambda _device, error: told.put(("refused", error.reason)),
    )
    desk.start()
    card = device(card_reader.system.cards)
    desk.came(card)
    assert told.get(timeout=60) == ("refused", MountCode.HELPER)
    desk.went(card)
    desk.came(card)
    assert told.get(timeout=60) == ("plugged", card.key)
    desk.stop()


def test_what_is_raised_while_a_card_is_refused_does_not_end_the_noticing(tmp_path: Path) -> None:
    told: queue.Queue[str] = queue.Queue()

    def refused(device: DeviceRef, _error: CardRefusedError) -> None:
        told.put(device.key)
        raise MemoryError

    mounts = MountHelper(lambda: SocketChannel(tmp_path / "nothing.sock"))
    desk = CardDesk(mounts, lambda _device: None, lambda _device: None, refused)
    desk.start()
    for name in ("first", "second"):
        desk.came(device(tmp_path, name))
        assert told.get(timeout=60) == f"/devices/{name}"
    desk.stop()


def test_a_card_that_cannot_be_let_go_is_told_in_words_of_its_own(
    card_reader: Reader, listen: Callable[[Serve], Listening]
) -> None:
    system = card_reader.system
    listening = listen(lambda reader, writer: helper.serve(reader, writer, system))
    board = Board()
    lines = CardLines(board)
    told = Told()

    def refused(card: DeviceRef, error: CardRefusedError) -> None:
        lines.refused(card, error)
        told.queue.put((type(error).__name__, card.key, error.reason))

    def plugged(card: DeviceRef) -> None:
        lines.opened(card)
        told.queue.put(("plugged", card.key, True))

    desk = CardDesk(listening.helper(), plugged, lines.gone, refused)
    desk.start()
    card = device(system.cards)
    desk.came(card)
    assert told.next() == ("plugged", card.key, True)
    listening.close()  # the helper is gone
    desk.release(card)
    assert told.next() == ("CardStuckError", card.key, MountCode.HELPER)
    (problem,) = board.status.problems
    assert "could not let go" in problem
    assert not board.status.devices  # the line is the import's, which ended well
    listening.restart()
    desk.came(card)
    assert told.next() == ("plugged", card.key, True)
    assert not board.status.problems
    desk.stop()


def test_a_refusal_stands_on_the_screen_until_its_card_is_pulled(tmp_path: Path) -> None:
    board = Board()
    lines = CardLines(board)
    card, other = device(tmp_path), device(tmp_path, "sdy1")
    lines.refused(card, CardRefusedError(MountCode.DAMAGED))
    assert board.status.headline == "NOT EVERYTHING WAS READ"
    assert [line.detail for line in board.status.devices] == [WORDS[MountCode.DAMAGED]]
    lines.refused(other, CardRefusedError(MountCode.NOT_A_CARD))
    assert board.status.problems == (WORDS[MountCode.NOT_A_CARD],)
    lines.gone(card)
    assert board.status.devices == ()
    assert board.status.headline == "PLUG IN A CAMERA OR CARD"
    lines.gone(other)
    assert not board.status.problems


@pytest.mark.parametrize(
    ("type_", "payload"),
    [
        (Answer.FAILED, CODE.pack(999)),
        (Answer.FAILED, b"\0"),
        (99, b""),
        (Answer.FAILED, b"x" * 9),
        (None, b""),
    ],
)
def test_nonsense_from_the_helper_is_no_success(
    listen: Callable[[Serve], Listening], type_: int | None, payload: bytes
) -> None:
    def serve(_reader: BinaryIO, writer: BinaryIO) -> None:
        if type_ is not None:
            answer = io.BytesIO()
            write_frame(answer, type_, payload)
            writer.write(answer.getvalue())
            writer.flush()

    with pytest.raises(CardRefusedError) as caught:
        listen(serve).helper().ask(Request.MOUNT, NAME)
    assert caught.value.reason == MountCode.HELPER


def test_a_helper_that_hangs_is_let_go(listen: Callable[[Serve], Listening]) -> None:
    over = threading.Event()

    def hang(_reader: BinaryIO, _writer: BinaryIO) -> None:
        over.wait(20)

    listening = listen(hang)
    with pytest.raises(CardRefusedError) as caught:
        listening.helper(wait_s=0.2).ask(Request.MOUNT, NAME)
    assert caught.value.reason == MountCode.HELPER
    over.set()
