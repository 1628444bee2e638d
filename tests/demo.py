"""The whole job once, on a scratch kiosk: ``make demo``.

A virtual Canon EOS R6 is driven by the real libgphoto2; everything is done by the real daemon, and every
decision of a person goes through the same interface that the console uses. Ends with other people's tools
opening what came out.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from medkiosk.core.consent import Purpose
from medkiosk.core.device import HEADLINES
from medkiosk.core.exportevents import RecipientMethod
from medkiosk.core.photo import ReviewState
from medkiosk.export.viewer import chunks
from medkiosk.ipc import types as t
from medkiosk.ipc.client import Client
from tests import kiosk as k
from tests.outside import terms
from tests.virtual.camera import running_camera
from tests.virtual.photos import make_card

PHOTOS = 8


class Steps:
    """Numbered steps with the time each took."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._number = 0

    def next(self, words: str) -> None:
        self._number += 1
        print(f"\n[{time.monotonic() - self._began:5.1f} s] {self._number}. {words}", flush=True)


def say(words: str) -> None:
    print(f"      {words}", flush=True)


def tool(command: str, cwd: Path, *, expect: int = 0, show: bool = True) -> str:
    """Run a command as a person would type it, show it, and insist on its exit code."""
    if show:
        say(f"$ {command}")
    done = subprocess.run(["bash", "-c", command], cwd=cwd, capture_output=True, text=True, check=False)
    said = (done.stdout + done.stderr).strip()
    if done.returncode != expect:
        raise SystemExit(f"exit code {done.returncode}, expected {expect}:\n{said}")
    if show and said:
        for line in said.splitlines()[-3:]:
            say("  " + line[:120])
    return said


def progress(status: t.Status, shown: list[str]) -> None:
    """Print a line when a device begins, ends, or got a tenth further."""
    for device in status.devices:
        tenth = device.bytes_done * 10 // max(device.bytes_total, 1)
        mark = f"{device.state} {tenth}"
        if mark not in shown:
            shown.append(mark)
            say(
                f"{HEADLINES[device.state]}: {device.bytes_done >> 20} of {device.bytes_total >> 20} MiB,"
                f" {device.sealed} of {device.files} files sealed"
            )


def waiting(status: t.Status, shown: list[str]) -> None:
    """Print a line for each photo that was redacted."""
    mark = f"redacted {status.redaction.done}"
    if mark not in shown:
        shown.append(mark)
        say(f"{status.redaction.done} redacted, {status.redaction.waiting} waiting")


def people(kiosk: k.ScratchKiosk) -> None:
    """What the department does between import and export, call by call."""
    with kiosk.session("pat") as pat:
        encounter = pat.create_encounter(k.SUBJECT, "left forearm")
        pat.record_consent(encounter.encounter_id, k.consent(Purpose.TEACHING_RESEARCH))
        imports = pat.list_imports().imports
        captures = pat.list_captures(imports[0].import_id).captures
        pat.assign(encounter.encounter_id, tuple(c.capture_id for c in captures))
        say(f"Pat: encounter, consent for teaching and research, {len(captures)} captures assigned")
    with kiosk.session("rita") as rita:
        approved = 0
        for capture in rita.list_captures(state=ReviewState.PROPOSED).captures:
            picture, _ = rita.get_preview(capture.capture_id)
            detail = rita.get_capture(capture.capture_id)
            if (plan := k.decided(detail.findings)) != detail.findings:
                rita.change_masks(capture.capture_id, picture.revision, plan)
                say(f"Rita: {capture.name}: masked what was suggested")
                picture, _ = rita.get_preview(capture.capture_id)
                detail = rita.get_capture(capture.capture_id)
            if detail.problems:
                say(f"Rita: {capture.name} stays: {detail.problems[0]}")
                continue
            rita.approve(capture.capture_id, picture.revision)
            approved += 1
        say(f"Rita: looked at each redacted picture, approved {approved}")


def enrol(client: Client, name: str, key: str) -> t.RecipientInfo:
    """Somebody who may receive pictures for a year; Olga heard the end of their key on the telephone."""
    method = RecipientMethod.AGE if key else RecipientMethod.PASSPHRASE
    purposes = (Purpose.TEACHING_RESEARCH, Purpose.PUBLICATION)
    until = f"{int(time.strftime('%Y')) + 1}-01-01T00:00:00.000Z"
    return client.enrol_recipient(name, "University of Elsewhere", method, key, key[-16:], purposes, until)


