"""The record and the ZIP around it."""

from __future__ import annotations

import hashlib
import io
import json
import random
import re
import subprocess
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medkiosk.core import canon
from medkiosk.export.bundle import write_bundle
from medkiosk.export.padding import MARK, SMALLEST, padded_size, picture_padding
from medkiosk.export.passphrase import generate
from medkiosk.export.record import (
    commitment,
    read,
    recipient_fingerprint,
    why_not_in_leaf,
    write_record,
)
from tests.export.build import ACKNOWLEDGE, IDENTITY, bundle, jpeg, leaf, opened, write

Members = dict[str, Any]


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return opened(write(tmp_path_factory.mktemp("stick"), viewer=True, dicom=True), "record.zip.age")


@pytest.fixture(scope="module")
def good(archive: bytes) -> bytes:
    return members(archive)["record.json"]


def members(archive: bytes) -> dict[str, bytes]:
    """Content by name, in order."""
    with zipfile.ZipFile(io.BytesIO(archive)) as opened_archive:
        return {info.filename: opened_archive.read(info) for info in opened_archive.infolist()}


def test_it_has_exactly_these_members(good: bytes) -> None:
    """The written list of docs/export-format.md section 5: what is not on it must not leave."""
    whole = json.loads(good)
    assert " ".join(sorted(whole)) == "acknowledge data_use export_id images purpose recipient version"
    assert sorted(whole["data_use"]) == ["codes", "until"]
    assert whole["acknowledge"] == ACKNOWLEDGE.hex()
    assert whole["recipient"] == recipient_fingerprint(str(IDENTITY.to_public()))
    for image in whole["images"]:
        assert " ".join(sorted(image)) == (
            "commitment_key date dicom height id jpeg leaf_index statement subject width"
        )
        assert image["statement"] == "redacted under policy 2026-1"
        assert sorted(image["jpeg"]) == sorted(image["dicom"]) == ["sha256", "size"]
    assert canon.encode(read(good)) == good


def test_the_zip_is_as_the_format_says(archive: bytes) -> None:
    with zipfile.ZipFile(io.BytesIO(archive)) as zipped:
        infos = zipped.infolist()
        assert zipped.comment == b""
    names = [info.filename for info in infos]
    ids = [image.id for image in read(members(archive)["record.json"]).images]
    per_image = [name for i in ids for name in (f"leaves/{i}.leaf", f"proofs/{i}.tlog-proof")]
    assert names[: 1 + len(per_image)] == ["record.json", *per_image]
    rest = names[1 + len(per_image) :]
    assert rest == [
        *sorted(n for n in rest if n.startswith("consent/")),
        *(f"thumbnails/{i}.jpg" for i in ids),
        "padding",
    ]
    for info in infos:
        assert info.date_time == (1980, 1, 1, 0, 0, 0)
        assert (info.compress_type, info.extra, info.comment) == (zipfile.ZIP_STORED, b"", b"")
    assert set(members(archive)["padding"]) <= {0}
    assert len(archive) == padded_size(len(archive))


def test_unzip_opens_it(archive: bytes, tmp_path: Path) -> None:
    (tmp_path / "record.zip").write_bytes(archive)
    done = subprocess.run(
        ["unzip", "-t", tmp_path / "record.zip"], capture_output=True, text=True, check=False, timeout=30
    )
    assert done.returncode == 0, done.stdout
    assert "No errors detected" in done.stdout


def test_the_same_record_is_the_same_bytes(archive: bytes, good: bytes) -> None:
    inside = {name: data for name, data in members(archive).items() if name not in ("record.json", "padding")}
    assert write_record(read(good), inside) == archive
    assert write_record(read(good), dict(reversed(inside.items()))) == archive


def test_a_member_that_does_not_belong_is_refused(archive: bytes, good: bytes) -> None:
    inside = {name: data for name, data in members(archive).items() if name not in ("record.json", "padding")}
    for name in ("notes.txt", "consent/Ada-r4.json", "../x", "leaves/" + "0" * 32 + ".leaf"):
        with pytest.raises(ValueError):
            write_record(read(good), inside | {name: b""})
    with pytest.raises(KeyError):
        write_record(read(good), {})


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m.update(version="medkiosk-record/2"),
        lambda m: m.update(export_id="x"),
        lambda m: m.update(recipient="Dr Far"),
        lambda m: m.update(purpose="fun"),
        lambda m: m.update(acknowledge=""),
        lambda m: m.update(images=[]),
        lambda m: m["images"].reverse(),
        lambda m: m["images"].append(m["images"][-1]),
        lambda m: m["data_use"].update(codes=["DUO:0000042", "DUO:0000007"]),
        lambda m: m["data_use"].update(until="2027-05-01T00:00:00Z"),
        lambda m: m["images"][0].update(id="x"),
        lambda m: m["images"][0].update(subject="Ada"),
        lambda m: m["images"][0].update(date="1.5.2025"),
        lambda m: m["images"][0].update(width=0),
        lambda m: m["images"][0].update(leaf_index=-1),
        lambda m: m["images"][0].update(commitment_key=""),
        lambda m: m["images"][0]["jpeg"].update(size=-1),
        lambda m: m["images"][0]["dicom"].update(sha256="A" * 64),
        lambda m: m["images"][0].update(patient="Ada"),
        lambda m: m.pop("data_use"),
    ],
)
def test_each_fault_alone_is_refused(good: bytes, change: Callable[[Members], object]) -> None:
    whole = json.loads(good)
    change(whole)
    with pytest.raises(ValueError):
        read(canon.encode(whole))


