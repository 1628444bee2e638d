"""Sticks that misbehave under the real daemon: what screen and ledger say, and what is on the stick."""

from __future__ import annotations

import ctypes
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyrage
import pytest

from medkiosk.core.consent import Purpose
from medkiosk.core.ids import CaptureId, RecipientId
from medkiosk.core.sticks import StickState
from medkiosk.device import stickmark
from medkiosk.device.stickmark import StickId
from medkiosk.ipc.client import Client
from medkiosk.ipc.types import ExportOptions, ExportResult, StickInfo
from medkiosk.ipc.wire import ConnectionLostError, RemoteError
from tests.e2e.gatestore import Filler, Recipe
from tests.kiosk import ADMIN, PASSPHRASE, ScratchKiosk
from tests.outside import terms
from tests.virtual.stickfs import Fault, Stick, plugged_in, why_not

pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not() or "FUSE")

PURPOSE = Purpose.TEACHING_RESEARCH
KEY = str(pyrage.x25519.Identity.generate().to_public())
_MS_BIND, _MS_REMOUNT, _MS_RDONLY, _MNT_DETACH = 4096, 32, 1, 2
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass
class Desk:
    """A running kiosk with two places for sticks, and pictures that may leave."""

    kiosk: ScratchKiosk
    captures: tuple[CaptureId, ...]
    recipient: RecipientId
    other: Path

    def export(self, client: Client, stick: str = "stick", count: int = 3) -> ExportResult:
        return client.export(
            self.recipient, PURPOSE, self.captures[:count], terms(PURPOSE), ExportOptions(), stick
        )

    def line(self, name: str = "stick") -> StickInfo | None:
        return next((one for one in self.kiosk.status().sticks if one.name == name), None)

    def wait(self, *states: StickState, name: str = "stick") -> StickInfo:
        def there(sticks: tuple[StickInfo, ...]) -> bool:
            return any(one.name == name and one.state in states for one in sticks)

        status = self.kiosk.wait(lambda status: there(status.sticks), timeout_s=20)
        return next(one for one in status.sticks if one.name == name)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    root = tmp_path_factory.mktemp("sticks")
    other = root / "other"
    other.mkdir()
    kiosk = ScratchKiosk(root / "kiosk", settings=f'[[stick]]\nname = "other"\npath = "{other}"')
    try:
        kiosk.init()
        kiosk.start()
        kiosk.hire()
        kiosk.stop()
        filler = Filler(kiosk)
        try:
            recipient = filler.recipient(KEY)
            captures = filler.capture(Recipe(), 12)
        finally:
            filler.close()
        kiosk.start()
        yield Desk(kiosk, captures, recipient, other)
    finally:
        kiosk.close()


def entered(desk: Desk, user: str) -> Iterator[Client]:
    """A session for the whole file: each login takes a second of CPU."""
    with desk.kiosk.client() as client:
        client.login(user, PASSPHRASE)
        yield client


@pytest.fixture(scope="module")
def olga(desk: Desk) -> Iterator[Client]:
    yield from entered(desk, "olga")


@pytest.fixture(scope="module")
def beside(desk: Desk) -> Iterator[Client]:
    """The same person at another terminal."""
    yield from entered(desk, "olga")


@pytest.fixture(scope="module")
def audi(desk: Desk) -> Iterator[Client]:
    yield from entered(desk, "audi")


@pytest.fixture
def said(audi: Client) -> Callable[[], list[tuple[str, str]]]:
    """What the ledger has of exports since the test began: type and code of the error."""

    def read() -> list[tuple[str, str]]:
        events = audi.list_events(0, 5000).events
        wanted = ("export.prepared", "export.written", "export.failed", "export.refused", "stick.enrolled")
        return [
            (each.type.partition(".")[2], each.summary.rpartition(": ")[2] if "failed" in each.type else "")
            for each in events
            if each.type in wanted
        ]

    before = len(read())
    return lambda: read()[before:]


Said = Callable[[], list[tuple[str, str]]]

