"""A department's day at the keyboard: accounts, an import, a review, an export, opened elsewhere."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.virtual.photos import make_card
from tests.vm import media
from tests.vm.desk import ADMIN, OLGA, RITA, Desk
from tests.vm.machine import Machine

pytestmark = pytest.mark.timeout(7200)


def test_import_review_export_and_the_stick_opens_elsewhere(kiosk: Machine, tmp_path: Path) -> None:
    desk = Desk(kiosk)
    desk.log_in(ADMIN)
    desk.hire(RITA)
    desk.hire(OLGA)
    desk.log_out()

    make_card(tmp_path / "card", 1, fast=True, size=(684, 456), camera=False)
    files = {
        p.relative_to(tmp_path / "card").as_posix(): p.read_bytes()
        for p in (tmp_path / "card").rglob("*.JPG")
    }
    card = kiosk.plug_stick(media.fat32(tmp_path / "card.img", files))
    desk.see("SAFE TO UNPLUG", timeout_s=1800)
    kiosk.picture("card-safe")
    card.unplug()
    desk.see("1 done, 0 waiting", timeout_s=3600)

    desk.log_in(RITA.user)
    desk.record_encounter()
    desk.assign_newest_import()
    desk.approve_first()
    kiosk.picture("approved")
    kiosk.press("esc", "esc")
    desk.log_out()

    desk.log_in(OLGA.user)
    stick = media.fat32(tmp_path / "stick.img", {}, label="MEDKIOSK", mib=512)
    plugged = kiosk.plug_stick(stick)
    secret, public = age_identity(tmp_path)
    desk.enrol_recipient("Dr. C. Ollaborator", public)
    desk.export()
    kiosk.picture("exported")
    plugged.unplug()
    story = json.loads((kiosk.directory / "story.json").read_text())
    opened(stick, tmp_path, secret, story["keys"])


def age_identity(into: Path) -> tuple[Path, str]:
    """The collaborator's own key: the file, and its public part."""
    path = into / "identity.txt"
    subprocess.run(["age-keygen", "-o", path], check=True, capture_output=True)
    public = subprocess.run(["age-keygen", "-y", path], check=True, capture_output=True, text=True)
    return path, public.stdout.strip()


def opened(stick: Path, tmp_path: Path, identity: Path, keys: str) -> None:
    """What the collaborator does, with other people's tools, and the key that the set-up showed."""
    media.read_fat32(stick, tmp_path / "received")
    [bundle] = [each for each in (tmp_path / "received").iterdir() if (each / "manifest.json").exists()]
    found = re.search(r"Export key: +(.*?)\n +SHA256:", keys, re.DOTALL)
    assert found is not None
    signers = tmp_path / "allowed_signers"
    signers.write_text(found[1].replace("\n", "") + "\n")  # the terminal broke the line
    verify: list[str | Path] = ["ssh-keygen", "-Y", "verify", "-f", signers, "-I", "medkiosk"]
    verify += ["-n", "medkiosk-export@v1", "-s", bundle / "manifest.json.sig"]
    subprocess.run(verify, input=(bundle / "manifest.json").read_bytes(), check=True)
    [image] = (bundle / "images").glob("*.age")
    out = tmp_path / "opened.jpg"
    subprocess.run(["age", "-d", "-i", identity, "-o", out, image], check=True)
    assert out.read_bytes().startswith(b"\xff\xd8\xff")
    assert b"Canon" not in out.read_bytes()
