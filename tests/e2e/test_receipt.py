"""The real daemon on a card with copies, a gap and a file that is cut off: what it says, and the receipt."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from tests.daemon.importing import picture, raw, write
from tests.e2e.proof import assert_clean
from tests.kiosk import ADMIN, PASSPHRASE, ScratchKiosk, safe

FOLDER = "DCIM/100CANON"


def test_the_receipt_names_every_file_and_the_card_is_kept_for_the_damaged_one(
    make_kiosk: Callable[..., ScratchKiosk], tmp_path: Path
) -> None:
    files = {
        f"{FOLDER}/IMG_0001.JPG": picture(1),
        f"{FOLDER}/IMG_0001.CR3": raw(1),
        f"{FOLDER}/IMG_0004.JPG": picture(4)[:3000],
        "copies/nose.jpg": picture(1),
    }
    card = write(tmp_path / "card", files)
    empty = tmp_path / "models"
    empty.mkdir()
    kiosk = make_kiosk(cards=[card], models=empty)
    kiosk.start()
    [device] = kiosk.wait(safe).devices
    assert device.passport == "KEEP THIS CARD"
    assert (device.sealed, device.copies, device.damaged) == (3, 1, 1)
    assert any("0002 to 0003" in note for note in device.notes)
    with kiosk.client() as client:  # nobody is logged in: names of the camera's, and no other
        [kept] = client.list_kept(device.key).files
    assert kept.name == "IMG_0004"
    assert "IMG_0004: " in kiosk.ctl("import").stdout

    login = ("--user", ADMIN, "--passphrase-file", "-")
    kiosk.hire()
    done = kiosk.ctl(
        "import", "--receipt", "--user", "pat", "--passphrase-file", "-", "--json", stdin=PASSPHRASE
    )
    receipt = json.loads(done.stdout)
    outcomes = {line["place"].removeprefix("card/"): line["outcome"] for line in receipt["lines"]}
    assert outcomes == {
        f"{FOLDER}/IMG_0001.JPG": "sealed",
        f"{FOLDER}/IMG_0001.CR3": "sealed",
        f"{FOLDER}/IMG_0004.JPG": "damaged",
        "copies/nose.jpg": "copy",
    }
    by_place = {line["place"].removeprefix("card/"): line["commitment"] for line in receipt["lines"]}
    assert by_place["copies/nose.jpg"] == by_place[f"{FOLDER}/IMG_0001.JPG"]
    assert len(set(by_place.values())) == 3
    assert receipt["gaps"] == [f"card/{FOLDER}: 0002 to 0003"]
    assert receipt["safe"]
    with kiosk.session("pat") as pat:
        assert pat.list_captures().total == 2
    # An administrator sees no pictures' names.
    assert kiosk.ctl("import", "--receipt", *login, stdin=PASSPHRASE, check=False).returncode == 5
    kiosk.stop()
    assert_clean(kiosk)