def export(kiosk: k.ScratchKiosk, recipient_key: str) -> tuple[t.ExportResult, t.ExportResult]:
    """A bundle for a key, and one for a passphrase with everything that a bundle can have."""
    purpose = Purpose.TEACHING_RESEARCH
    with kiosk.session("olga") as olga:
        with_key = enrol(olga, "Dr. C. Ollaborator", recipient_key).recipient_id
        with_words = enrol(olga, "Prof. P. Assphrase", "").recipient_id
        captures = tuple(c.capture_id for c in olga.list_captures(state=ReviewState.APPROVED).captures)
        refused = olga.check_export(with_key, Purpose.PUBLICATION, captures[:1], terms(Purpose.PUBLICATION))
        say(f"Olga asks for publication: refused. {refused.denials[0].reason}")
        first = olga.export(with_key, purpose, captures, terms(purpose), t.ExportOptions())
        say(f"for a key, for teaching and research: {first.images} images, {first.bytes >> 20} MiB")
        options = t.ExportOptions(viewer=viewer_is_built(), dicom=True)
        second = olga.export(with_words, purpose, captures, terms(purpose), options)
        what = (
            "DICOM objects and a page" if options.viewer else "DICOM objects (no page: it was not built here)"
        )
        say(f"for a passphrase, with {what}: {second.images} images, {second.bytes >> 20} MiB")
        say(f"the passphrase, said once, on the telephone: {second.passphrase}")
    return first, second


def viewer_is_built() -> bool:
    """Whether bundles can have a page here; `make` builds it where there is node."""
    try:
        chunks.page()
    except chunks.NoViewerError:
        return False
    return True


def verify_export(kiosk: k.ScratchKiosk, bundle: Path) -> None:
    """What the collaborator does, with tools that are not ours."""
    desk = kiosk.root / "collaborator"
    (desk / "allowed_signers").write_text(kiosk.made["allowed_signers"] + "\n")
    copy = desk / "bundle"
    shutil.copytree(bundle, copy)
    check = (
        "ssh-keygen -Y verify -f ../allowed_signers -I medkiosk -n medkiosk-export@v1"
        " -s manifest.json.sig < manifest.json"
    )
    tool(check, copy)
    images = sorted((copy / "images").glob("*.age"))
    tool(f"age -d -i ../identity.txt -o ../opened.jpg images/{images[0].name}", copy)
    opened = (desk / "opened.jpg").read_bytes()
    if not (opened.startswith(b"\xff\xd8\xff") and b"Exif" not in opened and b"Canon" not in opened):
        raise SystemExit("the opened picture still has metadata of the camera")
    found = json.loads(tool("kioskctl redact --json --out ../again ../opened.jpg", copy).splitlines()[0])
    # What is only suggested was answered in the review; shown masks, the detector may suggest something new.
    sure = [finding for finding in found["findings"] if finding["decision"] == "mask"]
    if faces := [finding for finding in sure if finding["category"] == "face"]:
        raise SystemExit(f"a face is left in the opened picture: {faces}")
    say(f"  opened.jpg: {len(opened)} bytes, no metadata of the camera in it, and no face is found")

    manifest = (copy / "manifest.json").read_bytes()
    (copy / "manifest.json").write_bytes(manifest[:40] + bytes([manifest[40] ^ 1]) + manifest[41:])
    tool(check, copy, expect=255, show=False)
    (copy / "manifest.json").write_bytes(manifest)
    image = images[0].read_bytes()
    images[0].write_bytes(image[:-9] + bytes([image[-9] ^ 1]) + image[-8:])
    tool(f"age -d -i ../identity.txt -o /dev/null images/{images[0].name}", copy, expect=1, show=False)
    say("one flipped bit in the manifest: ssh-keygen refuses; in an image: age refuses")
    images[0].write_bytes(image)
    signer, ledger = kiosk.made["export_public_key"], kiosk.made["ledger_vkey"]
    tool(f"kioskctl verify-export . --key '{signer}' --log-key '{ledger}'", copy)


def receive(kiosk: k.ScratchKiosk, result: t.ExportResult) -> None:
    """What somebody does who has no key: one command, or a double click; and their word comes back."""
    keys = f"--key '{kiosk.made['export_public_key']}' --log-key '{kiosk.made['ledger_vkey']}'"
    bundle = f"../stick/{result.folder}"
    opened = (
        f"--passphrase-prompt --open opened --acknowledge ../stick --by 'Prof. P.' <<< '{result.passphrase}'"
    )
    desk = kiosk.root / "collaborator"
    say("$ medkiosk-verify BUNDLE --key ... --passphrase-prompt --open opened --acknowledge STICK")
    said = tool(f"medkiosk-verify {bundle} {keys} {opened}", desk, show=False)
    for line in said.splitlines():
        say("  " + line[:110])
    with kiosk.session("olga") as olga:
        [taken] = olga.take_acknowledgements().taken
        say(f"Olga reads the stick: bundle {taken.export_id[:8]} is {taken.state} by {taken.by}")
    if result.page_sha256:
        say("Or in a browser, by double click, with no program and no network:")
        say(f"  {kiosk.stick / result.folder / 'index.html'}")
        say(f"  passphrase: {result.passphrase}")


