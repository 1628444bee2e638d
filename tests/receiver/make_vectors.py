"""Makes `vectors/acknowledgement.json` from fixed keys: ``python -m tests.receiver.make_vectors``.

Each case has what goes in and the file that comes out; ``refused`` are files that no kiosk may believe.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from medkiosk.ledger.file import Log
from medkiosk.ledger.sign import Signer
from medkiosk.receiver import medkiosk_verify as tool

VECTORS = Path(__file__).parent / "vectors" / "acknowledgement.json"
SEED, WITNESS = bytes(range(32)), tool.WitnessKey("radiology.example/witness", bytes(range(32, 64)))
EXPORT_ID = hashlib.sha256(b"export").hexdigest()[:32]
MANIFEST_SHA256 = hashlib.sha256(b"manifest").hexdigest()
TIME = 1_780_000_000
BY = "Dr. Żółć 李, radiology"


def checkpoint() -> str:
    """The head of a log of three entries."""
    with tempfile.TemporaryDirectory() as folder:
        log = Log.create(Path(folder) / "ledger", Signer("medkiosk.example/ledger", bytes(range(64, 96))))
        log.append([b"one", b"two", b"three"])
        return log.checkpoint.decode()


def write(head: str, by: str = "", witness: tool.WitnessKey | None = None, seed: bytes = SEED) -> str:
    return tool.acknowledgement(EXPORT_ID, MANIFEST_SHA256, head.encode(), seed, by, TIME, witness).decode()


def signed_again(text: str, **changes: object) -> str:
    """With other members, and a good signature."""
    body = {**tool.read_json(text.encode()), **changes}
    del body["signature"]
    message = tool.ACKNOWLEDGEMENT.encode() + b"\n" + tool.write_json(body)
    signature = Ed25519PrivateKey.from_private_bytes(SEED).sign(message).hex()
    return tool.write_json({**body, "signature": signature}).decode()


def vectors() -> dict[str, object]:
    head = checkpoint()
    plain = write(head)
    cosigned = str(tool.read_json(plain.encode())["cosigned"])
    line = cosigned.removeprefix(head)
    other_line = str(tool.read_json(write(head, seed=bytes(32)).encode())["cosigned"]).removeprefix(head)
    own = tool.WitnessKey(f"medkiosk-export/{EXPORT_ID}", SEED)
    return {
        "export_id": EXPORT_ID,
        "manifest_sha256": MANIFEST_SHA256,
        "seed": SEED.hex(),
        "public": own.public.public.hex(),
        "vkey": str(own.public),
        "witness": {"file": WITNESS.text(), "vkey": str(WITNESS.public)},
        "time": TIME,
        "checkpoint": head,
        "good": [
            {"what": "nothing said", "by": "", "witness": False, "file": plain},
            {"what": "somebody says it", "by": BY, "witness": False, "file": write(head, BY)},
            {"what": "with a key of their own", "by": BY, "witness": True, "file": write(head, BY, WITNESS)},
        ],
        "refused": [
            {"what": "signed with another key", "file": write(head, seed=bytes(32))},
            {"what": "somebody else says it", "file": plain.replace('"by":""', '"by":"x"')},
            {"what": "not in its one form", "file": plain + "\n"},
            {"what": "a member too many", "file": signed_again(plain, more=1)},
            {"what": "another version", "file": signed_again(plain, version="medkiosk-acknowledgement/2")},
            {"what": "another manifest", "file": signed_again(plain, manifest_sha256="0" * 64)},
            {"what": "another export", "file": signed_again(plain, export_id="0" * 32)},
            {"what": "without the export's line", "file": signed_again(plain, cosigned=head)},
            {"what": "the line twice", "file": signed_again(plain, cosigned=cosigned + line)},
            {"what": "the line of another key", "file": signed_again(plain, cosigned=head + other_line)},
            {
                "what": "a line over another head",
                "file": signed_again(plain, cosigned=cosigned.replace("\n3\n", "\n4\n", 1)),
            },
            {"what": "a control character", "file": signed_again(plain, by="\x1b[2J")},
            {"what": "too many words", "file": signed_again(plain, by="x" * 201)},
        ],
    }


if __name__ == "__main__":
    VECTORS.parent.mkdir(exist_ok=True)
    VECTORS.write_text(json.dumps(vectors(), indent=1, ensure_ascii=False) + "\n")