FAULTS = {
    "full at last": (Fault(error=28, error_after=20_000), StickState.FULL, "export.stick_full"),
    "full, said at the sync": (
        Fault(error=28, error_after=20_000, late=True),
        StickState.FULL,
        "export.stick_full",
    ),
    "fails": (Fault(error=5, error_after=20_000), StickState.FAILED, "export.stick"),
    "locks itself": (Fault(locked=True), StickState.PROTECTED, "export.stick_protected"),
    "fake capacity": (Fault(has=16 << 10), StickState.LIES, "export.stick_lies"),
    "other bytes": (Fault(flips=".age"), StickState.LIES, "export.stick_lies"),
    "takes no name": (Fault(error_on_rename=5), StickState.FAILED, "export.stick"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_stick_that_misbehaves(desk: Desk, olga: Client, said: Said, name: str) -> None:
    fault, state, code = FAULTS[name]
    with plugged_in(desk.kiosk.stick, fault) as stick:
        with pytest.raises(RemoteError) as caught:
            desk.export(olga)
        assert caught.value.remote_code == code
        line = desk.line()
        assert line is not None
        assert line.state is state
        assert line.detail
        assert stick.names() == []
    assert said() == [("prepared", ""), ("failed", code)]
    with plugged_in(desk.kiosk.stick) as stick:  # another one, in the same place
        assert stick.names() == []
        assert desk.export(olga).folder in stick.names()
        assert desk.wait(StickState.DONE).words == "STICK: SAFE TO UNPLUG"
    assert said()[2:] == [("prepared", ""), ("written", "")]


def test_a_stick_that_lies_is_not_written_to_again(desk: Desk, olga: Client, said: Said) -> None:
    with plugged_in(desk.kiosk.stick, Fault(flips="checkpoint")) as stick:
        for code in ("export.stick_lies", "export.stick_refused"):
            with pytest.raises(RemoteError) as caught:
                desk.export(olga)
            assert caught.value.remote_code == code
        assert stick.names() == []
        assert desk.wait(StickState.LIES).words == "DESTROY THIS STICK"
    assert said() == [("prepared", ""), ("failed", "export.stick_lies")]


def test_a_stick_that_is_too_small_is_known_before(desk: Desk, olga: Client, said: Said) -> None:
    with plugged_in(desk.kiosk.stick, Fault(claims=512 << 10)) as stick:
        with pytest.raises(RemoteError, match="Take a larger stick") as caught:
            desk.export(olga)
        assert caught.value.remote_code == "export.stick_too_small"
        assert (stick.names(), stick.written) == ([], 0)
        assert desk.line() is not None
        desk.wait(StickState.FULL)
    assert said() == []


def test_a_stick_on_a_read_only_hub(desk: Desk, olga: Client, said: Said) -> None:
    at = os.fsencode(desk.kiosk.stick)
    assert _libc.mount(at, at, None, _MS_BIND, None) == 0
    try:
        assert _libc.mount(None, at, None, _MS_BIND | _MS_REMOUNT | _MS_RDONLY, None) == 0
        assert desk.wait(StickState.PROTECTED).words == "STICK IS LOCKED"
        with pytest.raises(RemoteError, match="write-protected"):
            desk.export(olga)
    finally:
        _libc.umount2(at, _MNT_DETACH)
    assert said() == []
    desk.wait(StickState.READY)


class Running:
    """An export that somebody else asked for."""

    def __init__(self, desk: Desk, client: Client, count: int = 3) -> None:
        self.result: ExportResult | None = None
        self.error: RemoteError | ConnectionLostError | None = None

        def work() -> None:
            try:
                self.result = desk.export(client, count=count)
            except (RemoteError, ConnectionLostError) as error:
                self.error = error

        self.thread = threading.Thread(target=work)
        self.thread.start()


@pytest.mark.parametrize("after", [1, 9_000, 60_000])
def test_a_stick_that_is_pulled_out_while_it_is_written(
    desk: Desk, beside: Client, said: Said, after: int
) -> None:
    with plugged_in(desk.kiosk.stick, Fault(pulled_after=after)) as stick:
        running = Running(desk, beside, count=12)
        running.thread.join(60)
        assert isinstance(running.error, RemoteError)
        assert running.error.remote_code in ("export.stick", "export.stick_gone")
        assert [name for name in stick.names() if not name.startswith(".medkiosk-partial-")] == []
        assert desk.wait(StickState.LOST, StickState.ABSENT).words
    failed = said()
    assert failed in ([("prepared", ""), ("failed", code)] for code in ("export.stick", "export.stick_gone"))


def test_a_mount_that_goes_while_it_is_written(desk: Desk, olga: Client, beside: Client, said: Said) -> None:
    """What the system does when the device goes: the mount is taken away under the writer."""
    with plugged_in(desk.kiosk.stick) as stick:
        stick.go_on.clear()
        running = Running(desk, beside)
        assert stick.writing.wait(20)
        assert desk.wait(StickState.WRITING).words == "WRITING: LEAVE IT IN"
        _libc.umount2(os.fsencode(desk.kiosk.stick), _MNT_DETACH)
        stick.go_on.set()
        running.thread.join(60)
        assert running.error is not None
    assert [kind for kind, _ in said()] == ["prepared", "failed"]
    assert [path.name for path in desk.kiosk.stick.iterdir()] == []  # nothing fell on our own disk
    assert desk.export(olga).images == 3
    for path in desk.kiosk.stick.iterdir():
        assert path.name.startswith("medkiosk-")


def test_two_sticks_at_once_and_no_two_exports_on_one(
    desk: Desk, olga: Client, beside: Client, said: Said
) -> None:
    with plugged_in(desk.kiosk.stick) as slow, plugged_in(desk.other) as quick:
        slow.go_on.clear()
        first = Running(desk, beside)
        assert slow.writing.wait(20)
        with pytest.raises(RemoteError, match="is being written to") as caught:
            desk.export(olga)
        assert caught.value.remote_code == "export.stick_busy"
        second = desk.export(olga, "other")
        assert quick.names() == [second.folder]
        assert slow.names()[0].startswith(".medkiosk-partial-")  # and nobody cleared it away
        desk.wait(StickState.DONE, name="other")
        desk.wait(StickState.WRITING)
        slow.go_on.set()
        first.thread.join(60)
        assert first.error is None
        assert first.result is not None
        assert slow.names() == [first.result.folder]
    assert sorted(kind for kind, _ in said()) == ["prepared", "prepared", "written", "written"]


def test_a_stick_with_somebody_elses_files_must_be_enrolled(desk: Desk, olga: Client, said: Said) -> None:
    with plugged_in(desk.kiosk.stick):
        desk.wait(StickState.READY)
        (desk.kiosk.stick / "thesis.docx").write_bytes(b"somebody's only copy")
        with pytest.raises(RemoteError, match="neither blank nor") as caught:
            desk.export(olga)
        assert caught.value.remote_code == "export.stick_foreign"
        assert desk.wait(StickState.FOREIGN).words == "NOT OUR STICK"
        with pytest.raises(RemoteError, match="your role"):
            olga.enrol_stick("stick", "blue")
        with desk.kiosk.session(ADMIN) as admin:
            admin.enrol_stick("stick", "blue")
            with pytest.raises(RemoteError, match="already"):
                admin.enrol_stick("stick", "blue")
        desk.wait(StickState.READY)
        assert desk.export(olga).images == 3
        assert (desk.kiosk.stick / "thesis.docx").read_bytes() == b"somebody's only copy"
    assert [kind for kind, _ in said()] == ["enrolled", "prepared", "written"]


def test_the_mark_of_another_kiosk_is_somebody_elses(desk: Desk, olga: Client, said: Said) -> None:
    with plugged_in(desk.kiosk.stick):
        mark = stickmark.write(bytes(32), StickId("0" * 32))
        (desk.kiosk.stick / ".medkiosk-stick").write_bytes(mark)
        with pytest.raises(RemoteError, match="neither blank nor"):
            desk.export(olga)
    assert said() == []


def test_links_on_a_stick_are_not_followed(desk: Desk, olga: Client, said: Said) -> None:
    """On the place itself, which is a folder of a file system that has links; FAT has none."""
    outside = desk.kiosk.root / "outside"
    (outside / "images").mkdir(parents=True)
    (outside / "images" / "original").write_bytes(b"the only copy")
    link = desk.kiosk.stick / ".medkiosk-partial-deadbeef"
    link.symlink_to(outside)
    try:
        assert desk.export(olga).images == 3
        assert link.is_symlink()
        assert (outside / "images" / "original").read_bytes() == b"the only copy"
    finally:
        link.unlink()
    assert [kind for kind, _ in said()] == ["prepared", "written"]


def test_a_place_without_a_stick(desk: Desk, olga: Client, said: Said) -> None:
    moved = desk.other.with_name("away")
    desk.other.rename(moved)
    try:
        with pytest.raises(RemoteError, match="No stick is plugged in at other") as caught:
            desk.export(olga, "other")
        assert caught.value.remote_code == "export.no_stick"
        with pytest.raises(RemoteError, match="There is no stick"):
            desk.export(olga, "a third")
        assert "other" not in {one.name for one in desk.kiosk.status().sticks}
    finally:
        moved.rename(desk.other)
    assert said() == []
    desk.wait(StickState.READY, name="other")


def test_a_power_cut_while_a_stick_is_written(desk: Desk, beside: Client) -> None:
    """The last of this file: the daemon is killed. The ledger says that it may be outside."""
    stick: Stick
    with plugged_in(desk.kiosk.stick) as stick:
        stick.go_on.clear()
        running = Running(desk, beside)
        assert stick.writing.wait(20)
        threading.Timer(0.5, stick.go_on.set).start()  # or its last write would keep the dead in the kernel
        desk.kiosk.kill()
        running.thread.join(60)
        assert running.result is None
        assert all(name.startswith(".medkiosk-partial-") for name in stick.names())
        deadline = time.monotonic() + 10
        while not stick.names() and time.monotonic() < deadline:
            time.sleep(0.01)
        left = stick.names()
        desk.kiosk.start()
        with desk.kiosk.session("olga") as client:
            done = desk.export(client)
        assert len(left) == 1
        assert stick.names() == [done.folder]
    with desk.kiosk.session("audi") as audi:
        types = [each.type for each in audi.list_events(0, 5000).events]
    last = [one for one in types if one in ("export.prepared", "export.written", "export.failed")][-3:]
    assert last == ["export.prepared", "export.prepared", "export.written"]
