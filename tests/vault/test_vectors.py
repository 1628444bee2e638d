"""The committed vectors, Wycheproof's, and a reader that someone else could have written."""

from __future__ import annotations

import ast
import base64
import hashlib
import json
import os
import shutil
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import pytest
from cryptography.cobblestone import Cobblestone256Decryptor
from cryptography.exceptions import InvalidTag
from hypothesis import given
from hypothesis import strategies as st

from medkiosk.vault import envelope, recovery, slots
from medkiosk.vault.batch import Batch
from medkiosk.vault.envelope import Name
from medkiosk.vault.epochs import Epoch, EpochKeys, check_pin, open_epoch, open_epoch_by_recovery
from medkiosk.vault.errors import (
    EpochReplacedError,
    RecoveryReplacedError,
    VaultDamagedError,
    WrongPassphraseError,
    WrongSharesError,
)
from medkiosk.vault.keys import DataKey, IndexKeys, Secret, derive, lines, parts, unwrap, wrap
from medkiosk.vault.slots import Slot
from tests.offline.conftest import FILES, Store, fill
from tests.shared import shared
from tests.stores import device, reopen
from tests.vault import independent_reader

HERE = Path(__file__).resolve().parent
VECTORS: dict[str, Any] = json.loads((HERE / "vectors.json").read_text())
COBBLESTONE = shared("vectors/cobblestone/c2sp_chunked_encryption_aes_256_gcm_test.json")
MASTER = bytes.fromhex(VECTORS["master"])
INDEX = IndexKeys(bytes.fromhex(VECTORS["index_key"]))


def hexed(case: dict[str, Any], *names: str) -> list[bytes]:
    return [bytes.fromhex(case[name]) for name in names]


def epoch() -> Epoch:
    case = VECTORS["epoch"]
    keys = hexed(case, "public_key", "wrapped_key", "recovery_key", "pin")
    return Epoch(case["epoch"], case["generation"], case["opened_at"], *keys)


def epoch_keys() -> EpochKeys:
    return open_epoch(epoch(), Secret(MASTER), Secret(bytes.fromhex(VECTORS["device_secret"])))


def slot(kind: str) -> Slot:
    [case] = [one for one in VECTORS["slots"] if one["kind"] == kind]
    name_tag, salt, wrapped = hexed(case, "name_tag", "salt", "wrapped_master")
    return Slot(case["id"], kind, name_tag, case["params"], salt, wrapped)


def test_the_small_constructions() -> None:
    assert parts("", "a", 12).hex() == VECTORS["parts"]["bytes"]
    assert VECTORS["parts"]["bytes"] == "000000000000000000000000000000016100000000000000023132"
    assert lines("a", "b", 3).hex() == VECTORS["lines"]["bytes"] == b"a\nb\n3".hex()
    with pytest.raises(ValueError, match="line feed"):
        lines("a\n", "b")
    key, nonce, secret, aad = hexed(VECTORS["wrap"], "key", "nonce", "secret", "aad")
    assert derive(key, VECTORS["derive"]["label"]).hex() == VECTORS["derive"]["bytes"]
    assert independent_reader.derive(key, VECTORS["derive"]["label"]).hex() == VECTORS["derive"]["bytes"]
    wrapped = wrap(key, secret, aad, lambda _: nonce)
    assert wrapped.hex() == VECTORS["wrap"]["bytes"]
    assert unwrap(key, wrapped, aad).reveal() == secret
    assert INDEX.tag(b"", b"DCIM").hex() == VECTORS["tag"]["bytes"]


def test_slots() -> None:
    user = slot("passphrase")
    assert INDEX.name(slots.normalise_name(VECTORS["user_name"])) == user.name_tag
    assert slots.normalise_name(VECTORS["user_name"]) == b"dr. anass"
    for spelling in (VECTORS["passphrase"], "pas\u015bphrase"):
        assert slots.open_user_slot(user, spelling, b"").reveal() == MASTER
    with pytest.raises(WrongPassphraseError):
        slots.open_user_slot(user, "passphrase", b"")
    for pair in (VECTORS["shares"][:2], VECTORS["shares"][1:]):
        assert recovery.open_recovery_slot(slot("recovery"), pair).master.reveal() == MASTER
    with pytest.raises(WrongSharesError):
        recovery.open_recovery_slot(slot("recovery")._replace(id="0" * 32), VECTORS["shares"][:2])


