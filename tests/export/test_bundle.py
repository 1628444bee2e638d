"""Bundles opened with tools that are not ours, and searched for what must not be in them."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pyrage
import pytest

from medkiosk.core.errors import BadRequestError, NotFoundError
from medkiosk.export.age import RecipientKeyError
from medkiosk.export.bundle import PARTIAL, MixedUpError, Picture, StickError, write_bundle
from medkiosk.export.manifest import read
from medkiosk.export.sshsig import allowed_signers_line, fingerprint
from medkiosk.export.verify import verify_bundle, verify_picture
from tests.export.build import FILE, IDENTITY, MRN, NAME, SIGNER, SIGNER_LINE, Log, bundle, files_in, jpeg


def test_a_bundle_is_sound_and_says_what_it_is(tmp_path: Path) -> None:
    written = write_bundle(tmp_path, bundle(3))
    folder = tmp_path / written.folder
    assert re.fullmatch(r"medkiosk-2026-05-01-[0-9a-f]{8}", written.folder)
    assert [path.name for path in tmp_path.iterdir()] == [written.folder]
    assert verify_bundle(folder, SIGNER_LINE, Log.verify) == ()
    assert written.images == 3
    assert written.bytes == sum(path.stat().st_size for path in files_in(folder))
    assert written.signer == fingerprint(SIGNER.public_key())


def test_many_pictures_are_written_in_groups_without_holding_them_all(tmp_path: Path) -> None:
    ready = bundle(40)
    alive = 0

    def one_at_a_time() -> Iterator[Picture]:
        nonlocal alive
        for picture in ready.pictures:
            alive += 1
            written = len(list(tmp_path.rglob("*.age")))
            assert written == alive - 1, "a picture was asked for before the last one was written"
            yield picture

    written = write_bundle(tmp_path, replace(ready, pictures=one_at_a_time()))
    assert written.images == 40
    assert verify_bundle(tmp_path / written.folder, SIGNER_LINE, Log.verify) == ()


def blocks(text: str) -> list[str]:
    """The commands in VERIFY.txt: what is indented."""
    found = re.findall(r"(?:^    .*\n)+", text, re.MULTILINE)
    return [re.sub(r"^    ", "", block, flags=re.MULTILINE) for block in found]


def run(folder: Path, home: Path, command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", "-c", command],
        cwd=folder,
        env={"HOME": str(home), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_the_commands_in_verify_txt_do_what_they_say(tmp_path: Path) -> None:
    stick, home = tmp_path / "stick", tmp_path / "home"
    stick.mkdir()
    home.mkdir()
    folder = stick / write_bundle(stick, bundle(2)).folder
    (home / "allowed_signers").write_text(allowed_signers_line(SIGNER.public_key()) + "\n")
    shown, signature, files, opening = blocks((folder / "VERIFY.txt").read_text())
    assert shown.strip() == fingerprint(SIGNER.public_key())

    done = run(folder, home, signature)
    assert (done.returncode, done.stdout.split(" signature")[0]) == (0, 'Good "medkiosk-export@v1"')
    done = run(folder, home, files)
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["good"] * 8

    image = next((folder / "images").iterdir())
    (folder / "my-identity.txt").write_text(f"# mine\n{IDENTITY}\n")
    done = run(folder, home, opening.replace("images/NAME.jpg.age", f"images/{image.name}"))
    assert done.returncode == 0, done.stderr
    assert (folder / "picture.jpg").read_bytes() in (jpeg(0), jpeg(1))

    one, other = (folder / "images").iterdir()
    swapped = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(swapped)
    done = run(folder, home, files)
    assert sorted(line.split()[0] for line in done.stdout.splitlines()) == ["WRONG"] * 2 + ["good"] * 6
    manifest = folder / "manifest.json"
    manifest.write_bytes(manifest.read_bytes().replace(b"teaching", b"teachinG"))
    assert run(folder, home, signature).returncode != 0


def test_a_decrypted_picture_is_the_one_in_the_ledger(tmp_path: Path) -> None:
    folder = tmp_path / write_bundle(tmp_path, bundle(2)).folder
    first, second = read((folder / "manifest.json").read_bytes()).images
    opened = pyrage.decrypt((folder / first.ciphertext.file).read_bytes(), [IDENTITY])
    entry = (folder / first.leaf.file).read_bytes()
    assert opened in (jpeg(0), jpeg(1))
    assert verify_picture(first, entry, opened) == ""
    assert "manifest describes" in verify_picture(second, entry, opened)
    assert "manifest describes" in verify_picture(first, entry, opened + b"x")
    assert "ledger entry is of" in verify_picture(first, (folder / second.leaf.file).read_bytes(), opened)


def test_nobody_else_can_open_it(tmp_path: Path) -> None:
    folder = tmp_path / write_bundle(tmp_path, bundle(1)).folder
    (image,) = (folder / "images").iterdir()
    with pytest.raises(pyrage.DecryptError):
        pyrage.decrypt(image.read_bytes(), [pyrage.x25519.Identity.generate()])


def test_nothing_in_it_tells_whose_pictures_they_are(tmp_path: Path) -> None:
    """The pictures themselves hold all three; the bundle's readable bytes and names must hold none."""
    assert all(text.encode() in jpeg(0) for text in (MRN, NAME, FILE))
    folder = tmp_path / write_bundle(tmp_path, bundle(3)).folder
    everything = b"".join(
        str(path.relative_to(folder)).encode() + path.read_bytes() for path in files_in(folder)
    )
    for secret in (MRN, NAME, "4711", "Ada", FILE, "IMG_", str(IDENTITY.to_public()), str(IDENTITY)):
        assert secret.lower().encode() not in everything.lower(), secret
    for start in (b"\xff\xd8\xff", b"JFIF", b"Exif"):
        assert start not in everything


