"""Which updates are taken: signature, form, versions. Everything else is refused, each with its own code."""

from __future__ import annotations

import contextlib
import inspect
import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medkiosk.core import canon
from medkiosk.update import errors
from medkiosk.update.check import check, check_store
from medkiosk.update.errors import (
    ForeignUpdateError,
    OddUpdateError,
    OlderUpdateError,
    OtherMachineError,
    SameUpdateError,
    StoreFormatError,
    TooFarError,
    UpdateError,
    by_number,
)
from medkiosk.update.manifest import MAX_MANIFEST, Version, decode, parse_version, version_of_folder
from medkiosk.vault.schema import USER_VERSION
from tests.update.build import OTHER, SIGNERS, Update, here


def test_an_update_of_ours_is_taken_and_ssh_keygen_agrees(tmp_path: Path) -> None:
    update = Update()
    manifest = check(update.manifest, update.signature, here())
    assert (manifest.version, manifest.size) == ("0.0.2", len(update.all_bytes))
    (tmp_path / "allowed").write_text(SIGNERS)
    (tmp_path / "sig").write_bytes(update.signature)
    done = subprocess.run(
        [
            "ssh-keygen",
            "-Y",
            "verify",
            "-f",
            tmp_path / "allowed",
            "-I",
            "release@medkiosk",
            "-n",
            "medkiosk-update@v1",
            "-s",
            tmp_path / "sig",
        ],
        input=update.manifest,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("update", "running", "error"),
    [
        (Update(key=OTHER), "0.0.1", ForeignUpdateError),
        (Update(namespace="medkiosk-export@v1"), "0.0.1", ForeignUpdateError),
        (Update(), "0.0.2", SameUpdateError),
        (Update(), "0.0.10", OlderUpdateError),  # as numbers, not as text
        (Update(), "1.0.0", OlderUpdateError),
    ],
)
def test_foreign_same_and_older_ones_are_refused(
    update: Update, running: str, error: type[UpdateError]
) -> None:
    with pytest.raises(error):
        check(update.manifest, update.signature, here(running))


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"minimum": "0.0.2"}, TooFarError),
        ({"product": "other"}, OtherMachineError),
        ({"architecture": "arm64"}, OtherMachineError),
        ({"format": "medkiosk-update/2"}, OddUpdateError),
        ({"version": "0.0.02"}, OddUpdateError),
        ({"version": "../../etc"}, OddUpdateError),
        ({"minimum": "0.0.3"}, OddUpdateError),
        ({"commit": "HEAD"}, OddUpdateError),
        ({"more": 1}, OddUpdateError),
        ({"parts": []}, OddUpdateError),
        ({"store_oldest": USER_VERSION + 1}, OddUpdateError),
    ],
)
def test_what_the_manifest_says_counts(change: dict[str, object], error: type[UpdateError]) -> None:
    update = Update()
    update.said |= change
    with pytest.raises(error):
        check(update.manifest, update.signature, here())


def _change(index: int, **values: object) -> Callable[[Update], None]:
    return lambda update: update.said["parts"][index].update(values)


@pytest.mark.parametrize(
    "change",
    [
        _change(0, size=0),
        _change(0, size=511),
        _change(0, size=1 << 52),
        _change(0, size=-1),
        _change(2, size=1 << 31),
        _change(0, sha256="0" * 63),
        _change(0, sha256="G" * 64),
        _change(0, name="../../../etc/shadow"),
        _change(0, name="uki"),
        _change(0, uuid=""),
        _change(0, uuid="../" * 10),
        _change(1, uuid="1" * 32),  # two partitions with one UUID
        _change(2, uuid="3" * 32),
        lambda update: update.said["parts"].reverse(),
        lambda update: update.said["parts"].pop(),
        lambda update: update.said["parts"].append(update.said["parts"][0]),
    ],
)
def test_a_part_that_cannot_be_is_refused_also_when_signed(change: Callable[[Update], None]) -> None:
    update = Update()
    change(update)
    with pytest.raises(OddUpdateError):
        check(update.manifest, update.signature, here())


