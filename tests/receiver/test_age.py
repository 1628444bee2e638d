"""The tool's reader of age files: the age project's vectors, files of other programs, any change of them."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import subprocess
import zlib
from pathlib import Path

import pyrage
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medkiosk.export import age
from medkiosk.receiver import medkiosk_verify as tool
from tests.export import build
from tests.shared import shared

_VECTORS = shared("vectors/age/testdata")
_NAMES = sorted(path.name for path in _VECTORS.iterdir()) if _VECTORS else []
_OTHER = ("armor_", "hybrid")
"""Armour, and keys that no bundle is encrypted to: the format has neither."""
_KINDS = {
    "header failure": "header",
    "HMAC failure": "hmac",
    "no match": "no match",
    "payload failure": "payload",
}
SECRET, PUBLIC = age.new_identity(lambda count: bytes(range(count)))
IDENTITY = tool.Identity.parse(SECRET)


def opened(data: bytes, unwrap: tool.Unwrap | None = None, *, one_stanza: bool = True) -> bytes:
    unwrap = unwrap or tool.with_identities([IDENTITY])
    return b"".join(tool.decrypt(io.BytesIO(data), unwrap, one_stanza=one_stanza))


@pytest.mark.skipif(not _NAMES, reason="the shared vectors are not here")
@pytest.mark.parametrize("name", [name for name in _NAMES if not name.startswith(_OTHER)])
def test_the_age_projects_vectors(name: str) -> None:
    assert _VECTORS is not None
    head, _, data = (_VECTORS / name).read_bytes().partition(b"\n\n")
    said = [line.split(": ", 1) for line in head.decode().splitlines()]
    facts = dict(said)
    if facts.get("compressed") == "zlib":
        data = zlib.decompress(data)
    identities = [tool.Identity.parse(value) for key, value in said if key == "identity"]
    passphrases = [value for key, value in said if key == "passphrase"]
    ways = [tool.with_passphrase(words, most_work=20) for words in passphrases]
    ways += [tool.with_identities(identities)] if identities or not ways else []
    kinds = []
    for unwrap in ways:
        out = b""
        try:
            for piece in tool.decrypt(io.BytesIO(data), unwrap, one_stanza=False):
                out += piece
        except tool.AgeError as error:
            kinds.append(error.kind)
        else:
            kinds.append("")
        # A vector that must fail tells what a reader may hand on before it does; this one hands on less.
        if kinds[-1] == "":
            assert hashlib.sha256(out).hexdigest() == facts["payload"]
    expected = _KINDS.get(facts["expect"], "")
    assert expected in kinds, kinds
    if expected:
        assert "" not in kinds


@pytest.mark.parametrize("size", [0, 1, 65535, 65536, 65537, 131072, 200_000])
def test_what_pyrage_and_the_kiosk_write_opens(size: int) -> None:
    data = os.urandom(size)
    # pyrage adds a stanza of grease, for nobody.
    greased = pyrage.encrypt(data, [pyrage.x25519.Recipient.from_str(PUBLIC)])
    assert opened(greased, one_stanza=False) == data
    assert opened(build.encrypted(data, PUBLIC, os.urandom)) == data
    assert IDENTITY.recipient() == PUBLIC


@pytest.mark.skipif(shutil.which("age") is None, reason="age is not installed")
def test_what_age_writes_opens(tmp_path: Path) -> None:
    done = subprocess.run(["age", "-r", PUBLIC], input=b"content", capture_output=True, check=True)
    assert opened(done.stdout) == b"content"


def test_a_passphrase() -> None:
    words = "eight small words"
    data = age.encrypt_with_passphrase(b"content", words.encode(), os.urandom)
    assert opened(data, tool.with_passphrase(words)) == b"content"
    with pytest.raises(tool.AgeError, match="not encrypted for this"):
        opened(data, tool.with_passphrase("eight small word"))
    with pytest.raises(tool.AgeError, match="too long to try"):
        opened(data, tool.with_passphrase(words, most_work=15))


def test_a_file_that_others_can_open_too_is_refused() -> None:
    other = pyrage.x25519.Identity.generate().to_public()
    data = pyrage.encrypt(b"content", [pyrage.x25519.Recipient.from_str(PUBLIC), other])
    assert opened(data, one_stanza=False) == b"content"
    with pytest.raises(tool.AgeError, match="others"):
        opened(data)


_FILE = build.encrypted(bytes(70_000), PUBLIC, lambda count: bytes(range(count)))


@settings(max_examples=150, deadline=None)
@given(st.integers(0, len(_FILE) - 1), st.integers(1, 255))
def test_no_changed_byte_opens(at: int, by: int) -> None:
    changed = bytearray(_FILE)
    changed[at] ^= by
    with pytest.raises(tool.AgeError):
        opened(bytes(changed))


@settings(max_examples=80, deadline=None)
@given(st.integers(0, len(_FILE) - 1))
def test_no_shortened_file_opens(size: int) -> None:
    with pytest.raises(tool.AgeError):
        opened(_FILE[:size])


@pytest.mark.parametrize("text", ["", SECRET.lower(), SECRET[:-1], SECRET[:-1] + "Q", PUBLIC, SECRET + " "])
def test_what_is_no_identity(text: str) -> None:
    with pytest.raises(ValueError, match=r"not an age identity|letter"):
        tool.Identity.parse(text)
