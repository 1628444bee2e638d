"""Make this machine the kiosk whose backup a drive holds (docs/backup.md, "A lost kiosk").

Each step may be cut short: the same command again goes on. The drive is only read.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from medkiosk import durable, keyfiles
from medkiosk.access.passphrase import weakness
from medkiosk.core.accessevents import RolesChanged
from medkiosk.core.clock import Clock
from medkiosk.core.config import Config
from medkiosk.core.errors import BadRequestError, KioskError
from medkiosk.core.events import AccountCreated, Role, decode
from medkiosk.core.ids import KIOSK, Random
from medkiosk.core.lifecycle import AccountClosed, SlotChanged
from medkiosk.devicetpm import machine_secrets
from medkiosk.durable import CHUNK
from medkiosk.journal import Fact, Journal
from medkiosk.ledger.file import Log
from medkiosk.ledger.sign import Signer
from medkiosk.offline.adopt import adopt
from medkiosk.offline.report import Problem, Report
from medkiosk.offline.verify import verify
from medkiosk.vault.errors import SlotExistsError
from medkiosk.vault.identity import Identity
from medkiosk.vault.reader import check_format
from medkiosk.vault.slots import normalise_name
from medkiosk.vault.store import Vault

_FILES = ("format", "vault.db")
_FOLDERS = ("ledger", "objects")
_LOST_FILES = ("object.blob_missing", "object.blob_size", "object.blob_changed", "object.blob_unreadable")


class RebuildTargetError(KioskError):
    """There is a store of another kiosk in {path}, so nothing was restored and nothing was changed. Name
    another folder in the configuration, or move the old one away.
    """

    code = "rebuild.target"
    exit_code = 2


class RebuildDamagedError(KioskError):
    """The backup in {path} is damaged, so this machine was not made a kiosk: {sentence} Nothing on the drive
    was changed. Try another backup drive; kioskctl restore gets out of this one what can be opened.
    """

    code = "rebuild.damaged"
    exit_code = 3


class Rebuilt(msgspec.Struct, frozen=True):
    """What was done.

    Attributes:
        store_id: the kiosk's store.
        ledger_size: entries that it has.
        objects: sealed objects that it has.
        user: who logs in with the new passphrase.
        damaged: sealed files that did not come back whole; everything else did.
    """

    store_id: str
    ledger_size: int
    objects: int
    user: str
    damaged: tuple[Problem, ...]


def rebuild(
    source: Path,
    config: Config,
    shares: Sequence[str],
    *,
    user: str,
    passphrase: str,
    random: Random,
    clock: Clock,
    older: bool = False,
) -> Rebuilt:
    """Copy the store, check it, take over the old kiosk's keys, let one administrator in.

    Args:
        source: the folder ``store`` on the drive.
        config: of this machine.
        shares: two of the three recovery mnemonics.
        user: an administrator of the old kiosk, who gets
        passphrase: which must be changed at the first login.
        random: source of randomness.
        clock: for the vault and the event.
        older: go on also where this machine remembers a longer ledger, because the newest copy is lost. The
            daemon then takes nothing until an administrator accepts it.

    Raises:
        VaultFormatError: ``source`` is not a store.
        RebuildTargetError: there is another store here.
        RebuildDamagedError: the backup is not good.
        BadRequestError: no such administrator, or the passphrase is weak.
        WrongSharesError: the words do not open the store.
        KeyFilesError: this machine has keys of another kiosk.
        LedgerSetBackError: this machine remembers a longer ledger; nothing was signed.
        OSError: the disk or the drive failed.
    """
    if weak := weakness(passphrase, (user, config.site.name, config.site.origin)):
        raise BadRequestError(detail=weak)
    store_id = check_format(source)
    target = Path(config.store.path)
    report = _fetch(source, target, store_id)
    device = machine_secrets(config.store)
    adopt(
        target,
        shares,
        device=device,
        keys_folder=Path(config.store.keys),
        memory=Path(config.store.device_folder),
        origin=config.site.origin,
        random=random,
        clock=clock,
        older=older,
    )
    keys = keyfiles.load(Path(config.store.keys))
    vault = Vault.open(target, index_key=keys.index, device=device, random=random, clock=clock)
    with contextlib.closing(vault), contextlib.closing(vault.unlock_recovery(shares)) as identity:
        account = _administrator(vault, identity, user)
        log = Log.open(target / "ledger", Signer(config.site.origin, keys.ledger))
        journal = Journal(vault, log, clock)
        journal.recover()
        # The event first: after a crash between the two there is no slot, and the command is run again.
        journal.commit(
            [Fact(SlotChanged(at=journal.now(), actor=KIOSK, account_id=account.account_id, how="reset"))]
        )
        try:
            identity.add_user_slot(account.user, passphrase)
        except SlotExistsError:
            identity.replace_user_slot(account.user, passphrase)
        return Rebuilt(store_id, log.size, report.objects, account.user, report.problems)


def _fetch(source: Path, target: Path, store_id: str) -> Report:
    """Copy the store beside its place, check the copy, and only then put it there."""
    if target.exists() and any(target.iterdir()):
        if _id_of(target) != store_id:
            raise RebuildTargetError(path=target)
        return _checked(target, source)  # of a command that was cut short after this step
    making = target.with_name(target.name + ".restoring")
    shutil.rmtree(making, ignore_errors=True)
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        _copy(source, making)
        report = _checked(making, source)
        if target.exists():
            target.rmdir()
        durable.publish(making, target)
    except BaseException:
        shutil.rmtree(making, ignore_errors=True)
        raise
    root_fd = durable.open_dir(target.parent)
    try:
        durable.sync_dirs(root_fd, [target.parent])
    finally:
        os.close(root_fd)
    return report


def _copy(source: Path, making: Path) -> None:
    durable.make_dir(making)
    root_fd = durable.open_dir(making)
    try:
        (making / "tmp").mkdir(mode=0o700)
        durable.create(making / "lock").close()
        folders = [making, making / "tmp"]
        for folder in _walk(source):
            made = making / folder.relative_to(source)
            made.mkdir(mode=0o700)
            folders.append(made)
        for path in (*(source / name for name in _FILES), *_files(source)):
            _copy_file(path, making / path.relative_to(source), root_fd)
        durable.sync_dirs(root_fd, folders)  # many folders: one sync of the file system, contents included
    finally:
        os.close(root_fd)


def _walk(source: Path) -> Iterator[Path]:
    for name in _FOLDERS:
        yield source / name
        yield from sorted(path for path in (source / name).rglob("*") if path.is_dir())


def _files(source: Path) -> Iterator[Path]:
    for name in _FOLDERS:
        yield from sorted(path for path in (source / name).rglob("*") if path.is_file())


def _copy_file(path: Path, to: Path, root_fd: int) -> None:
    file = durable.create(to)
    try:
        with path.open("rb", buffering=0) as reading:
            while piece := reading.read(CHUNK):
                file.write(piece)
        if to.name in _FILES:
            durable.sync_files(root_fd, [file])
    finally:
        file.close()


def _checked(store: Path, source: Path) -> Report:
    """Return the report; whatever is worse than lost files ends the restoration."""
    report = verify(store)
    for problem in report.problems:
        if problem.code not in _LOST_FILES:
            raise RebuildDamagedError(path=source, sentence=problem.sentence)
    return report


def _id_of(store: Path) -> str:
    try:
        return check_format(store)
    except KioskError:
        return ""


def _administrator(vault: Vault, identity: Identity, user: str) -> AccountCreated:
    wanted = normalise_name(user).decode()
    found: AccountCreated | None = None
    for row in vault.records():
        try:
            event = decode(identity.open_record(row))
        except (KioskError, ValueError):
            continue  # disposed of, or damaged: the report has named it
        if isinstance(event, AccountCreated) and event.user == wanted:
            found = event
        elif isinstance(event, RolesChanged) and found and event.account_id == found.account_id:
            found = msgspec.structs.replace(found, roles=event.roles)
        elif isinstance(event, AccountClosed) and found and event.account_id == found.account_id:
            found = None
    if found is None or Role.ADMINISTRATOR not in found.roles:
        raise BadRequestError(detail=f"no administrator of this kiosk has the user name {user}")
    return found
