"""What makes an update: of what the image's build leaves, in the form that a kiosk takes."""

from __future__ import annotations

import struct
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from medkiosk import sshsig
from medkiosk.update.check import Here, check
from medkiosk.update.manifest import parse_version
from tests.update.helper import CHECKOUT

ROOT, VERITY = uuid.uuid5(uuid.NAMESPACE_URL, "root"), uuid.uuid5(uuid.NAMESPACE_URL, "verity")


def table(labels: dict[str, uuid.UUID]) -> bytes:
    """A GUID partition table (UEFI 2.10, section 5.3), as far as it is read."""
    header = struct.pack("<8s64xQII4x", b"EFI PART", 2, 128, 128).ljust(512, b"\0")
    entries = [
        b"\1" * 16 + one.bytes_le + bytes(24) + label.encode("utf-16-le").ljust(72, b"\0")
        for label, one in labels.items()
    ]
    return bytes(512) + header + b"".join(entries).ljust(128 * 128, b"\0")


@pytest.fixture
def built(tmp_path: Path) -> Path:
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "version").write_text("0.0.2\n")
    (folder / "commit").write_text("a" * 40 + "-dirty\n")
    (folder / "medkiosk.raw").write_bytes(table({"medkiosk_0.0.2": ROOT, "medkiosk_0.0.2_v": VERITY}))
    for name, size in (("root.raw", 4096), ("root-verity.raw", 512), ("efi", 77)):
        (folder / f"medkiosk_0.0.2.{name}").write_bytes(name.encode() * size)
        with (folder / f"medkiosk_0.0.2.{name}").open("r+b") as file:
            file.truncate(size)
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "release"], check=True)
    return folder


def release(built: Path, *more: str) -> subprocess.CompletedProcess[str]:
    script = str(CHECKOUT / "image-build" / "release.py")
    places = [
        "--built",
        str(built),
        "--key",
        str(built.parent / "release"),
        "--into",
        str(built.parent / "stick"),
    ]
    return subprocess.run(
        [sys.executable, script, *places, *more], capture_output=True, text=True, check=False
    )


def test_what_is_made_is_taken(built: Path) -> None:
    done = release(built, "--minimum", "0.0.1")
    assert done.returncode == 0, done.stderr
    folder = built.parent / "stick" / "medkiosk-update-0.0.2"
    assert {path.name for path in folder.iterdir()} == {
        "update.json",
        "update.json.sig",
        "root.raw",
        "root-verity.raw",
        "uki.efi",
    }
    public = (built.parent / "release.pub").read_text().split()
    keys = sshsig.allowed_keys(
        f'r namespaces="{sshsig.UPDATE_NAMESPACE}" {public[0]} {public[1]}', sshsig.UPDATE_NAMESPACE
    )
    here = Here(parse_version("0.0.1"), "x86-64", keys)
    manifest = check((folder / "update.json").read_bytes(), (folder / "update.json.sig").read_bytes(), here)
    assert [part.uuid for part in manifest.parts] == [ROOT.hex, VERITY.hex, ""]
    assert manifest.minimum == "0.0.1"
    again = release(built)
    assert again.returncode == 1
    assert "is there already" in again.stderr


def test_what_was_not_built_whole_is_no_update(built: Path) -> None:
    (built / "medkiosk_0.0.2.efi").unlink()
    done = release(built)
    assert done.returncode == 1
    assert "medkiosk_0.0.2.efi is missing" in done.stderr
    assert not (built.parent / "stick").exists()


def test_what_a_kiosk_would_refuse_is_not_signed(built: Path) -> None:
    (built / "medkiosk_0.0.2.root.raw").write_bytes(b"x" * 511)
    assert release(built).returncode != 0
    assert not (built.parent / "stick" / "medkiosk-update-0.0.2").exists()
