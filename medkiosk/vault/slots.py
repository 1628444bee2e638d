"""Key slots: each holds the master once, under a passphrase or under the recovery words.

Pure; docs/format.md section 6. `medkiosk.vault.recovery` has the one of the recovery words.
"""

from __future__ import annotations

import threading
import unicodedata
from typing import NamedTuple

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from medkiosk.core import canon
from medkiosk.core.ids import Random, new_id
from medkiosk.vault.errors import WeakSlotError, WrongPassphraseError
from medkiosk.vault.keys import KEY_SIZE, Secret, lines, parts, unwrap, wrap

SALT_SIZE = 16

# Two Argon2id computations with several lanes at the same time wait for each other's threads for ever in
# OpenSSL's pool (seen with cryptography 50). One at a time also bounds the memory.
_one_at_a_time = threading.Lock()


class Argon2Params(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kdf", tag="argon2id"):
    """How much work a passphrase costs to try. The defaults take 1.2 s and 256 MiB on a small machine."""

    memory_kib: int = 256 * 1024
    passes: int = 3
    lanes: int = 4

    def __post_init__(self) -> None:
        if not (
            8 * self.lanes <= self.memory_kib <= 4 << 20 and 1 <= self.passes <= 64 and 1 <= self.lanes <= 64
        ):
            raise ValueError("Argon2id parameters out of bounds")

    @property
    def weak(self) -> bool:
        """Tell whether trying a passphrase costs less than `FLOOR`."""
        return self.below(FLOOR)

    def below(self, other: Argon2Params) -> bool:
        """Tell whether trying a passphrase costs less memory or fewer passes than with ``other``."""
        return self.memory_kib < other.memory_kib or self.passes < other.passes


FLOOR = Argon2Params(memory_kib=64 * 1024, passes=3, lanes=1)
"""The least that a slot may cost, except where a caller says that it may be weak (tests)."""


class Slot(NamedTuple):
    """One way to the master.

    Attributes:
        id: 32 hexadecimal digits.
        kind: ``passphrase`` or ``recovery``.
        name_tag: 32 bytes that stand for the user's name; in recovery, the pin of its public key.
        params: canonical JSON of `Argon2Params` or `recovery.Slip39Params`.
        salt: 16 bytes; empty in recovery.
        wrapped_master: 60 bytes.
    """

    id: str
    kind: str
    name_tag: bytes
    params: str
    salt: bytes
    wrapped_master: bytes

    def aad(self) -> bytes:
        """Return everything about the slot that its wrapping is bound to."""
        return lines("medkiosk/slot/v1", "") + parts(
            self.id, self.kind, self.name_tag, self.params, self.salt
        )


def normalise_name(name: str) -> bytes:
    """Return the one spelling of a user name that counts: width, case and outer white space do not."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold()).strip().encode()


def passphrase_slot(
    master: Secret,
    name_tag: bytes,
    passphrase: str,
    *,
    random: Random,
    params: Argon2Params | None = None,
    allow_weak: bool = False,
) -> Slot:
    """Make a slot that opens with a passphrase. Takes as long as ``params`` says.

    Raises:
        WeakSlotError: ``params`` are below `FLOOR` and ``allow_weak`` was not given.
    """
    chosen = params or Argon2Params()
    if chosen.weak and not allow_weak:
        raise WeakSlotError(floor=_words(FLOOR), given=_words(chosen))
    empty = Slot(
        new_id(random), "passphrase", name_tag, canon.encode(chosen).decode(), random(SALT_SIZE), b""
    )
    key = _stretch(passphrase, empty.salt, chosen)
    return empty._replace(wrapped_master=wrap(key.reveal(), master.reveal(), empty.aad(), random))


def open_passphrase_slot(slot: Slot | None, passphrase: str, decoy: bytes) -> Secret:
    """Open a slot and return the master.

    Args:
        slot: None where there is no such user: then the same work is done for nothing, so that the time
            does not tell.
        passphrase: as typed.
        decoy: at least 16 bytes to do the work on where there is no slot.

    Raises:
        WrongPassphraseError: no such user or wrong passphrase.
    """
    if slot is None:
        _stretch(passphrase, decoy[:SALT_SIZE], Argon2Params()).wipe()
        raise WrongPassphraseError
    try:
        params = canon.decode(slot.params.encode(), Argon2Params)
        key = _stretch(passphrase, slot.salt, params)
        return unwrap(key.reveal(), slot.wrapped_master, slot.aad())
    except (InvalidTag, ValueError) as error:
        # A damaged slot looks the same as a wrong passphrase; the verifier tells them apart by the digest.
        raise WrongPassphraseError from error


def _stretch(passphrase: str, salt: bytes, params: Argon2Params) -> Secret:
    normal = unicodedata.normalize("NFC", passphrase).encode()
    with _one_at_a_time:
        kdf = Argon2id(
            salt=salt,
            length=KEY_SIZE,
            iterations=params.passes,
            lanes=params.lanes,
            memory_cost=params.memory_kib,
        )
        return Secret(kdf.derive(normal))


def _words(params: Argon2Params) -> str:
    return f"{params.memory_kib // 1024} MiB in {params.passes} passes"
