"""Epochs: the key pairs that data keys are sealed to (docs/format.md section 5). Pure."""

from __future__ import annotations

import hmac
from typing import NamedTuple

from cryptography.exceptions import InvalidTag

from medkiosk.core.ids import Random
from medkiosk.vault import envelope
from medkiosk.vault.errors import EpochReplacedError, VaultDamagedError
from medkiosk.vault.keys import IndexKeys, Secret, derive, lines, unwrap, wrap

_LABEL = "medkiosk/epoch/v1"


class Epoch(NamedTuple):
    """One epoch as stored: its public key is for anyone, its private key is under the master."""

    epoch: int
    public_key: bytes
    wrapped_key: bytes
    pin: bytes


def make_epoch(number: int, master: Secret, index: IndexKeys, *, random: Random) -> Epoch:
    """Make a fresh key pair and wrap its private key under the master."""
    private = Secret(random(envelope.PRIVATE_SIZE))
    public = envelope.public_bytes(private.reveal())
    key = derive(master.reveal(), _LABEL)
    wrapped = wrap(key, private.reveal(), lines(_LABEL, number), random)
    private.wipe()
    return Epoch(number, public, wrapped, index.pin(number, public))


def check_pin(epoch: Epoch, index: IndexKeys) -> envelope.PublicKey:
    """Return the public key after checking, without the master, that this device made it.

    Raises:
        EpochReplacedError: it did not, or the row is damaged.
    """
    if not hmac.compare_digest(epoch.pin, index.pin(epoch.epoch, epoch.public_key)):
        raise EpochReplacedError(epoch=epoch.epoch)
    return envelope.public_key(epoch.public_key)


def open_epoch(epoch: Epoch, master: Secret) -> envelope.PrivateKey:
    """Unwrap the private key and check that the stored public key belongs to it.

    Raises:
        VaultDamagedError: the wrapped key is damaged.
        EpochReplacedError: the public key was replaced.
    """
    try:
        raw = unwrap(derive(master.reveal(), _LABEL), epoch.wrapped_key, lines(_LABEL, epoch.epoch))
    except (InvalidTag, ValueError) as error:
        raise VaultDamagedError(
            what="key of epoch", id=epoch.epoch, detail="it does not open with this store's master key"
        ) from error
    try:
        if not hmac.compare_digest(envelope.public_bytes(raw.reveal()), epoch.public_key):
            raise EpochReplacedError(epoch=epoch.epoch)
        return envelope.private_key(raw.reveal())
    finally:
        raw.wipe()
