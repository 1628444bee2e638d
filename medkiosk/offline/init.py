"""Set a kiosk up: keys, vault, ledger, first administrator."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from medkiosk import keyfiles
from medkiosk.core.clock import Clock
from medkiosk.core.config import Config
from medkiosk.core.errors import BadRequestError, KioskError
from medkiosk.core.events import AccountCreated, Role
from medkiosk.core.ids import KIOSK, AccountId, Random, new_id
from medkiosk.export import sshsig
from medkiosk.journal import Fact, Journal
from medkiosk.ledger.file import Log
from medkiosk.ledger.sign import Signer
from medkiosk.vault.slots import normalise_name
from medkiosk.vault.store import Vault

_SHORTEST_PASSPHRASE = 10


class StoreExistsError(KioskError):
    """There is already something at {path}; nothing was changed. A kiosk is set up once: name another
    folder in the configuration, or move the old one away."""

    code = "init.exists"
    exit_code = 2


@dataclass(frozen=True)
class Initialised:
    """What the installer must know; ``shares`` are the recovery cards and exist nowhere else."""

    keys: str
    ledger_vkey: str
    allowed_signers: str
    export_public_key: str
    export_fingerprint: str
    shares: list[str] = field(repr=False)


def initialise(
    config: Config, *, user: str, display_name: str, passphrase: str, random: Random, clock: Clock
) -> Initialised:
    """Make everything that a daemon needs to start.

    Raises:
        StoreExistsError: there is a store already.
        KeyFilesError: there are keys already, or they cannot be written.
        BadRequestError: the passphrase is too short.
    """
    if len(passphrase) < _SHORTEST_PASSPHRASE:
        raise BadRequestError(detail=f"a passphrase needs at least {_SHORTEST_PASSPHRASE} characters")
    store = Path(config.store.path)
    if store.exists() and any(store.iterdir()):
        raise StoreExistsError(path=store)
    keys = keyfiles.create(Path(config.store.keys), random)
    vault, shares = Vault.create(store, index_key=keys.index, random=random)
    identity = vault.unlock_recovery(shares)
    signer = Signer(config.site.origin, keys.ledger)
    log = Log.create(store / "ledger", signer)
    journal = Journal(vault, log, clock)
    event = AccountCreated(
        at=journal.now(),
        actor=KIOSK,
        account_id=AccountId(new_id(random)),
        user=normalise_name(user).decode(),
        display_name=display_name,
        roles=(Role.ADMINISTRATOR,),
    )
    identity.add_user_slot(user, passphrase)
    journal.commit([Fact(event)])
    identity.close()
    public = keys.export_key.public_key()
    vault.close()
    return Initialised(
        keys=keys.source,
        ledger_vkey=signer.vkey,
        allowed_signers=sshsig.allowed_signers_line(public),
        export_public_key=sshsig.public_line(public),
        export_fingerprint=sshsig.fingerprint(public),
        shares=shares,
    )
