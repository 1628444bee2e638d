"""Whatever happens in whatever order: all that was committed opens, and what was disposed of never again.

Sealing, changes of keys, crashes, restores and disposals in a random order on a real store; hypothesis looks
for the shortest order that breaks it.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, event, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from medkiosk.devicesecret import DeviceSecretLostError
from medkiosk.offline.adopt import adopt
from medkiosk.vault.batch import Batch
from medkiosk.vault.disposal import Running, Step
from medkiosk.vault.epochs import MAX_AGE
from medkiosk.vault.errors import DisposedError, EpochEndedError, WrongPassphraseError, WrongSharesError
from medkiosk.vault.identity import Identity
from medkiosk.vault.reader import StoreReader
from medkiosk.vault.store import Vault
from medkiosk.vault.writer import PendingObject
from tests.stores import CHEAP, ESCROW, clock, create, device, reopen

USER = "ana"
MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
"""Stores of 257 folders are copied often here, and no crash of this test reaches a device."""


@dataclass(frozen=True)
class Made:
    """An empty store that every run starts from a copy of."""

    root: Path
    shares: list[str]


_made: list[Made] = []


def made() -> Made:
    if not _made:
        root = Path(tempfile.mkdtemp(prefix="medkiosk-machine-", dir=MEMORY)) / "store"
        vault, shares = create(root, random=os.urandom)
        with vault, vault.unlock_recovery(shares) as identity:
            identity.add_user_slot(USER, "0", params=CHEAP, allow_weak=True)
        _made.append(Made(root, shares))
    return _made[0]


@pytest.fixture(scope="module", autouse=True)
def no_leftovers() -> object:
    yield
    for one in _made:
        shutil.rmtree(one.root.parent)
    _made.clear()


class Kiosk(RuleBasedStateMachine):
    """The store, and what must be true of it."""

    def __init__(self) -> None:
        super().__init__()
        self.base = Path(tempfile.mkdtemp(prefix="medkiosk-machine-", dir=MEMORY))
        self.places = 0
        self.now = clock()
        self.shares, self.old_shares = made().shares, [["no", "words"]]
        self.passphrase = 0
        self.live: dict[str, bytes] = {}
        self.gone: set[str] = set()
        self.going: set[str] = set()
        self.pending: list[tuple[PendingObject, bytes]] = []
        self.copies: list[Path] = []  # of the store, made before what is gone was destroyed
        self.running: Running | None = None
        self.identity: Identity | None = None
        self.root = self.elsewhere(made().root)
        self.vault: Vault = self.open()

    # What is around the store

    def elsewhere(self, root: Path, *, with_device: bool = True) -> Path:
        """Copy a store as it is on the disk at this instant; return where."""
        self.places += 1
        copy = self.base / str(self.places) / "store"
        shutil.copytree(root, copy)
        if with_device:
            shutil.copytree(device(root).folder, device(copy).folder)
        return copy

    def open(self) -> Vault:
        return reopen(self.root, random=os.urandom, clock=lambda: self.now)

    def leave(self) -> None:
        self.lock()
        self.vault.close()
        self.pending.clear()

    def back(self) -> None:
        self.vault = self.open()
        self.running = self.vault.disposals.running()
        assert list((self.root / "tmp").iterdir()) == []
        assert sorted(row.id for row in self.vault.objects()) == sorted({*self.live, *self.gone, *self.going})

    # Sealing

    @rule(content=st.binary(max_size=200), large=st.booleans(), wait=st.booleans())
    def seal(self, content: bytes, *, large: bool, wait: bool) -> None:
        content = content * (400 if large else 1)
        writer = self.vault.start("original")
        writer.write(content)
        self.pending.append((writer.finish(), content))
        if not wait:
            self.commit()

    @precondition(lambda self: self.pending)
    @rule()
    def commit(self) -> None:
        objects = [pending for pending, _ in self.pending]
        ended = any(pending.epoch != self.vault.current_epoch for pending in objects)
        try:
            self.vault.commit(Batch(objects=objects))
            assert not ended
        except EpochEndedError:
            assert ended
            self.vault.commit(Batch(objects=[self.vault.reseal(pending) for pending in objects]))
        self.live |= {pending.id: content for pending, content in self.pending}
        self.pending.clear()

    # Unlocking

    @precondition(lambda self: self.identity is None)
    @rule(words=st.booleans(), which=st.integers(0, 2))
    def unlock(self, *, words: bool, which: int) -> None:
        if words:
            shares = self.shares[:which] + self.shares[which + 1 :]
            self.identity = self.vault.unlock_recovery(shares)
        else:
            self.identity = self.vault.unlock(USER, str(self.passphrase))
        with pytest.raises(WrongPassphraseError):
            self.vault.unlock(USER, str(self.passphrase - 1))
        with pytest.raises(WrongSharesError):
            self.vault.unlock_recovery(self.old_shares[-1][:2])

    @property
    def unlocked(self) -> Identity:
        """The open vault; by the passphrase where nobody had opened it."""
        if self.identity is None:
            self.identity = self.vault.unlock(USER, str(self.passphrase))
        return self.identity

    @rule()
    def lock(self) -> None:
        if self.identity is not None:
            self.identity.close()
            self.identity = None

    @rule()
    def look(self) -> None:
        for id_, content in self.live.items():
            assert b"".join(self.vault.read_object(id_, self.unlocked.open_key(id_))) == content
        for id_ in self.gone:
            with pytest.raises(DisposedError):
                self.unlocked.open_key(id_)

    # Changes of keys

    @rule()
    def rotate(self) -> None:
        before = self.vault.current_epoch
        assert self.unlocked.rotate() is None
        if self.running is None or self.running.step is not Step.MOVING:
            self.now += MAX_AGE
            assert self.unlocked.rotate() == (before + 1, "age")

    @rule()
    def new_passphrase(self) -> None:
        identity = self.unlocked
        self.passphrase += 1
        identity.replace_user_slot(USER, str(self.passphrase), params=CHEAP, allow_weak=True)

    @rule()
    def new_words(self) -> None:
        self.old_shares.append(self.shares)
        self.shares = self.unlocked.replace_recovery(ESCROW)

    # Disposal

    @precondition(lambda self: self.running is None and self.live)
    @rule(choice=st.data())
    def dispose(self, choice: st.DataObject) -> None:
        ids = choice.draw(st.lists(st.sampled_from(list(self.live)), min_size=1, max_size=3, unique=True))
        self.copies.append(self.elsewhere(self.root, with_device=False))
        self.running = self.vault.disposals.begin(self.unlocked, f"{self.places:032x}", ids)
        self.going = set(ids)
        for id_ in ids:
            del self.live[id_]

    @precondition(lambda self: self.running is not None)
    @rule(steps=st.integers(1, 5))
    def go_on(self, steps: int) -> None:
        for _ in range(steps):
            if self.running is not None:
                self.take_step(self.running)
                self.running = self.vault.disposals.running()

    def take_step(self, running: Running) -> None:
        disposals = self.vault.disposals
        match running.step:
            case Step.MOVING:
                identity = self.unlocked
                if disposals.move(identity, running.plan, rows=2):
                    return
                self.vault.commit(Batch(also=lambda tx: disposals.destroy(tx, identity, running)))
                identity.forget_epochs(running.plan.doomed)
                self.gone |= self.going
                self.going = set()
            case Step.DESTROYING:
                disposals.destroy_secret(running)
                event("destroyed")
            case _:
                disposals.erase(running)
                self.vault.commit(Batch(also=lambda tx: disposals.finish(tx, running)))

    # The world

    @rule()
    def crash(self) -> None:
        """The power fails: what is on the disk now is what is there, and nobody closed anything."""
        copy = self.elsewhere(self.root)
        self.leave()
        self.root = copy
        self.back()

    @rule()
    def restart(self) -> None:
        self.leave()
        self.back()

    @rule()
    def new_machine(self) -> None:
        """The store was restored on another machine, which two sheets make the kiosk."""
        self.leave()
        self.root = self.elsewhere(self.root, with_device=False)
        keys = self.root.parent / "keys"
        secrets = device(self.root)
        where = {
            "device": secrets,
            "keys_folder": keys,
            "memory": secrets.folder,
            "origin": "test.invalid/ledger",
        }
        assert adopt(self.root, self.shares[1:], random=os.urandom, clock=clock, **where).renewed  # type: ignore[arg-type]
        self.back()
        assert self.vault.device_problem is None

    @rule()
    def restore(self) -> None:
        """Two sheets open everything that is there, without any machine."""
        copy = self.elsewhere(self.root, with_device=False)
        with StoreReader.open_for_reading(copy) as reader, reader.unlock_recovery(self.shares[:2]) as opener:
            for id_, content in self.live.items():
                assert b"".join(reader.read_object(id_, opener.open_key(id_))) == content
            for id_ in self.gone:
                with pytest.raises(DisposedError):
                    opener.open_key(id_)
            assert {
                name: secret.reveal() for name, secret in reader.open_escrow(self.shares[:2]).items()
            } == ESCROW

    @precondition(lambda self: self.copies and self.running is None)
    @rule()
    def look_at_copies(self) -> None:
        """No copy made before a disposal opens with a passphrase on this machine as it is now."""
        while self.copies:
            copy = self.copies.pop()
            shutil.copytree(device(self.root).folder, device(copy).folder)
            there = device(copy).generations()
            with reopen(copy, random=os.urandom) as vault:
                vault.settle_device()
                assert vault.generation not in there
                assert isinstance(vault.device_problem, DeviceSecretLostError)
                for passphrase in range(self.passphrase + 1):
                    with pytest.raises((DeviceSecretLostError, WrongPassphraseError)):
                        vault.unlock(USER, str(passphrase))
            assert device(copy).generations() == there  # what the newest store needs is not destroyed

    def teardown(self) -> None:
        with suppress(AttributeError):  # where `__init__` failed
            self.restore()
            self.leave()
        shutil.rmtree(self.base)


TestKiosk = Kiosk.TestCase
TestKiosk.settings = settings(
    max_examples=12,
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
