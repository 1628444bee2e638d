"""A folder made by somebody who wants to harm whoever checks it."""

from __future__ import annotations

import functools
import io
import os
import shutil
import struct
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medkiosk.core import canon
from medkiosk.ledger import merkle, proof
from medkiosk.ledger.errors import CheckpointError, ProofError
from medkiosk.ledger.note import LogKeys
from medkiosk.receiver import medkiosk_verify as tool
from tests.export import build
from tests.fuzz.mutate import mutated
from tests.receiver import changes, outside


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return outside.write(tmp_path_factory.mktemp("stick"))


@pytest.fixture
def folder(original: Path, tmp_path: Path) -> Path:
    return shutil.copytree(original, tmp_path / original.name)


def problems(folder: Path) -> list[tuple[str, str]]:
    with pytest.raises(tool.RefusedError) as caught:
        outside.opened(folder)
    return [(where, what) for where, what in caught.value.problems]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
@pytest.mark.parametrize(
    "name", ["manifest.json", "manifest.json.sig", "README.html", "record.zip.age", "index.html"]
)
def test_nothing_but_plain_files_is_opened(folder: Path, tmp_path: Path, name: str) -> None:
    path = folder / name
    kept = tmp_path / "kept"
    path.rename(kept)
    for make in (functools.partial(path.symlink_to, kept), functools.partial(os.mkfifo, path), path.mkdir):
        make()
        assert (name, "it is not a plain file") in problems(folder)
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
    assert problems(folder)[0] == (name, "it is missing")


def test_a_linked_folder_is_no_part_of_a_bundle(folder: Path, tmp_path: Path) -> None:
    (folder / "images").rename(tmp_path / "images")
    (folder / "images").symlink_to(tmp_path / "images")
    assert problems(folder) == [("images", "it is not in the manifest")]


def test_what_is_endless_is_not_read(folder: Path) -> None:
    for name, words in (
        ("manifest.json", "longer than it can be"),
        ("manifest.json.sig", "longer than it can be"),
        ("record.zip.age", "changed after it was signed"),
    ):
        kept = (folder / name).read_bytes()
        with (folder / name).open("wb") as file:
            file.truncate(1 << 40)
        assert words in problems(folder)[0][1]
        (folder / name).write_bytes(kept)


def test_a_folder_full_of_rubbish_is_not_listed_to_its_end(folder: Path) -> None:
    for number in range(500):
        (folder / f"{number}").touch()
    assert len(problems(folder)) == tool.MOST_PROBLEMS


def test_what_a_computer_left_there_is_refused_with_a_word_about_it(folder: Path) -> None:
    """Finder and Explorer write into folders that they show; no name tells that from an attack."""
    for name in (".DS_Store", "images/._picture.age", "desktop.ini"):
        (folder / name).touch()
        assert problems(folder) == [(name, "it is not in the manifest" + tool._MAY_GO)]
        (folder / name).unlink()


def test_no_name_and_no_text_steers_a_terminal(folder: Path) -> None:
    (folder / "images" / "\x1b]0;x\x07\x1b[2J\u202e\u2028\n.age").touch()
    command = [sys.executable, "-I", tool.__file__, str(folder), "--key", build.SIGNER_LINE]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert done.stdout == ""
    assert all(line.isprintable() for line in done.stderr.splitlines())
    assert (
        "REFUSED: images/\\x1b]0;x\\x07\\x1b[2J\\u202e\\u2028\\n.age: it is not in the manifest."
        in done.stderr
    )


# --- What is signed, and hostile all the same -------------------------------------------------------------


def _items(value: dict[str, list[dict[str, object]]]) -> list[dict[str, object]]:
    return value["files"]


