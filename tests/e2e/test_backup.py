"""A backup drive at the real daemon: enrolled, complete, pulled out, lost; and a new machine made from it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from medkiosk.core.drives import DriveState
from medkiosk.core.errors import KioskError
from medkiosk.ipc import types as t
from medkiosk.offline.verify import verify
from tests.daemon.importing import picture, write
from tests.kiosk import ADMIN, PASSPHRASE, ScratchKiosk, imported, safe

NEW = "quite another horse battery"
NEWER = "seven purple boats on a lake"
LOGIN = ("--user", ADMIN, "--passphrase-file", "-")


def state(status: t.Status) -> str:
    return next((str(one.state) for one in status.backups), "")


def is_(wanted: DriveState) -> Callable[[t.Status], bool]:
    return lambda status: state(status) == wanted


def card_at(folder: Path, *numbers: int) -> Path:
    return write(folder, {f"DCIM/100CANON/IMG_{number:04d}.JPG": picture(number) for number in numbers})


@pytest.fixture
def plug(tmp_path: Path) -> Path:
    """Where drives are plugged in; there is none yet."""
    return tmp_path / "plug"


@pytest.fixture
def kiosk(make_kiosk: Callable[..., ScratchKiosk], tmp_path: Path, plug: Path) -> ScratchKiosk:
    empty = tmp_path / "models"
    empty.mkdir()
    return make_kiosk(
        cards=[card_at(tmp_path / "card", 1, 2)],
        models=empty,
        settings=f'[[backup]]\nname = "left"\npath = "{plug}"\n',
    )


def test_a_drive_is_brought_up_to_date_by_itself(kiosk: ScratchKiosk, plug: Path, tmp_path: Path) -> None:
    kiosk.start()
    kiosk.wait(safe)
    plug.mkdir()
    kiosk.wait(is_(DriveState.UNKNOWN))
    assert not any(plug.iterdir())

    said = kiosk.ctl("backup", "enrol", "--label", "Blue disk", *LOGIN, stdin=PASSPHRASE).stdout
    assert "Blue disk" in said
    # Nobody is logged in any more.
    status = kiosk.wait(is_(DriveState.COMPLETE))
    assert "Unplug it" in status.backups[0].detail
    report = verify(plug / "store", kiosk.made["ledger_vkey"])
    assert (report.problems, report.signature) == ((), "verified")
    assert report.objects == 2

    # More comes in while the drive stays in.
    card_at(tmp_path / "card", 3)
    shutil.move(tmp_path / "card", tmp_path / "out")
    kiosk.wait(lambda status: not any(one.state == "safe" for one in status.devices))
    shutil.move(tmp_path / "out", tmp_path / "card")
    kiosk.wait(safe)
    kiosk.wait(lambda _: verify(plug / "store").objects == 3)
    kiosk.wait(is_(DriveState.COMPLETE))

    # Unplugged, it is on the list; it is named when it was lost.
    shutil.move(plug, tmp_path / "drawer")
    kiosk.wait(lambda status: status.backups == ())
    listed = json.loads(kiosk.ctl("backup", "list", "--json", *LOGIN, stdin=PASSPHRASE).stdout)
    [drive] = listed["drives"]
    assert (drive["label"], drive["still_holds"], drive["plugged_in"]) == ("Blue disk", [], "")
    assert drive["finished_at"]
    assert listed["places"] == ["left"]
    forget = ("backup", "forget", "--drive", drive["drive_id"])
    assert kiosk.ctl(*forget, *LOGIN, stdin=PASSPHRASE, check=False).returncode == 2
    kiosk.ctl(*forget, "--reason", "lost in a taxi", *LOGIN, stdin=PASSPHRASE)
    assert "lost in a taxi" in kiosk.ctl("backup", "list", *LOGIN, stdin=PASSPHRASE).stdout
    # Found again: it is brought up to date, and is expected again.
    shutil.move(tmp_path / "drawer", plug)
    kiosk.wait(is_(DriveState.COMPLETE))
    assert "complete on" in kiosk.ctl("backup", "list", *LOGIN, stdin=PASSPHRASE).stdout
    assert "BACKUP COMPLETE" in kiosk.ctl("backup", "run", *LOGIN, stdin=PASSPHRASE).stdout


def test_a_foreign_drive_is_refused(kiosk: ScratchKiosk, plug: Path) -> None:
    kiosk.start()
    plug.mkdir()
    (plug / "holiday.jpg").write_bytes(b"not ours")
    kiosk.wait(is_(DriveState.UNKNOWN))
    refused = kiosk.ctl("backup", "enrol", "--label", "x", *LOGIN, stdin=PASSPHRASE, check=False)
    assert refused.returncode == 1
    assert "not empty" in refused.stderr
    shutil.rmtree(plug)
    kiosk.wait(lambda status: status.backups == ())
    plug.mkdir()
    (plug / "medkiosk-backup").write_text("medkiosk-backup v1\n" + ("0" * 32 + "\n") * 2 + "0" * 64 + "\n")
    status = kiosk.wait(is_(DriveState.REFUSED))
    assert "another store" in status.backups[0].detail
    with kiosk.client() as client, pytest.raises(KioskError):
        client.enrol_drive("x")
    assert sorted(path.name for path in plug.iterdir()) == ["medkiosk-backup"]


def test_a_new_machine_becomes_the_same_kiosk(
    kiosk: ScratchKiosk, make_kiosk: Callable[..., ScratchKiosk], plug: Path, tmp_path: Path
) -> None:
    kiosk.start()
    kiosk.wait(safe)
    kiosk.hire()
    plug.mkdir()
    kiosk.wait(is_(DriveState.UNKNOWN))
    with kiosk.session(ADMIN) as client:
        client.enrol_drive("Blue disk")
    kiosk.wait(is_(DriveState.COMPLETE))
    vkey, shares = kiosk.made["ledger_vkey"], kiosk.shares
    kiosk.stop()
    shutil.rmtree(kiosk.root)  # the fire

    sheets = tmp_path / "sheets"
    sheets.write_text("\n".join(shares[1:]) + "\n")
    new = ScratchKiosk(
        tmp_path / "new",
        cards=[tmp_path / "card"],
        models=tmp_path / "models",
        settings=f'[[backup]]\nname = "left"\npath = "{plug}"\n',
    )
    restore = ("backup", "restore", "--from", str(plug / "store"), "--cards", str(sheets), *LOGIN)
    done = new.ctl(*restore, stdin=NEW)
    assert "This machine is the kiosk now" in done.stdout
    try:
        new.start()
        # It recognises the card, and the drive.
        status = new.wait(imported)
        assert [(one.sealed, one.already) for one in status.devices] == [(0, 2)]
        new.wait(is_(DriveState.COMPLETE))
        with new.client() as client:
            assert client.login(ADMIN, NEW).must_change
            client.change_passphrase(NEW, NEWER)
            assert [one.label for one in client.list_drives().drives] == ["Blue disk"]
            client.reset_passphrase("audi", NEW)
            client.logout()
        for store in (new.store, plug / "store"):
            report = verify(store, vkey)
            assert (report.problems, report.signature, report.objects) == ((), "verified", 2)
    finally:
        new.stop_if_running()
        new.close()
