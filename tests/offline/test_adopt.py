"""A new machine becomes the same kiosk with two sheets, wherever it is interrupted."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from medkiosk import keyfiles
from medkiosk.devicesecret import DeviceSecretLostError, DeviceSecrets, FileSecrets
from medkiosk.devicetpm import TpmSecrets
from medkiosk.keyfiles import KeyFilesError
from medkiosk.offline.adopt import Adopted, adopt
from medkiosk.vault import db, epochs, recovery
from medkiosk.vault.batch import Batch
from medkiosk.vault.db import CommitUnknownError
from medkiosk.vault.errors import EpochReplacedError, VaultDamagedError, VaultStoppedError, WrongSharesError
from medkiosk.vault.keyrows import put_epoch
from medkiosk.vault.keys import IndexKeys, Secret
from medkiosk.vault.reader import StoreReader
from medkiosk.vault.store import Vault
from tests.disk import FailingCommits, FailingDisk
from tests.stores import CHEAP, ESCROW, INDEX_KEY, clock, create, device, reopen, seeded
from tests.virtual import tpm

PASSPHRASE = "a passphrase"


class Machine:
    """A machine that a copy of the store was restored on."""

    def __init__(self, folder: Path, store: Path) -> None:
        folder.mkdir()
        self.store = folder / "store"
        shutil.copytree(store, self.store)
        self.keys = folder / "keys"
        self.device = FileSecrets(folder / "device")

    def adopt(self, shares: list[str], secrets: DeviceSecrets | None = None) -> Adopted:
        return adopt(
            self.store,
            shares,
            device=secrets or self.device,
            keys_folder=self.keys,
            memory=self.device.folder,
            origin="test.invalid/ledger",
            random=os.urandom,
            clock=clock,
        )

    def open(self) -> Vault:
        keys = keyfiles.load(self.keys)
        return Vault.open(
            self.store, index_key=keys.index, device=self.device, random=os.urandom, clock=clock
        )


class Old:
    """The store as it was: one object, one person."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.vault, self.shares = create(root, random=seeded(1))
        with self.vault.unlock_recovery(self.shares[:2]) as identity:
            identity.add_user_slot("ana", PASSPHRASE, params=CHEAP, allow_weak=True)
        writer = self.vault.start("original")
        writer.write(b"a picture")
        sealed = writer.finish()
        self.tag = self.vault.tag(b"file")
        self.vault.commit(Batch(objects=[sealed]))
        self.id = sealed.id
        self.vault.close()


@pytest.fixture
def old(tmp_path: Path) -> Old:
    return Old(tmp_path / "old")


def works(machine: Machine, old: Old) -> None:
    with machine.open() as vault:
        assert vault.device_problem is None
        assert vault.tag(b"file") == old.tag
        with vault.unlock("Ana", PASSPHRASE) as identity:
            assert b"".join(vault.read_object(old.id, identity.open_key(old.id))) == b"a picture"


def test_the_same_kiosk(old: Old, tmp_path: Path) -> None:
    machine = Machine(tmp_path / "new", old.root)
    with Vault.open(
        machine.store, index_key=INDEX_KEY, device=machine.device, random=os.urandom, clock=clock
    ) as vault:
        assert vault.device_problem is not None
        vault.commit(Batch(records=[vault.seal_record("event", b"sealing goes on")]))
        with pytest.raises(DeviceSecretLostError):
            vault.unlock("ana", PASSPHRASE)
    done = machine.adopt(old.shares[1:])
    assert (done.renewed, str(machine.device.folder) in done.device) == (True, True)
    assert keyfiles.load(machine.keys).escrow == ESCROW
    works(machine, old)
    # Done again, nothing changes.
    before = machine.device.read(1)
    assert machine.adopt(old.shares[::2]).renewed is False
    assert machine.device.read(1) == before
    # The secret of the machine that burnt down opens the copy that was made of it, and not what is here now.
    assert before != device(old.root).read(1)
    machine.device.put(1, device(old.root).read(1))
    with machine.open() as vault, pytest.raises(VaultDamagedError):
        vault.unlock("ana", PASSPHRASE)


def test_a_disposal_under_way_keeps_its_generations(old: Old, tmp_path: Path) -> None:
    with reopen(old.root, random=os.urandom) as vault, vault.unlock("ana", PASSPHRASE) as identity:
        device(old.root).put(2, b"2" * 32)
        with vault._db.transaction() as tx:
            assert identity.open_epoch_under(tx, 2) == 2
            tx.execute("INSERT INTO disposals VALUES ('0', 'moving', '{}', x'00', x'00')")
    machine = Machine(tmp_path / "new", old.root)
    machine.adopt(old.shares[:2])
    works(machine, old)
    assert machine.device.generations() == [1, 2]


def test_refused(old: Old, tmp_path: Path) -> None:
    other, others = create(tmp_path / "other", random=seeded(2), index_key=b"k" * 32)
    other.close()
    machine = Machine(tmp_path / "new", old.root)
    with pytest.raises(WrongSharesError):
        machine.adopt(others[:2])
    assert not machine.keys.exists()
    machine.keys.mkdir(mode=0o700)
    (machine.keys / "export.key").write_bytes(b"x" * 32)
    with pytest.raises(KeyFilesError, match="another kiosk"):
        machine.adopt(old.shares[:2])
    assert [path.name for path in machine.keys.iterdir()] == ["export.key"]
    assert machine.device.generations() == []