def test_parts_of_another_update_are_under_another_signature() -> None:
    # Mix and match: the manifest names every part by its hash, and one signature covers all.
    one, two = Update(), Update(version="0.0.3")
    one.said["parts"][0] = two.said["parts"][0]
    with pytest.raises(ForeignUpdateError):
        check(one.manifest, Update().signature, here())
    with pytest.raises(ForeignUpdateError):
        check(two.manifest, Update().signature, here())


def test_nothing_is_read_before_the_signature_holds() -> None:
    deep = b"[" * 10_000
    for bad in (b"", b"{", deep, b"\xff" * 100, b"{}"):
        with pytest.raises(ForeignUpdateError):
            check(bad, Update().signature, here())
    with pytest.raises(OddUpdateError):  # nor hashed, where it is too long
        check(b" " * (MAX_MANIFEST + 1), Update().signature, here())


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=400))
def test_no_bytes_bring_the_manifests_reader_down(data: bytes) -> None:
    with pytest.raises(OddUpdateError):
        decode(data)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 800), st.integers(0, 255))
def test_a_changed_manifest_is_another_one_or_none(at: int, value: int) -> None:
    update = Update(sizes=(512, 512, 10))
    good, signature = update.manifest, update.signature
    data = bytearray(good)
    data[at % len(data)] = value
    if bytes(data) == good:
        return
    with contextlib.suppress(OddUpdateError):
        assert canon.encode(decode(bytes(data))) == bytes(data)
    with pytest.raises(ForeignUpdateError):
        check(bytes(data), signature, here())


def test_a_manifest_has_one_spelling() -> None:
    spaced = json.dumps(json.loads(Update().manifest)).encode()
    with pytest.raises(OddUpdateError):
        decode(spaced)


@pytest.mark.parametrize("store", [USER_VERSION - 1, USER_VERSION + 1])
def test_a_version_that_cannot_read_the_store_is_refused(store: int) -> None:
    manifest = decode(Update().manifest)
    check_store(manifest, USER_VERSION)
    with pytest.raises(StoreFormatError):
        check_store(manifest, store)


def test_versions_are_three_numbers() -> None:
    assert parse_version("0.10.2") == Version(0, 10, 2) > parse_version("0.9.99")
    assert str(Version(1, 2, 3)) == "1.2.3"
    for wrong in (
        "",
        "1",
        "1.2",
        "1.2.3.4",
        "01.2.3",
        "1.2.3\n",
        "1.2.-3",
        "1.2.3+1",
        "٣.1.1",
        "1.2.1234567",
    ):
        with pytest.raises(ValueError):
            parse_version(wrong)


def test_only_a_folder_of_exactly_that_name_is_an_update() -> None:
    assert version_of_folder(b"medkiosk-update-1.2.3") == Version(1, 2, 3)
    for wrong in (
        b"medkiosk-update-",
        b"medkiosk-update-1.2",
        b"medkiosk-update-1.2.3 ",
        b"xmedkiosk-update-1.2.3",
    ):
        assert version_of_folder(wrong) is None
    assert version_of_folder(b"medkiosk-update-1..3") is None


def test_each_refusal_has_a_code_and_a_sentence_that_says_what_to_do() -> None:
    kinds = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, UpdateError)]
    assert len({kind.code for kind in kinds}) == len(kinds) > 20
    assert len({kind.number for kind in kinds}) == len(kinds)
    for kind in kinds:
        if kind is not errors.NotNowError:
            assert type(by_number(kind.number)) is kind
            assert kind().message.endswith(".")
            assert "othing was changed" in kind().message or "version that runs goes on" in kind().message, (
                kind
            )
    assert type(by_number(9999)) is UpdateError
