from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medkiosk.core import canon
from medkiosk.export.manifest import MANIFEST, SIGNATURE, read, view
from tests.export.build import PASSPHRASE, files_in, write

Members = dict[str, Any]


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    stick = tmp_path_factory.mktemp("stick")
    return (write(stick, viewer=True, dicom=True, recall=True) / "manifest.json").read_bytes()


def test_a_written_manifest_is_read_back_to_itself(good: bytes) -> None:
    assert canon.encode(read(good)) == good


def test_it_has_exactly_these_members(good: bytes) -> None:
    """The written list of docs/export-format.md section 2: what is not on it must not leave."""
    whole = json.loads(good)
    assert sorted(whole) == ["created", "export_id", "files", "version"]
    for file in whole["files"]:
        assert sorted(file) == ["file", "sha256", "size"]


def edit(good: bytes, change: Callable[[Members], object]) -> bytes:
    whole = json.loads(good)
    change(whole)
    return canon.encode(whole)


def named(whole: Members, name: str) -> Members:
    """The first file whose path begins so."""
    return next(file for file in whole["files"] if file["file"].startswith(name))


def rename(name: str, new: str) -> Callable[[Members], object]:
    """Change the path of a file, keeping the files in order."""

    def change(whole: Members) -> None:
        named(whole, name)["file"] = new
        whole["files"].sort(key=lambda file: file["file"])

    return change


def drop(name: str) -> Callable[[Members], object]:
    """Leave out a file."""
    return lambda whole: whole["files"].remove(named(whole, name))


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m.update(version="medkiosk-export/1"),
        lambda m: m.update(export_id="../../etc"),
        lambda m: m.update(created="20260501"),
        lambda m: m.update(created="2026-05-01T09:00:00Z"),
        lambda m: m.update(purpose="publication"),
        lambda m: m.update(files=[]),
        lambda m: m["files"].reverse(),
        lambda m: m["files"].append(m["files"][-1]),
        lambda m: m["files"][0].update(sha256="A" * 64),
        lambda m: m["files"][0].update(size=-1),
        lambda m: m["files"][0].update(patient="Ada"),
        lambda m: m["files"][0].pop("size"),
        *(drop(name) for name in ("checkpoint", "README", "VERIFY", "record", "images/", "view/", "dicom/")),
        *(drop(name) for name in ("index", "RECALL", "recall.json.sig", "view/record", "view/checkpoint")),
        rename("checkpoint", "../checkpoint"),
        rename("images/", "images/../../x"),
        rename("images/", "images/IMG_0042.jpg.age"),
        rename("images/", "images/more/" + "a" * 32 + ".jpg.age"),
        rename("dicom/", "dicom/" + "a" * 32 + ".dcm.age"),
        rename("view/record", "view/manifest.css"),
        rename("view/record", "view/identity.css"),
        rename("RECALL", "AUTORUN.INF"),
        rename("README", "readme.html"),
    ],
)
def test_each_fault_alone_is_refused(good: bytes, change: Callable[[Members], object]) -> None:
    with pytest.raises(ValueError):
        read(edit(good, change))


def test_other_spellings_are_refused(good: bytes) -> None:
    for other in (good + b"\n", b" " + good, json.dumps(json.loads(good), indent=1).encode(), b"", b"{}"):
        with pytest.raises(ValueError):
            read(other)


@given(st.binary(max_size=200))
def test_noise_is_refused(noise: bytes) -> None:
    with pytest.raises(ValueError):
        read(noise)


@pytest.mark.parametrize("options", [{}, {"viewer": True}, {"dicom": True}, {"recall": True}])
@pytest.mark.parametrize("passphrase", ["", PASSPHRASE])
def test_each_kind_of_bundle_has_one_it_reads(
    tmp_path: Path, passphrase: str, options: dict[str, bool]
) -> None:
    folder = write(tmp_path, 1, passphrase=passphrase, **options)
    listed = {part.file for part in read((folder / "manifest.json").read_bytes()).files}
    there = {path.relative_to(folder).as_posix() for path in files_in(folder)}
    follow = {view("manifest"), view("signature")} if "viewer" in options else set()
    assert there - listed == {MANIFEST, SIGNATURE} | follow
    assert listed <= there