def test_keys_that_systemd_gives(old: Old, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = tmp_path / "credentials"
    given.mkdir()
    for name, key in ESCROW.items():
        (given / f"{name}.key").write_bytes(key)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(given))
    machine = Machine(tmp_path / "new", old.root)
    assert machine.adopt(old.shares[:2]).keys == "systemd credentials"
    assert not machine.keys.exists()
    works(machine, old)
    (given / "ledger.key").write_bytes(b"l" * 32)
    with pytest.raises(KeyFilesError, match="another kiosk"):
        machine.adopt(old.shares[:2])


def test_an_epoch_of_somebody_else_is_not_adopted(old: Old, tmp_path: Path) -> None:
    """Whoever can write to a backup can replace a whole epoch, sealed to the recovery key as it must be."""
    machine = Machine(tmp_path / "new", old.root)
    with reopen(machine.store, random=os.urandom) as vault:
        [slot] = [slot for slot in vault.slots() if slot.kind == recovery.KIND]
        forged, _ = epochs.make_epoch(
            1,
            master=Secret(bytes(32)),
            generation=1,
            device_secret=Secret(bytes(32)),
            recovery=recovery.recovery_public(slot, IndexKeys(INDEX_KEY)),
            index=IndexKeys(b"i" * 32),
            opened_at=vault.epochs()[0].opened_at,
            random=os.urandom,
        )
        with vault._db.transaction() as tx:
            put_epoch(tx, forged)
    with pytest.raises(EpochReplacedError):
        machine.adopt(old.shares[:2])
    with StoreReader.open_for_reading(machine.store) as reader, pytest.raises(EpochReplacedError):
        reader.unlock_recovery(old.shares[:2])
    # Restored without the escrow, what the kiosk did seal opens as long as its epoch is there.
    with reopen(old.root, random=os.urandom) as vault, vault._db.transaction() as tx:
        tx.execute("UPDATE escrow SET sealed = x'00' WHERE name = 'index'")
    with StoreReader.open_for_reading(old.root) as reader:
        with pytest.raises(VaultDamagedError):
            reader.open_escrow(old.shares[:2])
        with reader.unlock_recovery(old.shares[:2]) as opener:
            assert b"".join(reader.read_object(old.id, opener.open_key(old.id))) == b"a picture"


@pytest.mark.parametrize("persisted", [False, True])
def test_cut_short_and_done_again(old: Old, tmp_path: Path, *, persisted: bool) -> None:
    """Each durable call on the device secrets fails once, with and without one that was there before."""
    longest = 0
    for earlier in (False, True):
        fail_at = 0
        while True:
            fail_at += 1
            machine = Machine(tmp_path / f"{fail_at}{earlier}", old.root)
            if earlier:
                machine.device.put(1, b"1" * 32)
            disk = FailingDisk(fail_at, persisted=persisted)
            told = False
            try:
                machine.adopt(old.shares[:2], FileSecrets(machine.device.folder, disk=disk))
            except OSError:
                told = True
                machine.adopt(old.shares[:2])
            assert told == disk.failed
            works(machine, old)
            if not told:
                break
        longest = max(longest, fail_at)
    assert longest == 3


@pytest.mark.parametrize("persisted", [False, True])
def test_a_commit_that_is_reported_as_failed_and_done_again(
    old: Old, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, persisted: bool
) -> None:
    machine = Machine(tmp_path / "new", old.root)
    commits = FailingCommits(1, persisted=persisted)
    with monkeypatch.context() as patch:
        real = db._connect
        patch.setattr(db, "_connect", lambda path, mode: commits.on(real(path, mode)))
        with pytest.raises((CommitUnknownError, VaultStoppedError)):
            machine.adopt(old.shares[:2])
    assert commits.failed
    machine.adopt(old.shares[:2])
    works(machine, old)


@pytest.mark.skipif(not tpm.AVAILABLE, reason=tpm.NEEDED)
def test_a_machine_whose_device_secret_is_to_be_in_its_tpm(old: Old, tmp_path: Path) -> None:
    """An old machine is told so: the sheets put it there, and the passphrase opens with it alone."""
    machine = Machine(tmp_path / "new", old.root)
    machine.adopt(old.shares[:2])  # with files, as it was set up
    shutil.rmtree(machine.device.folder)
    with tpm.SoftTpm(tmp_path / "tpm") as soft:
        secrets = TpmSecrets(soft.path)
        machine.adopt(old.shares[:2], secrets)
        assert secrets.generations() == [1]
        index = keyfiles.load(machine.keys).index
        with Vault.open(
            machine.store, index_key=index, device=secrets, random=os.urandom, clock=clock
        ) as vault:
            vault.unlock("ana", PASSPHRASE).close()
        with machine.open() as vault, pytest.raises(DeviceSecretLostError):
            vault.unlock("ana", PASSPHRASE)
