"""The worker that looks at a stick, on hostile ones: what it opens, what it says, and what it cannot do."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from medkiosk.core.frames import Frame as AnyFrame
from medkiosk.core.frames import write_frame
from medkiosk.daemon.stickreading import look
from medkiosk.device.stickfiles import (
    ACKNOWLEDGEMENT_BYTES,
    ACKNOWLEDGEMENTS,
    COSIGNED_BYTES,
    MARK,
    MARK_BYTES,
    MOST_NAMES,
    WITNESSED,
    Found,
)
from medkiosk.export.errors import StickError
from medkiosk.workers import ProcessChannel
from tests.virtual import fuse
from tests.virtual.stickfs import why_not

on_fuse = pytest.mark.skipif(bool(why_not()), reason=why_not() or "FUSE")


def named(number: int) -> str:
    return f"medkiosk-acknowledgement-{number:08x}.json"


def test_what_is_called_so_is_read_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / named(1)).write_bytes(b"one")
    (tmp_path / named(2)).write_bytes(b"")
    (tmp_path / named(3)).write_bytes(b"x" * ACKNOWLEDGEMENT_BYTES)
    (tmp_path / "medkiosk-2026-05-01-0123abcd").mkdir()
    (tmp_path / "medkiosk-2026-05-01-0123abcd" / named(4)).write_bytes(b"not in the top folder")
    (tmp_path / MARK).write_bytes(b"a mark")
    seen = look(tmp_path)
    assert sorted(map(len, seen.untrusted_acknowledgements)) == [0, 3, ACKNOWLEDGEMENT_BYTES]
    assert (seen.untrusted_mark, seen.found) == (b"a mark", Found.MARKED)
    assert seen.is_blank


def test_what_is_no_plain_file_of_that_size_is_passed_over(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"outside")
    stick = tmp_path / "stick"
    stick.mkdir()
    (stick / named(1)).write_bytes(b"good")
    (stick / named(2)).symlink_to(secret)
    (stick / named(3)).mkdir()
    os.mkfifo(stick / named(4))
    (stick / named(5)).write_bytes(b"x" * (ACKNOWLEDGEMENT_BYTES + 1))
    os.link(secret, stick / named(6))  # a name like any other
    (stick / MARK).write_bytes(b"x" * (MARK_BYTES + 1))
    began = time.monotonic()
    seen = look(stick)
    assert time.monotonic() - began < 15  # it did not wait for somebody to write into the pipe
    assert sorted(seen.untrusted_acknowledgements) == [b"good", b"outside"]
    assert seen.untrusted_mark == b""
    assert not seen.is_blank


def test_what_witnesses_send_is_read_by_kind_and_within_its_bounds(tmp_path: Path) -> None:
    (tmp_path / "medkiosk-cosigned-w1").write_bytes(b"c" * COSIGNED_BYTES)
    (tmp_path / "medkiosk-cosigned-large").write_bytes(b"c" * (COSIGNED_BYTES + 1))
    (tmp_path / "medkiosk-witness-w1").write_bytes(b"key")
    (tmp_path / "medkiosk-witness-w2").symlink_to(tmp_path / "medkiosk-witness-w1")
    seen = look(tmp_path)
    assert seen.untrusted_cosigned == (b"c" * COSIGNED_BYTES,)
    assert seen.untrusted_keys == (b"key",)
    assert (seen.untrusted_acknowledgements, seen.found) == ((), Found.FOREIGN | Found.UNREADABLE | Found.ODD)
    for number in range(WITNESSED + 3):
        (tmp_path / f"medkiosk-witness-{number:03d}").write_bytes(b"%d" % number)
    seen = look(tmp_path)
    assert len(seen.untrusted_keys) == WITNESSED
    assert seen.found & Found.TOO_MANY


def test_names_that_are_made_to_harm(tmp_path: Path) -> None:
    for name in (b"\x1b]0;owned\x07", b"\xff\xfe\n", b"..json", b"medkiosk-acknowledgement-00000001.json\n"):
        (tmp_path / os.fsdecode(name)).write_bytes(b"x")
    seen = look(tmp_path)
    assert (seen.untrusted_acknowledgements, seen.found) == ((), Found.FOREIGN)


def test_more_acknowledgements_than_are_read(tmp_path: Path) -> None:
    for number in range(ACKNOWLEDGEMENTS + 9):
        (tmp_path / named(number)).write_bytes(b"%d" % number)
    seen = look(tmp_path)
    assert seen.untrusted_acknowledgements == tuple(b"%d" % number for number in range(ACKNOWLEDGEMENTS))
    assert seen.found is Found.TOO_MANY


@on_fuse
def test_more_names_than_are_looked_at(tmp_path: Path) -> None:
    asked: list[int] = []
    names = [(b"System Volume Information", None), *((b"%032x" % n, None) for n in range(100_000))]

    def listed() -> list[tuple[bytes, None]]:
        asked.append(1)
        return names

    with fuse.mounted(fuse.Folder(listed), tmp_path / "stick") as at:
        seen = look(at)
    assert seen.found == Found.FOREIGN | Found.TOO_MANY
    assert len(asked) < 2 * MOST_NAMES / 50  # far from a call for each of the names


@on_fuse
def test_a_folder_that_cannot_be_read_is_not_blank(tmp_path: Path) -> None:
    broken = fuse.Folder(lambda: [(b"medkiosk-2026-05-01-0123abcd", None)] * 3, fails_after=2)
    with fuse.mounted(broken, tmp_path / "stick") as at:
        assert Found.UNREADABLE in look(at).found


@on_fuse
def test_a_stick_that_never_answers_is_given_up(tmp_path: Path) -> None:
    over = threading.Event()

    def never(_offset: int, _count: int) -> bytes:
        over.wait(60)
        return b""

    hanging = fuse.folder({named(1): fuse.File(10, never)})
    with fuse.mounted(hanging, tmp_path / "stick") as at:
        began = time.monotonic()
        with pytest.raises(StickError, match="could not be looked at"):
            look(at, wait_s=1)
        assert time.monotonic() - began < 30
        over.set()  # or nobody gets it away


def test_a_stick_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(StickError, match="not there"):
        look(tmp_path / "nothing")


@pytest.mark.parametrize(
    "said",
    [
        [],
        [AnyFrame(9, b"")],
        [AnyFrame(3, b"")],
        [AnyFrame(3, b"\xff")],
        [AnyFrame(1, b"x" * 2000), AnyFrame(3, b"\0")],
        [AnyFrame(1, b"x"), AnyFrame(1, b"y"), AnyFrame(3, b"\0")],
        [AnyFrame(2, b"x")] * (ACKNOWLEDGEMENTS + 1),
        [AnyFrame(2, b"x" * (ACKNOWLEDGEMENT_BYTES + 1))],
    ],
)
def test_a_worker_that_was_taken_over_says_nothing_that_is_believed(
    tmp_path: Path, said: list[AnyFrame]
) -> None:
    class Sink:
        data = b""

        def write(self, data: bytes | memoryview, /) -> None:
            self.data += bytes(data)

        def flush(self) -> None:
            """Nothing is kept back."""

    sink = Sink()
    for frame in said:
        write_frame(sink, frame.type, frame.payload)
    (tmp_path / "said").write_bytes(sink.data)
    with pytest.raises(StickError, match="could not be looked at"):
        look(tmp_path, lambda _folder: ProcessChannel(["cat", str(tmp_path / "said")]))


TRIES = """
import os, sys
folder = os.open(sys.argv[1], os.O_RDONLY)
sys.argv = ["worker", "--folder", str(folder)]
from medkiosk import stickworker
import socket, subprocess
def look(folder, writer):
    def attempt(name, do):
        try:
            do()
        except OSError as error:
            print(name, "refused")
        else:
            print(name, "DONE")
    attempt("its own folder", lambda: os.open("inside", os.O_RDONLY, dir_fd=folder))
    attempt("another file", lambda: os.open("/etc/passwd", os.O_RDONLY))
    attempt("the folder above", lambda: os.open("../outside", os.O_RDONLY, dir_fd=folder))
    attempt("through a link", lambda: os.open("link", os.O_RDONLY, dir_fd=folder))
    attempt("write", lambda: os.open("inside", os.O_WRONLY, dir_fd=folder))
    attempt("create", lambda: os.open("new", os.O_WRONLY | os.O_CREAT, dir_fd=folder))
    attempt("remove", lambda: os.unlink("inside", dir_fd=folder))
    attempt("network", lambda: socket.socket(socket.AF_INET))
    attempt("unix socket", lambda: socket.socket(socket.AF_UNIX))
    attempt("program", lambda: os.execv("/bin/true", ["true"]))
    sys.stdout.flush()
stickworker.look = look
sys.exit(stickworker.main())
"""


def test_the_worker_can_read_its_folder_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "outside").write_bytes(b"x")
    stick = tmp_path / "stick"
    stick.mkdir()
    (stick / "inside").write_bytes(b"x")
    (stick / "link").symlink_to("/etc/passwd")
    done = subprocess.run(
        [sys.executable, "-c", TRIES, stick], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    tried = dict(line.rsplit(" ", 1) for line in done.stdout.splitlines())
    assert len(tried) == 10
    assert [name for name, what in tried.items() if what == "DONE"] == ["its own folder"]
    assert (stick / "inside").exists()
