"""What the firmware, the kernel and the workers of the built image take for given."""

from __future__ import annotations

import hashlib
import json
import re
import struct
import subprocess
import time
import tomllib
from pathlib import Path

import pytest

from tests.image.test_lock import KIOSK
from tests.image.tree import ESP, ROOT, ROOT_VERITY, Built, tools
from tests.kiosk import CHECKOUT


def test_version_everywhere(built: Built) -> None:
    assert (built.tree / "usr/lib/medkiosk/version").read_text() == built.version + "\n"
    release = (built.tree / "usr/lib/os-release").read_text()
    assert re.search(rf'^IMAGE_VERSION="?{re.escape(built.version)}"?$', release, re.MULTILINE)
    assert re.search(r'^IMAGE_ID="?medkiosk"?$', release, re.MULTILINE)


def test_partitions(built: Built) -> None:
    esp, root, verity = built.partitions()
    assert [esp.kind, root.kind, verity.kind] == [ESP, ROOT, ROOT_VERITY]
    assert [esp.label, root.label, verity.label] == [
        "medkiosk-esp",
        f"medkiosk_{built.version}",
        f"medkiosk_{built.version}_v",
    ]
    assert esp.size >= 512 << 20


def test_the_signed_command_line_names_this_root_and_no_other(built: Built) -> None:
    (roothash,) = [word.partition("=")[2] for word in built.command_line if word.startswith("roothash=")]
    _, root, verity = built.partitions()
    # Discoverable Partitions Specification: the halves of the root hash are the partitions' UUIDs.
    assert root.unique.hex + verity.unique.hex == roothash
    name = f"/cache/out/medkiosk_{built.version}"
    tools("veritysetup", "verify", f"{name}.root.raw", f"{name}.root-verity.raw", roothash)


def test_command_line(built: Built) -> None:
    wanted = "ro usbcore.authorized_default=0 systemd.firstboot=off lockdown=confidentiality"
    wanted += " systemd.import_credentials=no"
    assert set(wanted.split()) <= set(built.command_line)
    assert "systemd.verity_root_options=panic-on-corruption" in built.command_line
    assert [
        word for word in built.command_line if word.startswith(("console=", "init=", "systemd.debug"))
    ] == []


def test_no_unit_but_the_daemon_takes_credentials_from_the_data_partition(built: Built) -> None:
    units = [
        path.name
        for folder in ("usr/lib/systemd/system", "etc/systemd/system")
        for path in (built.tree / folder).rglob("*.*")
        if path.is_file() and re.search(r"^ImportCredential=", path.read_text(), re.MULTILINE)
    ]
    assert units == ["medkioskd.service"]


def test_the_boot_loader_enrols_our_keys_and_offers_nothing(built: Built) -> None:
    """systemd-boot alone would enrol in virtual machines only, and show a menu while a key is held."""
    esp = built.partitions()[0]
    # mtools: an image in a file, from an offset.
    said = tools("mtype", "-i", f"/cache/out/medkiosk.raw@@{esp.offset}", "::/loader/loader.conf")
    assert {tuple(line.split()) for line in said.splitlines()} >= {
        ("timeout", "menu-disabled"),
        ("editor", "no"),
        ("auto-entries", "no"),
        ("auto-firmware", "no"),
        ("secure-boot-enroll", "force"),
    }
    names = tools("mdir", "-b", "-i", f"/cache/out/medkiosk.raw@@{esp.offset}", "::/loader/keys/auto")
    assert {"PK.auth", "KEK.auth", "db.auth"} <= {Path(line).name for line in names.splitlines()}


def test_signed_for_secure_boot(built: Built) -> None:
    name = f"/cache/out/medkiosk_{built.version}.efi"
    assert "Signature verification OK" in tools("sbverify", "--cert", "/keys/secureboot.crt", name)


SIGNING_TIME = bytes.fromhex("06092a864886f70d010905310f170d")
"""The attribute signingTime (RFC 5652, section 11.3) with a UTCTime of 13 letters, in DER."""