def test_a_slot_that_takes_an_authenticator() -> None:
    both, output = slot("fido2"), bytes.fromhex(VECTORS["fido2_output"])
    passphrase = VECTORS["passphrase"]
    assert json.loads(both.params)["verified"] is True
    assert slots.token_salt(both.salt).hex() == VECTORS["fido2_salt"]
    assert independent_reader.authenticator_salt(both.salt).hex() == VECTORS["fido2_salt"]
    assert slots.open_user_slot(both, passphrase, b"", output).reveal() == MASTER
    refused = [
        (both, passphrase, b""),
        (both, passphrase, bytes(32)),
        (both, passphrase, output + b"\0"),
        (both, passphrase, output[:31]),
        (both, "passphrase", output),
        (both._replace(kind="passphrase"), passphrase, output),
        (both._replace(params=both.params.replace("true", "false")), passphrase, output),
        (
            both._replace(params=both.params.replace('"credential":"', '"credential":"AAAA')),
            passphrase,
            output,
        ),
        (both._replace(params=slot("passphrase").params), passphrase, output),
        (slot("passphrase")._replace(kind="fido2"), passphrase, output),
    ]
    for bad, words, said in refused:
        with pytest.raises(WrongPassphraseError):
            slots.open_user_slot(bad, words, b"", said)


@pytest.mark.parametrize("kind", ["passphrase", "fido2"])
def test_the_independent_reader_opens_a_users_slot(kind: str) -> None:
    [case] = [one for one in VECTORS["slots"] if one["kind"] == kind]
    output = bytes.fromhex(VECTORS["fido2_output"])
    assert independent_reader.open_user_slot(case, VECTORS["passphrase"], output) == MASTER
    with pytest.raises(InvalidTag):
        independent_reader.open_user_slot(case, "passphrase", output)
    if kind == "fido2":
        with pytest.raises(InvalidTag):
            independent_reader.open_user_slot(case, VECTORS["passphrase"], bytes(32))
        with pytest.raises(ValueError, match="32 bytes"):
            independent_reader.open_user_slot(case, VECTORS["passphrase"])


def test_epoch() -> None:
    assert check_pin(epoch(), INDEX) is not None
    opened = epoch_keys()
    case = VECTORS["sealed"][0]
    name = Name(case["what"], case["id"], case["kind"])
    recovered = recovery.open_recovery_slot(slot("recovery"), VECTORS["shares"][1:])
    by_words = open_epoch_by_recovery(epoch(), recovered.private)
    for keys in (opened, by_words):
        assert keys.public_bytes() == epoch().public_key
        for form in ("envelope", "moved"):
            assert keys.open_key(bytes.fromhex(case[form]), name).reveal().hex() == case["data_key"]
    # The passphrase alone, the device alone, another generation: nothing.
    device_secret = Secret(bytes.fromhex(VECTORS["device_secret"]))
    for row, master, secret in (
        (epoch(), Secret(MASTER), Secret(bytes(32))),
        (epoch(), Secret(bytes(32)), device_secret),
        (epoch()._replace(generation=4), Secret(MASTER), device_secret),
        (epoch()._replace(epoch=2), Secret(MASTER), device_secret),
    ):
        with pytest.raises(VaultDamagedError):
            open_epoch(row, master, secret)
    with pytest.raises(VaultDamagedError):
        open_epoch_by_recovery(epoch()._replace(epoch=2), recovered.private)
    other = envelope.public_bytes(bytes(96))
    with pytest.raises(EpochReplacedError):
        open_epoch(epoch()._replace(public_key=other), Secret(MASTER), device_secret)
    with pytest.raises(EpochReplacedError):
        open_epoch_by_recovery(epoch()._replace(public_key=other), recovered.private)


