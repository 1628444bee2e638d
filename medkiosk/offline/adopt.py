"""Make this machine the kiosk that a store belongs to, with two recovery sheets.

For a store that was restored from a backup, or whose machine lost its device secret. Each step may be cut
short: the sheets open the store all the time, and doing it again completes it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

import msgspec

from medkiosk import keyfiles
from medkiosk.core.clock import Clock
from medkiosk.core.ids import Random
from medkiosk.devicesecret import DeviceSecrets
from medkiosk.ledger.file import Log
from medkiosk.ledger.remembered import NAME, refuse_if_set_back
from medkiosk.ledger.sign import Signer
from medkiosk.vault.reader import StoreReader
from medkiosk.vault.store import Vault


class Adopted(msgspec.Struct, frozen=True):
    """What was done.

    Attributes:
        store_id: the store's id.
        keys: where the key files are, in words.
        device: where the device secret is, in words.
        renewed: whether the machine got new device secrets; false where its own open the store already.
    """

    store_id: str
    keys: str
    device: str
    renewed: bool


def adopt(
    store: Path,
    shares: Sequence[str],
    *,
    device: DeviceSecrets,
    keys_folder: Path,
    memory: Path,
    origin: str,
    random: Random,
    clock: Clock,
    older: bool = False,
) -> Adopted:
    """Put the lasting secrets back, give the machine new device secrets, wrap every epoch again.

    Afterwards the daemon starts, recognises what was imported, goes on with the same ledger, and everybody
    logs in with the passphrase they had. No kiosk may be running on the store.

    Args:
        store: the store's folder.
        shares: two of the three recovery mnemonics.
        device: where the machine keeps its device secrets.
        keys_folder: gets the key files; those of the same kiosk may be there.
        memory: the device folder, where the machine remembers its ledger, if it does.
        origin: the ledger's name.
        random: source of randomness.
        clock: for the vault.
        older: take the store also where the machine remembers a longer ledger: the newest copy is lost. The
            daemon still takes nothing until an administrator accepts it.

    Raises:
        VaultFormatError: ``store`` is not a store.
        VaultBusyError: a kiosk is using it.
        WrongSharesError: the words do not open it.
        VaultDamagedError: the escrow or an epoch is damaged, or was put there by somebody else.
        EpochReplacedError: an epoch is not this kiosk's.
        KeyFilesError: the machine has keys of another kiosk; nothing was changed.
        LedgerSetBackError: the store is an older copy; nothing was changed.
        OSError: the disk refused something; do it again.
    """
    with StoreReader.open_for_reading(store) as reader:
        opened = reader.open_escrow(shares)
    secrets = {name: bytes(secret.reveal()) for name, secret in opened.items()}
    if not older:
        refuse_older(store, memory, Signer(origin, secrets["ledger"]))
    keys = keyfiles.put_back(keys_folder, secrets)
    vault = Vault.open(store, index_key=keys.index, device=device, random=random, clock=clock)
    with contextlib.closing(vault), contextlib.closing(vault.unlock_recovery(shares)) as identity:
        renewed = identity.renew_device_secrets()
        return Adopted(vault.store_id, keys.source, device.source, renewed)


def refuse_older(store: Path, memory: Path, signer: Signer) -> None:
    """Refuse a store whose ledger is older than what this machine remembers, where it remembers one.

    Raises:
        LedgerSetBackError: it is.
        KioskError: the ledger cannot be read, so that nobody can tell.
    """
    if not (memory / NAME).exists():
        return
    log = Log.open(store / "ledger", signer)
    refuse_if_set_back(log, memory, signer.key)
    if log.refusal is not None:
        raise log.refusal
