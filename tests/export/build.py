"""Makes whole bundles for the tests, without a daemon: real pictures, a real key each, in a real ledger.

``write(folder, count, passphrase=PASSPHRASE, viewer=True, dicom=True, recall=True)`` gives the folder of one.
"""

from __future__ import annotations

import functools
import hashlib
import io
import os
import random
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pyrage
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from PIL import Image

from medkiosk import sshsig
from medkiosk.core import canon
from medkiosk.core.consent import Purpose
from medkiosk.core.datause import DataUse
from medkiosk.core.ids import CaptureId, ExportId, Random, RecipientId
from medkiosk.export import age
from medkiosk.export.bundle import write_bundle
from medkiosk.export.contents import Bundle, Extras, Picture
from medkiosk.export.padding import padded_size
from medkiosk.export.recall import Left, Line, Sent, Why
from medkiosk.export.recall import members as recall_members
from medkiosk.export.record import commitment
from medkiosk.ledger.file import Log
from medkiosk.ledger.sign import Signer

MRN, NAME, FILE = "MRN-4711-0815", "Ada Example", "IMG_0042"
"""What the pictures hold, as ones that were not redacted well."""
SIGNER = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
SIGNER_LINE = sshsig.public_line(SIGNER.public_key())
ALLOWED_SIGNERS = sshsig.allowed_signers_line(SIGNER.public_key())
IDENTITY = pyrage.x25519.Identity.generate()
"""The receiver's, for bundles without a passphrase."""
PASSPHRASE = "academic acid acne acquire acrobat activity actress adapt"
LEDGER_NAME, LEDGER_SEED = "medkiosk.test/ledger", bytes(range(32, 64))
LEDGER_KEY = Signer(LEDGER_NAME, LEDGER_SEED).vkeys
"""Text of the ledger's ``vkey`` file."""
PAGE = b"<!DOCTYPE html><title>Stands for the page</title>\n"
"""Where a test does not open it."""
ACKNOWLEDGE = bytes(range(64, 96))


def jpeg(seed: int, size: tuple[int, int] = (64, 48)) -> bytes:
    """A photograph (noise) that says inside whose it is."""
    width, height = size
    noise = random.Random(seed).randbytes(width * height * 3)
    out = io.BytesIO()
    Image.frombytes("RGB", size, noise).save(out, "JPEG", comment=f"{NAME} {MRN} {FILE}".encode())
    return out.getvalue()


def thumbnail(picture: bytes) -> bytes:
    """A small JPEG of the picture, as the redact worker makes one."""
    with Image.open(io.BytesIO(picture)) as image:
        image.thumbnail((320, 320))
        out = io.BytesIO()
        image.save(out, "JPEG", quality=70)
    return out.getvalue()


def leaf(picture: bytes, key: bytes) -> bytes:
    """The entry of a redacted picture, as in docs/format.md section 8."""
    derivative = {
        "id": "d" * 32,
        "kind": "derivative",
        "size": len(picture),
        "sha256": "5" * 64,
        "commitment": commitment(key, hashlib.sha256(picture).hexdigest()),
        "envelope": "e" * 64,
    }
    preview = {**derivative, "id": "9" * 32, "kind": "preview", "size": 99, "commitment": "c" * 64}
    return canon.encode(
        {
            "v": 1,
            "type": "redacted",
            "at": "2026-05-01T09:00:00.000Z",
            "actor": "kiosk",
            "record": None,
            "objects": [derivative, preview],
            "note": "",
        }
    )


