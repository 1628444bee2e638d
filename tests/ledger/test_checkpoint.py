"""Checkpoints and proof files: the C2SP texts' own example, golden bytes, malleability."""

from __future__ import annotations

import base64
import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from medkiosk.ledger import checkpoint, merkle, proof
from medkiosk.ledger.checkpoint import Checkpoint
from medkiosk.ledger.errors import CheckpointError, LedgerForkError, ProofError
from medkiosk.ledger.note import LogKeys, VerifierKey
from medkiosk.ledger.sign import Signer

ORIGIN = "scratch.medkiosk.invalid/ledger"
SEED = bytes(range(32))
VKEY = "scratch.medkiosk.invalid/ledger+66616871+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4"

# From the documentation of Go's golang.org/x/mod/sumdb/note: an independent implementation's key and note.
GO_VKEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_TEXT = (
    "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
)
GO_SIGNATURE = "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="

# The example in c2sp.org/signed-note and c2sp.org/tlog-checkpoint: a key that is not ours, only the form.
EXAMPLE = (
    "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n"
    "\u2014 example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/"
    "Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
).encode()


def one_leaf() -> tuple[Signer, bytes, bytes]:
    signer = Signer(ORIGIN, SEED)
    signer.begin()
    leaf = b"leaf"
    return signer, leaf, signer.extend(1, merkle.leaf_hash(leaf), [])


def test_the_specification_s_example_parses() -> None:
    head, signatures = checkpoint.parse(EXAMPLE)
    assert (head.origin, head.size) == ("example.com/behind-the-sofa", 20852163)
    assert [one.key_id.hex() for one in signatures] == ["033de0ae"]
    assert head.text().encode() + b"\n" == EXAMPLE[: EXAMPLE.index("\u2014".encode())]


def test_sign_and_verify() -> None:
    signer, _, signed = one_leaf()
    assert checkpoint.verify(signed, LogKeys.parse(signer.vkey)) == Checkpoint(
        ORIGIN, 1, merkle.leaf_hash(b"leaf")
    )
    cosigned = signed + f"\u2014 witness.example {base64.b64encode(bytes(80)).decode()}\n".encode()
    assert checkpoint.verify(cosigned, signer.key).size == 1


def test_golden_bytes() -> None:
    signer, _, signed = one_leaf()
    assert signer.vkey == VKEY
    assert signed.decode().startswith(GOLDEN_CHECKPOINT)
    second = signed.decode().removeprefix(GOLDEN_CHECKPOINT)
    assert second.startswith(f"\u2014 {ORIGIN} ")
    assert len(signed) == 3490
    assert hashlib.sha256(signer.vkeys.encode()).hexdigest()[:16] == GOLDEN_VKEYS


def test_go_s_key_and_signature() -> None:
    key = VerifierKey.parse(GO_VKEY)
    raw = base64.b64decode(GO_SIGNATURE)
    assert (key.name, key.key_id) == ("PeterNeumann", raw[:4])
    Ed25519PublicKey.from_public_bytes(key.public).verify(raw[4:], GO_TEXT.encode())


def test_wrong_keys_are_refused() -> None:
    signer, _, signed = one_leaf()
    for other in (Signer(ORIGIN, bytes(32)).key, Signer("elsewhere.invalid", SEED).key):
        with pytest.raises(CheckpointError):
            checkpoint.verify(signed, other)
    for text in ("", "a+b+c", VKEY[:-5], VKEY.replace("+6", "+7"), VKEY.replace("scratch", "scr tch")):
        with pytest.raises(CheckpointError):
            VerifierKey.parse(text)
        with pytest.raises(CheckpointError):
            LogKeys.parse(text)
    assert str(VerifierKey.parse(VKEY + "\n")) == signer.vkey


