"""Writes a bundle to a stick, whole or not at all (docs/export-format.md section 1).

Sequence: folder under a temporary name; for each group of pictures write, sync; manifest, signature, sync;
sync the folders; read every file back from the device and compare; rename the folder; sync its parent.
Nothing that is not encrypted or meant for everybody touches the stick, at any instant.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from medkiosk import durable
from medkiosk.core import canon
from medkiosk.core.consent import Purpose
from medkiosk.core.errors import BadRequestError, KioskError
from medkiosk.core.ids import ExportId, Random, new_id
from medkiosk.durable import TmpFile
from medkiosk.export import age, manifest, sshsig, words

PARTIAL = ".medkiosk-partial-"
_GROUP = 16
"""Pictures synced together; three open files each."""

_WORDS = {
    errno.ENOSPC: "the stick is full",
    errno.EDQUOT: "the stick is full",
    errno.EFBIG: "a picture is too large for the stick's file system",
    errno.EROFS: "the stick is write-protected",
    errno.EACCES: "the stick may not be written to",
    errno.EPERM: "the stick may not be written to",
    errno.ENOENT: "the stick is not there (any more)",
    errno.ENOTDIR: "the stick is not there (any more)",
    errno.ENODEV: "the stick was pulled out",
    errno.ENXIO: "the stick was pulled out",
    errno.EIO: "the stick failed or was pulled out",
}


class StickError(KioskError):
    """The bundle could not be written: {detail}.

    It was not recorded as exported. Keep or erase the stick and do not hand it over: what may be left on it
    is encrypted, but the recipient could open it. Try again, with another stick if this happens twice.
    """

    code = "export.stick"


class StickLiesError(KioskError):
    """The stick gave back other bytes than were written to it ({detail}).

    It is broken, or smaller than it claims. Nothing was recorded as exported. Do not hand this stick over;
    destroy it and use another.
    """

    code = "export.stick_lies"


class MixedUpError(KioskError):
    """Picture {number} of this export does not fit its entry in the ledger: {detail}.

    The export was stopped and its folder removed from the stick. This must never happen: tell whoever looks
    after the kiosk.
    """

    code = "export.mixed_up"
    exit_code = 3


@dataclass(frozen=True)
class Picture:
    """One approved picture, as it is to leave.

    Attributes:
        jpeg: the derivative, decrypted.
        width: pixels as stored in the JPEG.
        height: likewise.
        policy: name of the redaction policy that it was made under.
        commitment_key: 32 bytes, derived from the derivative's data key (docs/format.md section 3).
        leaf_index: where its entry stands in the ledger.
        leaf: the entry.
        proof: tlog-proof file, to the bundle's checkpoint.
    """

    jpeg: bytes
    width: int
    height: int
    policy: str
    commitment_key: bytes
    leaf_index: int
    leaf: bytes
    proof: bytes


@dataclass(frozen=True)
class Bundle:
    """What is to be written.

    Attributes:
        export_id: fresh for this export.
        created: day of the export.
        purpose: what for.
        recipient: age X25519 public key.
        pictures: taken one at a time, so that one is in memory at a time.
        checkpoint: the ledger head that all proofs lead to.
        signer: the kiosk's signing key.
        random: makes the images' ids.
    """

    export_id: ExportId
    created: date
    purpose: Purpose
    recipient: str
    pictures: Iterable[Picture]
    checkpoint: bytes
    signer: Ed25519PrivateKey
    random: Random


@dataclass(frozen=True)
class Written:
    """What was written, read back and found right.

    Attributes:
        folder: name of the bundle's folder on the stick.
        images: how many.
        bytes: of all files together.
        manifest_sha256: hex.
        signer: OpenSSH fingerprint of the signing key.
    """

    folder: str
    images: int
    bytes: int
    manifest_sha256: str
    signer: str


class Files(Protocol):
    """The durable operations needed here; `medkiosk.durable` is one, tests hand in ones that fail."""

    def open_dir(self, path: Path) -> int:
        """See `medkiosk.durable.open_dir`."""
        ...

    def make_dir(self, path: Path) -> None:
        """See `medkiosk.durable.make_dir`."""
        ...

    def create(self, path: Path) -> TmpFile:
        """See `medkiosk.durable.create`."""
        ...

    def sync_files(self, root_fd: int, files: Sequence[TmpFile]) -> None:
        """See `medkiosk.durable.sync_files`."""
        ...

    def publish(self, tmp: Path, final: Path) -> None:
        """See `medkiosk.durable.publish`."""
        ...

    def sync_dirs(self, root_fd: int, folders: Iterable[Path]) -> None:
        """See `medkiosk.durable.sync_dirs`."""
        ...

    def read_back(self, path: Path) -> Iterator[memoryview]:
        """See `medkiosk.durable.read_back`."""
        ...


def write_bundle(
    target_dir: Path, bundle: Bundle, files: Files = durable, *, still: Callable[[], object] = lambda: None
) -> Written:
    """Write a bundle below ``target_dir``, the top folder of a mounted stick; one export a stick at a time.

    Args:
        target_dir: where.
        bundle: what.
        files: the durable operations.
        still: asked right before the bundle gets its name; what it raises ends the export, without a trace.

    Raises:
        StickError: the stick did not take it.
        StickLiesError: the stick took it and gives back something else.
        MixedUpError: a picture is not the one that its ledger entry names.
        RecipientKeyError: nothing can be encrypted to this recipient.
        BadRequestError: there is no picture, or there are more than a bundle may have.
        KioskError: whatever taking the next picture raises.
    """
    age.check_recipient(bundle.recipient)
    short = bundle.export_id[:8]
    partial = target_dir / f"{PARTIAL}{short}"
    final = target_dir / f"medkiosk-{bundle.created.isoformat()}-{short}"
    with _on_stick():
        root_fd = files.open_dir(target_dir)
    try:
        if final.exists():
            raise StickError(detail=f"{final.name} is on it already")
        with _whole_or_nothing(partial, final):
            with _on_stick():
                for leftover in target_dir.glob(f"{PARTIAL}*"):
                    shutil.rmtree(leftover)
            written = _fill(_Writer(partial, root_fd, files), bundle, final.name)
            still()
            with _on_stick():
                files.publish(partial, final)
                files.sync_dirs(root_fd, [target_dir])
    finally:
        os.close(root_fd)
    return written


@contextlib.contextmanager
def _whole_or_nothing(partial: Path, final: Path) -> Iterator[None]:
    """Remove what was written if anything fails, as far as the stick still lets us.

    Under either name: a rename that was reported as failed may have happened. The stick may be gone, which is
    why the errors promise nothing about what is on it.
    """
    try:
        yield
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        shutil.rmtree(final, ignore_errors=True)
        raise


class _Writer:
    """Writes files into the folder that is not a bundle yet, and remembers what they must be."""

    def __init__(self, folder: Path, root_fd: int, files: Files) -> None:
        self._folder = folder
        self._root_fd = root_fd
        self._files = files
        self._unsynced: list[TmpFile] = []
        self._written: list[manifest.Part] = []

    @property
    def total(self) -> int:
        """Bytes of all files."""
        return sum(part.size for part in self._written)

    def make_dirs(self) -> None:
        with _on_stick():
            for folder in (self._folder, self._folder / "images", self._folder / "proofs"):
                self._files.make_dir(folder)

    def add(self, name: str, data: bytes) -> manifest.Part:
        with _on_stick():
            file = self._files.create(self._folder / name)
            self._unsynced.append(file)
            file.write(data)
        self._written.append(manifest.part(name, data))
        return self._written[-1]

    def sync(self) -> None:
        with _on_stick():
            self._files.sync_files(self._root_fd, self._unsynced)
        self.close()

    def close(self) -> None:
        unsynced, self._unsynced = self._unsynced, []
        with _on_stick():
            for file in unsynced:
                file.close()

    def finish(self) -> None:
        """Sync what is left, then compare what the stick has with what was written."""
        self.sync()
        with _on_stick():
            self._files.sync_dirs(
                self._root_fd, [self._folder, self._folder / "images", self._folder / "proofs"]
            )
            for part in self._written:
                digest, size = hashlib.sha256(), 0
                for chunk in self._files.read_back(self._folder / part.file):
                    digest.update(chunk)
                    size += len(chunk)
                if (digest.hexdigest(), size) != (part.sha256, part.size):
                    raise StickLiesError(detail=part.file)


def _fill(writer: _Writer, bundle: Bundle, name: str) -> Written:
    try:
        writer.make_dirs()
        images = []
        for number, picture in enumerate(bundle.pictures, 1):
            images.append(_add(writer, bundle, picture, number))
            if number % _GROUP == 0:
                writer.sync()
        if not 1 <= len(images) <= manifest.MOST_IMAGES:
            raise BadRequestError(detail=f"a bundle cannot have {len(images)} pictures")
        signer = sshsig.fingerprint(bundle.signer.public_key())
        contents = canon.encode(
            manifest.Manifest(
                version="medkiosk-export/1",
                export_id=bundle.export_id,
                created=bundle.created.isoformat(),
                purpose=bundle.purpose,
                recipient=manifest.recipient_fingerprint(bundle.recipient),
                images=tuple(sorted(images, key=lambda image: image.id)),
                checkpoint=writer.add(manifest.CHECKPOINT, bundle.checkpoint),
                instructions=writer.add(manifest.INSTRUCTIONS, words.instructions(signer, len(images))),
            )
        )
        manifest.read(contents)  # nothing is signed that a verifier would refuse
        sha256 = writer.add(manifest.MANIFEST, contents).sha256
        writer.add(manifest.SIGNATURE, sshsig.sign(contents, bundle.signer))
        writer.finish()
    finally:
        writer.close()
    return Written(name, len(images), writer.total, sha256, signer)


def _add(writer: _Writer, bundle: Bundle, picture: Picture, number: int) -> manifest.Image:
    jpeg_sha256 = hashlib.sha256(picture.jpeg).hexdigest()
    found = manifest.commitment(picture.commitment_key, jpeg_sha256)
    if problem := manifest.why_not_in_leaf(picture.leaf, len(picture.jpeg), found):
        raise MixedUpError(number=number, detail=problem)
    image_id = new_id(bundle.random)
    ciphertext, leaf, proof = manifest.names(image_id)
    return manifest.Image(
        id=image_id,
        statement=manifest.statement(picture.policy),
        width=picture.width,
        height=picture.height,
        jpeg=manifest.Content(jpeg_sha256, len(picture.jpeg)),
        commitment_key=picture.commitment_key.hex(),
        ciphertext=writer.add(ciphertext, age.encrypt(picture.jpeg, [bundle.recipient])),
        leaf_index=picture.leaf_index,
        leaf=writer.add(leaf, picture.leaf),
        proof=writer.add(proof, picture.proof),
    )


@contextlib.contextmanager
def _on_stick() -> Iterator[None]:
    """Tell the errors of the stick from those of the place where the pictures come from."""
    try:
        yield
    except OSError as error:
        detail = _WORDS.get(error.errno or 0, os.strerror(error.errno or 0))
        raise StickError(detail=detail) from error