def test_escrow() -> None:
    recovered = recovery.open_recovery_slot(slot("recovery"), VECTORS["shares"][:2])
    sealed = {name: bytes.fromhex(value) for name, value in VECTORS["escrow"]["sealed"].items()}
    opened = recovery.open_escrow(sealed, slot("recovery"), recovered)
    assert {name: secret.reveal().hex() for name, secret in opened.items()} == VECTORS["escrow"]["secrets"]
    words = VECTORS["shares"][:2]
    assert independent_reader.open_escrow(words, sealed) == {
        name: bytes(secret.reveal()) for name, secret in opened.items()
    }
    public = recovery.recovery_public(slot("recovery"), INDEX)
    # Swapped, missing, and put there by somebody who has no more than the store: nothing is handed on.
    forged = recovery.seal_escrow({"index": b"i" * 32, "ledger": b"l" * 32, "export": b"e" * 32}, public)
    for bad in (
        sealed | {"ledger": sealed["export"]},
        {name: value for name, value in sealed.items() if name != "export"},
        forged,
        sealed | {"ledger": forged["ledger"]},
        sealed | {"index": forged["index"]},
    ):
        with pytest.raises(VaultDamagedError):
            recovery.open_escrow(bad, slot("recovery"), recovered)
    assert list(VECTORS["escrow"]["sealed"]) == ["index", "ledger", "export"]
    assert recovery.recovery_public(slot("recovery"), INDEX) is not None
    with pytest.raises(RecoveryReplacedError):
        recovery.recovery_public(slot("recovery"), IndexKeys(bytes(32)))
    with pytest.raises(RecoveryReplacedError):
        recovery.recovery_public(slot("recovery")._replace(params="{}"), INDEX)
    with pytest.raises(ValueError, match="escrow holds"):
        recovery.seal_escrow({"index": bytes(32)}, recovery.recovery_public(slot("recovery"), INDEX))


@pytest.mark.parametrize("case", VECTORS["sealed"], ids=lambda case: f"{case['what']}-{len(case['sealed'])}")
def test_sealed(case: dict[str, Any]) -> None:
    name = Name(case["what"], case["id"], case["kind"])
    data_key, start, sealed_key, commitment = hexed(case, "data_key", "plaintext", "envelope", "commitment")
    plaintext, sealed = start + bytes(case["zeros"]), base64.b64decode(case["sealed"])
    private = epoch_keys()
    key = private.open_key(sealed_key, name)
    assert key.reveal() == data_key
    moved = bytes.fromhex(case["moved"])
    assert private.open_key(moved, name).reveal() == data_key
    assert (len(sealed_key), len(moved)) == (envelope.ENVELOPE_SIZE, envelope.MOVED_SIZE)
    secret = bytes(private._secret.reveal())
    for form in (sealed_key, moved):
        assert independent_reader.open_data_key(secret, form, *name, case["epoch"]) == data_key
    if case["what"] == "record":
        assert envelope.open_record(key, name, sealed) == plaintext
        assert (len(sealed) - 72) % 512 == 0
    else:
        opener = envelope.decryptor(key, name)
        assert opener.update(sealed) + opener.finalize() == plaintext
        assert len(sealed) == envelope.sealed_size(len(plaintext))
    assert envelope.commitment(key, hashlib.sha256(plaintext).digest()) == commitment
    for wrong in (
        name._replace(id="0" * 32),
        name._replace(kind="other"),
        name._replace(what="record" if name.what == "object" else "object"),
    ):
        for form in (sealed_key, moved):
            with pytest.raises(InvalidTag):
                private.open_key(form, wrong)
        opener = envelope.decryptor(key, wrong)
        with pytest.raises(InvalidTag):
            opener.update(sealed)
    another = EpochKeys(case["epoch"] + 1, Secret(secret))
    for form in (sealed_key, moved):
        with pytest.raises(InvalidTag):
            another.open_key(form, name)


@pytest.mark.parametrize("case", VECTORS["refused_records"], ids=lambda case: case["title"])
def test_refused_records(case: dict[str, Any]) -> None:
    name = Name("record", case["id"], case["kind"])
    data_key, sealed = bytes.fromhex(case["data_key"]), base64.b64decode(case["sealed"])
    with pytest.raises(ValueError, match="padded"):
        envelope.open_record(DataKey(data_key), name, sealed)


@given(st.integers(0, 80_000))
def test_sealed_size(size: int) -> None:
    key, name = DataKey(bytes(32)), Name("object", "0" * 32, "original")
    seal = envelope.encryptor(key, name)
    assert len(seal.update(bytes(size)) + seal.finalize()) == envelope.sealed_size(size)


@given(st.binary(max_size=1500))
def test_records_open_to_what_was_sealed(payload: bytes) -> None:
    key, name = DataKey(bytes(32)), Name("record", "0" * 32, "event")
    assert envelope.open_record(key, name, envelope.seal_record(key, name, payload)) == payload