@given(st.integers(0, 8 * 3600), st.sampled_from(["flip", "cut", "double"]))
def test_no_changed_checkpoint_verifies(bit: int, how: str) -> None:
    signer, _, signed = one_leaf()
    at = bit // 8 % len(signed)
    changed = bytearray(signed)
    if how == "flip":
        changed[at] ^= 1 << bit % 8
    elif how == "cut":
        del changed[at:]
    else:
        changed[at:at] = changed[at : at + 1]
    with pytest.raises(CheckpointError):
        checkpoint.verify(bytes(changed), signer.key)


@pytest.mark.parametrize(
    "text",
    [
        "o\n01\n{root}\n",
        "o\n-1\n{root}\n",
        "o\n\uff11\n{root}\n",
        "\n1\n{root}\n",
        "o\n1\n{root}\nextension\n",
        "o\n1\n{root}=\n",
        "o\n1\nAAAA\n",
        "o\n1\n",
        "o\r\n1\n{root}\n",
        "o\n1\n" + "A" * 42 + "B=\n",
    ],
)
def test_malformed_heads_are_refused(text: str) -> None:
    line = f"\u2014 o {base64.b64encode(bytes(68)).decode()}\n"
    note = text.replace("{root}", base64.b64encode(bytes(32)).decode()) + "\n" + line
    with pytest.raises(CheckpointError):
        checkpoint.parse(note.encode())


def test_the_signer_never_contradicts_itself() -> None:
    signer, _, signed = one_leaf()
    two = merkle.node_hash(merkle.leaf_hash(b"leaf"), merkle.leaf_hash(b"more"))
    with pytest.raises(LedgerForkError):
        signer.extend(1, merkle.leaf_hash(b"other"), [])
    with pytest.raises(LedgerForkError):
        signer.extend(0, merkle.EMPTY_ROOT, [])
    with pytest.raises(LedgerForkError):
        signer.extend(2, two, [])
    with pytest.raises(LedgerForkError):
        signer.begin()
    signer.extend(2, two, [merkle.leaf_hash(b"more")])
    with pytest.raises(LedgerForkError):
        signer.resume(signed)
    with pytest.raises(LedgerForkError):
        Signer(ORIGIN, SEED).extend(2, two, [merkle.leaf_hash(b"more")])
    assert SEED.hex() not in repr(signer)


def test_proof_file() -> None:
    signer, leaf, signed = one_leaf()
    file = proof.write(proof.Proof(0, (), signed, extra=leaf))
    assert file == b"c2sp.org/tlog-proof@v1\nextra bGVhZg==\nindex 0\n\n" + signed
    assert proof.verify(file, leaf, signer.key)[0] == 0
    assert proof.parse(file) == proof.Proof(0, (), signed, leaf)
    with pytest.raises(ProofError):
        proof.verify(file, b"other", signer.key)


@given(st.integers(0, 10_000))
def test_no_changed_proof_verifies(bit: int) -> None:
    signer = Signer(ORIGIN, SEED)
    signer.begin()
    leaves = [bytes([i]) for i in range(7)]
    hashes = [merkle.leaf_hash(leaf) for leaf in leaves]

    def node(level: int, index: int) -> bytes:
        return merkle.fold(hashes[index << level : (index + 1) << level])

    signed = signer.extend(7, merkle.root(7, node), [])
    file = proof.write(proof.Proof(4, tuple(merkle.inclusion_proof(4, 7, node)), signed))
    assert proof.verify(file, leaves[4], signer.key)[0] == 4
    changed = bytearray(file)
    changed[bit // 8 % len(file)] ^= 1 << bit % 8
    with pytest.raises((ProofError, CheckpointError)):
        proof.verify(bytes(changed), leaves[4], signer.key)


GOLDEN_VKEYS = "39ebe07b6d97b935"
GOLDEN_CHECKPOINT = """\
scratch.medkiosk.invalid/ledger
1
DSfif3gnzNdFGZ6Os6avNo4QZK9Crp+DdA6YEh4rwCU=

\u2014 scratch.medkiosk.invalid/ledger \
ZmFocUvadPNJLrvYHVBkUtG18NiiiAKu+MzY2dnjNh1l7GvxXr9NLFdGIuhGtwd8cGMsHHNQqlFbV/036KU8y/NNTg8=
"""
