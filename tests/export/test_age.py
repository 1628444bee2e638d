from __future__ import annotations

import base64
import hashlib
import os
import random
import subprocess
import zlib
from pathlib import Path

import pyrage
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medkiosk.core.ids import Random
from medkiosk.export.age import (
    RecipientKeyError,
    check_recipient,
    encrypt_with_passphrase,
    new_identity,
)
from tests.export import build
from tests.export.agereader import open_file
from tests.export.terminal import on_terminal
from tests.shared import shared

GOOD = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj"
# The points of small order of Curve25519 (u = 0, 1, both of order 8, -1, and other spellings of these).
LOW_ORDER = [
    "age1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq5cu47z",
    "age1qyqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqj7vrya",
    "age1ur4h5lpmgxu2u9jku0a0r87ydtdqnr0tnsetrlvxvgz3vh6fhqqqzyt4v9",
    "age1t7wft09r2zxzfvwsk92eeql0tvzyghxytqwgapkcyf8dm5ylz9ts6wm9s8",
    "age1anlllllllllllllllllllllllllllllllllllllllllllllllals4n2t7m",
    "age1ahlllllllllllllllllllllllllllllllllllllllllllllllalsn46ayy",
    "age1amlllllllllllllllllllllllllllllllllllllllllllllllalselrwrv",
    "age1qyqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqzqqk67yly",
]


def test_a_public_key_is_accepted() -> None:
    assert check_recipient(GOOD) == GOOD


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "58 more"),
        ("age1", "58 more"),
        (GOOD + "\n", "58 more"),
        (" " + GOOD, "58 more"),
        (GOOD.upper(), "58 more"),
        (GOOD.replace("z", "b"), "58 more"),
        (GOOD[:-1] + "q", "a letter in it is wrong"),
        (GOOD[:-2] + "jw", "a letter in it is wrong"),
        ("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA", "58 more"),
        *((key, "everybody can open") for key in LOW_ORDER),
    ],
)
def test_what_is_not_one_is_refused_in_words(text: str, words: str) -> None:
    with pytest.raises(RecipientKeyError) as caught:
        check_recipient(text)
    assert words in caught.value.message
    with pytest.raises(RecipientKeyError):
        build.encrypted(b"picture", text, os.urandom)


def test_a_pasted_secret_key_is_not_repeated() -> None:
    secret = str(pyrage.x25519.Identity.generate())
    for text in (secret, secret.lower(), f"  {secret}"):
        with pytest.raises(RecipientKeyError) as caught:
            check_recipient(text)
        assert "secret key" in caught.value.message
        assert secret[20:] not in str(caught.value).upper()


@given(st.text(max_size=80) | st.from_regex(r"age1[qpzry9x8gf2tvdw0s3jn54khce6mua7l]{58}", fullmatch=True))
@settings(max_examples=100)
def test_any_text_is_a_key_or_a_clear_refusal(text: str) -> None:
    try:
        accepted = check_recipient(text)
    except RecipientKeyError:
        return
    assert accepted == text
    assert build.encrypted(b"picture", accepted, os.urandom)


SIZES = [0, 1, 65535, 65536, 65537, 131072, 3_000_000]


def noise(size: int) -> bytes:
    return random.Random(size).randbytes(size)


@pytest.mark.parametrize("size", SIZES)
def test_age_and_pyrage_open_what_is_encrypted_to_a_key(tmp_path: Path, size: int) -> None:
    text, public = new_identity(os.urandom)
    encrypted = build.encrypted(noise(size), public, os.urandom)
    (tmp_path / "picture.age").write_bytes(encrypted)
    (tmp_path / "key.txt").write_text(f"{text}\n")
    done = subprocess.run(
        ["age", "-d", "-i", tmp_path / "key.txt", tmp_path / "picture.age"],
        capture_output=True,
        check=True,
        timeout=30,
    )
    assert done.stdout == noise(size)
    assert pyrage.decrypt(encrypted, [pyrage.x25519.Identity.from_str(text)]) == noise(size)
    assert build.encrypted(noise(size), public, os.urandom) != encrypted


