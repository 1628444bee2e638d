"""The scrub at the real daemon: asked for, damage said on the screen, put back from a backup drive."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

from medkiosk.core.drives import DriveState
from medkiosk.offline.verify import verify
from tests.daemon.importing import picture, write
from tests.kiosk import ADMIN, PASSPHRASE, ScratchKiosk, safe

LOGIN = ("--user", ADMIN, "--passphrase-file", "-")


def test_what_a_scrub_finds_comes_back_from_the_drive(
    make_kiosk: Callable[..., ScratchKiosk], tmp_path: Path
) -> None:
    card = write(tmp_path / "card", {f"DCIM/100CANON/IMG_{n:04d}.JPG": picture(n) for n in (1, 2)})
    models, plug = tmp_path / "models", tmp_path / "plug"
    models.mkdir()
    plug.mkdir()
    settings = f'[[backup]]\nname = "left"\npath = "{plug}"\n'
    kiosk = make_kiosk(cards=[card], models=models, settings=settings)
    kiosk.start()
    kiosk.wait(safe)
    kiosk.ctl("backup", "enrol", "--label", "Blue disk", *LOGIN, stdin=PASSPHRASE)
    kiosk.wait(lambda status: any(one.state is DriveState.COMPLETE for one in status.backups))
    shutil.move(plug, tmp_path / "drawer")
    kiosk.wait(lambda status: status.backups == ())

    blob = next(path for path in (kiosk.store / "objects").rglob("*") if path.is_file())
    whole = blob.read_bytes()
    blob.write_bytes(bytes([whole[0] ^ 1]) + whole[1:])
    kiosk.ctl("scrub", *LOGIN, stdin=PASSPHRASE)
    status = kiosk.wait(lambda status: bool(status.scrub.finished))
    assert (status.scrub.done, status.scrub.damaged) == (2, 1)
    assert any(blob.name in sentence for sentence in status.problems)
    said = json.loads(kiosk.ctl("status", "--json").stdout)
    assert said["scrub"]["damaged"] == 1

    shutil.move(tmp_path / "drawer", plug)
    kiosk.wait(lambda status: any(one.state is DriveState.COMPLETE for one in status.backups))
    kiosk.ctl("scrub", *LOGIN, stdin=PASSPHRASE)
    status = kiosk.wait(lambda status: status.scrub.repaired == 1 and not status.scrub.running)
    assert not any(blob.name in sentence for sentence in status.problems)
    assert blob.read_bytes() == whole
    kiosk.stop()
    report = verify(kiosk.store, kiosk.made["ledger_vkey"])
    assert (report.problems, report.signature) == ((), "verified")