def signing_times(program: bytes) -> list[str]:
    """What a PE program's signatures (PE format, "Attribute Certificate Table") say of their time."""
    optional = struct.unpack_from("<I", program, 0x3C)[0] + 24
    start, size = struct.unpack_from("<II", program, optional + 112 + 4 * 8)  # PE32+, the fifth directory
    signed = program[start : start + size]
    return [signed[m.end() : m.end() + 13].decode() for m in re.finditer(re.escape(SIGNING_TIME), signed)]


def test_every_signature_says_the_commits_time(built: Built) -> None:
    """Or no two builds of one commit would have the same bytes."""
    commit = (built.out / "commit").read_text().strip().removesuffix("-dirty")
    asked = ["git", "-C", str(CHECKOUT), "log", "-1", "--format=%ct", commit]
    done = subprocess.run(asked, capture_output=True, text=True)
    if done.returncode:
        pytest.skip("the image's commit is not in this checkout")
    expected = [time.strftime("%y%m%d%H%M%SZ", time.gmtime(int(done.stdout)))]
    boot = built.tree / "usr/lib/systemd/boot/efi/systemd-bootx64.efi.signed"
    for path in (boot, built.out / f"medkiosk_{built.version}.efi"):
        assert signing_times(path.read_bytes()) == expected, path


def test_measurements_are_signed_with_the_key_that_the_disk_is_bound_to(built: Built) -> None:
    signed = json.loads((built.initrd / "pcrsig").read_bytes().rstrip(b"\0"))
    assert {tuple(entry["pcrs"]) for entry in signed["sha256"]} == {(11,)}
    assert len(signed["sha256"]) == 4  # enter-initrd, leave-initrd, sysinit, ready
    key = (built.initrd / "pcrpkey").read_bytes().rstrip(b"\0").decode()
    ours = tools("openssl", "x509", "-in", "/keys/pcr.crt", "-noout", "-pubkey")
    assert key.split() == ours.split()


def test_the_data_partition_is_bound_as_the_contract_says(built: Built) -> None:
    unit = (built.tree / "usr/lib/systemd/system/systemd-repart.service.d/medkiosk-disk.conf").read_text()
    assert "--tpm2-pcrs=7+12" in unit
    assert "--tpm2-public-key-pcrs=11" in unit
    definition = (built.tree / "usr/lib/repart.d/30-var.conf").read_text()
    assert "Encrypt=tpm2" in definition


def test_no_other_copy_of_the_private_keys(built: Built) -> None:
    begin = b"-----BEGIN " + b"PRIVATE KEY"
    places = [built.tree / name for name in ("etc", "usr/lib/medkiosk", "usr/share/medkiosk")]
    found = [
        path
        for top in places
        for path in top.rglob("*")
        if path.is_file() and not path.is_symlink() and begin in path.read_bytes()
    ]
    assert [path for path in found if "site-packages" not in path.parts] == []


def test_models(built: Built) -> None:
    for package in tomllib.loads((CHECKOUT / "image-build" / "assets.lock").read_text())["package"]:
        for file in package["file"]:
            if file["kind"] == "models":
                content = (built.tree / "usr/share/medkiosk/models" / file["target"]).read_bytes()
                assert hashlib.sha256(content).hexdigest() == file["sha256"]


def test_bill_of_materials(built: Built) -> None:
    text = (built.tree / "usr/share/medkiosk/sbom.cdx.json").read_text()
    assert (built.out / "sbom.cdx.json").read_text() == text
    document = json.loads(text)
    assert (document["bomFormat"], document["specVersion"]) == ("CycloneDX", "1.6")
    parts = document["components"]
    assert len({part["bom-ref"] for part in parts}) == len(parts)
    here = {
        f"{part['name'].lower().replace('_', '-')}=={part['version']}"
        for part in parts
        if part["purl"].startswith("pkg:pypi/")
    }
    assert set(KIOSK) <= here
    names = {part["name"] for part in parts}
    assert {"systemd", "linux-image-amd64", "cage", "libde265-0", "centerface.onnx", "medkiosk"} <= names