@pytest.mark.parametrize(
    "change",
    [
        lambda v: v.update(more=1),
        lambda v: v.pop("created"),
        lambda v: v.update(created="2026-02-30"),
        lambda v: v.update(created=20260501),
        lambda v: v.update(export_id="0" * 31),
        lambda v: v.update(files={}),
        lambda v: _items(v).reverse(),
        lambda v: _items(v).append(_items(v)[-1]),
        lambda v: _items(v)[0].update(file="../../escaped"),
        lambda v: _items(v)[0].update(file="/etc/passwd"),
        lambda v: _items(v)[0].update(file="images/a/b.jpg.age"),
        lambda v: _items(v)[0].update(size=True),
        lambda v: _items(v)[0].update(size=-1),
        lambda v: _items(v)[0].update(size=1 << 60),
        lambda v: _items(v)[0].update(sha256="A" * 64),
        lambda v: _items(v)[0].update(sha256="\u0660" * 64),
        lambda v: v.update(files=[i for i in _items(v) if not str(i["file"]).startswith("images/")]),
        lambda v: v.update(files=[i for i in _items(v) if i["file"] != "checkpoint"]),
        lambda v: v.update(files=[i for i in _items(v) if i["file"] != "RECALL.txt"]),
        lambda v: v.update(files=[i for i in _items(v) if i["file"] != "index.html"]),
    ],
)
def test_a_signed_manifest_that_breaks_a_rule(original: Path, change: Callable[[object], object]) -> None:
    value = canon.decode((original / "manifest.json").read_bytes(), dict)
    change(value)
    with pytest.raises(ValueError, match=r"^it|^its|^a |^the "):
        tool.read_manifest(tool.write_json(value))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{} ",
        b'{"a":1.0}',
        b'{"a":1e3}',
        b'{"a":-0}',
        b'{"a":01}',
        b'{"a":9007199254740992}',
        b'{"a":' + b"9" * 5000 + b"}",
        b'{"a":NaN}',
        b'{"a":1,"a":1}',
        b'{"b":1,"a":1}',
        b'{"a":"\\u0041"}',
        b'{"a":"\\ud800"}',
        b'{"\xc3\xa4":1}',
        b"\xff",
        b"[" * 100_000,
        b'{"a":' * 100_000,
    ],
)
def test_json_has_one_form(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        tool.read_manifest(data)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(max_codepoint=127)), inner),
    max_leaves=10,
)


@settings(max_examples=200, deadline=None)
@given(_JSON)
def test_json_is_written_and_read_as_the_kiosk_does(value: object) -> None:
    data = canon.encode(value)
    assert tool.write_json(value) == data
    assert tool.read_json(data) == value


# --- The ZIP ----------------------------------------------------------------------------------------------


def zipped(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data)
    return out.getvalue()


GOOD = zipped({"a": b"first", "b/c": b"", "padding": bytes(100)})


def test_a_zip_is_read_as_python_reads_it() -> None:
    assert {name: bytes(data) for name, data in tool.read_zip(GOOD).items()} == {
        "a": b"first",
        "b/c": b"",
        "padding": bytes(100),
    }


@settings(max_examples=300, deadline=None)
@given(st.integers(0, len(GOOD) - 1), st.integers(0, 7))
def test_every_bit_of_a_zip_counts(at: int, bit: int) -> None:
    data = bytearray(GOOD)
    data[at] ^= 1 << bit
    try:
        found = tool.read_zip(bytes(data))
    except ValueError:
        return
    # What made it, and what attributes it had there: two and four bytes of each line of the directory. A
    # version that is lower says as little.
    start = struct.unpack("<L", GOOD[-6:-2])[0]
    assert at >= start
    assert {name: bytes(part) for name, part in found.items()} == {
        name: bytes(part) for name, part in tool.read_zip(GOOD).items()
    }


def _local(name: bytes, data: bytes) -> bytes:
    head = struct.pack("<5H3L2H", 20, 0, 0, 0, 0x21, zlib.crc32(data), len(data), len(data), len(name), 0)
    return b"PK\x03\x04" + head + name + data


def _compressed() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("a"), bytes(1000), zipfile.ZIP_DEFLATED)
    return out.getvalue()


def _commented() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(zipfile.ZipInfo("a"), b"")
        archive.comment = b"x"
    return out.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"PK\x05\x06" + bytes(18),
        b"x" + GOOD,
        GOOD + b"x",
        GOOD[:-1],
        GOOD[:40],
        GOOD[:3],
        _compressed(),
        _commented(),
        GOOD.replace(b"b/c", b"b/\xff"),
        _local(b"hidden", b"") + GOOD,
        GOOD.replace(b"padding", b"b/c\0\0\0\0"),
        zipped({"a": b"1"}) + zipped({"a": b"2"}),
    ],
)
def test_a_zip_with_two_meanings_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        tool.read_zip(data)


