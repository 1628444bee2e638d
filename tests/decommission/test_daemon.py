"""Two people end a kiosk: the real daemon asks the real helper, which erases a real LUKS2 disk."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from medkiosk.core.events import Role
from medkiosk.decommission.erase import Places, serve
from medkiosk.ipc.wire import RemoteError
from tests.decommission.test_erase import disk_with, firmware, needs_cryptsetup, opens
from tests.kiosk import ADMIN, PASSPHRASE, ScratchKiosk

pytestmark = needs_cryptsetup
OTHER = "seven purple otters juggle"
SITE = "Scratch"
_STAFF = {"olga": Role.PRIVACY_OFFICER, "rita": Role.REVIEWER, "audi": Role.AUDITOR}
_MISSING = (
    ("scratch", "olga", OTHER, "request.invalid"),
    (SITE, ADMIN, PASSPHRASE, "access.denied"),
    (SITE, "rita", PASSPHRASE, "access.denied"),
    (SITE, "olga", PASSPHRASE, "vault.passphrase"),
    (SITE, "olga", OTHER, "decommission.absent"),
)


class Helper:
    """systemd's part: listens, and starts the helper for each connection."""

    def __init__(self, path: Path, places: Places) -> None:
        self.off = threading.Event()
        self._places = places
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(str(path))
        self._server.listen()
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            with connection:
                fd = connection.fileno()
                serve(fd, fd, self._places, self.off.set, pause_s=0.5)

    def close(self) -> None:
        self._server.close()


class Rig:
    def __init__(self, root: Path) -> None:
        self.sockets = root.parent / "s"  # a socket's path may have 107 bytes
        self.sockets.mkdir()
        (root / "models").mkdir(parents=True)
        settings = f'[workers]\nsockets = "{self.sockets}"\n'
        self.kiosk = ScratchKiosk(root / "kiosk", models=root / "models", settings=settings)
        self.disk = root / "disk"
        self.kiosk.init()
        self.kiosk.start()
        with self.kiosk.session(ADMIN) as client:
            for name, role in (
                ("olga", Role.PRIVACY_OFFICER),
                ("rita", Role.REVIEWER),
                ("audi", Role.AUDITOR),
            ):
                client.create_account(name, name, (role,), PASSPHRASE)
        with self.kiosk.session("olga") as client:
            client.change_passphrase(PASSPHRASE, OTHER)

    def events(self) -> list[str]:
        with self.kiosk.session("audi") as client:
            events = client.list_events(0, 1000).events
        return [event.type for event in events if "decommissioned" in event.type]


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    made = Rig(tmp_path_factory.mktemp("d") / "r")
    yield made
    made.kiosk.close()


def test_whatever_is_missing_ends_nothing(rig: Rig) -> None:
    with rig.kiosk.session(ADMIN) as client:
        for site, second, passphrase, code in _MISSING:
            with pytest.raises(RemoteError) as caught:
                client.decommission(site, second, passphrase)
            assert caught.value.remote_code == code, second
    assert rig.events() == []


def test_nobody_but_an_administrator_asks(rig: Rig) -> None:
    with rig.kiosk.session("olga", OTHER) as client, pytest.raises(RemoteError) as caught:
        client.decommission(SITE, ADMIN, PASSPHRASE)
    assert caught.value.remote_code == "access.denied"


def test_a_disk_that_refuses_is_said_and_the_kiosk_goes_on(rig: Rig) -> None:
    rig.disk.write_bytes(b"no disk")
    helper = Helper(rig.sockets / "decommission.sock", Places(rig.disk, (), *firmware(rig.disk.parent)))
    try:
        with rig.kiosk.session(ADMIN) as client, pytest.raises(RemoteError) as caught:
            client.decommission(SITE, "olga", OTHER)
        assert caught.value.remote_code == "decommission.failed"
        assert rig.events() == ["kiosk.decommissioned", "kiosk.not_decommissioned"]
        assert not helper.off.is_set()
    finally:
        helper.close()
        (rig.sockets / "decommission.sock").unlink()


def test_two_people_end_it_and_the_last_head_covers_their_entry(rig: Rig) -> None:
    disk_with(rig.disk, "one")
    places = Places(rig.disk, (rig.kiosk.keys,), *firmware(rig.disk.parent))
    helper = Helper(rig.sockets / "decommission.sock", places)
    try:
        second = rig.kiosk.root / "second"
        second.write_text(OTHER)
        done = rig.kiosk.ctl(
            *("decommission", "--json", "--user", ADMIN, "--passphrase-file", "-", SITE),
            *("--second", "olga", "--second-passphrase-file", str(second)),
            stdin=PASSPHRASE + "\n",
        )
        said = json.loads(done.stdout)
        assert (said["header"], said["keys"], said["tpm"]) == (
            True,
            5,
            True,
        )  # the fifth: the head it remembers
        assert not opens(rig.disk, "one")
        assert [path.name for path in rig.kiosk.keys.glob("*.key")] == []
        assert helper.off.wait(10)
        assert said["head"]["checkpoint"].startswith(said["head"]["origin"])
        written = rig.kiosk.stick / said["folder"] / "checkpoint"
        assert written.read_text() == said["head"]["checkpoint"]
    finally:
        helper.close()
