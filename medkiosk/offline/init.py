"""Set a kiosk up: keys, vault, ledger, first administrator. All of it, or nothing that stays."""

from __future__ import annotations

import contextlib
import fcntl
import functools
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from medkiosk import durable, keyfiles, sshsig
from medkiosk.access.accounts import problems
from medkiosk.core.clock import Clock
from medkiosk.core.config import Config
from medkiosk.core.errors import BadRequestError, KioskError
from medkiosk.core.events import AccountCreated, Role
from medkiosk.core.ids import KIOSK, AccountId, Random, new_id
from medkiosk.core.lifecycle import RecoveryChecked
from medkiosk.devicetpm import machine_secrets
from medkiosk.journal import Fact, Journal
from medkiosk.keyfiles import KeyFiles
from medkiosk.ledger.file import Log
from medkiosk.ledger.sign import Signer
from medkiosk.vault.slots import normalise_name
from medkiosk.vault.store import Vault

_ROLES = (Role.ADMINISTRATOR,)


class StoreExistsError(KioskError):
    """There is already something at {path}; nothing was changed. A kiosk is set up once: name another
    folder in the configuration, or move the old one away."""

    code = "init.exists"
    exit_code = 2


class SetUpError(KioskError):
    """The kiosk was not set up: {detail}. {left}."""

    code = "init.failed"
    exit_code = 1


class SetUpBusyError(KioskError):
    """Another set-up is at work beside {path}; this one changed nothing. Wait until that one has ended."""

    code = "init.busy"
    exit_code = 1


Check = Callable[[list[str]], bool]
"""Shows the recovery words to a person; True when two sheets were typed back as they are."""


@dataclass(frozen=True)
class Initialised:
    """What the installer must know; ``shares`` are the recovery sheets and exist nowhere else."""

    keys: str
    ledger_vkey: str
    allowed_signers: str
    export_public_key: str
    export_fingerprint: str
    shares: list[str] = field(repr=False)
    recovery_checked: bool = False


def initialise(
    config: Config,
    *,
    user: str,
    display_name: str,
    passphrase: str,
    random: Random,
    clock: Clock,
    check: Check | None = None,
) -> Initialised:
    """Make everything that a daemon needs to start.

    When a step fails, what the steps before it made is removed again, so that a second try finds what the
    first one found. That is so, too, when ``check`` raises.

    Args:
        config: where everything goes.
        user: the first administrator's user name.
        display_name: their name.
        passphrase: theirs.
        random: source of randomness.
        clock: what time it is.
        check: shows the recovery words and has them typed back; None records that nobody did.

    Raises:
        StoreExistsError: there is a store already.
        KeyFilesError: there are keys already.
        BadRequestError: the names or the passphrase will not do.
        SetUpBusyError: somebody else is setting the same store up.
        SetUpError: the disk or the system refused something.
        KioskError: the vault or the ledger could not be made.
    """
    if wrong := problems(user, display_name, _ROLES, passphrase, (config.site.name, config.site.origin)):
        raise BadRequestError(detail="; ".join(wrong))
    undo = _Undo()
    try:
        with undo:
            keys, vkey, shares = _make(config, (user, display_name, passphrase), random, clock, undo, check)
    except (OSError, sqlite3.Error) as error:
        raise SetUpError(detail=_words(error), left=undo.outcome) from error
    except KioskError as error:
        if undo.stuck:
            raise SetUpError(detail=error.message.rstrip("."), left=undo.outcome) from error
        raise
    public = keys.export_key.public_key()
    return Initialised(
        keys=keys.source,
        ledger_vkey=vkey,
        allowed_signers=sshsig.allowed_signers_line(public),
        export_public_key=sshsig.public_line(public),
        export_fingerprint=sshsig.fingerprint(public),
        shares=shares,
        recovery_checked=check is not None,
    )