def restore(kiosk: k.ScratchKiosk, card: Path) -> None:
    """Another machine that has the store's folder and two of the three cards."""
    elsewhere = kiosk.root / "elsewhere"
    elsewhere.mkdir()
    shutil.copytree(kiosk.store, elsewhere / "store")
    (elsewhere / "cards.txt").write_text("\n".join(kiosk.shares[1:]) + "\n")
    tool("kioskctl restore store --cards cards.txt --out restored", elsewhere)
    originals = {path.read_bytes() for path in card.rglob("*.JPG")}
    restored = {path.read_bytes() for path in (elsewhere / "restored").rglob("*.JPG")}
    if originals != restored:
        raise SystemExit("what was restored is not what was on the camera")
    say(f"all {len(restored)} originals are back, byte for byte")


def main() -> int:
    parser = argparse.ArgumentParser(prog="demo", description=__doc__)
    parser.add_argument("--dir", type=Path, required=True)
    parser.add_argument("--console", action="store_true", help="open the console on the kiosk at the end")
    args = parser.parse_args()
    os.environ["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    shutil.rmtree(args.dir, ignore_errors=True)
    steps = Steps()

    steps.next(f"Load a virtual Canon EOS R6 with {PHOTOS} photographs (5472x3648, with EXIF, GPS, serial)")
    card = args.dir / "camera"
    make_card(card, PHOTOS, fast=True)
    with running_camera(card, owner="Example Hospital") as camera:
        steps.next("Set up a kiosk: keys, vault, ledger, administrator, three recovery sheets")
        kiosk = k.ScratchKiosk(args.dir / "kiosk", cameras=[camera.gphoto_port], cheap=False)
        try:
            kiosk.init()
            run(kiosk, card, steps)
            if args.console:
                steps.next(f"The console; users {', '.join(k.STAFF)}, passphrase: {k.PASSPHRASE}")
                subprocess.run(
                    [sys.executable, "-m", "medkiosk.console", "--socket", str(kiosk.socket)], check=False
                )
        finally:
            kiosk.close()
    print(
        f"\nEverything is in {args.dir}: kiosk/store (sealed), kiosk/stick (the bundles), kiosk/collaborator."
    )
    return 0


def run(kiosk: k.ScratchKiosk, card: Path, steps: Steps) -> None:
    steps.next("Start medkioskd: it finds the camera and imports, with nobody logged in")
    kiosk.start()
    shown: list[str] = []
    kiosk.wait(k.imported, each=lambda status: progress(status, shown))
    status = kiosk.status()
    if not k.safe(status) or status.unlocked:
        raise SystemExit(f"not everything was imported: {status}")
    say("the vault is locked: nobody, not even the daemon, can open what was imported")

    steps.next("Redact behind the import: faces, text, codes; in the DCT domain; metadata by allow-list")
    kiosk.wait(k.redacted, timeout_s=300, each=lambda status: waiting(status, shown))

    steps.next("Encounter, consent, review, approval: through the calls that the console uses")
    kiosk.hire()
    people(kiosk)

    steps.next("Export to a stick, for two collaborators")
    desk = kiosk.root / "collaborator"
    desk.mkdir()
    tool("age-keygen -o identity.txt 2>/dev/null", desk)
    recipient = tool("age-keygen -y identity.txt", desk, show=False)
    for_key, for_words = export(kiosk, recipient)

    steps.next("The collaborator checks and opens it, with ssh-keygen and age")
    verify_export(kiosk, kiosk.stick / for_key.folder)

    steps.next("Another one opens theirs with the passphrase, and says so")
    receive(kiosk, for_words)

    steps.next("Verify store and ledger without any key")
    tool(f"kioskctl verify {kiosk.store.name} --ledger-key '{kiosk.made['ledger_vkey']}'", kiosk.root)

    steps.next("Restore on another machine: the store's folder and two of three recovery sheets")
    restore(kiosk, card)


if __name__ == "__main__":
    sys.exit(main())