def test_each_part_has_a_licence(built: Built) -> None:
    commit = (built.out / "commit").read_text().strip()
    with_the_same = subprocess.run(
        ["git", "diff", "--quiet", commit, "--", "image-build/mkosi/mkosi.postinst"],
        cwd=CHECKOUT,
        check=False,
        capture_output=True,
    )
    if with_the_same.returncode:
        pytest.skip("the image was made before what lists its parts was changed: make image")
    parts = json.loads((built.out / "sbom.cdx.json").read_text())["components"]
    assert [part["name"] for part in parts if not part.get("licenses")] == []


def test_the_clock_never_goes_behind_the_commit(built: Built) -> None:
    """systemd sets a clock that is behind this file's time to it: an empty battery, the first start."""
    commit = (built.out / "commit").read_text().strip()
    said = subprocess.run(
        ["git", "show", "--no-patch", "--format=%ct", commit],
        cwd=CHECKOUT,
        check=False,
        capture_output=True,
        text=True,
    )
    if said.returncode:
        pytest.skip("the image is of a commit that is not here")
    epoch = built.tree / "usr/lib/clock-epoch"
    assert epoch.is_file()
    assert int(epoch.stat().st_mtime) == int(said.stdout)


def test_licences(tree: Path) -> None:
    text = (tree / "usr/share/medkiosk/licences.txt").read_text()
    for words in ("Apache License", "GNU LESSER GENERAL PUBLIC LICENSE", "DejaVu", "gphoto2"):
        assert words in text, words


@pytest.mark.parametrize(
    "module",
    [
        "medkiosk.redact.worker",
        "medkiosk.source.worker",
        "medkiosk.daemon.__main__",
        "medkiosk.cli.__main__",
        "medkiosk.console.app",
        "medkiosk.device.mount",
        "cv2",
        "onnxruntime",
        "gphoto2",
        "zxingcpp",
        "numpy",
        "cryptography.hazmat.primitives.hpke",
        "fido2.ctap2",
    ],
)
def test_python_finds_its_libraries(built: Built, module: str) -> None:
    built.run("/usr/lib/medkiosk/venv/bin/python", "-I", "-c", f"import {module}")


@pytest.mark.parametrize("library", ["libturbojpeg.so.0", "libde265.so.0", "libseccomp.so.2"])
def test_libraries_that_are_loaded_by_name(built: Built, library: str) -> None:
    built.run("/usr/lib/medkiosk/venv/bin/python", "-c", f"import ctypes; ctypes.CDLL({library!r})")


@pytest.mark.parametrize(
    "command",
    [
        "cage -v",
        "foot --version",
        "seatd -v",
        "smartctl --version",
        "kioskctl --help",
        "medkiosk-redact --help",
        "systemd-cryptenroll --version",
        "/usr/lib/systemd/systemd-sysupdate --version",
        "/usr/lib/systemd/systemd-bless-boot --help",
        "mkfs.ext4 -V",
        "systemd-repart --version",
        "loadkeys --version",
    ],
)
def test_programs_find_their_libraries(built: Built, command: str) -> None:
    built.run(*command.split())


def test_python_was_compiled_before(built: Built) -> None:
    """The root is read-only: what is not compiled now would be compiled at each start."""
    site = built.tree / "usr/lib/medkiosk/venv/lib/python3.13/site-packages"
    missing = [
        str(path.relative_to(site))
        for path in site.glob("medkiosk/**/*.py")
        if not (path.parent / "__pycache__" / f"{path.stem}.cpython-313.pyc").is_file()
    ]
    assert missing == []
    header = (site / "medkiosk" / "__pycache__" / "__init__.cpython-313.pyc").read_bytes()[:8]
    assert header[4] == 1  # PEP 552: by hash, unchecked