def test_a_member_twice_is_refused() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(zipfile.ZipInfo("a"), b"1")
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr(zipfile.ZipInfo("a"), b"2")
    with pytest.raises(ValueError, match="twice"):
        tool.read_zip(out.getvalue())


# --- The log: the kiosk's own reader is the judge ---------------------------------------------------------

_PICTURES, _HEAD = build.pictures(3)
_KEYS = LogKeys.parse(build.LEDGER_KEY)


def _tool_takes(proof_file: bytes, entry: bytes, index: int) -> bool:
    below = proof_file.partition(b"\n\n")[2]
    try:
        head = tool.read_checkpoint(below)
        tool.check_head(head, outside.LOG_KEYS)
        tool.check_proof(proof_file, entry, index, below, head)
    except ValueError:
        return False
    return True


def _kiosk_takes(proof_file: bytes, entry: bytes, index: int) -> bool:
    try:
        return proof.verify(proof_file, entry, _KEYS)[0] == index
    except (ProofError, CheckpointError):
        return False


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2), st.integers(0, 10_000))
def test_the_tool_believes_no_proof_that_the_kiosk_does_not(which: int, seed: int) -> None:
    picture = _PICTURES[which]
    assert _tool_takes(picture.proof, picture.leaf, picture.leaf_index)
    changed = mutated(picture.proof, seed)
    if _tool_takes(changed, picture.leaf, picture.leaf_index):
        assert _kiosk_takes(changed, picture.leaf, picture.leaf_index)


def test_proofs_of_each_entry_in_logs_of_each_size() -> None:
    for size in range(1, 20):
        entries = [b"entry %d" % number for number in range(size)]
        hashes = [merkle.leaf_hash(entry) for entry in entries]

        def node(level: int, index: int, hashes: list[bytes] = hashes) -> bytes:
            return merkle.fold(hashes[index << level : (index + 1) << level])

        head = tool.Head("log", size, merkle.root(size, node))
        signed = b"log\n%d\n" % size
        for index, entry in enumerate(entries):
            path = merkle.inclusion_proof(index, size, node)
            file = proof.write(proof.Proof(index, tuple(path), signed))
            tool.check_proof(file, entry, index, signed, head)
            for other in {0, index + 1, size - 1, size} - {index}:
                moved = proof.write(proof.Proof(other, tuple(path), signed))
                with pytest.raises(ValueError, match=r"."):
                    tool.check_proof(moved, entry, other, signed, head)
            with pytest.raises(ValueError, match="not show"):
                tool.check_proof(file, entry + b"x", index, signed, head)


def test_a_stick_that_gives_other_bytes_the_second_time_is_refused(folder: Path) -> None:
    """It was good when it was checked, and is another when it is opened: a stick with a mind of its own."""
    checked = tool.check_bundle(folder, outside.KEYS, outside.LOG_KEYS)
    record, identity = tool.open_record(checked, [outside.IDENTITY])
    image = min((folder / "images").iterdir())
    data = build.opened(folder, f"images/{image.name}")
    again = build.IDENTITY.to_public()
    image.write_bytes(build.encrypted(data, str(again)))
    with pytest.raises(tool.RefusedError, match="changed while it was read"):
        tool.pictures(checked, record, identity, tool.Nowhere())


def test_a_picture_with_anything_else_behind_its_end_is_refused(folder: Path) -> None:
    image = min((folder / "images").iterdir())
    data = bytearray(build.opened(folder, f"images/{image.name}"))
    for at in (len(data) - 1, len(data) - 100):
        data[at] ^= 1
        image.write_bytes(build.encrypted(bytes(data), str(build.IDENTITY.to_public())))
        (folder / "view" / f"{image.name[:32]}.css").write_bytes(tool.sheet(image.read_bytes()))
        changes.resign(folder)
        assert "the line behind the picture" in problems(folder)[0][1]
        data[at] ^= 1
