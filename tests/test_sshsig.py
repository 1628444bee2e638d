from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from medkiosk.sshsig import (
    NAMESPACE,
    PRINCIPAL,
    UPDATE_NAMESPACE,
    allowed_keys,
    allowed_signers_line,
    fingerprint,
    public_line,
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


def test_what_ssh_keygen_signs_is_verified_and_every_other_byte_is_refused(key_file: Path) -> None:
    done = keygen("-Y", "sign", "-f", key_file, "-n", UPDATE_NAMESPACE, message=MESSAGE)
    theirs = done.stdout
    keys = (OTHER.public_key(), KEY.public_key())
    assert verify(MESSAGE, theirs, keys, UPDATE_NAMESPACE) == KEY.public_key()
    assert verify(MESSAGE, theirs, keys, NAMESPACE) is None
    assert verify(MESSAGE, theirs, keys[:1], UPDATE_NAMESPACE) is None
    assert verify(MESSAGE + b" ", theirs, keys, UPDATE_NAMESPACE) is None
    for at in range(len(theirs)):
        changed = theirs[:at] + bytes([theirs[at] ^ 1]) + theirs[at + 1 :]
        assert verify(MESSAGE, changed, keys, UPDATE_NAMESPACE) is None, at
        assert verify(MESSAGE, theirs[:at], keys, UPDATE_NAMESPACE) is None, at
    assert verify(MESSAGE, theirs + b"\n", keys, UPDATE_NAMESPACE) is None
    assert verify(MESSAGE, theirs.replace(b"\n", b"\r\n"), keys, UPDATE_NAMESPACE) is None


def test_allowed_signers_count_for_their_namespace_alone() -> None:
    exports = allowed_signers_line(KEY.public_key())
    updates = f'release namespaces="{UPDATE_NAMESPACE}" {public_line(OTHER.public_key())}'
    text = f"# who signs\n{exports}\n\n{updates}\n"
    assert allowed_keys(text, UPDATE_NAMESPACE) == (OTHER.public_key(),)
    assert allowed_keys(text, NAMESPACE) == (KEY.public_key(),)
    for wrong in (
        "release ssh-ed25519 AAAA",
        'a namespaces="b" ssh-rsa AAAA',
        'a namespaces="b" ssh-ed25519 AAAA',
    ):
        with pytest.raises(ValueError):
            allowed_keys(wrong, UPDATE_NAMESPACE)
