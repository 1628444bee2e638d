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
from medkiosk.core.photo import ReviewState
from medkiosk.ipc import types as t
from tests import kiosk as k
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


def export(kiosk: k.ScratchKiosk, recipient_key: str) -> t.ExportResult:
    with kiosk.session("olga") as olga:
        year = str(int(time.strftime("%Y")) + 1)
        recipient = olga.enrol_recipient(
            "Dr. C. Ollaborator", "University of Elsewhere", recipient_key, f"{year}-01-01T00:00:00.000Z"
        )
        captures = tuple(c.capture_id for c in olga.list_captures(state=ReviewState.APPROVED).captures)
        refused = olga.check_export(recipient.recipient_id, Purpose.PUBLICATION, captures[:1])
        say(f"Olga asks for publication: refused. {refused.denials[0].reason}")
        result = olga.export(recipient.recipient_id, Purpose.TEACHING_RESEARCH, captures)
        say(f"Olga exports for teaching and research: {result.images} images, {result.bytes >> 20} MiB")
        return result


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
    tool(f"kioskctl verify-export . --signer '{signer}' --ledger-key '{ledger}'", copy)


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
        steps.next("Set up a kiosk: keys, vault, ledger, administrator, three recovery cards")
        kiosk = k.ScratchKiosk(args.dir / "kiosk", cameras=[camera.gphoto_port])
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
        f"\nEverything is in {args.dir}: kiosk/store (sealed), kiosk/stick (the bundle), kiosk/collaborator."
    )
    return 0


def run(kiosk: k.ScratchKiosk, card: Path, steps: Steps) -> None:
    steps.next("Start medkioskd: it finds the camera and imports, with nobody logged in")
    kiosk.start()
    shown: list[str] = []
    kiosk.wait(k.imported, each=lambda status: progress(status, shown))
    status = kiosk.status()
    if status.headline != "SAFE TO UNPLUG" or status.unlocked:
        raise SystemExit(f"not everything was imported: {status}")
    say("the vault is locked: nobody, not even the daemon, can open what was imported")

    steps.next("Redact behind the import: faces, text, codes; in the DCT domain; metadata by allow-list")
    kiosk.wait(k.redacted, timeout_s=300, each=lambda status: waiting(status, shown))

    steps.next("Encounter, consent, review, approval: through the calls that the console uses")
    kiosk.hire()
    people(kiosk)

    steps.next("Export to a stick")
    desk = kiosk.root / "collaborator"
    desk.mkdir()
    tool("age-keygen -o identity.txt 2>/dev/null", desk)
    recipient = tool("age-keygen -y identity.txt", desk, show=False)
    result = export(kiosk, recipient)

    steps.next("The collaborator checks and opens it, with ssh-keygen and age")
    verify_export(kiosk, kiosk.stick / result.folder)

    steps.next("Verify store and ledger without any key")
    tool(f"kioskctl verify {kiosk.store.name} --ledger-key '{kiosk.made['ledger_vkey']}'", kiosk.root)

    steps.next("Restore on another machine: the store's folder and two of three recovery cards")
    restore(kiosk, card)


if __name__ == "__main__":
    sys.exit(main())
