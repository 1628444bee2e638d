"""An administrator and a stick: real daemon, reader and helper; only what writes partitions is a script."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from medkiosk.core.events import Role
from medkiosk.core.updates import UpdateState
from medkiosk.ipc.types import Status, UpdateStatus
from medkiosk.ipc.wire import RemoteError
from medkiosk.update.manifest import FILES, PartName
from tests.kiosk import ADMIN, PASSPHRASE, ScratchKiosk
from tests.update.build import OTHER, Update
from tests.update.helper import Place

Started = list[subprocess.Popen[bytes]]


class Rig:
    """A kiosk that was installed from an image, as far as it can tell."""

    def __init__(self, root: Path) -> None:
        self.place = Place(root / "appliance")
        sockets = root.parent / "s"  # a socket's path may have 107 bytes
        sockets.mkdir()
        (root / "models").mkdir()
        settings = f'[workers]\nsockets = "{sockets}"\n[update]\nversion = "{self.place.at / "version"}"\n'
        self.kiosk = ScratchKiosk(root / "kiosk", models=root / "models", settings=settings)
        self.socket = sockets / "update.sock"

    def ctl(self, *words: str) -> tuple[int, dict[str, object]]:
        done = self.kiosk.ctl(
            "update",
            "--json",
            "--user",
            ADMIN,
            "--passphrase-file",
            "-",
            *words,
            stdin=PASSPHRASE + "\n",
            check=False,
        )
        return done.returncode, json.loads(done.stdout)

    def put(self, update: Update) -> Path:
        for old in self.kiosk.stick.glob("medkiosk-update-*"):
            shutil.rmtree(old)
        return update.write(self.kiosk.stick)

    def ended(self) -> UpdateStatus:
        def over(status: Status) -> bool:
            return status.update.state not in (UpdateState.COPYING, UpdateState.INSTALLING)

        return self.kiosk.wait(over).update

    def events(self) -> list[tuple[str, str]]:
        with self.kiosk.session(ADMIN) as client:
            client.create_account("audi", "Audi", (Role.AUDITOR,), PASSPHRASE) if not self._audi else None
            self._audi = True
        with self.kiosk.session("audi") as client:
            events = client.list_events(0, 1000).events
        return [(event.type, event.summary) for event in events if event.type.startswith("update.")]

    _audi = False


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    rig = Rig(tmp_path_factory.mktemp("u") / "r")
    rig.kiosk.init()
    rig.kiosk.start()
    yield rig
    rig.kiosk.close()


def refused(code: str, ask: Callable[[], object]) -> None:
    with pytest.raises(RemoteError) as caught:
        ask()
    assert caught.value.remote_code == code


def test_what_is_not_ours_or_not_whole_is_refused_and_written_down(rig: Rig) -> None:
    def stopped(code: str, manifest: str = "") -> None:
        client.apply_update(manifest or client.check_update().manifest_sha256)
        update = rig.ended()
        assert (update.state, update.code) == (UpdateState.FAILED, code)

    with rig.place.listening(rig.socket), rig.kiosk.session(ADMIN) as client:
        refused("update.none", client.check_update)
        rig.put(Update(key=OTHER))
        refused("update.foreign", client.check_update)
        rig.put(Update(version="0.0.1"))
        refused("update.same", client.check_update)
        update = Update()
        update.said["store_newest"] = update.said["store_oldest"] = 1
        rig.put(update)
        refused("update.store_format", client.check_update)
        rig.put(Update()).rename(rig.kiosk.stick / "medkiosk-update-0.0.3")
        refused("update.odd", client.check_update)
        folder = rig.put(Update())
        (folder / FILES[PartName.VERITY]).write_bytes(b"short")
        stopped("update.cut")
        folder = rig.put(Update())
        (folder / FILES[PartName.UKI]).write_bytes(bytes(300_001))
        stopped("update.damaged")
        rig.put(Update())
        stopped("update.changed", "0" * 64)
        refused("update.nothing_waits", client.restart_for_update)
    code, said = rig.ctl("check")
    assert (code, said["error"]) == (4, "update.no_helper")
    assert rig.place.untouched()
    assert rig.place.staged == set()
    written = [summary for kind, summary in rig.events() if kind == "update.refused"]
    assert written == [
        "version 0.0.2: update.foreign",
        "version 0.0.1: update.same",
        "version 0.0.2: update.store_format",
        "version 0.0.3: update.odd",
        "version 0.0.2: update.cut",
        "version 0.0.2: update.damaged",
    ]


def test_nobody_but_an_administrator_installs(rig: Rig) -> None:
    rig.events()
    with rig.kiosk.session("audi") as client:
        for ask in (
            lambda: client.check_update(),
            lambda: client.apply_update("0" * 64),
            client.restart_for_update,
        ):
            with pytest.raises(RemoteError) as caught:
                ask()
            assert caught.value.remote_code == "access.denied"


def test_a_helper_that_dies_in_the_middle_changes_nothing(rig: Rig) -> None:
    rig.put(Update())
    (rig.place.at / "slow").touch()
    with rig.place.listening(rig.socket) as started, rig.kiosk.session(ADMIN) as client:
        found = client.check_update()
        client.apply_update(found.manifest_sha256)
        rig.kiosk.wait(lambda status: status.update.state is UpdateState.INSTALLING)
        with pytest.raises(RemoteError) as caught:
            client.apply_update(found.manifest_sha256)
        assert caught.value.remote_code == "update.busy"
        started[-1].kill()
        update = rig.ended()
        assert (update.state, update.code) == (UpdateState.FAILED, "update.no_helper")
    (rig.place.at / "slow").unlink()
    assert rig.place.untouched()


def test_installed_started_taken_back(rig: Rig) -> None:
    update = Update()
    rig.put(update)
    with rig.place.listening(rig.socket):
        code, found = rig.ctl("check")
        assert (code, found["version"], found["running"], found["failed"]) == (0, "0.0.2", "0.0.1", False)
        code, applied = rig.ctl("apply", "--manifest", str(found["manifest_sha256"]))
        assert (code, applied["state"], applied["bytes_done"]) == (0, "ready", len(update.all_bytes))
        assert rig.place.installed(update)
        # The daemon starts again, not the machine: it still waits.
        rig.kiosk.stop()
        rig.kiosk.start()
        assert rig.kiosk.status().update.state is UpdateState.READY
        # One that is cut off before it is written leaves it where it is; one after that takes its place.
        (rig.put(Update(version="0.0.3")) / FILES[PartName.UKI]).write_bytes(bytes(300_001))
        assert rig.ctl("apply")[0] == 1
        (rig.place.at / "fails").touch()
        rig.put(Update(version="0.0.4"))
        with rig.kiosk.session(ADMIN) as client:
            client.apply_update(client.check_update().manifest_sha256)
            assert rig.ended().code == "update.not_installed"
            refused("update.nothing_waits", client.restart_for_update)
        (rig.place.at / "fails").unlink()
        rig.put(update)
        assert rig.ctl("apply")[0] == 0
        assert rig.ctl("restart")[0] == 0
        assert (rig.place.at / "restarted").exists()
    rig.kiosk.stop()
    another_boot(rig)
    (rig.place.at / "version").write_text("0.0.2\n")
    rig.kiosk.start()
    assert rig.kiosk.status().update == UpdateStatus(running="0.0.2")
    rig.kiosk.stop()
    (rig.place.at / "version").write_text("0.0.1\n")
    rig.kiosk.start()
    shown = rig.kiosk.status().update
    assert (shown.state, shown.version) == (UpdateState.TAKEN_BACK, "0.0.2")
    assert "0.0.1 runs again" in shown.detail
    with rig.place.listening(rig.socket):
        assert rig.ctl("check")[1]["failed"] is True
    assert [event for event in rig.events() if event[0] != "update.refused"] == [
        *[("update.applied", f"version 0.0.2 over 0.0.1, manifest {str(found['manifest_sha256'])[:16]}")] * 2,
        ("update.restart", "for version 0.0.2"),
        ("update.booted", "version 0.0.2 runs; before 0.0.1"),
        ("update.rolled_back", "version 0.0.2 did not work; 0.0.1 runs"),
    ]


def another_boot(rig: Rig) -> None:
    """The kernel's id of the boot, as the daemon remembers it, becomes that of an earlier one."""
    path = rig.kiosk.root / "update"
    said = json.loads(path.read_text())
    said["boot"] = "an earlier boot"
    path.write_text(json.dumps(said, separators=(",", ":"), sort_keys=True))


def test_without_an_image_there_are_no_updates(rig: Rig) -> None:
    rig.kiosk.stop()
    version = rig.place.at / "version"
    text = version.read_text()
    version.unlink()
    rig.kiosk.start()
    with rig.kiosk.session(ADMIN) as client:
        refused("update.no_appliance", client.check_update)
    assert rig.ctl("status")[1]["running"] == ""
    version.write_text(text)
