"""A second reader, written from docs/format.md alone: it shares no line with medkiosk.

``python independent_reader.py STORE "words of one sheet" "words of another"`` prints the SHA-256 of each
object and record after checking it against the signed ledger, and for each original what its file was called
(docs/events.md). Standard library; AES-GCM, Argon2id, ML-KEM-768, X25519
and Ed25519 from `cryptography`, and SLIP-39 from its reference implementation.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import sqlite3
import sys
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import shamir_mnemonic
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id


def expand(hash_name: str, prk: bytes, info: bytes, length: int) -> bytes:
    """HKDF-Expand, RFC 5869 section 2.3."""
    block, out, counter = b"", b"", 1
    while len(out) < length:
        block = hmac.digest(prk, block + info + bytes([counter]), hash_name)
        out += block
        counter += 1
    return out[:length]


# Section 1


def derive(key: bytes, label: str, length: int = 32) -> bytes:
    return expand("sha512", key, label.encode(), length)


def parts(*values: bytes | str | int) -> bytes:
    out = b""
    for value in values:
        data = value if isinstance(value, bytes) else str(value).encode()
        out += len(data).to_bytes(8, "big") + data
    return out


def unwrap(key: bytes, wrapped: bytes, aad: bytes) -> bytes:
    return AESGCM(key).decrypt(wrapped[:12], wrapped[12:], aad)


# Section 3: content, after c2sp.org/chunked-encryption


def open_content(data_key: bytes, context: bytes, sealed: bytes) -> bytes:
    if len(data_key) != 32:
        raise ValueError("a data key has 32 bytes")
    salt, commitment, body = sealed[:24], sealed[24:56], sealed[56:]
    info = b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0" + salt + context
    derived = expand("sha512", data_key, info, 32 + 12 + 32)
    key, base_nonce = derived[:32], int.from_bytes(derived[32:44], "big")
    if derived[44:] != commitment:
        raise ValueError("wrong key")
    chunks = [body[i : i + 16400] for i in range(0, len(body), 16400)]
    if not chunks or len(chunks[-1]) == 16400:
        raise ValueError("truncated")
    aead = AESGCM(key)
    return b"".join(
        aead.decrypt((base_nonce ^ number).to_bytes(12, "big"), chunk, None)
        for number, chunk in enumerate(chunks)
    )


# Section 3: envelope, after RFC 9180; section 5: the KEM


def open_envelope(private: bytes, envelope: bytes, info: bytes) -> bytes:
    enc, sealed = envelope[:1120], envelope[1120:]
    mlkem = MLKEM768PrivateKey.from_seed_bytes(private[:64])
    x25519 = X25519PrivateKey.from_private_bytes(private[64:])
    shared = hashlib.sha3_256(
        mlkem.decapsulate(enc[:1088])
        + x25519.exchange(X25519PublicKey.from_public_bytes(enc[1088:]))
        + enc[1088:]
        + x25519.public_key().public_bytes_raw()
        + bytes.fromhex("5c2e2f2f5e5c")
    ).digest()
    suite = b"HPKE" + bytes.fromhex("647a00010002")

    def extract(salt: bytes, label: bytes, ikm: bytes) -> bytes:
        return hmac.digest(salt or bytes(32), b"HPKE-v1" + suite + label + ikm, "sha256")

    def labeled(prk: bytes, label: bytes, context: bytes, length: int) -> bytes:
        return expand("sha256", prk, length.to_bytes(2, "big") + b"HPKE-v1" + suite + label + context, length)

    context = b"\0" + extract(b"", b"psk_id_hash", b"") + extract(b"", b"info_hash", info)
    secret = extract(shared, b"secret", b"")
    key, nonce = labeled(secret, b"key", context, 32), labeled(secret, b"base_nonce", context, 12)
    return AESGCM(key).decrypt(nonce, sealed, b"")


def public_key(private: bytes) -> bytes:
    mlkem = MLKEM768PrivateKey.from_seed_bytes(private[:64])
    x25519 = X25519PrivateKey.from_private_bytes(private[64:])
    return mlkem.public_key().public_bytes_raw() + x25519.public_key().public_bytes_raw()


def open_data_key(secret: bytes, envelope: bytes, what: str, id_: str, kind: str, epoch: int) -> bytes:
    """The data key out of an envelope of either form; ``secret`` is the epoch's secret part."""
    if len(envelope) == 60:
        return unwrap(
            secret[96:], envelope, "\n".join(["medkiosk/moved/v1", what, id_, kind, str(epoch)]).encode()
        )
    info = "\n".join(["medkiosk/envelope/v1", what, id_, kind, str(epoch)])
    return open_envelope(secret[:96], envelope, info.encode())


