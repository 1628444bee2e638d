from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medkiosk.core import canon
from medkiosk.export.bundle import write_bundle
from medkiosk.export.manifest import commitment, read, recipient_fingerprint, why_not_in_leaf
from tests.export.build import bundle, jpeg, leaf

Members = dict[str, Any]


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    stick = tmp_path_factory.mktemp("stick")
    return (stick / write_bundle(stick, bundle()).folder / "manifest.json").read_bytes()


def test_a_written_manifest_is_read_back_to_itself(good: bytes) -> None:
    assert canon.encode(read(good)) == good


def test_it_has_exactly_these_members(good: bytes) -> None:
    """The written list of docs/export-format.md section 2: what is not on it must not leave."""
    whole = json.loads(good)
    assert " ".join(sorted(whole)) == (
        "checkpoint created export_id images instructions purpose recipient version"
    )
    for image in whole["images"]:
        assert " ".join(sorted(image)) == (
            "ciphertext commitment_key height id jpeg leaf leaf_index proof statement width"
        )
        assert image["statement"] == "redacted under policy 2026-1"
        for part in ("ciphertext", "leaf", "proof"):
            assert set(image[part]) == {"file", "sha256", "size"}
        assert set(image["jpeg"]) == {"sha256", "size"}


def edit(good: bytes, change: Callable[[Members], object]) -> bytes:
    whole = json.loads(good)
    change(whole)
    return canon.encode(whole)


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m.update(version="medkiosk-export/2"),
        lambda m: m.update(export_id="../../etc"),
        lambda m: m.update(created="20260501"),
        lambda m: m.update(created="2026-05-01T09:00:00Z"),
        lambda m: m.update(purpose="fun"),
        lambda m: m.update(recipient="Dr Far"),
        lambda m: m.update(images=[]),
        lambda m: m["images"].reverse(),
        lambda m: m["images"].append(m["images"][-1]),
        lambda m: m["checkpoint"].update(file="../checkpoint"),
        lambda m: m["instructions"].update(file="README"),
        lambda m: m["images"][0].update(id="x"),
        lambda m: m["images"][0]["ciphertext"].update(file="images/../../x"),
        lambda m: m["images"][0]["leaf"].update(file=m["images"][1]["leaf"]["file"]),
        lambda m: m["images"][0]["proof"].update(sha256="A" * 64),
        lambda m: m["images"][0]["proof"].update(size=-1),
        lambda m: m["images"][0]["jpeg"].update(size=-1),
        lambda m: m["images"][0].update(leaf_index=-1),
        lambda m: m["images"][0].update(width=0),
        lambda m: m["images"][0].update(commitment_key=""),
        lambda m: m["images"][0].update(patient="Ada"),
        lambda m: m.pop("recipient"),
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
    assert why_not_in_leaf(entry, len(PICTURE)) == ""


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
