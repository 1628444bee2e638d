"""The recovery key: what two of three sheets open, without the machine that sealed it.

Pure; docs/format.md section 6. The words themselves are SLIP-39.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec
import shamir_mnemonic
from cryptography.exceptions import InvalidTag

from medkiosk.core import canon
from medkiosk.core.ids import Random, new_id
from medkiosk.vault import envelope
from medkiosk.vault.errors import RecoveryReplacedError, VaultDamagedError, WrongSharesError
from medkiosk.vault.keys import KEY_SIZE, IndexKeys, Secret, derive, lines, parts, unwrap, wrap
from medkiosk.vault.slots import Slot

SHARES = 3
THRESHOLD = 2
KIND = "recovery"

ESCROWED = ("index", "ledger", "export")
"""The device's lasting secrets, in the order of the format."""


class Slip39Params(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kdf", tag="slip39"):
    """Two of three mnemonics; ``public_key`` is the recovery key pair's, base64."""

    public_key: str


class Recovered(NamedTuple):
    """What two sheets give.

    Attributes:
        master: the store's master.
        private: the recovery key pair's private key; it opens every epoch and the escrow.
    """

    master: Secret
    private: envelope.PrivateKey


def recovery_slot(master: Secret, index: IndexKeys, *, random: Random) -> tuple[Slot, list[str]]:
    """Make the recovery slot and the three mnemonics, two of which open it. They are shown once.

    The split's own randomness comes from the operating system.
    """
    secret = Secret(random(KEY_SIZE))
    [shares] = shamir_mnemonic.generate_mnemonics(1, [(THRESHOLD, SHARES)], bytes(secret.reveal()))
    public = envelope.public_bytes(_private_bytes(secret.reveal()))
    params = canon.encode(Slip39Params(base64.b64encode(public).decode())).decode()
    empty = Slot(new_id(random), KIND, index.pin(0, public), params, b"", b"")
    wrapped = wrap(_slot_key(secret.reveal()), master.reveal(), empty.aad(), random)
    secret.wipe()
    return empty._replace(wrapped_master=wrapped), list(shares)


def open_recovery_slot(slot: Slot, shares: Sequence[str]) -> Recovered:
    """Open the recovery slot with two (or three) mnemonics.

    Raises:
        WrongSharesError: too few, misspelt, or of another store.
    """
    distinct = list(dict.fromkeys(" ".join(share.lower().split()) for share in shares))
    if len(distinct) < THRESHOLD:
        raise WrongSharesError(detail="one sheet is not enough")
    try:
        secret = Secret(shamir_mnemonic.combine_mnemonics(distinct[:THRESHOLD]))
    except shamir_mnemonic.MnemonicError as error:
        raise WrongSharesError(detail=_plain(error)) from error
    try:
        master = unwrap(_slot_key(secret.reveal()), slot.wrapped_master, slot.aad())
        return Recovered(master, envelope.private_key(_private_bytes(secret.reveal())))
    except (InvalidTag, ValueError) as error:
        raise WrongSharesError(
            detail="they belong to another store, or the store's slot is damaged"
        ) from error
    finally:
        secret.wipe()


def recovery_public(slot: Slot, index: IndexKeys) -> envelope.PublicKey:
    """Return the public key to seal to, after checking that this device made it.

    Raises:
        RecoveryReplacedError: it did not, or the row is damaged.
    """
    try:
        raw = base64.b64decode(canon.decode(slot.params.encode(), Slip39Params).public_key, validate=True)
        public = envelope.public_key(raw)
    except ValueError as error:
        raise RecoveryReplacedError from error
    if not hmac.compare_digest(slot.name_tag, index.pin(0, raw)):
        raise RecoveryReplacedError
    return public


def seal_escrow(secrets: Mapping[str, bytes], public: envelope.PublicKey) -> dict[str, bytes]:
    """Seal the device's lasting secrets to the recovery key.

    Raises:
        ValueError: not exactly `ESCROWED`, of 32 bytes each.
    """
    if set(secrets) != set(ESCROWED) or any(len(secret) != KEY_SIZE for secret in secrets.values()):
        raise ValueError(f"the escrow holds {', '.join(ESCROWED)}, {KEY_SIZE} bytes each")
    index = secrets["index"]
    return {
        name: envelope.seal(secrets[name] + _proof(index, name, secrets[name]), public, _escrow_info(name))
        for name in ESCROWED
    }


def open_escrow(sealed: Mapping[str, bytes], slot: Slot, recovered: Recovered) -> dict[str, Secret]:
    """Open the lasting secrets and check that this kiosk put them there.

    Anybody can seal to a public key. That the index key is the right one shows the pin of the slot, which
    the words vouch for; that the others are, the index key.

    Raises:
        VaultDamagedError: one is missing, does not open, or was put there by somebody else.
    """
    opened = {}
    for name in ESCROWED:
        try:
            secret = envelope.open_sealed(sealed[name], recovered.private, _escrow_info(name))
        except (KeyError, InvalidTag, ValueError) as error:
            raise VaultDamagedError(
                what="escrow", id=name, detail="it is missing or does not open with the recovery words"
            ) from error
        opened[name] = secret
    index = bytes(opened["index"].reveal()[:KEY_SIZE])
    try:
        recovery_public(slot, IndexKeys(index))
        for name, secret in opened.items():
            raw = secret.reveal()
            if not hmac.compare_digest(raw[KEY_SIZE:], _proof(index, name, raw[:KEY_SIZE])):
                raise VaultDamagedError(what="escrow", id=name, detail="this kiosk did not put it there")
    except RecoveryReplacedError as error:
        raise VaultDamagedError(
            what="escrow", id="index", detail="this kiosk did not put it there"
        ) from error
    return {name: Secret(secret.reveal()[:KEY_SIZE]) for name, secret in opened.items()}


def _proof(index: bytes, name: str, secret: bytes | bytearray) -> bytes:
    return hmac.digest(derive(index, "medkiosk/escrow/v2"), parts(name, bytes(secret)), "sha256")


def _slot_key(secret: bytes | bytearray) -> bytes:
    return derive(secret, "medkiosk/recovery/v1")


def _private_bytes(secret: bytes | bytearray) -> bytes:
    return derive(secret, "medkiosk/recovery-key/v2", envelope.PRIVATE_SIZE)


def _escrow_info(name: str) -> bytes:
    return lines("medkiosk/escrow/v2", name)


def _plain(error: Exception) -> str:
    # The library's messages name the word that is wrong, never a right one that was left out.
    return str(error).rstrip(".").replace("mnemonics", "sheets").replace("mnemonic", "sheet") or "misspelt"
