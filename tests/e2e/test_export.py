"""The whole job: from the camera to pictures that others open with what they own, and the word that comes
back.

And the daemon killed while it writes: what it said before says afterwards what may be outside.
"""

from __future__ import annotations

import hashlib
import io
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pyrage
import pytest

from medkiosk.core import canon
from medkiosk.core.consent import Purpose
from medkiosk.core.ids import CaptureId, RecipientId
from medkiosk.export.viewer import chunks
from medkiosk.ipc.exporttypes import ExportState
from medkiosk.ipc.types import ExportOptions, ExportResult
from medkiosk.ipc.wire import ConnectionLostError, RemoteError
from medkiosk.receiver import medkiosk_verify
from tests.console import flows
from tests.console.test_screens import console
from tests.e2e.gatestore import Filler, Recipe
from tests.e2e.test_department import age_key
from tests.e2e.test_roles import approved
from tests.kiosk import PASSPHRASE, SUBJECT, ScratchKiosk, consent
from tests.outside import enrolled, exported
from tests.viewer.browser import READY, browser, missing

TEACHING = Purpose.TEACHING_RESEARCH
CROWD = 40


def options() -> ExportOptions:
    """Everything that a bundle can have here: the viewer only where it was built."""
    try:
        chunks.page()
    except chunks.NoViewerError:
        return ExportOptions(dicom=True)
    return ExportOptions(viewer=True, dicom=True)


@pytest.fixture(scope="module")
def approved_captures(day: ScratchKiosk) -> tuple[CaptureId, ...]:
    """From the virtual camera, imported, redacted, looked at."""
    with day.session("pat") as pat:
        captures = tuple(each.capture_id for each in pat.list_captures().captures)
    with day.session("pat") as pat, day.session("rita") as rita:
        encounter = pat.create_encounter(SUBJECT, "left forearm").encounter_id
        pat.record_consent(encounter, consent(TEACHING))
        pat.assign(encounter, captures)
        for capture_id in captures:
            approved(rita, rita.get_capture(capture_id))
    return captures


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The receiver's folder."""
    return tmp_path_factory.mktemp("receiver")


@pytest.fixture(scope="module")
def for_a_key(day: ScratchKiosk, approved_captures: tuple[CaptureId, ...], home: Path) -> ExportResult:
    with day.session("olga") as olga:
        recipient = enrolled(olga, age_key(home)).recipient_id
        return exported(olga, recipient, approved_captures, options=options())


@pytest.fixture(scope="module")
def for_a_passphrase(day: ScratchKiosk, approved_captures: tuple[CaptureId, ...]) -> ExportResult:
    with day.session("olga") as olga:
        recipient = enrolled(olga, "", name="Dr. P").recipient_id
        return exported(olga, recipient, approved_captures, options=options())


