"""Checks a bundle that lies in a folder, without the keys that open its pictures.

Everything in the folder is hostile until the signature over the manifest has been checked with a key that
came from elsewhere; sizes are bounded by the manifest from then on.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from medkiosk.export import manifest, sshsig

VerifyProof = Callable[[bytes, bytes, int, bytes], str]
"""Given a tlog-proof file, an entry, its index and the checkpoint file, return why the proof does not show
that the entry stands at that index of the log with that head; empty if it does. The caller has the log's key:
the ledger is another stage."""

_SMALL = 1 << 20
"""Most bytes of a signature, entry, proof or checkpoint."""
_MOST_FILES = 4 * manifest.MOST_IMAGES


def verify_bundle(folder: Path, signer: str, verify_proof: VerifyProof) -> tuple[str, ...]:
    """Return what is wrong with a bundle, each problem with the name of its file; empty if it is sound.

    Args:
        folder: the bundle's folder.
        signer: OpenSSH line of the key that must have signed it.
        verify_proof: checks the ledger's proofs.

    Raises:
        SignerKeyError: ``signer`` is not a public key.
    """
    key = sshsig.read_public_line(signer)
    try:
        contents = _read(folder / manifest.MANIFEST, manifest.LONGEST)
        signature = _read(folder / manifest.SIGNATURE, _SMALL)
    except (OSError, ValueError) as error:
        return (_words(error),)
    if problem := sshsig.verify(contents, signature, key):
        return (f"{manifest.MANIFEST}: {problem}",)
    try:
        listed = manifest.read(contents)
    except ValueError as error:
        return (f"{manifest.MANIFEST}: it is signed, but cannot be understood: {error}",)
    problems = list(_files(folder, listed))
    if not problems:
        problems += _proofs(folder, listed, verify_proof)
    return tuple(problems)


def verify_picture(image: manifest.Image, leaf: bytes, jpeg: bytes) -> str:
    """Return why a decrypted picture is not the one that the kiosk redacted and logged; empty if it is.

    Args:
        image: from the manifest of a bundle in which `verify_bundle` found nothing wrong.
        leaf: the image's entry, from the same bundle.
        jpeg: the picture, decrypted.
    """
    if (hashlib.sha256(jpeg).hexdigest(), len(jpeg)) != (image.jpeg.sha256, image.jpeg.size):
        return "it is not the picture that the manifest describes"
    found = manifest.expected(image)
    return manifest.why_not_in_leaf(leaf, len(jpeg), found)


def _files(folder: Path, listed: manifest.Manifest) -> Iterator[str]:
    """Every listed file is there with the right bytes, and nothing else is."""
    expected = {part.file: part for part in listed.parts()}
    try:
        for name in _walk(folder):
            if name not in expected and name not in (manifest.MANIFEST, manifest.SIGNATURE):
                yield f"{_printable(name)}: it is not in the manifest"
    except (OSError, ValueError) as error:
        yield _words(error)
    for name, part in expected.items():
        try:
            digest, size = _hash(folder / name, part.size)
        except FileNotFoundError:
            yield f"{name}: it is missing"
        except (OSError, ValueError) as error:
            yield _words(error)
        else:
            if (digest, size) != (part.sha256, part.size):
                yield f"{name}: it was changed"


def _proofs(folder: Path, listed: manifest.Manifest, verify_proof: VerifyProof) -> Iterator[str]:
    try:
        checkpoint = _read(folder / listed.checkpoint.file, _SMALL)
        for image in listed.images:
            leaf = _read(folder / image.leaf.file, _SMALL)
            proof = _read(folder / image.proof.file, _SMALL)
            if problem := verify_proof(proof, leaf, image.leaf_index, checkpoint):
                yield f"{image.proof.file}: {problem}"
            if problem := manifest.why_not_in_leaf(leaf, image.jpeg.size, manifest.expected(image)):
                yield f"{image.leaf.file}: {problem}"
    except (OSError, ValueError) as error:
        yield _words(error)


def _walk(folder: Path) -> Iterator[str]:
    """Names of everything in the bundle's folders; folders themselves only if they do not belong there."""
    count = 0
    for where in ("", "images/", "proofs/"):
        with os.scandir(folder / where) as entries:
            for entry in entries:
                count += 1
                if count > _MOST_FILES:
                    raise ValueError("there are more files than a bundle can have")
                if where == "" and entry.name in ("images", "proofs") and entry.is_dir(follow_symlinks=False):
                    continue
                yield where + entry.name


def _open(path: Path) -> int:
    """Open a plain file, and nothing that only looks like one.

    Raises:
        ValueError: it is not a plain file.
    """
    # Without O_NONBLOCK, opening a named pipe would wait for ever.
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise ValueError(f"{path.name}: it is not a plain file")
    return fd


def _read(path: Path, limit: int) -> bytes:
    with open(_open(path), "rb") as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise ValueError(f"{path.name}: it is longer than it can be")
    return data


def _hash(path: Path, size: int) -> tuple[str, int]:
    """SHA-256 and size of a file, of which no more is read than one byte beyond ``size``."""
    digest, rest = hashlib.sha256(), size + 1
    with open(_open(path), "rb") as file:
        while rest and (chunk := file.read(min(rest, _SMALL))):
            digest.update(chunk)
            rest -= len(chunk)
    return digest.hexdigest(), size + 1 - rest


def _words(error: OSError | ValueError) -> str:
    if isinstance(error, OSError):
        name = Path(os.fsdecode(error.filename)).name if error.filename else "a file"
        return f"{_printable(name)}: it cannot be read ({os.strerror(error.errno or 0)})"
    return str(error)


def _printable(name: str) -> str:
    return name if name.isprintable() and name.isascii() else ascii(name)