@given(st.binary(max_size=200))
def test_noise_is_refused(noise: bytes) -> None:
    with pytest.raises(ValueError):
        read(noise)


@given(st.integers(0, 1 << 40))
def test_padding_costs_little_and_leaves_few_lengths(size: int) -> None:
    padded = padded_size(size)
    assert padded >= max(size, SMALLEST)
    assert padded_size(padded) == padded
    if size >= SMALLEST:
        assert padded <= size * 1.12
    # What is left of the number: as many binary digits as its magnitude has binary digits (Padme's bound).
    trimmed = bin(padded).removeprefix("0b").rstrip("0")
    assert len(trimmed) <= (padded.bit_length() - 1).bit_length() + 1


def test_lengths_of_the_padme_paper() -> None:
    """Worked out by hand from section 4.4: 2^23 <= 10,000,000, so e = 23, s = 5, steps of 2^18."""
    assert padded_size(10_000_000) == 39 << 18
    assert padded_size(39 << 18) == 39 << 18
    assert padded_size((39 << 18) + 1) == 40 << 18
    assert (padded_size(0), padded_size(4096), padded_size(4097)) == (4096, 4096, 4352)


@given(st.binary(max_size=9000))
def test_a_picture_gets_a_mark_of_which_every_byte_is_known(data: bytes) -> None:
    rest = picture_padding(len(data), "e" * 32, "a" * 32)
    assert len(data) + len(rest) == padded_size(len(data) + MARK)
    line = (
        "\nmedkiosk export " + "e" * 32 + " " + "a" * 32 + ". Redacted, not anonymous. "
        "For the purpose and the recipient of that export only."
    ).encode()
    assert rest == (line * 100)[: len(rest)]


def test_a_passphrase_is_eight_words_of_the_list_and_any_of_them() -> None:
    source = random.Random(7)
    made = [generate(source.randbytes).decode() for _ in range(2000)]
    words = {word for passphrase in made for word in passphrase.split(" ")}
    assert all(re.fullmatch(r"([a-z]{4,8} ){7}[a-z]{4,8}", passphrase) for passphrase in made)
    assert len(words) == 1024
    assert len(set(made)) == 2000


def test_the_passphrase_is_not_in_the_bundle(tmp_path: Path) -> None:
    passphrase = generate(random.Random(1).randbytes).decode()
    folder = write(tmp_path, 1, passphrase=passphrase, viewer=True)
    made = replace(bundle(1), passphrase=passphrase.encode())
    assert passphrase not in repr(made)
    for path in folder.rglob("*"):
        if path.is_file():
            assert not any(word.encode() in path.read_bytes() for word in (passphrase, passphrase[:20]))


def test_a_record_of_another_subject_than_it_has_is_not_written(tmp_path: Path) -> None:
    ready = bundle(1)
    (picture,) = ready.pictures
    with pytest.raises(ValueError):
        write_bundle(tmp_path, replace(ready, pictures=[replace(picture, subject="MRN-4711-0815")]))
    assert list(tmp_path.iterdir()) == []


KEY, PICTURE = bytes(range(32)), jpeg(1)
COMMITMENT = commitment(KEY, hashlib.sha256(PICTURE).hexdigest())


def test_commitment_is_what_openssl_makes_of_it(tmp_path: Path) -> None:
    """So that a receiver can check it with what is on every computer."""
    (tmp_path / "digest").write_bytes(hashlib.sha256(PICTURE).digest())
    done = subprocess.run(
        ["openssl", "dgst", "-sha256", "-mac", "HMAC", "-macopt", f"hexkey:{KEY.hex()}", tmp_path / "digest"],
        capture_output=True,
        check=True,
        timeout=30,
    )
    assert done.stdout.decode().split()[-1] == COMMITMENT


def test_the_right_picture_is_in_its_entry() -> None:
    entry = leaf(PICTURE, KEY)
    assert why_not_in_leaf(entry, len(PICTURE), COMMITMENT) == ""


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (leaf(PICTURE + b"x", KEY), "another size"),
        (leaf(PICTURE[:-1] + b"x", KEY), "another picture"),
        (leaf(PICTURE, KEY[::-1]), "another picture"),
        (leaf(PICTURE, KEY).replace(b"derivative", b"original"), "not that of a redacted"),
        (leaf(PICTURE, KEY).replace(b"preview", b"derivative"), "not that of a redacted"),
        (b'{"objects":[]}', "not that of a redacted"),
        (b"", "cannot be read"),
        (b"\xff", "cannot be read"),
        (b'{"objects":[],"x":' + b"[" * 100_000, "cannot be read"),
    ],
)
def test_another_entry_is_told_apart(entry: bytes, words: str) -> None:
    assert words in why_not_in_leaf(entry, len(PICTURE), COMMITMENT)


def test_the_recipients_fingerprint_is_plain_sha256() -> None:
    assert recipient_fingerprint("age1x") == hashlib.sha256(b"age1x").hexdigest()
    assert recipient_fingerprint("") == ""