def verify(day: ScratchKiosk, bundle: Path, *arguments: str, stdin: str = "") -> str:
    """What the receiver's tool says; a session of its own, so that it asks no terminal."""
    keys = ["--key", day.made["export_public_key"], "--log-key", day.made["ledger_vkey"]]
    done = subprocess.run(
        [sys.executable, medkiosk_verify.__file__, str(bundle), *keys, *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        start_new_session=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def by_hand(day: ScratchKiosk, bundle: Path, home: Path) -> None:
    """The commands of VERIFY.txt that need no key: the signature, and the hash of each file."""
    (home / "allowed_signers").write_text(day.made["allowed_signers"] + "\n")
    check = ["ssh-keygen", "-Y", "verify", "-f", str(home / "allowed_signers"), "-I", "medkiosk"]
    check += ["-n", "medkiosk-export@v1", "-s", "manifest.json.sig"]
    manifest = (bundle / "manifest.json").read_bytes()
    subprocess.run(check, cwd=bundle, input=manifest, check=True, capture_output=True)
    listed = {each["file"]: each["sha256"] for each in canon.decode(manifest, dict)["files"]}
    there = {
        str(path.relative_to(bundle)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in bundle.rglob("*")
        if path.is_file()
    }
    follow = {"manifest.json", "manifest.json.sig", chunks.path("manifest"), chunks.path("signature")}
    assert {name: digest for name, digest in there.items() if name not in follow} == listed


def looked_at(bundle: Path, opened: Callable[[Path], bytes]) -> list[bytes]:
    """Open every picture and the record, check one against the other, and return the pictures."""
    record = zipfile.ZipFile(io.BytesIO(opened(bundle / "record.zip.age")))
    images = canon.decode(record.read("record.json"), dict)["images"]
    assert len(images) == len(list((bundle / "images").iterdir())) == len(list((bundle / "dicom").iterdir()))
    pictures = []
    for image in images:
        padded = opened(bundle / "images" / f"{image['id']}.jpg.age")
        picture = padded[: image["jpeg"]["size"]]
        assert hashlib.sha256(picture).hexdigest() == image["jpeg"]["sha256"]
        assert picture.startswith(b"\xff\xd8\xff")
        assert picture.endswith(b"\xff\xd9")
        assert b"Exif" not in picture
        assert image["id"].encode() in padded[len(picture) :]
        assert picture in opened(bundle / "dicom" / f"{image['id']}.dcm.age")
        pictures.append(picture)
    return pictures


def test_a_bundle_for_a_key_opens_with_ssh_keygen_and_age(
    day: ScratchKiosk, for_a_key: ExportResult, home: Path
) -> None:
    bundle = day.stick / for_a_key.folder
    by_hand(day, bundle, home)

    def opened(path: Path) -> bytes:
        command = ["age", "-d", "-i", str(home / "identity.txt"), str(path)]
        return subprocess.run(command, check=True, capture_output=True).stdout

    assert len(set(looked_at(bundle, opened))) == for_a_key.images
    verify(day, bundle, "--identity", str(home / "identity.txt"), "--open", str(home / "opened-key"))


def test_a_bundle_for_a_passphrase_opens_with_rage(
    day: ScratchKiosk, for_a_key: ExportResult, for_a_passphrase: ExportResult, home: Path
) -> None:
    bundle, said = day.stick / for_a_passphrase.folder, for_a_passphrase.passphrase
    assert (for_a_key.passphrase, len(said.split())) == ("", 8)
    by_hand(day, bundle, home)
    identity = pyrage.x25519.Identity.from_str(
        pyrage.passphrase.decrypt((bundle / "identity.age").read_bytes(), said).decode().strip()
    )
    pictures = looked_at(bundle, lambda path: pyrage.decrypt(path.read_bytes(), [identity]))
    assert len(set(pictures)) == for_a_passphrase.images
    opened = home / "opened-passphrase"
    verify(day, bundle, "--passphrase-prompt", "--open", str(opened), stdin=f"{said}\n")
    assert len(list(opened.rglob("*.jpg"))) == for_a_passphrase.images


def test_the_viewer_is_the_page_of_the_sheet(day: ScratchKiosk, for_a_passphrase: ExportResult) -> None:
    if not for_a_passphrase.page_sha256:
        pytest.skip("the viewer's page is not built: image-build/viewer.sh")
    page = (day.stick / for_a_passphrase.folder / "index.html").read_bytes()
    with day.session("olga") as olga:
        sheet = olga.get_sheet()
    assert hashlib.sha256(page).hexdigest() == for_a_passphrase.page_sha256 == sheet.page_sha256


def test_nothing_of_the_patient_or_the_passphrase_lies_anywhere(
    day: ScratchKiosk, for_a_key: ExportResult, for_a_passphrase: ExportResult
) -> None:
    words = for_a_passphrase.passphrase
    private = [SUBJECT.name, SUBJECT.mrn, SUBJECT.birth_date, "IMG_0", "Owner Of The Camera", words]
    for root in (day.stick, day.store, day.root):
        for path in root.rglob("*"):
            if path.is_file() and path.suffix not in (".png", ".jpg"):
                data = path.read_bytes()
                assert not [word for word in private if word.encode() in data], path
    with day.session("audi") as audi:
        for event in audi.list_events(0, 5000).events:
            assert words not in event.summary
    assert for_a_key.export_id != for_a_passphrase.export_id


def test_the_receivers_word_comes_back(day: ScratchKiosk, for_a_key: ExportResult, home: Path) -> None:
    identity = ("--identity", str(home / "identity.txt"))
    verify(day, day.stick / for_a_key.folder, *identity, "--acknowledge", str(day.stick), "--by", "Dr. C")
    with day.session("olga") as olga:
        came = olga.take_acknowledgements()
        assert came.refused == ()
        states = {each.export_id: each.state for each in olga.list_exports().exports}
    assert states[for_a_key.export_id] is ExportState.ACKNOWLEDGED


def test_a_browser_opens_it_and_its_word_comes_back(
    day: ScratchKiosk, for_a_passphrase: ExportResult, tmp_path: Path
) -> None:
    if why := missing("chrome"):
        pytest.skip(why)
    if not for_a_passphrase.page_sha256:
        pytest.skip("the viewer's page is not built: image-build/viewer.sh")
    with day.session("olga") as olga:
        key = olga.get_sheet().signer
    with browser("chrome", tmp_path) as page:
        page.open(day.stick / for_a_passphrase.folder)
        page.wait(READY)
        assert page.run("document.getElementById('fingerprint').dataset.key") == key
        page.unlock(for_a_passphrase.passphrase)
        assert page.text("#alert") == ""
        for at in range(for_a_passphrase.images):
            page.show(at)
            assert page.text("#checked").startswith("Checked"), page.text("#stage")
            page.press("Escape")
        page.click("#acknowledge button")
        name = f"medkiosk-acknowledgement-{for_a_passphrase.export_id[:8]}.json"
        (day.stick / name).write_bytes(page.saved(name))
    with day.session("olga") as olga:
        came = olga.take_acknowledgements()
        assert came.refused == ()
        states = {each.export_id: each.state for each in olga.list_exports().exports}
    assert states[for_a_passphrase.export_id] is ExportState.ACKNOWLEDGED


# Killed while it writes


@pytest.fixture(scope="module")
def crowd(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[ScratchKiosk, RecipientId, tuple[CaptureId, ...]]]:
    """A kiosk with approved captures, stopped."""
    kiosk = ScratchKiosk(tmp_path_factory.mktemp("crowd") / "kiosk")
    try:
        kiosk.init()
        kiosk.start()
        kiosk.hire()
        kiosk.stop()
        filler = Filler(kiosk)
        recipient = filler.recipient(str(pyrage.x25519.Identity.generate().to_public()))
        captures = filler.capture(Recipe(), CROWD)
        filler.close()
        yield kiosk, recipient, captures
    finally:
        kiosk.close()


def try_to_export(kiosk: ScratchKiosk, recipient: RecipientId, captures: tuple[CaptureId, ...]) -> None:
    try:
        with kiosk.client() as client:
            client.login("olga", PASSPHRASE)
            exported(client, recipient, captures)
    except (ConnectionLostError, RemoteError, OSError):
        pass  # the daemon is killed under it


def kill_in_the_middle(kiosk: ScratchKiosk, recipient: RecipientId, captures: tuple[CaptureId, ...]) -> None:
    kiosk.start()
    thread = threading.Thread(target=try_to_export, args=(kiosk, recipient, captures))
    thread.start()
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not list(kiosk.stick.glob(".medkiosk-partial-*/images/*")):
        time.sleep(0.001)
    kiosk.kill()
    thread.join(60)


async def test_who_comes_after_a_power_cut_sees_what_may_be_outside(
    crowd: tuple[ScratchKiosk, RecipientId, tuple[CaptureId, ...]],
) -> None:
    """At the console, with the keys that they press."""
    kiosk, recipient, captures = crowd
    kill_in_the_middle(kiosk, recipient, captures)
    assert not list(kiosk.stick.glob("medkiosk-*"))
    kiosk.start()
    async with console(kiosk.socket, size=(80, 24)) as pilot:
        await flows.log_in(pilot, "olga", PASSPHRASE)
        await pilot.press("x")
        await flows.until_screen(pilot, "ExportScreen")
        await pilot.press("f6")
        await flows.until_text(pilot, "MAY BE OUTSIDE: it was begun")
        await flows.until_text(pilot, "1 bundle MAY BE OUTSIDE: look for the stick.")
    kiosk.stop()


@pytest.mark.parametrize("files", [0, 1, CROWD // 2, CROWD], ids="{} files".format)
def test_what_a_killed_daemon_left_is_not_taken_for_a_bundle(
    crowd: tuple[ScratchKiosk, RecipientId, tuple[CaptureId, ...]], files: int
) -> None:
    kiosk, recipient, captures = crowd
    before = {path.name for path in kiosk.stick.iterdir()}
    kiosk.start()
    thread = threading.Thread(target=try_to_export, args=(kiosk, recipient, captures))
    thread.start()
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and thread.is_alive():
        new = [path for path in kiosk.stick.iterdir() if path.name not in before]
        if new and sum(1 for path in new[0].rglob("*.jpg.age")) >= files:
            break
        time.sleep(0.001)
    kiosk.kill()
    thread.join(60)

    kiosk.start()
    with kiosk.session("olga") as olga:
        newest = olga.list_exports().exports[0]
        whole = [path for path in kiosk.stick.glob("medkiosk-*") if path.name not in before]
        assert len(whole) <= 1
        if not whole:
            assert newest.state is ExportState.PREPARED
            assert newest.images == CROWD
            assert newest.perhaps
            login = ("--user", "olga", "--passphrase-file", "-")
            said = kiosk.ctl("exports", *login, stdin=PASSPHRASE + "\n").stdout.splitlines()
            assert f"bundle {newest.export_id[:8]} for Dr. C" in said[0]
            assert said[1].startswith("  MAY BE OUTSIDE")
        for folder in whole:  # it had been renamed: then it is whole, whatever the ledger could still say
            verify(kiosk, folder)
        # The next one goes, and takes the unfinished folder away.
        result = exported(olga, recipient, captures[:1])
        assert not list(kiosk.stick.glob(".medkiosk-partial-*"))
        assert olga.list_exports().exports[0].export_id == result.export_id
        assert newest.export_id != result.export_id
    with kiosk.session("audi") as audi:
        types = [each.type for each in audi.list_events(0, 5000).events]
    assert types.count("export.prepared") >= types.count("export.written")
    kiosk.stop()