def commitment(data_key: bytes, plaintext: bytes) -> bytes:
    digest = hashlib.sha256(plaintext).digest()
    return hmac.digest(derive(data_key, "medkiosk/commitment/v1"), digest, "sha256")


def unpad(padded: bytes) -> bytes:
    length = int.from_bytes(padded[:4], "big")
    if len(padded) % 512 or not 0 <= len(padded) - 4 - length < 512 or any(padded[4 + length :]):
        raise ValueError("not padded as a record is")
    return padded[4 : 4 + length]


# Section 6: escrow


def open_user_slot(slot: dict[str, Any], passphrase: str, output: bytes = b"") -> bytes:
    """The master, from a passphrase, and from what an authenticator said where the slot is of that kind."""
    params, salt = json.loads(slot["params"]), bytes.fromhex(slot["salt"])
    kdf = Argon2id(
        salt=salt,
        length=32,
        iterations=params["passes"],
        lanes=params["lanes"],
        memory_cost=params["memory_kib"],
    )
    key = kdf.derive(unicodedata.normalize("NFC", passphrase).encode())
    if slot["kind"] == "fido2":
        if len(output) != 32:
            raise ValueError("an authenticator's output has 32 bytes")
        key = derive(hmac.digest(key, b"medkiosk/fido2/v1\n" + output, "sha256"), "medkiosk/fido2/v1")
    aad = b"medkiosk/slot/v1\n" + parts(
        slot["id"], slot["kind"], bytes.fromhex(slot["name_tag"]), slot["params"], salt
    )
    return unwrap(key, bytes.fromhex(slot["wrapped_master"]), aad)


def authenticator_salt(salt: bytes) -> bytes:
    return hashlib.sha256(b"medkiosk/fido2-salt/v1\n" + salt).digest()


def open_escrow(shares: list[str], sealed: dict[str, bytes]) -> dict[str, bytes]:
    """The device's lasting secrets, after checking that whoever has the index key put them there."""
    private = derive(shamir_mnemonic.combine_mnemonics(shares), "medkiosk/recovery-key/v2", 96)
    opened = {
        name: open_envelope(private, value, f"medkiosk/escrow/v2\n{name}".encode())
        for name, value in sealed.items()
    }
    key = derive(opened["index"][:32], "medkiosk/escrow/v2")
    for name, secret in opened.items():
        if secret[32:] != hmac.digest(key, parts(name, secret[:32]), "sha256"):
            raise ValueError(f"{name} is somebody else's")
    return {name: secret[:32] for name, secret in opened.items()}


# Section 8: ledger


def tree_hash(leaves: list[bytes]) -> bytes:
    if len(leaves) == 1:
        return hashlib.sha256(b"\0" + leaves[0]).digest()
    if not leaves:
        return hashlib.sha256(b"").digest()
    k = 1 << (len(leaves) - 1).bit_length() - 1
    return hashlib.sha256(b"\1" + tree_hash(leaves[:k]) + tree_hash(leaves[k:])).digest()