def wycheproof() -> list[dict[str, Any]]:
    if COBBLESTONE is None:
        return []
    suite = json.loads(COBBLESTONE.read_text())
    return [test for group in suite["testGroups"] for test in group["tests"]]


@pytest.mark.skipif(COBBLESTONE is None, reason="shared vectors are not here")
def test_the_wycheproof_vectors_are_all_there() -> None:
    assert len(wycheproof()) == 35


@pytest.mark.parametrize("case", wycheproof(), ids=lambda case: f"{case['tcId']}")
def test_wycheproof(case: dict[str, Any]) -> None:
    """The library that we rely on and our independent reader agree with the vectors."""
    key, context = hexed(case, "key", "ctx")
    sealed = zlib.decompress(bytes.fromhex(case["ct"]))
    if case["result"] == "valid":
        opener = Cobblestone256Decryptor(key, context)
        plaintext = opener.update(sealed) + opener.finalize()
        assert hashlib.sha512(plaintext).hexdigest() == case["msgSha512"]
        assert independent_reader.open_content(key, context, sealed) == plaintext
    else:
        with pytest.raises((InvalidTag, ValueError)):
            opened(key, context, sealed)
        with pytest.raises((InvalidTag, ValueError)):
            independent_reader.open_content(key, context, sealed)


def opened(key: bytes, context: bytes, sealed: bytes) -> bytes:
    opener = Cobblestone256Decryptor(key, context)
    return opener.update(sealed) + opener.finalize()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return fill(tmp_path_factory.mktemp("independent") / "store")


def test_the_independent_reader_is_independent() -> None:
    tree = ast.parse((HERE / "independent_reader.py").read_text())
    modules = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    modules |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    assert not [module for module in modules if module.startswith(("medkiosk", "tests"))]


def test_the_independent_reader_reads_a_store(store: Store) -> None:
    found = list(independent_reader.read(store.root, store.shares[1:], store.vkey))
    originals = {id_: content for _, id_, kind, content in found if kind == "original"}
    assert originals == store.originals
    assert [json.loads(content)["object_id"] for what, _, _, content in found if what == "record"] == list(
        store.originals
    )
    done = subprocess.run(
        [sys.executable, "-I", str(HERE / "independent_reader.py"), str(store.root), *store.shares[:2]],
        capture_output=True,
        text=True,
        check=True,
    )
    lines = done.stdout.splitlines()
    assert len(lines) == len(found)
    called = {line.split()[1]: line.split()[4] for line in lines if line.split()[2] == "original"}
    assert called == {
        id_: f'"DCIM/100CANON/{name}"' for id_, name in zip(store.originals, FILES, strict=True)
    }


def test_the_independent_reader_finds_damage(store: Store, tmp_path: Path) -> None:
    shutil.copytree(store.root, tmp_path / "store")
    copy = store._replace(root=tmp_path / "store")
    path = copy.blob(next(iter(copy.originals)))
    blob = bytearray(path.read_bytes())
    blob[70_000] ^= 1
    path.write_bytes(blob)
    with pytest.raises(InvalidTag):
        list(independent_reader.read(copy.root, copy.shares[:2], copy.vkey))


def test_the_independent_reader_reads_what_is_left_after_a_disposal(store: Store, tmp_path: Path) -> None:
    shutil.copytree(store.root, tmp_path / "store")
    shutil.copytree(device(store.root).folder, device(tmp_path / "store").folder)
    gone = next(iter(store.originals))
    with reopen(tmp_path / "store", random=os.urandom) as vault:
        disposals = vault.disposals
        with vault.unlock_recovery(store.shares[:2]) as identity:
            running = disposals.begin(identity, "d" * 32, [gone])
            while disposals.move(identity, running.plan):
                pass
            vault.commit(Batch(also=lambda tx: disposals.destroy(tx, identity, running)))
        running = disposals.running() or running
        disposals.destroy_secret(running)
        running = disposals.running() or running
        disposals.erase(running)
        vault.commit(Batch(also=lambda tx: disposals.finish(tx, running)))
    found = list(independent_reader.read(tmp_path / "store", store.shares[1:], store.vkey))
    left = {id_: content for _, id_, kind, content in found if kind == "original"}
    assert left == {id_: content for id_, content in store.originals.items() if id_ != gone}
    assert len(left) == len(store.originals) - 1
