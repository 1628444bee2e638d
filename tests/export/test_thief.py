"""What somebody learns who finds a stick (docs/export-format.md section 8), from every byte without a key.

Each file is taken apart by what it may hold, strictly; what is left over fails the test. So whatever a later
version adds to a bundle has to be thought about here.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import math
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from medkiosk import sshsig
from medkiosk.export import age
from medkiosk.export.bundle import write_bundle
from medkiosk.export.padding import padded_size
from medkiosk.export.words import Told, instructions, readme
from medkiosk.ledger.checkpoint import verify
from medkiosk.ledger.note import LogKeys
from tests.export.build import (
    ACKNOWLEDGE,
    FILE,
    IDENTITY,
    LEDGER_KEY,
    MRN,
    NAME,
    PAGE,
    PASSPHRASE,
    SIGNER,
    bundle,
    files_in,
)

ID = r"[0-9a-f]{32}"
KINDS: list[dict[str, object]] = [
    {},
    {"viewer": True, "dicom": True, "recall": True},
    {"passphrase": PASSPHRASE, "viewer": True},
]
AGE = re.compile(
    rb"age-encryption\.org/v1\n-> X25519 [A-Za-z0-9+/]{43}\n[A-Za-z0-9+/]{43}\n--- [A-Za-z0-9+/]{43}\n",
    re.ASCII,
)
SCRYPT = re.compile(
    rb"age-encryption\.org/v1\n-> scrypt [A-Za-z0-9+/]{22} 16\n[A-Za-z0-9+/]{43}\n--- [A-Za-z0-9+/]{43}\n",
    re.ASCII,
)


@pytest.fixture(params=KINDS, ids=["key", "everything", "passphrase"])
def found(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A stick that somebody lost."""
    write_bundle(tmp_path, bundle(3, **request.param))
    return tmp_path


def is_noise(data: bytes) -> bool:
    """Whether bytes look random: what encryption leaves. At least 7.2 bits a byte where there are 4 KiB."""
    counts = [data.count(bytes([value])) for value in range(256)]
    entropy = -sum(n / len(data) * math.log2(n / len(data)) for n in counts if n)
    return entropy > (7.2 if len(data) >= 4096 else 5.5)