class _Undo:
    """Remembers what was made and, when the block fails, removes it, the last first."""

    def __init__(self) -> None:
        self.stuck: list[Path] = []
        self._steps = contextlib.ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._steps.pop_all()
        else:
            self._steps.close()

    def add(self, path: Path, remove: Callable[[], None]) -> None:
        """Have ``remove`` called on failure; it concerns ``path``."""

        def step() -> None:
            try:
                remove()
            except OSError:
                self.stuck.append(path)

        self._steps.callback(step)

    @property
    def outcome(self) -> str:
        """What the person must know about what is there now."""
        if self.stuck:
            paths = " and ".join(map(str, self.stuck))
            return f"What it had begun could not be removed: remove {paths} by hand before you try again"
        return "Nothing of it was left behind: correct this and try again"


def _make(
    config: Config,
    who: tuple[str, str, str],
    random: Random,
    clock: Clock,
    undo: _Undo,
    check: Check | None,
) -> tuple[KeyFiles, str, list[str]]:
    """Return the keys, the ledger's verifier key and the recovery words."""
    store, keys_folder = Path(config.store.path), Path(config.store.keys)
    _refuse_existing(store)
    _make_folders(store.parent, undo)
    with _alone(store.parent):
        _refuse_existing(store)  # whoever was at work a moment ago may have made one
        for folder in dict.fromkeys((keys_folder, Path(config.store.device_folder))):
            _make_folders(folder, undo)
            undo.add(folder, functools.partial(_remove_fresh, folder, _key_files(folder)))
        keys = keyfiles.create(keys_folder, random)
        existed = store.exists()
        undo.add(store, lambda: _empty(store, keep=existed))
        vkey, shares = _make_store(config, keys, who, random, clock, check)
    return keys, vkey, shares


def _make_store(
    config: Config,
    keys: KeyFiles,
    who: tuple[str, str, str],
    random: Random,
    clock: Clock,
    check: Check | None,
) -> tuple[str, list[str]]:
    """Make vault, ledger and the first account; return the ledger's verifier key and the recovery words."""
    user, display_name, passphrase = who
    store = Path(config.store.path)
    vault, shares = Vault.create(
        store,
        index_key=keys.index,
        device=machine_secrets(config.store),
        escrow=keys.escrow,
        random=random,
        clock=clock,
    )
    with contextlib.closing(vault), contextlib.closing(vault.unlock_recovery(shares)) as identity:
        signer = Signer(config.site.origin, keys.ledger)
        journal = Journal(vault, Log.create(store / "ledger", signer), clock)
        event = AccountCreated(
            at=journal.now(),
            actor=KIOSK,
            account_id=AccountId(new_id(random)),
            user=normalise_name(user).decode(),
            display_name=display_name,
            roles=_ROLES,
        )
        identity.add_user_slot(user, passphrase)
        typed = check is not None and check(shares)
        told = RecoveryChecked(at=journal.now(), actor=KIOSK, typed=typed)
        journal.commit([Fact(event), Fact(told)])
    return signer.vkey, shares


def _refuse_existing(store: Path) -> None:
    if store.exists() and any(store.iterdir()):
        raise StoreExistsError(path=store)


def _make_folders(folder: Path, undo: _Undo) -> None:
    """Make a folder and what is missing above it, each private to its owner."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    for path in reversed(missing):
        durable.make_dir(path)
        undo.add(path, path.rmdir)


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep a second set-up out: it would take the first one's files for its own leftovers."""
    fd = durable.open_dir(folder)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise SetUpBusyError(path=folder) from error
    finally:
        os.close(fd)


def _key_files(folder: Path) -> set[Path]:
    return {*folder.glob("*.key"), *folder.glob("*.key.new")}


def _remove_fresh(folder: Path, before: set[Path]) -> None:
    for path in _key_files(folder) - before:
        durable.remove(path)


def _empty(store: Path, *, keep: bool) -> None:
    """Remove a half-made store; ``keep`` the folder itself if it was there before."""
    if keep:
        for path in store.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            else:
                durable.remove(path)
    elif store.exists():
        shutil.rmtree(store)


def _words(error: OSError | sqlite3.Error) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error)
