"""A department's day: who may do what, review, export, and what the service manager is told."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import msgspec
import pytest

from medkiosk.core.consent import ConsentKind, Purpose
from medkiosk.core.photo import Box, Category, Decision, Finding, ReviewState
from medkiosk.ipc.client import Client
from medkiosk.ipc.wire import RemoteError
from tests.kiosk import PASSPHRASE, SUBJECT, ScratchKiosk, consent, decided
from tests.outside import enrolled, exported, terms


def age_key(folder: Path) -> str:
    """A fresh age identity in ``folder``; gives its public key."""
    subprocess.run(["age-keygen", "-o", str(folder / "identity.txt")], check=True, capture_output=True)
    done = subprocess.run(
        ["age-keygen", "-y", str(folder / "identity.txt")], check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def test_the_whole_way_and_every_single_stop(day: ScratchKiosk, tmp_path: Path) -> None:
    with day.session("pat") as pat:
        captures = tuple(c.capture_id for c in pat.list_captures().captures)
        encounter = pat.create_encounter(SUBJECT, "left forearm")
        with pytest.raises(RemoteError, match="does not review"):
            pat.approve(captures[0], 1)

    with day.session("rita") as rita:
        rita.get_preview(captures[0])
        with pytest.raises(RemoteError, match="belongs to no encounter"):
            rita.approve(captures[0], 1)
        rita.assign(encounter.encounter_id, captures)
        with pytest.raises(RemoteError, match="have not looked"):
            rita.approve(captures[1], 1)

        # A mask is added: a new revision, which must be looked at before it can be approved.
        before = rita.get_capture(captures[0])
        drawn = Finding(
            category=Category.MARK,
            box=Box(100, 100, 50, 40),
            detector="reviewer",
            model="",
            confidence=1000,
            decision=Decision.MASK,
            reason="tattoo",
        )
        after = rita.change_masks(captures[0], 1, (*decided(before.findings), drawn))
        assert after.info.revision == 2
        assert len(after.findings) == len(before.findings) + 1
        with pytest.raises(RemoteError, match="have not looked"):
            rita.approve(captures[0], 2)
        picture, pixels = rita.get_preview(captures[0])
        assert (picture.revision, len(pixels)) == (2, picture.width * picture.height * 3)
        x, y = 120 * picture.width // after.width, 120 * picture.height // after.height
        pixel = pixels[(y * picture.width + x) * 3 :][:3]
        assert max(pixel) < 16, "the drawn mask is black in what the reviewer sees"
        with pytest.raises(RemoteError, match="not the latest"):
            rita.change_masks(captures[0], 1, ())
        if before.findings:
            with pytest.raises(RemoteError, match="neither masked nor kept"):
                rita.change_masks(captures[0], 2, (drawn,))
        everything = Box(0, 0, after.width, after.height)
        keep_all = msgspec.structs.replace(
            drawn, box=everything, decision=Decision.KEEP, reason="all of it", category=Category.TEXT
        )
        with pytest.raises(RemoteError, match="only what was found can be kept"):
            rita.change_masks(captures[0], 2, (*before.findings, keep_all))
        with pytest.raises(RemoteError, match="not inside the picture"):
            rita.change_masks(captures[0], 2, (msgspec.structs.replace(drawn, box=Box(0, 0, 9999, 9)),))
        assert rita.approve(captures[0], 2).info.state is ReviewState.APPROVED

        rita.get_preview(captures[1])
        with pytest.raises(RemoteError, match="needs a reason"):
            rita.reject(captures[1], 1, " ")
        assert rita.reject(captures[1], 1, "blurred").info.state is ReviewState.REJECTED

    with day.session("olga") as olga:
        recipient = enrolled(olga, age_key(tmp_path)).recipient_id

        def reasons(*which: int, purpose: Purpose = Purpose.TEACHING_RESEARCH) -> list[str]:
            check = olga.check_export(recipient, purpose, tuple(captures[i] for i in which), terms(purpose))
            return [denial.reason for denial in check.denials]

        assert any("consent" in reason.lower() for reason in reasons(0))
        with day.session("pat") as pat:
            pat.record_consent(encounter.encounter_id, consent(Purpose.TEACHING_RESEARCH))
        assert reasons(0) == []
        assert reasons(0, purpose=Purpose.PUBLICATION) != []
        assert reasons(1) != [], "rejected"
        assert reasons(2) != [], "not reviewed"
        with pytest.raises(RemoteError):
            exported(olga, recipient, (captures[0], captures[2]))
        assert list(day.stick.iterdir()) == [], "all or nothing"
        result = exported(olga, recipient, (captures[0],))
        assert result.images == 1
        assert [path.name for path in day.stick.iterdir()] == [result.folder]

        with day.session("pat") as pat:
            withdrawal = msgspec.structs.replace(
                consent(Purpose.TEACHING_RESEARCH), kind=ConsentKind.WITHDRAWAL, expires=""
            )
            pat.record_consent(encounter.encounter_id, withdrawal)
        assert any("withdrawn" in reason for reason in reasons(0))

    # What left opens with other people's tools, and the words on the receipt hold.
    bundle = day.stick / result.folder
    checked = day.ctl(
        "verify-export",
        str(bundle),
        "--signer",
        day.made["export_public_key"],
        "--ledger-key",
        day.made["ledger_vkey"],
        check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
    image = next((bundle / "images").glob("*.age"))
    opened = subprocess.run(
        ["age", "-d", "-i", str(tmp_path / "identity.txt"), str(image)], check=True, capture_output=True
    ).stdout
    assert opened.startswith(b"\xff\xd8")
    assert b"Exif" not in opened
    damaged = bytearray(image.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    image.write_bytes(damaged)
    refused = day.ctl(
        "verify-export",
        str(bundle),
        "--signer",
        day.made["export_public_key"],
        "--ledger-key",
        day.made["ledger_vkey"],
        check=False,
    )
    assert refused.returncode == 3
    assert image.name in refused.stdout + refused.stderr


def test_roles_are_checked_in_the_daemon(day: ScratchKiosk) -> None:
    with day.session("pat") as pat:
        for refused in (
            lambda: pat.list_accounts(),
            lambda: pat.list_events(),
            lambda: pat.list_recipients(),
            lambda: pat.reject("a" * 32, 1, "x"),  # type: ignore[arg-type]
        ):
            with pytest.raises(RemoteError) as caught:
                refused()
            assert caught.value.remote_exit_code == 5
        pat.logout()
        with pytest.raises(RemoteError, match="log in first"):
            pat.list_captures()
        pat.login("pat", "correct horse battery")


def test_wrong_passphrases_are_counted_across_restarts(day: ScratchKiosk) -> None:
    with day.client() as client:
        for _ in range(4):
            assert wrong(client) == "vault.passphrase"
        with pytest.raises(RemoteError, match="wait"):
            client.login("rita", "correct horse battery")
    day.kill()
    day.start()
    # The first wait may be over by now; the fifth failure in a row waits again only if the four were kept.
    with day.client() as client:
        while wrong(client) != "vault.passphrase":
            time.sleep(0.5)
        with pytest.raises(RemoteError, match="wait"):
            client.login("rita", "correct horse battery")
    with day.session("audi") as audi:
        types = [event.type for event in audi.list_events(0, 1000).events]
    assert types.count("login.refused") == 5


def wrong(client: Client) -> str:
    """Log in with a wrong passphrase; give the code of the refusal."""
    with pytest.raises(RemoteError) as caught:
        client.login("rita", "wrong wrong wrong")
    return caught.value.remote_code


def test_the_service_manager_is_told(day: ScratchKiosk) -> None:
    # A test before this one started it again, with the camera in.
    said = day.told(lambda lines: any(line.startswith("STATUS=CAMERA: SAFE TO UNPLUG; ") for line in lines))
    assert day.stop() == 0
    assert said[0] == "READY=1" or "READY=1" in said
    assert "WATCHDOG=1" in said
    assert said[-1] == "STOPPING=1"
    text = day.log.read_text()
    assert "Traceback" not in text
    for personal in (SUBJECT.mrn, SUBJECT.birth_date, *SUBJECT.name.split(), "IMG_", PASSPHRASE):
        assert personal not in text