@functools.cache
def pictures(count: int, size: tuple[int, int] = (64, 48)) -> tuple[tuple[Picture, ...], bytes]:
    """So many pictures with their proofs, and the checkpoint; two and two are of one subject."""
    made = [(jpeg(seed, size), hashlib.sha256(seed.to_bytes(4, "big")).digest()) for seed in range(count)]
    with tempfile.TemporaryDirectory() as folder:
        log = Log.create(Path(folder) / "ledger", Signer(LEDGER_NAME, LEDGER_SEED))
        leaves = [leaf(data, key) for data, key in made]
        log.append([b"something else happened"])
        indices = log.append(leaves) if leaves else ()
        return tuple(
            Picture(
                id=hashlib.sha256(b"image %d" % number).hexdigest()[:32],
                subject=hashlib.sha256(b"subject %d" % (number // 2)).hexdigest()[:32],
                jpeg=data,
                width=size[0],
                height=size[1],
                policy="2026-1",
                commitment_key=key,
                leaf_index=index,
                leaf=entry,
                proof=log.proof(index),
                date="2025-11-30" if number else "",
            )
            for number, ((data, key), index, entry) in enumerate(zip(made, indices, leaves, strict=True))
        ), log.checkpoint


def bundle(
    count: int = 3,
    seed: int = 0,
    *,
    passphrase: str = "",
    viewer: bool = False,
    dicom: bool = False,
    recall: bool = False,
    size: tuple[int, int] = (64, 48),
    page: bytes = PAGE,
) -> Bundle:
    """A bundle of so many pictures for `IDENTITY` or a passphrase, signed by `SIGNER`.

    Args:
        count: pictures.
        seed: of all that is random in it; the image ids are the same in each.
        passphrase: instead of `IDENTITY`.
        viewer: with thumbnails and ``page``.
        dicom: with something in the place of DICOM objects.
        recall: with a recall notice, signed.
        size: of the pictures, pixels.
        page: the viewer's ``index.html``.
    """
    ready, checkpoint = pictures(count, size)
    source = random.Random(seed)
    if viewer:
        ready = tuple(replace(picture, thumbnail=thumbnail(picture.jpeg)) for picture in ready)
    if dicom:
        ready = tuple(replace(picture, dicom=_dicom(picture)) for picture in ready)
    return Bundle(
        export_id=ExportId(source.randbytes(16).hex()),
        created=date(2026, 5, 1),
        purpose=Purpose.TEACHING_RESEARCH,
        recipient="" if passphrase else str(IDENTITY.to_public()),
        pictures=ready,
        checkpoint=checkpoint,
        signer=SIGNER,
        random=source.randbytes,
        acknowledge=ACKNOWLEDGE,
        passphrase=passphrase.encode(),
        data_use=DataUse(("DUO:0000007", "DUO:0000042"), "2027-05-01"),
        extras=Extras(
            page=page if viewer else b"",
            dicom=dicom,
            consent={
                f"consent/{subject}-{version}.json": b'{"resourceType":"Consent","status":"active"}'
                for subject in {picture.subject for picture in ready}
                for version in ("r4", "r5")
            },
            recall=_recall() if recall else {},
        ),
        count=count,
    )


def write(target: Path, count: int = 3, seed: int = 0, **options: object) -> Path:
    """Write `bundle` below a folder; gives the bundle's."""
    made = bundle(count, seed, **options)  # type: ignore[arg-type]  # as there
    return target / write_bundle(target, made).folder


def opened(folder: Path, name: str) -> bytes:
    """Decrypt one file of a bundle for `IDENTITY`, by pyrage."""
    data: bytes = pyrage.decrypt((folder / name).read_bytes(), [IDENTITY])
    return data


def encrypted(data: bytes, recipient: str, random: Random = os.urandom) -> bytes:
    """Encrypt to one X25519 public key, as the kiosk does it into memory that it lends."""
    out = bytearray(age.encrypted_size(len(data)))
    age.encrypt_into(memoryview(data), recipient, random, memoryview(out))
    return bytes(out)


def files_in(folder: Path) -> Iterator[Path]:
    """Every file in a bundle."""
    return (path for path in sorted(folder.rglob("*")) if path.is_file())


def _dicom(picture: Picture) -> bytes:
    whole = bytes(128) + b"DICM" + picture.jpeg
    return whole + bytes(padded_size(len(whole)) - len(whole))


def _recall() -> dict[str, bytes]:
    """About two earlier bundles, of which one was perhaps never finished."""

    def line(export_id: str, manifest_sha256: str, image: str) -> Line:
        pictures = (Left(CaptureId("0" * 32), image, moved=True),)
        sent = Sent(ExportId(export_id), RecipientId("0" * 32), "", manifest_sha256, pictures)
        return Line(sent, Why.WRONG_SUBJECT, pictures)

    lines = [line("8" * 32, "9" * 64, "a" * 32), line("b" * 32, "", "c" * 32)]
    return recall_members(lines, "7" * 32, date(2026, 5, 1), SIGNER)
