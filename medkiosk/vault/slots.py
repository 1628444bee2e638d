"""Key slots: each holds the master once: under a passphrase, with or without an authenticator, or the words.

Pure; docs/format.md section 6. `medkiosk.vault.recovery` has the one of the recovery words.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import threading
import unicodedata
from typing import NamedTuple

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from medkiosk.core import canon
from medkiosk.core.ids import Random, new_id
from medkiosk.vault.errors import WeakSlotError, WrongPassphraseError
from medkiosk.vault.keys import KEY_SIZE, Secret, derive, lines, parts, unwrap, wrap

SALT_SIZE = 16
OUTPUT_SIZE = 32
"""What an authenticator says to one salt, bytes."""
LONGEST_CREDENTIAL = 1023
PASSPHRASE = "passphrase"  # noqa: S105 -- the kind
FIDO2 = "fido2"

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


COST = Argon2Params()
"""What a new slot costs to try, and a name that has none."""
FLOOR = Argon2Params(memory_kib=64 * 1024, passes=3, lanes=1)
"""The least that a slot may cost, except where a caller says that it may be weak (tests)."""


class Fido2Params(Argon2Params, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="argon2id-fido2"):
    """What a passphrase costs to try, and which credential of an authenticator goes with it.

    Attributes:
        credential: its id in base64.
        verified: it is asked with user verification (a PIN), which gives another output than without.
    """

    credential: str
    verified: bool

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 1 <= len(self.credential_id) <= LONGEST_CREDENTIAL:
            raise ValueError("the credential id's length is out of bounds")

    @property
    def credential_id(self) -> bytes:
        """The credential's id as the authenticator made it."""
        return base64.b64decode(self.credential, validate=True)


class Authenticator(NamedTuple):
    """One credential of an authenticator, and what it said.

    Attributes:
        credential: its id, 1 to 1,023 bytes.
        verified: it was asked with user verification.
        salt: of the slot, 16 bytes; the authenticator was asked with `token_salt` of it.
        output: 32 bytes.
    """

    credential: bytes
    verified: bool
    salt: bytes
    output: bytes

    @property
    def sound(self) -> bool:
        """Whether all of it has a length that a slot can have."""
        sizes = len(self.salt), len(self.output)
        return 1 <= len(self.credential) <= LONGEST_CREDENTIAL and sizes == (SALT_SIZE, OUTPUT_SIZE)


class Slot(NamedTuple):
    """One way to the master.

    Attributes:
        id: 32 hexadecimal digits.
        kind: ``passphrase``, ``fido2`` or ``recovery``.
        name_tag: 32 bytes that stand for the user's name; in recovery, the pin of its public key.
        params: canonical JSON of `Argon2Params`, `Fido2Params` or `recovery.Slip39Params`.
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
    chosen = params or COST
    if chosen.weak and not allow_weak:
        raise WeakSlotError(floor=_words(FLOOR), given=_words(chosen))
    empty = Slot(new_id(random), PASSPHRASE, name_tag, canon.encode(chosen).decode(), random(SALT_SIZE), b"")
    key = _stretch(passphrase, empty.salt, chosen)
    return empty._replace(wrapped_master=wrap(key.reveal(), master.reveal(), empty.aad(), random))


def fido2_slot(
    master: Secret,
    name_tag: bytes,
    passphrase: str,
    authenticator: Authenticator,
    *,
    random: Random,
    params: Argon2Params | None = None,
    allow_weak: bool = False,
) -> Slot:
    """Make a slot that opens with a passphrase and an authenticator together; as slow as `passphrase_slot`.

    Raises:
        WeakSlotError: ``params`` are below `FLOOR` and ``allow_weak`` was not given.
        ValueError: the authenticator's salt, output or credential id has a wrong length.
    """
    cost = params or COST
    if cost.weak and not allow_weak:
        raise WeakSlotError(floor=_words(FLOOR), given=_words(cost))
    if not authenticator.sound:
        raise ValueError("something about the authenticator has a wrong length")
    chosen = Fido2Params(
        memory_kib=cost.memory_kib,
        passes=cost.passes,
        lanes=cost.lanes,
        credential=base64.b64encode(authenticator.credential).decode(),
        verified=authenticator.verified,
    )
    empty = Slot(new_id(random), FIDO2, name_tag, canon.encode(chosen).decode(), authenticator.salt, b"")
    key = _joined(_stretch(passphrase, empty.salt, chosen), authenticator.output)
    return empty._replace(wrapped_master=wrap(key.reveal(), master.reveal(), empty.aad(), random))


def token_salt(salt: bytes) -> bytes:
    """Return what the authenticator is asked with for a slot of this salt: 32 bytes."""
    return hashlib.sha256(b"medkiosk/fido2-salt/v1\n" + salt).digest()


def open_user_slot(slot: Slot | None, passphrase: str, decoy: bytes, output: bytes = b"") -> Secret:
    """Open a slot and return the master.

    Args:
        slot: None where there is no such user: then the same work is done for nothing, so that the time
            does not tell.
        passphrase: as typed.
        decoy: at least 16 bytes to do the work on where there is no slot.
        output: what an authenticator said; a slot of a passphrase alone does not look at it.

    Raises:
        WrongPassphraseError: no such user, wrong passphrase, or not the output of the slot's authenticator.
    """
    if slot is None:
        _stretch(passphrase, decoy[:SALT_SIZE], COST).wipe()
        raise WrongPassphraseError
    try:
        key = _stretch(passphrase, slot.salt, params_of(slot))
        if slot.kind == FIDO2:
            key = _joined(key, output)
        return unwrap(key.reveal(), slot.wrapped_master, slot.aad())
    except (InvalidTag, ValueError) as error:
        # A damaged slot looks the same as a wrong passphrase; the verifier tells them apart by the digest.
        raise WrongPassphraseError from error


def params_of(slot: Slot) -> Argon2Params:
    """Return what a user's slot says about itself: `Fido2Params` where it takes an authenticator.

    Raises:
        ValueError: they are damaged.
    """
    return canon.decode(slot.params.encode(), Fido2Params if slot.kind == FIDO2 else Argon2Params)


def _joined(stretched: Secret, output: bytes) -> Secret:
    """Join the two halves of a slot key: neither says anything without the other."""
    if len(output) != OUTPUT_SIZE:
        raise ValueError("an authenticator's output has 32 bytes")
    message = b"medkiosk/fido2/v1\n" + output
    joined = hmac.digest(bytes(stretched.reveal()), message, "sha256")
    stretched.wipe()
    return Secret(derive(joined, "medkiosk/fido2/v1"))


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