def content_size(size: int) -> int:
    """Length of what is in an age file with one X25519 stanza of so many bytes."""
    return next(
        n
        for n in itertools.count(size - 168 - 16 - 16 * (size // 65536 + 2))
        if age.encrypted_size(n) == size
    )


def check_encrypted(name: str, data: bytes) -> None:
    """An age header, and noise of a padded length."""
    if name == "identity.age":
        match = SCRYPT.match(data)
    else:
        match = AGE.match(data)
        size = content_size(len(data))
        assert padded_size(size) == size, (name, size)
    assert match is not None, name
    assert is_noise(data[match.end() :]), name


def shown(data: bytes) -> bytes:
    """What a file in `view/` holds."""
    assert re.fullmatch(rb':host\{(--[0-9]+:"[A-Za-z0-9+/=]+"[;}])+\n', data)
    return base64.b64decode(b"".join(re.findall(rb'"([^"]*)"', data)), validate=True)


RECALL_WORDS = """\
RECALL of pictures that you were given. Written on .

These pictures must not be used any more. Destroy them: what you decrypted, every copy and print,
and the bundle on the stick where all of it is recalled. Then tell the department that it is done.

From the bundle  (its folder ends with ):

From the bundle  (its folder ends with ):

The same list stands in recall.json, signed with the department's key:
Check it with allowed_signers as you have it from the department:
    ssh-keygen -Y verify -f ~/allowed_signers -I medkiosk \\
      -n medkiosk-recall@v1 -s recall.json.sig < recall.json
"""


def without_ids(text: bytes, notice: bytes, fingerprint: str) -> str:
    """The words of a notice, without what its signed form says as well and the fingerprint of the key."""
    said = json.loads(notice)
    words = text.decode().replace(fingerprint, "").replace(said["created"], "")
    for each in said["exports"]:
        for one in (each["export_id"], each["export_id"][:8], *each["images"]):
            words = words.replace(one, "")
    return " ".join(words.split())


def known_files(folder: Path) -> Iterator[str]:
    """Every file, after it was seen to hold nothing but what it may; sorted by what kind of thing it is."""
    there = {path.relative_to(folder).as_posix(): path.read_bytes() for path in files_in(folder)}
    count = len([name for name in there if name.startswith("images/")])
    told = Told(
        fingerprint=sshsig.fingerprint(SIGNER.public_key()),
        files=len(there) - 2 - 2 * ("index.html" in there),
        viewer="index.html" in there,
        passphrase="identity.age" in there,
        dicom=any(name.startswith("dicom/") for name in there),
        recall="recall.json" in there,
    )
    for name, data in there.items():
        if re.fullmatch(rf"images/{ID}\.jpg\.age|dicom/{ID}\.dcm\.age|record\.zip\.age|identity\.age", name):
            check_encrypted(name, data)
        elif match := re.fullmatch(rf"view/({ID}|[a-z]+)\.css", name):
            source = {
                "manifest": "manifest.json",
                "signature": "manifest.json.sig",
                "record": "record.zip.age",
                "identity": "identity.age",
                "checkpoint": "checkpoint",
                "recall": "recall.json",
            }.get(match[1], f"images/{match[1]}.jpg.age")
            assert shown(data) == there[source], name
        elif name == "manifest.json":
            whole = json.loads(data)
            assert set(whole) == {"version", "export_id", "created", "files"}
            assert re.fullmatch(ID, whole["export_id"])
            assert re.fullmatch(r"\d{4}-\d\d-\d\d", whole["created"])
            for file in whole["files"]:
                assert set(file) == {"file", "sha256", "size"}
                assert file["sha256"] == hashlib.sha256(there[file["file"]]).hexdigest()
        elif name == "manifest.json.sig":
            assert data == sshsig.sign(there["manifest.json"], SIGNER)
        elif name == "recall.json.sig":
            assert data == sshsig.sign(there["recall.json"], SIGNER, sshsig.RECALL_NAMESPACE)
        elif name == "checkpoint":
            head = verify(data, LogKeys.parse(LEDGER_KEY))
            signatures = data.split(b"\n\n", 1)[1].splitlines()
            assert (head.size, len(signatures)) == (count + 1, 2)
        elif name == "index.html":
            assert data == PAGE, "the same bytes in every bundle"
        elif name == "VERIFY.txt":
            assert data == instructions(told)
        elif name == "README.html":
            assert data == readme(told)
        elif name == "recall.json":
            notice = json.loads(data)
            assert set(notice) == {"version", "recall_id", "created", "recipient", "exports"}
            assert re.fullmatch(ID, notice["recall_id"])
            assert (notice["created"], notice["recipient"]) == ("2026-05-01", "")
            for each in notice["exports"]:
                assert set(each) == {"export_id", "manifest_sha256", "images"}
                assert all(re.fullmatch(ID, one) for one in (each["export_id"], *each["images"]))
                assert re.fullmatch(r"([0-9a-f]{64})?", each["manifest_sha256"])
        else:
            assert name == "RECALL.txt", f"{name} is on no list"
            assert without_ids(data, there["recall.json"], told.fingerprint) == " ".join(RECALL_WORDS.split())
        yield name


def test_every_byte_is_on_the_list(found: Path) -> None:
    (folder,) = found.iterdir()
    assert re.fullmatch(r"medkiosk-2026-05-01-[0-9a-f]{8}", folder.name)
    names = list(known_files(folder))
    assert len(names) >= 9


def test_what_must_not_occur_does_not(found: Path) -> None:
    """The pictures hold all of it; names and every byte of the folder hold none, also not inside `view/`."""
    (folder,) = found.iterdir()
    ready = bundle(3)
    plain: list[bytes] = []
    sealed: list[bytes] = []
    for path in files_in(folder):
        data = path.read_bytes()
        plain.append(path.relative_to(folder).as_posix().encode())
        inside = shown(data) if path.parent.name == "view" else data
        (sealed if inside.startswith(b"age-encryption.org/") else plain).extend([data, inside])
    readable = b"\n".join(plain).lower()
    everything = b"\n".join([*plain, *sealed]).lower()
    secrets = [MRN, NAME, "4711", "Ada ", FILE, "IMG_", str(IDENTITY), str(IDENTITY.to_public()), PASSPHRASE]
    secrets += ["teaching_research", "DUO:", "2025-11-30", "2027-05-01", "redacted under policy"]
    secrets += ["T09:00", "original", ACKNOWLEDGE.hex()]
    for picture in ready.pictures:
        assert MRN.encode() in picture.jpeg
        secrets += [picture.subject, picture.commitment_key.hex(), hashlib.sha256(picture.jpeg).hexdigest()]
        secrets += [hashlib.sha256(picture.leaf).hexdigest()]
    for secret in secrets:
        # Noise and its base64 have any four letters by chance; that they are noise is tested above.
        assert secret.lower().encode() not in (everything if len(secret) >= 6 else readable), secret
    written = b"\n".join(plain)  # in small letters, a signature's base64 says "exif" now and then
    for start in (b"\xff\xd8\xff", b"JFIF\0", b"Exif\0\0", b"%PDF-", b"PK\x03\x04", b"DICM"):
        assert start not in written


def test_two_exports_of_the_same_pictures_have_nothing_random_in_common(tmp_path: Path) -> None:
    """Other ids for the same pictures, and no ciphertext, hash, share or nonce twice."""
    seen: set[bytes] = set()
    for seed in (1, 2):
        ready = bundle(2, seed, viewer=True)
        fresh = [
            replace(p, id=hashlib.sha256(b"%d %s" % (seed, p.id.encode())).hexdigest()[:32])
            for p in ready.pictures
        ]
        folder = tmp_path / write_bundle(tmp_path, replace(ready, pictures=fresh)).folder
        parts = {
            match
            for path in folder.rglob("*.age")
            for match in re.findall(rb"[A-Za-z0-9+/]{43}", path.read_bytes()[:168])
        }
        listed = json.loads((folder / "manifest.json").read_bytes())
        same = {"index.html", "checkpoint", "README.html", "VERIFY.txt", "view/checkpoint.css"}
        parts |= {file["sha256"].encode() for file in listed["files"] if file["file"] not in same}
        parts |= {path.name.encode() for path in (folder / "images").iterdir()}
        assert not parts & seen
        seen |= parts
    assert len(seen) > 20


def test_a_size_says_the_magnitude_of_a_picture_and_no_more(tmp_path: Path) -> None:
    """Pictures of sizes that differ by a few per cent are as long as each other in a bundle."""
    (picture,) = bundle(1).pictures
    sizes = {padded_size(n + 128) for n in range(8_400_000, 8_640_000, 997)}
    assert len(sizes) <= 2
    folder = tmp_path / write_bundle(tmp_path, bundle(1)).folder
    (file,) = (folder / "images").iterdir()
    assert content_size(file.stat().st_size) == padded_size(len(picture.jpeg) + 128)


def test_one_more_plain_file_would_be_noticed(tmp_path: Path) -> None:
    write_bundle(tmp_path, bundle(1))
    (folder,) = tmp_path.iterdir()
    (folder / "notes.txt").write_text(NAME)
    with pytest.raises(AssertionError):
        list(known_files(folder))
