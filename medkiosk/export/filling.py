"""Makes the files of a bundle: encrypts, hashes, describes. Writes none of them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from medkiosk import sshsig
from medkiosk.core import canon
from medkiosk.durable import CHUNK
from medkiosk.export import age, manifest, record, words
from medkiosk.export.buffers import Block, Buffers
from medkiosk.export.checks import Checks, Value
from medkiosk.export.contents import Bundle, Picture
from medkiosk.export.errors import MixedUpError
from medkiosk.export.manifest import Part
from medkiosk.export.padding import picture_padding
from medkiosk.export.viewer import chunks


@dataclass(frozen=True)
class Made:
    """One file, ready to be written: what it must be, and its bytes, which may lie in a lent buffer."""

    part: Part
    check: Value
    data: bytes | Block = field(repr=False)


class Filler:
    """Makes the files of one bundle. `picture` may run in several threads."""

    def __init__(self, bundle: Bundle, buffers: Buffers, checks: Checks) -> None:
        self._bundle = bundle
        self._buffers = buffers
        self._checks = checks
        self._identity, self._key = "", bundle.recipient
        if bundle.passphrase:
            self._identity, self._key = age.new_identity(bundle.random)
        self._members: dict[str, bytes] = dict(bundle.extras.consent)
        self._images: list[record.Image] = []

    @property
    def dirs(self) -> list[str]:
        """Folders in the bundle."""
        extras = self._bundle.extras
        dicom = [manifest.DICOM] if extras.dicom else []
        return [manifest.IMAGES, *dicom, *([manifest.VIEW] if extras.page else [])]

    @property
    def images(self) -> int:
        """How many pictures there are by now."""
        return len(self._images)

    def picture(self, picture: Picture, number: int) -> list[Made]:
        """Make what there is of one picture.

        Raises:
            MixedUpError: it is not the one that its ledger entry names.
        """
        jpeg = record.content(picture.jpeg)
        found = record.commitment(picture.commitment_key, jpeg.sha256)
        if problem := record.why_not_in_leaf(picture.leaf, jpeg.size, found):
            raise MixedUpError(number=number, detail=problem)
        if bool(picture.dicom) != self._bundle.extras.dicom:
            raise MixedUpError(number=number, detail="its DICOM object is missing or was not asked for")
        padding = picture_padding(jpeg.size, self._bundle.export_id, picture.id)
        sealed = self._sealed([picture.jpeg, padding])
        made = [self._made(manifest.image(picture.id), sealed), *self._shown(picture.id, sealed)]
        if picture.dicom:
            made.append(self._made(manifest.dicom(picture.id), self._sealed([picture.dicom])))
        self._members[f"leaves/{picture.id}.leaf"] = picture.leaf
        self._members[f"proofs/{picture.id}.tlog-proof"] = picture.proof
        if self._bundle.extras.page:
            self._members[f"thumbnails/{picture.id}.jpg"] = picture.thumbnail
        self._images.append(
            record.Image(
                id=picture.id,
                subject=picture.subject,
                statement=record.statement(picture.policy),
                width=picture.width,
                height=picture.height,
                jpeg=jpeg,
                dicom=record.content(picture.dicom) if picture.dicom else None,
                date=picture.date,
                commitment_key=picture.commitment_key.hex(),
                leaf_index=picture.leaf_index,
            )
        )
        return made

    def rest(self, written: Sequence[Part]) -> Iterator[Made]:
        """Make what is there once, the manifest and its signature last.

        Args:
            written: the files of all pictures.
        """
        listed = list(written)
        for made in self._once(len(listed)):
            listed.append(made.part)
            yield made
        bundle = self._bundle
        contents = canon.encode(
            manifest.Manifest(
                version=manifest.VERSION,
                export_id=bundle.export_id,
                created=bundle.created.isoformat(),
                files=tuple(sorted(listed, key=lambda part: part.file)),
            )
        )
        manifest.read(contents)  # nothing is signed that a verifier would refuse
        signature = sshsig.sign(contents, bundle.signer)
        yield self._made(manifest.MANIFEST, contents)
        yield self._made(manifest.SIGNATURE, signature)
        yield from self._shown("manifest", contents)
        yield from self._shown("signature", signature)

    def _once(self, pictures: int) -> list[Made]:
        bundle, extras = self._bundle, self._bundle.extras
        sealed = self._sealed([record.write_record(self._record(), self._members)])
        made = [self._made(manifest.RECORD, sealed), *self._shown("record", sealed)]
        if self._identity:
            text = f"{self._identity}\n".encode()
            identity = age.encrypt_with_passphrase(text, bundle.passphrase, bundle.random)
            made += [self._made(manifest.IDENTITY, identity), *self._shown("identity", identity)]
        made += [
            self._made(manifest.CHECKPOINT, bundle.checkpoint),
            *self._shown("checkpoint", bundle.checkpoint),
        ]
        if extras.page:
            made.append(self._made(manifest.PAGE, extras.page))
        for name, data in sorted(extras.recall.items()):
            made.append(self._made(name, data))
            made += self._shown("recall", data) if name == manifest.RECALL[1] else []
        told = words.Told(
            fingerprint=sshsig.fingerprint(bundle.signer.public_key()),
            files=pictures + len(made) + 2,  # with the two that say so
            viewer=bool(extras.page),
            passphrase=bool(bundle.passphrase),
            dicom=extras.dicom,
            recall=bool(extras.recall),
        )
        made.append(self._made(manifest.INSTRUCTIONS, words.instructions(told)))
        made.append(self._made(manifest.README, words.readme(told)))
        return made

    def _record(self) -> record.Record:
        bundle = self._bundle
        return record.Record(
            version=record.VERSION,
            export_id=bundle.export_id,
            recipient=record.recipient_fingerprint(bundle.recipient),
            purpose=bundle.purpose,
            data_use=bundle.data_use,
            acknowledge=bundle.acknowledge.hex(),
            images=tuple(sorted(self._images, key=lambda image: image.id)),
        )

    def _sealed(self, parts: Sequence[bytes]) -> Block:
        """Encrypt some bytes that belong together."""
        size = sum(map(len, parts))
        plain = self._buffers.lend(size)
        sealed = self._buffers.lend(age.encrypted_size(size))
        _fill(plain, parts)
        age.encrypt_into(plain.view, self._key, self._bundle.random, sealed.view)
        self._buffers.give_back(plain)
        return sealed

    def _shown(self, name: str, data: bytes | Block) -> list[Made]:
        """Return the same file in the form that the page can load from a folder (section 6)."""
        if not self._bundle.extras.page:
            return []
        view = data.view if isinstance(data, Block) else memoryview(data)
        block = self._buffers.lend(chunks.chunk_size(len(view)))
        _fill(block, chunks.pieces(view))
        return [self._made(manifest.view(name), block)]

    def _made(self, name: str, data: bytes | Block) -> Made:
        """Describe a file. Each piece is hashed and checked at once, so both are about the same bytes."""
        view = data.view if isinstance(data, Block) else memoryview(data)
        digest, check = hashlib.sha256(), self._checks.start()
        for at in range(0, len(view), CHUNK):
            piece = view[at : at + CHUNK]
            digest.update(piece)
            check.update(piece)
        return Made(Part(name, digest.hexdigest(), len(view)), check.value(), data)


def _fill(block: Block, parts: Iterable[bytes]) -> None:
    at, view = 0, block.view
    for part in parts:
        view[at : at + len(part)] = part
        at += len(part)
