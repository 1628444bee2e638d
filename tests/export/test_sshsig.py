from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st

from medkiosk.export.sshsig import (
    NAMESPACE,
    PRINCIPAL,
    SignerKeyError,
    allowed_signers_line,
    fingerprint,
    public_line,
    read_public_line,
    sign,
    verify,
)

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
MESSAGE = b'{"version":"medkiosk-export/1"}'


def keygen(*arguments: str | Path, message: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        ["ssh-keygen", *arguments], input=message, capture_output=True, check=False, timeout=30
    )


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "key"
    path.touch(mode=0o600)
    path.write_bytes(KEY.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
    (tmp_path / "key.pub").write_text(public_line(KEY.public_key()) + "\n")
    return path


@pytest.mark.parametrize("message", [b"", MESSAGE, bytes(range(256)) * 4096])
@pytest.mark.parametrize("namespace", [NAMESPACE, "file", "a"])
def test_byte_for_byte_what_ssh_keygen_signs(key_file: Path, message: bytes, namespace: str) -> None:
    theirs = keygen("-Y", "sign", "-f", key_file, "-n", namespace, message=message)
    assert theirs.returncode == 0, theirs.stderr
    assert sign(message, KEY, namespace) == theirs.stdout


def test_ssh_keygen_accepts_ours_and_only_for_exports(tmp_path: Path) -> None:
    (tmp_path / "allowed").write_text(allowed_signers_line(KEY.public_key()) + "\n")
    (tmp_path / "sig").write_bytes(sign(MESSAGE, KEY))

    def check(namespace: str, message: bytes) -> int:
        where = ("-f", tmp_path / "allowed", "-I", PRINCIPAL, "-n", namespace, "-s", tmp_path / "sig")
        return keygen("-Y", "verify", *where, message=message).returncode

    assert check(NAMESPACE, MESSAGE) == 0
    assert check(NAMESPACE, MESSAGE + b" ") != 0
    (tmp_path / "sig").write_bytes(sign(MESSAGE, KEY, "file"))
    assert check("file", MESSAGE) != 0
    (tmp_path / "sig").write_bytes(sign(MESSAGE, OTHER))
    assert check(NAMESPACE, MESSAGE) != 0


def test_fingerprint_is_the_one_that_ssh_keygen_shows(key_file: Path) -> None:
    shown = keygen("-l", "-f", key_file.with_suffix(".pub")).stdout.decode()
    assert shown.split()[1] == fingerprint(KEY.public_key())


def test_our_check_accepts_ours() -> None:
    assert verify(MESSAGE, sign(MESSAGE, KEY), KEY.public_key()) == ""


def test_our_check_says_what_is_wrong() -> None:
    good, public = sign(MESSAGE, KEY), KEY.public_key()
    assert "not what is here" in verify(MESSAGE + b" ", good, public)
    assert "another key" in verify(MESSAGE, sign(MESSAGE, OTHER), public)
    assert "another use" in verify(MESSAGE, sign(MESSAGE, KEY, "file"), public)
    assert "damaged" in verify(MESSAGE, b"", public)
    assert "damaged" in verify(MESSAGE, b"-----BEGIN SSH SIGNATURE-----\n*\n", public)


@pytest.mark.parametrize("at", range(0, len(sign(MESSAGE, KEY)), 3))
def test_one_changed_byte_of_the_signature_is_refused(at: int) -> None:
    changed = bytearray(sign(MESSAGE, KEY))
    changed[at] ^= 1
    assert verify(MESSAGE, bytes(changed), KEY.public_key())


@given(st.binary(max_size=400))
def test_noise_is_refused_and_never_fails(noise: bytes) -> None:
    assert verify(MESSAGE, noise, KEY.public_key())
    assert bool(verify(MESSAGE, sign(MESSAGE, KEY) + noise, KEY.public_key())) == bool(noise)


def test_public_lines_are_read_back() -> None:
    line = public_line(KEY.public_key())
    for text in (line, line + "\n", public_line(KEY.public_key(), ""), line + " at the hospital"):
        assert read_public_line(text).public_bytes_raw() == KEY.public_key().public_bytes_raw()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ssh-ed25519",
        "ssh-ed25519 AAAA",
        "ssh-ed25519 !!!!",
        public_line(KEY.public_key()).replace("ssh-ed25519", "ssh-rsa"),
        public_line(KEY.public_key()).replace("AAAAC3", "AAAAD3"),
        public_line(KEY.public_key(), "")[:-4],
        allowed_signers_line(KEY.public_key()),
    ],
)
def test_other_lines_are_refused(text: str) -> None:
    with pytest.raises(SignerKeyError) as caught:
        read_public_line(text)
    assert caught.value.message.startswith("The signer's public key cannot be read: ")


@given(st.text(max_size=120))
def test_any_text_is_a_key_or_a_clear_refusal(text: str) -> None:
    with pytest.raises(SignerKeyError):
        read_public_line("ssh-ed25519 " + text)
