"""Whatever is changed in a bundle is noticed, and named."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from medkiosk.core import canon
from medkiosk.export import sshsig
from medkiosk.export.bundle import write_bundle
from medkiosk.export.manifest import Manifest, part, read
from medkiosk.export.verify import verify_bundle
from tests.export.build import SIGNER, SIGNER_LINE, Log, bundle, files_in

OTHER = Ed25519PrivateKey.from_private_bytes(bytes(32))


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    stick = tmp_path_factory.mktemp("stick")
    return stick / write_bundle(stick, bundle(2)).folder


@pytest.fixture
def folder(original: Path, tmp_path: Path) -> Path:
    return shutil.copytree(original, tmp_path / original.name)


def check(folder: Path) -> tuple[str, ...]:
    return verify_bundle(folder, SIGNER_LINE, Log.verify)


def sign_again(folder: Path, change: Callable[[Manifest], bytes]) -> None:
    """What a dishonest or broken kiosk could do: a valid signature over something wrong."""
    contents = change(read((folder / "manifest.json").read_bytes()))
    (folder / "manifest.json").write_bytes(contents)
    (folder / "manifest.json.sig").write_bytes(sshsig.sign(contents, SIGNER))


def test_a_sound_bundle(folder: Path) -> None:
    assert check(folder) == ()


def test_one_changed_byte_anywhere_is_noticed_and_named(folder: Path) -> None:
    for path in files_in(folder):
        data = path.read_bytes()
        for at in {0, 1, len(data) // 2, len(data) - 1, *range(7, len(data), max(1, len(data) // 25))}:
            changed = bytearray(data)
            changed[at] ^= 1 << at % 8
            path.write_bytes(changed)
            (problem, *_) = check(folder) or ("nothing",)
            assert problem.startswith(
                "manifest.json: " if "manifest" in path.name else f"{path.relative_to(folder)}: "
            ), (path, at)
        path.write_bytes(data)
    assert check(folder) == ()


@pytest.mark.parametrize("change", [lambda data: b"", lambda data: data[:-1], lambda data: data + b"\n"])
def test_shortened_and_lengthened_files_are_noticed(folder: Path, change: Callable[[bytes], bytes]) -> None:
    for path in files_in(folder):
        data = path.read_bytes()
        path.write_bytes(change(data))
        assert check(folder), path
        path.write_bytes(data)


def test_a_missing_file_is_named(folder: Path) -> None:
    for path in files_in(folder):
        data = path.read_bytes()
        path.unlink()
        (problem,) = check(folder)
        assert problem.startswith(path.relative_to(folder).as_posix()), path
        path.write_bytes(data)


@pytest.mark.parametrize(
    "name", ["extra", "images/extra.jpg.age", "proofs/x", ".hidden", "images/a\x1b[2J\nb"]
)
def test_an_extra_file_is_named(folder: Path, name: str) -> None:
    (folder / name).write_bytes(b"")
    (problem,) = check(folder)
    assert problem.endswith("not in the manifest")
    assert problem.isprintable()


def test_extra_folders_are_named(folder: Path) -> None:
    (folder / "more").mkdir()
    (folder / "images" / "more").mkdir()
    assert len(check(folder)) == 2


def test_swapped_pictures_are_noticed(folder: Path) -> None:
    one, other = (folder / "images").iterdir()
    one.rename(folder / "x")
    other.rename(one)
    (folder / "x").rename(other)
    assert len(check(folder)) == 2


def test_only_plain_files_are_opened(folder: Path, tmp_path: Path) -> None:
    image = next((folder / "images").iterdir())
    kept = tmp_path / "kept"
    image.rename(kept)
    image.symlink_to(kept)
    assert len(check(folder)) == 1
    image.unlink()
    os.mkfifo(image)
    (problem,) = check(folder)
    assert "not a plain file" in problem
    image.unlink()
    image.mkdir()
    assert check(folder)
    manifest = folder / "manifest.json"
    manifest.rename(tmp_path / "manifest")
    os.mkfifo(manifest)
    (problem,) = check(folder)
    assert "manifest.json: it is not a plain file" in problem


def test_a_linked_folder_is_not_part_of_a_bundle(folder: Path, tmp_path: Path) -> None:
    (folder / "images").rename(tmp_path / "images")
    (folder / "images").symlink_to(tmp_path / "images")
    assert "images: it is not in the manifest" in check(folder)


def test_another_signer_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / write_bundle(tmp_path, replace(bundle(1), signer=OTHER)).folder
    (problem,) = check(folder)
    assert "another key" in problem
    assert verify_bundle(folder, sshsig.public_line(OTHER.public_key()), Log.verify) == ()
    with pytest.raises(sshsig.SignerKeyError):
        verify_bundle(folder, "ssh-rsa AAAA", Log.verify)


def test_a_signature_for_something_else_is_refused(folder: Path) -> None:
    contents = (folder / "manifest.json").read_bytes()
    (folder / "manifest.json.sig").write_bytes(sshsig.sign(contents, SIGNER, "file"))
    (problem,) = check(folder)
    assert "another use" in problem


def test_nothing_there(tmp_path: Path) -> None:
    assert check(tmp_path) == ("manifest.json: it cannot be read (No such file or directory)",)
    assert len(check(tmp_path / "nowhere")) == 1


def test_a_huge_manifest_is_not_read(folder: Path) -> None:
    with (folder / "manifest.json").open("wb") as file:
        file.truncate(1 << 40)
    assert check(folder) == ("manifest.json: it is longer than it can be",)


def test_signed_nonsense_is_refused(folder: Path) -> None:
    sign_again(folder, lambda _: b"[]")
    (problem,) = check(folder)
    assert "cannot be understood" in problem


def with_leaf(listed: Manifest, folder: Path, entry: bytes) -> bytes:
    """Put another entry beside the first image, and say so in the manifest."""
    whole = canon.decode(canon.encode(listed), dict)
    name = listed.images[0].leaf.file
    (folder / name).write_bytes(entry)
    described = part(name, entry)
    whole["images"][0]["leaf"] = {"file": name, "sha256": described.sha256, "size": described.size}
    return canon.encode(whole)


def test_a_signed_entry_that_is_not_in_the_log_is_refused(folder: Path) -> None:
    def change(listed: Manifest) -> bytes:
        entry = (folder / listed.images[0].leaf.file).read_bytes().replace(b'"note":""', b'"note":"x"')
        return with_leaf(listed, folder, entry)

    sign_again(folder, change)
    (problem,) = check(folder)
    assert problem.endswith(".tlog-proof: the entry is not at its place in the log")


def test_a_signed_entry_of_something_else_is_refused(folder: Path) -> None:
    sign_again(folder, lambda listed: with_leaf(listed, folder, b'{"objects":[]}'))
    assert any(
        problem.endswith(".leaf: its ledger entry is not that of a redacted picture")
        for problem in check(folder)
    )