def test_an_identity_is_one_that_age_keygen_understands(tmp_path: Path) -> None:
    text, public = new_identity(os.urandom)
    (tmp_path / "key.txt").write_text(f"{text}\n")
    done = subprocess.run(
        ["age-keygen", "-y", tmp_path / "key.txt"], capture_output=True, check=True, text=True, timeout=30
    )
    assert done.stdout.strip() == public == check_recipient(public)


def test_a_passphrase_opens_with_pyrage_and_with_no_other_passphrase() -> None:
    encrypted = encrypt_with_passphrase(b"identity", b"academic acid", os.urandom)
    assert encrypted.splitlines()[1].endswith(b" 16")
    assert pyrage.passphrase.decrypt(encrypted, "academic acid") == b"identity"
    with pytest.raises(pyrage.DecryptError):
        pyrage.passphrase.decrypt(encrypted, "academic acne")


def test_age_itself_asks_for_the_passphrase_and_opens(tmp_path: Path) -> None:
    (tmp_path / "identity.age").write_bytes(
        encrypt_with_passphrase(b"identity", b"academic acid", os.urandom)
    )
    status, shown = on_terminal(["age", "-d", "-o", "out", "identity.age"], tmp_path, "academic acid")
    assert status == 0, shown
    assert (tmp_path / "out").read_bytes() == b"identity"


def vectors() -> list[str]:
    folder = shared("vectors/age/testdata")
    return [] if folder is None else sorted(path.name for path in folder.iterdir())


def vector(name: str) -> tuple[dict[str, str], bytes]:
    """Header and file of one of the age project's test vectors (C2SP/CCTV)."""
    folder = shared("vectors/age/testdata")
    assert folder is not None
    head, _, data = (folder / name).read_bytes().partition(b"\n\n")
    header = dict(line.split(": ", 1) for line in head.decode().split("\n"))
    return header, zlib.decompress(data) if header.get("compressed") == "zlib" else data


def given_bytes(*values: bytes) -> Random:
    """A source that gives these, one after the other."""
    rest = iter(values)
    return lambda _: next(rest)


@pytest.mark.skipif(not vectors(), reason="the age vectors are not here")
def test_the_reader_of_these_tests_opens_the_vectors_and_we_write_the_same_bytes() -> None:
    """Given the same random bytes: the whole file with a passphrase, the whole payload with a key."""
    whole, payloads = 0, 0
    for name in vectors():
        header, data = vector(name)
        secrets = {"identity": header.get("identity", ""), "passphrase": header.get("passphrase", "")}
        ours = name.startswith(("x25519", "scrypt", "stream")) and header.get("armored") != "yes"
        if header["expect"] != "success" or not ours or data.count(b"-> ") != 1:
            continue
        read = open_file(data, **secrets)
        assert hashlib.sha256(read.plaintext).hexdigest() == header["payload"], name
        assert read.file_key.hex() == header["file key"], name
        kind, argument, *more = read.stanza
        if kind == "scrypt":
            salt = base64.b64decode(argument + "==")
            source = given_bytes(salt, read.file_key, read.nonce)
            again = encrypt_with_passphrase(
                read.plaintext, secrets["passphrase"].encode(), source, int(more[0])
            )
            assert again == data, name
            whole += 1
        else:
            source = given_bytes(bytes(range(32)), read.file_key, read.nonce)
            again = build.encrypted(read.plaintext, GOOD, source)
            assert again.partition(b"\n--- ")[2][44:] == data.partition(b"\n--- ")[2][44:], name
            payloads += 1
    assert whole >= 1
    assert payloads >= 8


@pytest.mark.parametrize("size", SIZES)
def test_the_small_reader_opens_what_we_write(size: int) -> None:
    text, public = new_identity(os.urandom)
    assert open_file(build.encrypted(noise(size), public, os.urandom), identity=text).plaintext == noise(size)
    said = encrypt_with_passphrase(noise(size), b"acid acne", os.urandom, 8)
    assert open_file(said, passphrase="acid acne").plaintext == noise(size)
