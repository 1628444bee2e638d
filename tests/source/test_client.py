"""The trusted side against workers that lie, babble or fall silent."""

from __future__ import annotations

import io
import subprocess
import sys
import threading
import time
from collections.abc import Callable

import pytest

from medkiosk.core.frames import CHUNK, HEADER, write_frame
from medkiosk.source.client import SourceSession
from medkiosk.source.model import WORDS, ClockReading, DeviceInfo, SourceCode, SourceError
from medkiosk.source.protocol import (
    CameraTime,
    FromWorker,
    RawEntry,
    pack_code,
    pack_end,
    pack_entry,
    pack_hello,
    pack_index,
    pack_time,
)
from medkiosk.workers import ProcessChannel

HELLO = (FromWorker.HELLO, pack_hello(DeviceInfo(kind="card", model="m", serial="s", port="p")))


class Recording:
    """A channel to a worker that says what was written down beforehand."""

    def __init__(self, *frames: tuple[int, bytes]) -> None:
        said = io.BytesIO()
        for type_, payload in frames:
            write_frame(said, type_, payload)
        said.seek(0)
        self.reader = said
        self.writer = io.BytesIO()
        self.killed = False

    def kill(self) -> None:
        self.killed = True

    def close(self) -> None:
        return


def _entry(
    index: int = 0, size: int = 10, name: bytes = b"IMG_0001.JPG", failure: int = 0
) -> tuple[int, bytes]:
    raw = RawEntry(
        index=index, storage=b"card", folder=b"DCIM", name=name, size=size, mtime=0, failure=failure
    )
    return FromWorker.ENTRY, pack_entry(raw)


def _listed(count: int) -> tuple[int, bytes]:
    return FromWorker.LISTED, pack_index(count)


def _reason(channel: Recording, use: Callable[[SourceSession], object]) -> SourceCode:
    with SourceSession(channel) as session, pytest.raises(SourceError) as caught:
        use(session)
    return caught.value.reason


def _read(session: SourceSession) -> list[bytes]:
    session.list()
    return list(session.read(0))


def test_an_honest_worker() -> None:
    data = (FromWorker.DATA, b"x" * 10)
    channel = Recording(HELLO, _entry(), _listed(1), data, (FromWorker.END, pack_end(10)))
    with SourceSession(channel) as session:
        assert _read(session) == [b"x" * 10]
    assert not channel.killed


LIES = {
    "more than listed": ([(FromWorker.DATA, b"x" * 11)], SourceCode.LONG),
    "more in pieces": ([(FromWorker.DATA, b"x" * 10), (FromWorker.DATA, b"x")], SourceCode.LONG),
    "fewer than listed": ([(FromWorker.DATA, b"x" * 9), (FromWorker.END, pack_end(9))], SourceCode.SHORT),
    "nothing at all": ([(FromWorker.END, pack_end(0))], SourceCode.SHORT),
    "another count": ([(FromWorker.DATA, b"x" * 10), (FromWorker.END, pack_end(9))], SourceCode.PROTOCOL),
    "empty chunks": ([(FromWorker.DATA, b"")], SourceCode.PROTOCOL),
    "the end": ([(FromWorker.DATA, b"x" * 10)], SourceCode.CRASHED),
    "an unknown frame": ([(99, b"")], SourceCode.PROTOCOL),
    "a frame out of turn": ([_listed(1)], SourceCode.PROTOCOL),
    "an unknown code": ([(FromWorker.FAIL, pack_code(999))], SourceCode.PROTOCOL),
    "a torn code": ([(FromWorker.FAIL, b"\0")], SourceCode.PROTOCOL),
    "a known code": ([(FromWorker.FAIL, pack_code(SourceCode.BUSY))], SourceCode.BUSY),
    "too large a frame": ([(FromWorker.DATA, b"x" * (CHUNK + 1))], SourceCode.CRASHED),
}


@pytest.mark.parametrize(("frames", "reason"), LIES.values(), ids=LIES.keys())
def test_a_file_that_is_not_exactly_as_listed_is_an_error(
    frames: list[tuple[int, bytes]], reason: SourceCode
) -> None:
    channel = Recording(HELLO, _entry(), _listed(1), *frames)
    assert _reason(channel, _read) == reason
    assert channel.killed == (reason not in {SourceCode.SHORT, SourceCode.BUSY})


BAD_LISTS = {
    "wrong index": [_entry(index=1), _listed(1)],
    "wrong count": [_entry(), _listed(2)],
    "name too long": [_entry(name=b"n" * 256), _listed(1)],
    "trailing bytes": [(FromWorker.ENTRY, _entry()[1] + b"x")],
    "an unknown failure": [_entry(size=0, failure=999)],
    "a failure of the device": [_entry(size=0, failure=SourceCode.UNPLUGGED)],
    "a failure with bytes": [_entry(failure=SourceCode.NAME)],
    "too large a number": [_entry(size=2**53)],
    "cut off": [(FromWorker.ENTRY, _entry()[1][:-1])],
    "no hello": [],
}