def test_two_exports_of_one_picture_have_nothing_in_common_but_the_picture(tmp_path: Path) -> None:
    """What may be the same is on the list in docs/export-format.md section 6."""
    ids, ciphertexts = [], []
    for seed in (1, 2):
        folder = tmp_path / write_bundle(tmp_path, bundle(1, seed)).folder
        whole = json.loads((folder / "manifest.json").read_bytes())
        ids += [whole["export_id"], whole["images"][0]["id"]]
        ciphertexts.append(whole["images"][0]["ciphertext"]["sha256"])
    assert len(set(ids)) == 4
    assert len(set(ciphertexts)) == 2


def test_a_picture_that_is_not_the_one_in_its_entry_stops_everything(tmp_path: Path) -> None:
    ready = bundle(3)
    one, two, three = ready.pictures
    mixed = replace(two, jpeg=three.jpeg)
    with pytest.raises(MixedUpError, match="Picture 2"):
        write_bundle(tmp_path, replace(ready, pictures=[one, mixed, three]))
    assert list(tmp_path.iterdir()) == []


def test_an_error_of_the_source_is_not_blamed_on_the_stick(tmp_path: Path) -> None:
    def broken(error: Exception) -> Iterator[Picture]:
        yield from bundle(1).pictures
        raise error

    for error in (NotFoundError(what="picture", id="x"), OSError(5, "the vault's disk")):
        with pytest.raises(type(error)) as caught:
            write_bundle(tmp_path, replace(bundle(), pictures=broken(error)))
        assert caught.value is error
        assert list(tmp_path.iterdir()) == []


def test_who_may_no_longer_export_leaves_no_bundle(tmp_path: Path) -> None:
    """The account was closed while the pictures were written: all is there but the name."""
    seen: list[str] = []

    def still() -> None:
        seen.extend(path.name for path in tmp_path.iterdir())
        raise NotFoundError(what="account", id="x")

    with pytest.raises(NotFoundError):
        write_bundle(tmp_path, bundle(2), still=still)
    assert len(seen) == 1
    assert seen[0].startswith(PARTIAL)
    assert list(tmp_path.iterdir()) == []


def test_what_an_earlier_crash_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    left = tmp_path / f"{PARTIAL}deadbeef" / "images"
    left.mkdir(parents=True)
    (left / "x.jpg.age").write_bytes(b"half a picture")
    (tmp_path / "thesis.docx").write_bytes(b"somebody's")
    written = write_bundle(tmp_path, bundle())
    assert sorted(path.name for path in tmp_path.iterdir()) == [written.folder, "thesis.docx"]


def test_an_earlier_bundle_is_neither_replaced_nor_removed(tmp_path: Path) -> None:
    folder = tmp_path / write_bundle(tmp_path, bundle(1, seed=5)).folder
    with pytest.raises(StickError, match="on it already"):
        write_bundle(tmp_path, bundle(2, seed=5))
    assert [path.name for path in tmp_path.iterdir()] == [folder.name]
    assert verify_bundle(folder, SIGNER_LINE, Log.verify) == ()


def test_no_pictures_no_bundle(tmp_path: Path) -> None:
    with pytest.raises(BadRequestError):
        write_bundle(tmp_path, replace(bundle(), pictures=[]))
    with pytest.raises(RecipientKeyError):
        write_bundle(tmp_path, replace(bundle(), recipient="age1nobody"))
    assert list(tmp_path.iterdir()) == []


def test_no_stick(tmp_path: Path) -> None:
    with pytest.raises(StickError, match="not there"):
        write_bundle(tmp_path / "nothing", bundle())
