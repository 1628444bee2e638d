"""Make vectors.json: ``python -m tests.vault.make_vectors``.

What can be is fixed by a seed. HPKE, Cobblestone and SLIP-39 draw their own randomness, so a second run gives
other bytes that open to the same: the committed files are the vectors.
"""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path

from medkiosk.vault import envelope, recovery, slots
from medkiosk.vault.envelope import Name
from medkiosk.vault.epochs import make_epoch
from medkiosk.vault.keys import DataKey, IndexKeys, Secret, derive, lines, parts, wrap
from medkiosk.vault.slots import Argon2Params
from tests.stores import seeded

HERE = Path(__file__).resolve().parent


def main() -> None:
    random = seeded(2026)
    index_key = random(32)
    index = IndexKeys(index_key)
    master = Secret(random(32))
    device_secret = Secret(random(32))
    recovery_slot, shares = recovery.recovery_slot(master, index, random=random)
    recovery_public = recovery.recovery_public(recovery_slot, index)
    epoch, epoch_keys = make_epoch(
        1,
        master=master,
        generation=3,
        device_secret=device_secret,
        recovery=recovery_public,
        index=index,
        opened_at="2026-01-31T23:59:59.000Z",
        random=random,
    )
    public = envelope.public_key(epoch.public_key)
    name_tag = index.name(slots.normalise_name(" Dr. \uff21na\u00df "))
    user = slots.passphrase_slot(
        master, name_tag, "pass\u0301phrase", random=random, params=Argon2Params(64, 1, 1), allow_weak=True
    )
    sealed = []
    for what, kind, plaintext in (
        ("object", "original", b""),
        ("object", "original", b"\xff\xd8\xff" + bytes(16_382)),
        ("object", "preview", bytes(16_384)),
        ("record", "event", b""),
        ("record", "event", b'{"file":"IMG_0001.JPG"}'),
        ("record", "event", b"x" * 508),
    ):
        name = Name(what, random(16).hex(), kind)  # type: ignore[arg-type]
        key = DataKey(random(32))
        if what == "object":
            seal = envelope.encryptor(key, name)
            content = seal.update(plaintext) + seal.finalize()
        else:
            content = envelope.seal_record(key, name, plaintext)
        sealed.append(
            {
                "what": what,
                "id": name.id,
                "kind": kind,
                "epoch": 1,
                "data_key": key.reveal().hex(),
                "plaintext": plaintext.rstrip(b"\0").hex(),
                "zeros": len(plaintext) - len(plaintext.rstrip(b"\0")),
                "sealed": base64.b64encode(content).decode(),
                "envelope": envelope.seal_key(key, public, name, 1).hex(),
                "moved": epoch_keys.move_key(key, name, random).hex(),
                "commitment": envelope.commitment(key, hashlib.sha256(plaintext).digest()).hex(),
            }
        )
    bad = []
    for title, padded in (
        ("length beyond the end", (509).to_bytes(4, "big") + bytes(508)),
        ("padding that is not zero", (1).to_bytes(4, "big") + b"x" + bytes(506) + b"\x01"),
        ("a block too much", bytes(1024)),
        ("no multiple of 512", bytes(511)),
        ("nothing", b""),
    ):
        name, key = Name("record", random(16).hex(), "event"), DataKey(random(32))
        seal = envelope.encryptor(key, name)
        content = seal.update(padded) + seal.finalize()
        entry = {"title": title, "id": name.id, "kind": name.kind, "data_key": key.reveal().hex()}
        bad.append(entry | {"sealed": base64.b64encode(content).decode()})
    lasting = {"index": index_key, "ledger": random(32), "export": random(32)}
    escrow = recovery.seal_escrow(lasting, recovery_public)
    output = random(32)
    token = slots.Authenticator(random(48), verified=True, salt=random(16), output=output)
    both = slots.fido2_slot(
        master,
        name_tag,
        "pass\u0301phrase",
        token,
        random=random,
        params=Argon2Params(64, 1, 1),
        allow_weak=True,
    )
    vectors = {
        "comment": "docs/format.md; made by tests/vault/make_vectors.py; bytes are hexadecimal,"
        " what is sealed is base64, a plaintext ends in so many zero bytes",
        "parts": {"values": ["", "a", "12"], "bytes": parts("", "a", 12).hex()},
        "lines": {"values": ["a", "b", "3"], "bytes": lines("a", "b", 3).hex()},
        "derive": {"key": bytes(range(32)).hex(), "label": "medkiosk/test/v1",
                   "bytes": derive(bytes(range(32)), "medkiosk/test/v1").hex()},
        "wrap": {"key": bytes(range(32)).hex(), "nonce": bytes(12).hex(), "secret": b"secret".hex(),
                 "aad": b"aad".hex(), "bytes": wrap(bytes(range(32)), b"secret", b"aad", bytes).hex()},
        "index_key": index_key.hex(),
        "tag": {"values": ["", b"DCIM".hex()], "bytes": index.tag(b"", b"DCIM").hex()},
        "user_name": " Dr. \uff21na\u00df ",
        "passphrase": "pass\u0301phrase",
        "fido2_output": output.hex(),
        "fido2_salt": slots.token_salt(both.salt).hex(),
        "master": master.reveal().hex(),
        "device_secret": device_secret.reveal().hex(),
        "epoch": {"epoch": 1, "generation": 3, "opened_at": epoch.opened_at,
                  "public_key": epoch.public_key.hex(), "wrapped_key": epoch.wrapped_key.hex(),
                  "recovery_key": epoch.recovery_key.hex(), "pin": epoch.pin.hex()},
        "escrow": {"secrets": {name: secret.hex() for name, secret in lasting.items()},
                   "sealed": {name: value.hex() for name, value in escrow.items()}},
        "slots": [
            {"id": slot.id, "kind": slot.kind, "name_tag": slot.name_tag.hex(), "params": slot.params,
             "salt": slot.salt.hex(), "wrapped_master": slot.wrapped_master.hex()}
            for slot in (user, recovery_slot, both)
        ],
        "shares": shares,
        "sealed": sealed,
        "refused_records": bad,
    }  # fmt: skip
    (HERE / "vectors.json").write_text(json.dumps(vectors, indent=1) + "\n")


if __name__ == "__main__":
    main()