@pytest.mark.parametrize("frames", BAD_LISTS.values(), ids=BAD_LISTS.keys())
def test_a_bad_listing_ends_the_session(frames: list[tuple[int, bytes]]) -> None:
    channel = Recording(HELLO, *frames) if frames else Recording(_entry())
    assert _reason(channel, SourceSession.list) == SourceCode.PROTOCOL
    assert channel.killed


_CLOCK_LIES = {
    "cut off": (FromWorker.TIME, b"\0" * 7),
    "before 1970": (FromWorker.TIME, b"\xff" * 8),
    "beyond the year 9999": (FromWorker.TIME, b"\x7f" + b"\xff" * 7),
    "one number too many": (FromWorker.TIME, b"\0" * 24),
    "another frame": (FromWorker.DONE, b""),
}


@pytest.mark.parametrize("frame", _CLOCK_LIES.values(), ids=_CLOCK_LIES.keys())
def test_a_clock_that_is_none_ends_the_session(frame: tuple[int, bytes]) -> None:
    channel = Recording(HELLO, frame)
    assert _reason(channel, SourceSession.clock) == SourceCode.PROTOCOL
    assert channel.killed


def test_a_clock_is_read_between_asking_and_getting() -> None:
    channel = Recording(
        HELLO, (FromWorker.TIME, pack_time(CameraTime(wall=1_000_003_600, utc=1_000_000_000)))
    )
    ticks = iter([50.0, 50.25])
    with SourceSession(channel, now=lambda: 999_999_990.5) as session:
        session.hello()
        session._monotonic = lambda: next(ticks)
        assert session.clock() == ClockReading(
            wall="2001-09-09T02:46:40", utc=1_000_000_000, asked=999_999_990.5, took=0.25
        )


def _delete(session: SourceSession) -> None:
    session.list()
    session.delete(0)


def test_deleting_says_nothing_but_done() -> None:
    babbling = Recording(HELLO, _entry(), _listed(1), (FromWorker.DONE, b"x"))
    assert _reason(babbling, _delete) == SourceCode.PROTOCOL
    failing = Recording(HELLO, _entry(), _listed(1), (FromWorker.FAIL, pack_code(SourceCode.PROTECTED)))
    assert _reason(failing, _delete) == SourceCode.PROTECTED
    assert not failing.killed


def test_what_cannot_be_read_is_not_asked_for() -> None:
    channel = Recording(
        HELLO, _entry(size=0, failure=SourceCode.NAME), _listed(1), (FromWorker.END, pack_end(0))
    )
    assert _reason(channel, _read) == SourceCode.NAME
    assert not channel.killed


def test_a_device_that_cannot_be_opened_says_why() -> None:
    channel = Recording((FromWorker.FAIL, pack_code(SourceCode.BUSY)))
    assert _reason(channel, SourceSession.hello) == SourceCode.BUSY


def test_a_header_without_a_payload_is_a_crash() -> None:
    channel = Recording(HELLO)
    channel.reader = io.BytesIO(channel.reader.getvalue() + HEADER.pack(FromWorker.ENTRY, 5) + b"abc")
    assert _reason(channel, SourceSession.list) == SourceCode.CRASHED


def test_a_silent_worker_is_killed() -> None:
    channel = ProcessChannel([sys.executable, "-c", "import time; time.sleep(60)"])
    began = time.monotonic()
    with SourceSession(channel, stall_s=0.4) as session, pytest.raises(SourceError) as caught:
        session.hello()
    assert caught.value.reason == SourceCode.STALLED
    assert time.monotonic() - began < 30, "it slept on"
    assert channel.process.returncode is not None


def test_killing_from_another_thread_wakes_the_reader() -> None:
    channel = ProcessChannel([sys.executable, "-c", "import time; time.sleep(60)"])
    with SourceSession(channel) as session:
        threading.Timer(0.2, session.kill).start()
        with pytest.raises(SourceError) as caught:
            session.hello()
    assert caught.value.reason == SourceCode.CRASHED


def test_a_trickle_of_bytes_does_not_count_as_a_frame() -> None:
    babble = "import sys,time\nwhile True: sys.stdout.write('\\x11'); sys.stdout.flush(); time.sleep(0.05)"
    channel = ProcessChannel([sys.executable, "-c", babble])
    with SourceSession(channel, stall_s=0.2) as session, pytest.raises(SourceError) as caught:
        session.hello()
    assert caught.value.reason in {SourceCode.STALLED, SourceCode.CRASHED}


def test_a_closed_session_leaves_no_thread_behind() -> None:
    before = threading.active_count()
    with SourceSession(Recording(HELLO)) as session:
        session.hello()
        assert threading.active_count() == before + 1
    assert threading.active_count() == before


def test_every_code_has_one_sentence() -> None:
    assert set(WORDS) == set(SourceCode)
    assert len(set(WORDS.values())) == len(WORDS)
    assert str(SourceError(SourceCode.SHORT)) == WORDS[SourceCode.SHORT]


def test_the_trusted_side_loads_no_camera_code() -> None:
    script = "import sys, medkiosk.source.client as _; print({'gphoto2', 'numpy', 'cv2'} & set(sys.modules))"
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "set()"
