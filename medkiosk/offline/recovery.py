"""What two recovery sheets do on the kiosk itself, with the daemon stopped: try them, give a person a key."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from medkiosk import keyfiles
from medkiosk.access.passphrase import weakness
from medkiosk.catalog.people import People
from medkiosk.core.clock import Clock
from medkiosk.core.config import Config
from medkiosk.core.errors import BadRequestError, KioskError
from medkiosk.core.events import AccountCreated, decode
from medkiosk.core.ids import KIOSK, Random
from medkiosk.core.lifecycle import AccountClosed, SlotChanged
from medkiosk.devicetpm import machine_secrets
from medkiosk.journal import Fact, Journal
from medkiosk.keyfiles import KeyFiles
from medkiosk.ledger.file import Log
from medkiosk.ledger.remembered import refuse_if_set_back
from medkiosk.ledger.sign import Signer
from medkiosk.vault.errors import NoSlotError
from medkiosk.vault.identity import Identity
from medkiosk.vault.reader import StoreReader
from medkiosk.vault.slots import normalise_name
from medkiosk.vault.store import Vault


def try_sheets(config: Config, shares: Sequence[str]) -> None:
    """Open the store with two sheets and close it again; the daemon may go on running.

    Raises:
        WrongSharesError: they do not open this store.
        KioskError: there is no store.
    """
    with contextlib.closing(StoreReader.open_for_reading(Path(config.store.path))) as reader:
        reader.unlock_recovery(shares).close()


def reset_user(
    config: Config, user: str, passphrase: str, shares: Sequence[str], *, random: Random, clock: Clock
) -> AccountCreated:
    """Give somebody a new passphrase with two sheets, where nobody can log in who could do it.

    They must change it at the next login.

    Raises:
        VaultBusyError: the daemon is running.
        WrongSharesError: the sheets do not open this store.
        BadRequestError: no such account, it was closed, or the passphrase is weak.
        LedgerSetBackError: the store is an older copy; nothing was opened or signed.
        LedgerContradictedError: a witness's word stands against it.
    """
    keys = keyfiles.load(Path(config.store.keys))
    signer = Signer(config.site.origin, keys.ledger)
    log = Log.open(Path(config.store.path) / "ledger", signer)
    refuse_if_set_back(log, Path(config.store.device_folder), signer.key)
    if log.refusal is not None:
        raise log.refusal
    with _opened(config, keys, shares, random, clock) as (vault, identity):
        account = _account(_people(vault, identity), user)
        about = (account.user, account.display_name, config.site.name, config.site.origin)
        if weak := weakness(passphrase, about):
            raise BadRequestError(detail=weak)
        log = Log.open(Path(config.store.path) / "ledger", signer)  # again: now nobody else appends
        journal = Journal(vault, log, clock)
        journal.recover()
        told = SlotChanged(at=journal.now(), actor=KIOSK, account_id=account.account_id, how="reset")
        journal.commit([Fact(told)])
        try:
            identity.replace_user_slot(account.user, passphrase)
        except NoSlotError:
            identity.add_user_slot(account.user, passphrase)
    return account


@contextlib.contextmanager
def _opened(
    config: Config, keys: KeyFiles, shares: Sequence[str], random: Random, clock: Clock
) -> Iterator[tuple[Vault, Identity]]:
    device = machine_secrets(config.store)
    vault = Vault.open(
        Path(config.store.path), index_key=keys.index, device=device, random=random, clock=clock
    )
    with contextlib.closing(vault), contextlib.closing(vault.unlock_recovery(shares)) as identity:
        yield vault, identity


def _people(vault: Vault, identity: Identity) -> People:
    people = People()
    for row in vault.records():
        try:
            event = decode(identity.open_record(row))
        except (KioskError, ValueError):
            continue  # disposed of or damaged: no account's, or an account that nobody will find
        if isinstance(event, AccountCreated | AccountClosed | SlotChanged):
            people.take(event)
    return people


def _account(people: People, user: str) -> AccountCreated:
    account = people.of(normalise_name(user).decode())
    if account is None:
        raise BadRequestError(detail="there is no account with this user name")
    if not people.is_open(account.account_id):
        raise BadRequestError(detail="this account was closed")
    return account
