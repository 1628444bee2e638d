"""Epochs: the key pairs that data keys are sealed to (docs/format.md section 5). Pure."""

from __future__ import annotations

import hmac
from datetime import datetime, timedelta
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from medkiosk.core.clock import parse_rfc3339
from medkiosk.core.ids import Random
from medkiosk.vault import envelope
from medkiosk.vault.envelope import Name
from medkiosk.vault.errors import EpochReplacedError, VaultDamagedError
from medkiosk.vault.keys import KEY_SIZE, DataKey, IndexKeys, Secret, derive, lines, unwrap, wrap

SECRET_SIZE = envelope.PRIVATE_SIZE + KEY_SIZE
"""The secret part of an epoch: the KEM's private key, then the moving key."""

MAX_AGE = timedelta(days=30)
MAX_ENVELOPES = 20_000
"""Beyond either, a new epoch is due."""

_LABEL = "medkiosk/epoch/v2"


class Epoch(NamedTuple):
    """One epoch as stored: its public key is for anyone, its secret part is sealed twice.

    Attributes:
        epoch: its number.
        generation: of the device secret that it is wrapped with.
        opened_at: RFC 3339 in UTC.
        public_key: 1,216 bytes.
        wrapped_key: the secret part under master and device secret, 156 bytes.
        recovery_key: the secret part for the recovery key, 1,264 bytes.
        pin: 32 bytes by which a locked kiosk recognises the public key.
    """

    epoch: int
    generation: int
    opened_at: str
    public_key: bytes
    wrapped_key: bytes
    recovery_key: bytes
    pin: bytes


class EpochKeys:
    """An epoch's secret part, ready to use; in memory until `wipe`."""

    __slots__ = ("_moving", "_private", "_secret", "number")

    def __init__(self, number: int, secret: Secret) -> None:
        """Take over ``secret`` (128 bytes)."""
        raw = secret.reveal()
        if len(raw) != SECRET_SIZE:
            raise ValueError(f"an epoch's secret part has {SECRET_SIZE} bytes")
        self.number = number
        self._secret = secret
        self._private = envelope.private_key(raw[: envelope.PRIVATE_SIZE])
        self._moving = AESGCM(raw[envelope.PRIVATE_SIZE :])

    def public_bytes(self) -> bytes:
        """Return the public key that belongs to it, 1,216 bytes."""
        return envelope.public_bytes(self._secret.reveal()[: envelope.PRIVATE_SIZE])

    def open_key(self, sealed: bytes, name: Name) -> DataKey:
        """Take a data key out of its envelope, of whichever form it is.

        Raises:
            cryptography.exceptions.InvalidTag: changed, or made for another name or epoch.
            ValueError: it has the size of neither form.
        """
        if len(sealed) == envelope.MOVED_SIZE:
            return envelope.open_moved(sealed, self._moving, name, self.number)
        return envelope.open_key(sealed, self._private, name, self.number)

    def move_key(self, key: DataKey, name: Name, random: Random) -> bytes:
        """Return a moved envelope of this epoch for a data key, 60 bytes."""
        return envelope.move_key(key, self._moving, name, self.number, random)

    def wrap(self, master: Secret, device_secret: Secret, generation: int, random: Random) -> bytes:
        """Return ``wrapped_key`` for a device secret."""
        key = _wrapping_key(master, device_secret)
        return wrap(key, self._secret.reveal(), lines(_LABEL, self.number, generation), random)

    def seal_for_recovery(self, recovery: envelope.PublicKey) -> bytes:
        """Return ``recovery_key`` for a recovery key."""
        return envelope.seal(self._secret.reveal(), recovery, _recovery_info(self.number))

    def wipe(self) -> None:
        """Forget the secret part; harmless when repeated."""
        self._secret.wipe()


def make_epoch(
    number: int,
    *,
    master: Secret,
    generation: int,
    device_secret: Secret,
    recovery: envelope.PublicKey,
    index: IndexKeys,
    opened_at: str,
    random: Random,
) -> tuple[Epoch, EpochKeys]:
    """Make a fresh key pair and moving key; returns the row and the keys."""
    keys = EpochKeys(number, Secret(random(SECRET_SIZE)))
    public = keys.public_bytes()
    row = Epoch(
        epoch=number,
        generation=generation,
        opened_at=opened_at,
        public_key=public,
        wrapped_key=keys.wrap(master, device_secret, generation, random),
        recovery_key=keys.seal_for_recovery(recovery),
        pin=index.pin(number, public),
    )
    return row, keys


def due(opened_at: str, envelopes: int, now: datetime) -> str:
    """Return why a new epoch is due, ``age`` or ``count``, or nothing. A clock set back makes none due."""
    if envelopes >= MAX_ENVELOPES:
        return "count"
    return "age" if now - parse_rfc3339(opened_at) >= MAX_AGE else ""


def check_pin(epoch: Epoch, index: IndexKeys) -> envelope.PublicKey:
    """Return the public key after checking, without the master, that this device made it.

    Raises:
        EpochReplacedError: it did not, or the row is damaged.
    """
    if not hmac.compare_digest(epoch.pin, index.pin(epoch.epoch, epoch.public_key)):
        raise EpochReplacedError(epoch=epoch.epoch)
    return envelope.public_key(epoch.public_key)


def open_epoch(epoch: Epoch, master: Secret, device_secret: Secret) -> EpochKeys:
    """Unwrap the secret part and check that the stored public key belongs to it.

    Raises:
        VaultDamagedError: the wrapped key is damaged, or of another device secret.
        EpochReplacedError: the public key was replaced.
    """
    aad = lines(_LABEL, epoch.epoch, epoch.generation)
    try:
        keys = EpochKeys(epoch.epoch, unwrap(_wrapping_key(master, device_secret), epoch.wrapped_key, aad))
    except (InvalidTag, ValueError) as error:
        raise VaultDamagedError(
            what="key of epoch",
            id=epoch.epoch,
            detail="it does not open with this store's master key and this machine's device secret",
        ) from error
    return _checked(epoch, keys)


def open_epoch_by_recovery(epoch: Epoch, recovery: envelope.PrivateKey) -> EpochKeys:
    """Open the secret part with the recovery key, without any device secret; checks as `open_epoch`.

    Raises:
        VaultDamagedError: its recovery key is damaged.
        EpochReplacedError: the public key was replaced.
    """
    try:
        secret = envelope.open_sealed(epoch.recovery_key, recovery, _recovery_info(epoch.epoch))
        keys = EpochKeys(epoch.epoch, secret)
    except (InvalidTag, ValueError) as error:
        raise VaultDamagedError(
            what="key of epoch", id=epoch.epoch, detail="it does not open with the recovery words"
        ) from error
    return _checked(epoch, keys)


def _checked(epoch: Epoch, keys: EpochKeys) -> EpochKeys:
    if not hmac.compare_digest(keys.public_bytes(), epoch.public_key):
        keys.wipe()
        raise EpochReplacedError(epoch=epoch.epoch)
    return keys


def _wrapping_key(master: Secret, device_secret: Secret) -> bytes:
    # Both are uniformly random, so that either alone, kept secret, keeps the result secret.
    message = _LABEL.encode() + b"\n" + device_secret.reveal()
    return derive(hmac.digest(master.reveal(), message, "sha256"), _LABEL)


def _recovery_info(number: int) -> bytes:
    return lines("medkiosk/epoch-recovery/v2", number)