def ledger(folder: Path, vkey: str) -> list[dict[str, Any]]:
    """The entries, after verifying that they lead to a head that the key signed."""
    note = (folder / "checkpoint").read_text()
    text, _, signatures = note.rpartition("\n\n")
    origin, size, root = text.split("\n")
    name, key_id, key = vkey.split("+", 2)
    public = base64.b64decode(key)
    blob = base64.b64decode(signatures.split("\n")[0].split(" ")[2])
    if name != origin or blob[:4].hex() != key_id or public[:1] != b"\1":
        raise ValueError("another log's key")
    Ed25519PublicKey.from_public_bytes(public[1:]).verify(blob[4:], (text + "\n").encode())
    leaves: list[bytes] = []
    for number in range(-(-int(size) // 256)):
        width = min(256, int(size) - 256 * number)
        path = folder / "tile" / "entries" / f"{number:03d}"  # enough for 256,000 entries
        data = (path if width == 256 else Path(f"{path}.p") / str(width)).read_bytes()
        while data:
            length = int.from_bytes(data[:2], "big")
            leaves.append(data[2 : 2 + length])
            data = data[2 + length :]
    if tree_hash(leaves) != base64.b64decode(root):
        raise ValueError("the entries do not lead to the head")
    return [json.loads(leaf) for leaf in leaves]


# Section 7


def read(store: Path, shares: list[str], vkey: str) -> Iterator[tuple[str, str, str, bytes]]:
    """Yield (what, id, kind, plaintext) of all that was not disposed of, each checked against the ledger."""
    if (store / "format").read_text().split("\n")[0] != "medkiosk-store v2":
        raise ValueError("another format")
    promised = {}
    for leaf in ledger(store / "ledger", vkey):
        for ref in [*leaf["objects"], *([leaf["record"]] if leaf["record"] else [])]:
            promised[ref["id"]] = ref
    db = sqlite3.connect(f"file:{store / 'vault.db'}?mode=ro&immutable=1", uri=True)
    try:
        secret = shamir_mnemonic.combine_mnemonics(shares)
        [slot] = db.execute(
            "SELECT id, kind, name_tag, params, salt, wrapped_master FROM slots WHERE kind = 'recovery'"
        )
        aad = b"medkiosk/slot/v1\n" + parts(*slot[:5])
        unwrap(derive(secret, "medkiosk/recovery/v1"), slot[5], aad)  # the words are this store's
        recovery = derive(secret, "medkiosk/recovery-key/v2", 96)
        secrets = {}
        for epoch, public, sealed in db.execute("SELECT epoch, public_key, recovery_key FROM epochs"):
            info = f"medkiosk/epoch-recovery/v2\n{epoch}"
            secrets[epoch] = open_envelope(recovery, sealed, info.encode())
            if public_key(secrets[epoch][:96]) != public:
                raise ValueError(f"the public key of epoch {epoch} was replaced")
        rows = [("object", *row, b"") for row in db.execute("SELECT id, kind FROM objects ORDER BY seq")]
        rows += [("record", *row) for row in db.execute("SELECT id, kind, sealed FROM records ORDER BY seq")]
        for what, id_, kind, sealed in rows:
            found = db.execute("SELECT epoch, envelope FROM envelopes WHERE id = ? AND what = ?", (id_, what))
            row = found.fetchone()
            if row is None:  # disposed of
                continue
            data_key = open_data_key(secrets[row[0]], row[1], what, id_, kind, row[0])
            content = (store / "objects" / id_[:2] / id_).read_bytes() if what == "object" else sealed
            context = "\n".join([f"medkiosk/{what}/v1", id_, kind])
            plaintext = open_content(data_key, context.encode(), content)
            if what == "record":
                plaintext = unpad(plaintext)
            ref = promised[id_]
            if ref["kind"] != kind or ref["sha256"] != hashlib.sha256(content).hexdigest():
                raise ValueError(f"{id_} is not what was logged")
            if ref["commitment"] != commitment(data_key, plaintext).hex():
                raise ValueError(f"{id_} is not what was sealed")
            yield what, id_, kind, plaintext
    finally:
        db.close()


def file_names(found: list[tuple[str, str, str, bytes]]) -> dict[str, str]:
    """What each original was called on its device, by its id: docs/events.md, ``original.sealed``."""
    names = {}
    for what, _, kind, payload in found:
        if (what, kind) == ("record", "event"):
            event = json.loads(payload)
            if (
                json.dumps(event, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
                != payload
            ):
                raise ValueError("not in canonical form")
            if event["type"] == "original.sealed":
                names[event["object_id"]] = "/".join(filter(None, (event["folder"], event["file"])))
    return names


if __name__ == "__main__":
    root = Path(sys.argv[1])
    everything = list(read(root, sys.argv[2:4], (root / "ledger" / "vkey").read_text().split("\n")[0]))
    called = file_names(everything)
    for line in everything:
        text = f"{line[0]} {line[1]} {line[2]} {hashlib.sha256(line[3]).hexdigest()}"
        sys.stdout.write(f"{text} {json.dumps(called[line[1]])}\n" if line[1] in called else f"{text}\n")
