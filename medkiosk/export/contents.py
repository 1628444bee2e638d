"""What a bundle is made of, before any of it is encrypted or written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from medkiosk.core.consent import Purpose
from medkiosk.core.datause import DataUse
from medkiosk.core.ids import ExportId, Random


@dataclass(frozen=True)
class Picture:
    """One approved picture, as it is to leave.

    Attributes:
        id: fresh for this export.
        subject: pseudonym of whom it shows, fresh for this export.
        jpeg: the derivative, decrypted.
        width: pixels as stored in the JPEG.
        height: likewise.
        policy: name of the redaction policy that it was made under.
        commitment_key: 32 bytes, derived from the derivative's data key (docs/format.md section 3).
        leaf_index: where its entry stands in the ledger.
        leaf: the entry.
        proof: tlog-proof file, to the bundle's checkpoint.
        date: shifted day on which the kiosk sealed it, ``YYYY-MM-DD``; or empty.
        thumbnail: a small JPEG made from this picture; only with the viewer.
        dicom: the same picture as a padded DICOM object; empty where none was asked for.
    """

    id: str
    subject: str
    jpeg: bytes = field(repr=False)
    width: int
    height: int
    policy: str
    commitment_key: bytes = field(repr=False)
    leaf_index: int
    leaf: bytes = field(repr=False)
    proof: bytes = field(repr=False)
    date: str = ""
    thumbnail: bytes = field(default=b"", repr=False)
    dicom: bytes = field(default=b"", repr=False)


@dataclass(frozen=True)
class Extras:
    """What may go with the pictures; the writer knows nothing of what is inside.

    Attributes:
        page: the viewer's ``index.html``; empty without the viewer.
        dicom: whether every picture has a DICOM object.
        consent: members of the record by name: ``consent/SUBJECT-r4.json``, ``consent/SUBJECT-r5.json``.
        recall: a recall notice: all three files of `medkiosk.export.manifest.RECALL` by name, or none.
    """

    page: bytes = field(default=b"", repr=False)
    dicom: bool = False
    consent: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    recall: Mapping[str, bytes] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Bundle:
    """What is to be written.

    Attributes:
        export_id: fresh for this export.
        created: day of the export.
        purpose: what for.
        recipient: age X25519 public key; empty where it is encrypted to a passphrase.
        passphrase: what it is encrypted to where there is no public key, ASCII; it is never written. Who made
            it wipes it.
        data_use: what the receiver may do.
        acknowledge: seed of the export's own key (docs/acknowledgement.md), 32 bytes.
        pictures: taken one at a time, so that few are in memory at a time.
        count: how many; 0 where it is not known, and only for what people are told.
        checkpoint: the ledger head that all proofs lead to.
        signer: the kiosk's signing key.
        random: makes keys.
        extras: what goes with the pictures.
    """

    export_id: ExportId
    created: date
    purpose: Purpose
    recipient: str
    pictures: Iterable[Picture] = field(repr=False)
    checkpoint: bytes
    signer: Ed25519PrivateKey = field(repr=False)
    random: Random
    acknowledge: bytes = field(repr=False)
    passphrase: bytes | bytearray = field(default=b"", repr=False)
    data_use: DataUse = field(default_factory=DataUse)
    extras: Extras = field(default_factory=Extras)
    count: int = 0
