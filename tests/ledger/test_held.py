"""What witnesses sign: taken when it is sound, held, and never contradicted."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

from medkiosk.ledger import checkpoint, held
from medkiosk.ledger.checkpoint import Checkpoint
from medkiosk.ledger.errors import CheckpointError, CosignatureError, LedgerContradictedError
from medkiosk.ledger.file import Log
from medkiosk.ledger.note import COSIGNATURE, ML_DSA_44, LogKeys, VerifierKey
from medkiosk.ledger.sign import Signer
from medkiosk.offline.ledgercheck import check_ledger
from tests.ledger.test_checkpoint import ORIGIN, SEED
from tests.ledger.test_file import leaf

WITNESS = "auditor.example/w1"
CLASSIC = Ed25519PrivateKey.from_private_bytes(b"w" * 32)
QUANTUM = MLDSA44PrivateKey.from_seed_bytes(b"q" * 32)
KEYS = [
    VerifierKey(WITNESS, CLASSIC.public_key().public_bytes_raw(), COSIGNATURE),
    VerifierKey("notary.example", QUANTUM.public_key().public_bytes_raw(), ML_DSA_44),
]

# c2sp.org/tlog-cosignature, the example at its beginning: the form of a line, and where its time is.
SPEC_LINE = (
    "jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA=="
)


def a_log(folder: Path, size: int) -> Log:
    log = Log.create(folder, Signer(ORIGIN, SEED))
    log.append([leaf(number) for number in range(size)])
    return log


def cosigned(signed: bytes, *, at: int = 1_700_000_000) -> bytes:
    head = checkpoint.parse(signed)[0]
    lines = [
        checkpoint.cosign(head, WITNESS, CLASSIC, at),
        checkpoint.cosign(head, "notary.example", QUANTUM, at + 1),
    ]
    return signed + "".join(f"{line}\n" for line in lines).encode()


def own() -> LogKeys:
    return Signer(ORIGIN, SEED).key


def test_the_specification_s_line_has_its_time_in_front() -> None:
    raw = base64.b64decode(SPEC_LINE)
    assert len(raw) == 4 + 8 + 64
    assert int.from_bytes(raw[4:12], "big") == 1679315147  # as in the text's own signed message


def test_signed_messages_are_those_of_the_text() -> None:
    head = Checkpoint("example.com/behind-the-sofa", 20852163, bytes(range(32)))
    body = b"example.com/behind-the-sofa\n20852163\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"
    classic, quantum = KEYS
    assert checkpoint.signed_message(head, classic, 1679315147) == (
        b"cosignature/v1\ntime 1679315147\n" + body
    )
    assert checkpoint.signed_message(head, quantum, 2) == (
        b"subtree/v1\n\0" + b"\x0enotary.example" + bytes(7) + b"\2" + b"\x1bexample.com/behind-the-sofa"
        + bytes(8) + (20852163).to_bytes(8, "big") + bytes(range(32))
    )  # fmt: skip


def test_a_witness_s_word_is_taken_and_held(tmp_path: Path) -> None:
    log = a_log(tmp_path / "ledger", 300)
    for key in KEYS:
        assert held.enrol(log.folder, str(key), own()) == key
        held.enrol(log.folder, str(key), own())
    assert held.read_witnesses(log.folder) == KEYS
    found = held.examine(cosigned(log.checkpoint), own(), KEYS)
    assert found.times(KEYS) == {KEYS[0]: 1_700_000_000, KEYS[1]: 1_700_000_001}
    held.hold(log.folder, found, own())
    log.append([b"more"])
    again = Log.open(log.folder, Signer(ORIGIN, SEED))
    assert again.refusal is None
    assert [each.head.size for each in held.read(log.folder, own())] == [300]
    # The held file is a checkpoint that any verifier of C2SP notes takes.
    assert checkpoint.verify((log.folder / "cosigned/300").read_bytes(), own()).size == 300


def test_a_second_witness_is_added_to_the_first(tmp_path: Path) -> None:
    log = a_log(tmp_path / "ledger", 5)
    both = cosigned(log.checkpoint)
    lines = both.split(b"\n")
    first, second = b"\n".join([*lines[:-2], b""]), b"\n".join([*lines[:-3], lines[-2], b""])
    held.hold(log.folder, held.examine(first, own(), KEYS), own())
    assert len(next(held.read(log.folder, own())).times(KEYS)) == 1
    held.hold(log.folder, held.examine(second, own(), KEYS), own())
    held.hold(log.folder, held.examine(second, own(), KEYS), own())
    assert (log.folder / "cosigned/5").read_bytes() == both


@pytest.mark.parametrize("size", [1, 255, 256, 257, 299])
def test_a_ledger_that_contradicts_a_witness_takes_nothing(tmp_path: Path, size: int) -> None:
    """Rolled back, and then grown past what the witness saw with other entries."""
    seen = a_log(tmp_path / "seen", 300)
    log = a_log(tmp_path / "ledger", size)
    found = held.examine(cosigned(seen.checkpoint), own(), KEYS)
    held.hold(log.folder, found, own())
    opened = Log.open(log.folder, Signer(ORIGIN, SEED))
    assert isinstance(opened.refusal, LedgerContradictedError)
    assert opened.refusal.values == {"size": 300, "words": f"shorter by {300 - size} entries"}
    with pytest.raises(LedgerContradictedError):
        opened.append([b"more"])
    opened.readmit()  # nobody overrules a witness
    assert opened.refusal is not None
    before = opened.checkpoint
    (log.folder / "cosigned/300").unlink()
    forked = Log.open(log.folder, Signer(ORIGIN, SEED))
    forked.append([b"other"] * 400)
    held.hold(log.folder, found, own())
    again = Log.open(log.folder, Signer(ORIGIN, SEED))
    assert isinstance(again.refusal, LedgerContradictedError)
    assert "another one" in again.refusal.message
    assert Log.open(log.folder).refusal is None  # a reader signs nothing
    assert before != again.checkpoint


@pytest.mark.parametrize("what", ["own", "own ml-dsa", "witness", "nobody", "other log", "garbage", "large"])
def test_what_comes_from_outside_is_examined(tmp_path: Path, what: str) -> None:
    log = a_log(tmp_path / "ledger", 3)
    good = cosigned(log.checkpoint)
    lines = good.split(b"\n")
    match what:
        case "own" | "own ml-dsa" | "witness":
            at = {"own": 4, "own ml-dsa": 5, "witness": 6}[what]
            name, _, data = lines[at].rpartition(b" ")
            raw = bytearray(base64.b64decode(data))
            raw[-1] ^= 1
            lines[at] = name + b" " + base64.b64encode(raw)
        case "nobody":
            lines = [*lines[:6], b""]
        case "other log":
            lines[0] = b"elsewhere.example"
        case "garbage":
            lines = [b"\xff\x00"]
        case "large":
            lines.append(b"x" * checkpoint.MAX_BYTES)
    with pytest.raises(CosignatureError):
        held.examine(b"\n".join(lines), own(), KEYS)
    assert len(held.examine(good, own(), KEYS).times(KEYS)) == 2


def test_unknown_lines_are_cut_off(tmp_path: Path) -> None:
    log = a_log(tmp_path / "ledger", 3)
    line = checkpoint.cosign(log.head, "stranger.example", CLASSIC, 1)
    found = held.examine(cosigned(log.checkpoint) + f"{line}\n".encode(), own(), KEYS)
    assert "stranger.example" not in {one.name for one in found.signatures}


def test_only_a_witness_is_enrolled(tmp_path: Path) -> None:
    log = a_log(tmp_path / "ledger", 1)
    logs_own = VerifierKey(ORIGIN, CLASSIC.public_key().public_bytes_raw(), COSIGNATURE)
    for text in (str(own().ed25519), str(own().ml_dsa_44), str(logs_own), "", "a+b+c", str(KEYS[0])[:-4]):
        with pytest.raises(CosignatureError):
            held.enrol(log.folder, text, own())
    assert not (log.folder / "witnesses").exists()
    for number in range(held.MOST_WITNESSES):
        held.enrol(log.folder, str(KEYS[0]._replace(name=f"w{number}.example")), own())
    with pytest.raises(CosignatureError, match="no more"):
        held.enrol(log.folder, str(KEYS[0]), own())


def test_what_nobody_of_us_signed_binds_nobody(tmp_path: Path) -> None:
    log = a_log(tmp_path / "ledger", 3)
    foreign = Signer(ORIGIN, bytes(32))
    foreign.begin()
    forged = foreign.extend(9, bytes(32), [])
    (log.folder / "cosigned").mkdir()
    (log.folder / "cosigned/9").write_bytes(cosigned(forged))
    assert Log.open(log.folder, Signer(ORIGIN, SEED)).refusal is None
    with pytest.raises(CheckpointError):
        checkpoint.verify(forged, own())


def test_a_verifier_checks_everything_that_is_held(tmp_path: Path) -> None:
    log = a_log(tmp_path / "ledger", 5)
    held.hold(log.folder, held.examine(cosigned(log.checkpoint), own(), KEYS), own())
    log.append([b"more"])
    held.hold(log.folder, held.examine(cosigned(log.checkpoint), own(), KEYS), own())
    assert held.last_seen(log.folder, own(), KEYS)[KEYS[0]] == (6, 1_700_000_000)
    assert not check_ledger(log.folder, own()).problems
    good = (log.folder / "cosigned/5").read_bytes()
    (log.folder / "cosigned/5").write_bytes(good.replace(b"\n5\n", b"\n4\n"))
    assert [p.code for p in check_ledger(log.folder, own()).problems] == ["ledger.cosigned_damaged"]
    other = Log.create(tmp_path / "other", Signer(ORIGIN, SEED))
    other.append([b"x"] * 5)
    held.hold(log.folder, held.examine(cosigned(other.checkpoint), own(), KEYS), own())
    found = check_ledger(log.folder, own()).problems
    assert [(p.code, p.subject) for p in found] == [("ledger.contradicted", "5")]
