"""The sealed catalogue: a cache in the store that saves reading every record (docs/format.md section 11).

Its key needs the master and the device secret, so it dies with the latter at a disposal.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Iterator
from pathlib import Path

from cryptography.cobblestone import Cobblestone256Decryptor, Cobblestone256Encryptor
from cryptography.exceptions import InvalidTag

from medkiosk import durable
from medkiosk.vault.keys import DataKey, Secret, derive, lines

_LABEL = "medkiosk/catalog/v1"
_READ = 1 << 20


class SnapshotError(Exception):
    """There is no sealed catalogue that can be used; says why, in words for the log."""


class SealedCatalogue:
    """The file ``catalog`` of one store and generation of the device secret.

    Args:
        root: the store.
        store_id: its id.
        generation: of the device secret.
        key: from `catalogue_key`; taken over.
    """

    def __init__(self, root: Path, store_id: str, generation: int, key: DataKey) -> None:
        self.generation = generation
        self._path = catalogue_path(root)
        self._tmp = root / "tmp" / "catalog"
        self._key = key
        self._context = lines(_LABEL, store_id, generation)

    def close(self) -> None:
        """Forget the key; harmless when repeated."""
        self._key.wipe()

    def write(self, pieces: Iterable[bytes]) -> int:
        """Replace the file: after a crash it is the old one or the new one. One writer at a time.

        Returns:
            The file's size, bytes.

        Raises:
            OSError: the disk is full or failing; the old file is still there, or the new one is.
        """
        durable.remove(self._tmp)
        encryptor = Cobblestone256Encryptor(self._key.reveal(), self._context)
        file = durable.create(self._tmp)
        try:
            for piece in pieces:
                file.write(encryptor.update(piece))
            file.write(encryptor.finalize())
            durable.replace(file, self._path)
            return file.size
        finally:
            file.close()

    def remove(self) -> None:
        """Remove the file; harmless where there is none."""
        durable.remove(self._path)

    def read(self) -> Iterator[bytes]:
        """Yield the plaintext, each piece verified; it is whole only when the iterator ends without an error.

        Raises:
            SnapshotError: it is missing, damaged, or of another store or generation.
        """
        decryptor = Cobblestone256Decryptor(self._key.reveal(), self._context)
        try:
            with self._path.open("rb", buffering=0) as file:
                while sealed := file.read(_READ):
                    if plain := decryptor.update(sealed):
                        yield plain
                yield decryptor.finalize()
        except InvalidTag as error:
            raise SnapshotError("it is damaged, or of another store or device secret") from error
        except FileNotFoundError as error:
            raise SnapshotError("there is none") from error
        except OSError as error:
            raise SnapshotError(error.strerror or "it cannot be read") from error


def catalogue_path(root: Path) -> Path:
    """Where a store's sealed catalogue is."""
    return root / "catalog"


def catalogue_key(master: Secret, device_secret: Secret) -> DataKey:
    """The key of the sealed catalogue."""
    message = _LABEL.encode() + b"\n" + device_secret.reveal()
    return DataKey(derive(hmac.digest(master.reveal(), message, "sha256"), _LABEL))
