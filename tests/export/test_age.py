from __future__ import annotations

import subprocess
from pathlib import Path

import pyrage
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medkiosk.export.age import RecipientKeyError, check_recipient, encrypt

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
        encrypt(b"picture", [GOOD, text])


def test_a_pasted_secret_key_is_not_repeated() -> None:
    secret = str(pyrage.x25519.Identity.generate())
    for text in (secret, secret.lower(), f"  {secret}"):
        with pytest.raises(RecipientKeyError) as caught:
            check_recipient(text)
        assert "secret key" in caught.value.message
        assert secret[20:] not in str(caught.value).upper()


def test_encrypting_to_nobody_is_refused() -> None:
    with pytest.raises(RecipientKeyError):
        encrypt(b"picture", [])


@given(st.text(max_size=80) | st.from_regex(r"age1[qpzry9x8gf2tvdw0s3jn54khce6mua7l]{58}", fullmatch=True))
@settings(max_examples=100)
def test_any_text_is_a_key_or_a_clear_refusal(text: str) -> None:
    try:
        accepted = check_recipient(text)
    except RecipientKeyError:
        return
    assert accepted == text
    assert encrypt(b"picture", [accepted])


@pytest.mark.parametrize("size", [0, 1, 65535, 65536, 65537, 3_000_000])
def test_age_itself_opens_it(tmp_path: Path, size: int) -> None:
    identities = [pyrage.x25519.Identity.generate() for _ in range(2)]
    data = bytes(n * 7 % 251 for n in range(1009)) * (size // 1009 + 1)
    data = data[:size]
    encrypted = encrypt(data, [str(identity.to_public()) for identity in identities])
    (tmp_path / "picture.age").write_bytes(encrypted)
    for identity in identities:
        (tmp_path / "key.txt").write_text(f"{identity}\n")
        done = subprocess.run(
            ["age", "-d", "-i", tmp_path / "key.txt", tmp_path / "picture.age"],
            capture_output=True,
            check=True,
            timeout=30,
        )
        assert done.stdout == data
    assert encrypt(data, [str(identities[0].to_public())]) != encrypted
