"""A key that is taken away while somebody logs in with it opens nothing."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from medkiosk.access.lockout import FREE, delay
from medkiosk.catalog.fold import Catalog
from medkiosk.core.accessevents import RolesChanged
from medkiosk.core.errors import KioskError, NotAllowedError
from medkiosk.core.events import AccountCreated, Role
from medkiosk.core.ids import KIOSK, AccountId
from medkiosk.core.lifecycle import AccountClosed
from medkiosk.daemon import people
from medkiosk.daemon.keyring import Entered, Keyring, LockedOutError, OvertakenError
from medkiosk.daemon.kiosk import Kiosk
from medkiosk.journal import Fact, Journal
from medkiosk.ledger import entry
from medkiosk.ledger.file import Log
from medkiosk.ledger.sign import Signer
from medkiosk.vault import slots
from medkiosk.vault.errors import NoSlotError, WrongPassphraseError
from tests.cheap import CHEAP, CHEAPER
from tests.stores import create

OLD, NEW = "correct horse battery", "seven purple llamas dancing"
IDS = {"ana": AccountId("a" * 32), "rita": AccountId("b" * 32)}


def now() -> datetime:
    return datetime(2026, 5, 1, 9, tzinfo=UTC)


class Rig:
    """A store with two people; ``ana`` is logged in."""

    def __init__(self, root: Path) -> None:
        self.lockout = root / "lockout"
        self.vault, shares = create(root / "store", random=os.urandom)
        self.log = Log.create(root / "store/ledger", Signer("test.invalid/ledger", bytes(32)))
        self.journal = Journal(self.vault, self.log, now)
        with self.vault.unlock_recovery(shares) as identity:
            for user, id_ in IDS.items():
                identity.add_user_slot(user, OLD, params=CHEAPER, allow_weak=True)
                made = AccountCreated(
                    at=self.journal.now(),
                    actor=KIOSK,
                    account_id=id_,
                    user=user,
                    display_name=user,
                    roles=(Role.ADMINISTRATOR,),
                )
                self.journal.commit([Fact(made)])
        self.ring = Keyring(self.journal, now, self.lockout, lambda: None)
        self.ring.login("ana", OLD)

    def change(self) -> None:
        identity = self.ring.opened.identity
        identity.replace_user_slot("rita", NEW, params=CHEAPER, allow_weak=True)

    def close(self) -> None:
        """As `people.close_account` does, up to the end of the sessions."""
        self.ring.opened.identity.remove_user_slot("rita")
        closed = AccountClosed(
            at=self.journal.now(), actor=IDS["ana"], account_id=IDS["rita"], reason="works elsewhere"
        )
        self.journal.commit([Fact(closed)])

    def demote(self) -> None:
        """As `people.change_roles` does, up to the end of the sessions."""
        changed = RolesChanged(
            at=self.journal.now(),
            actor=IDS["ana"],
            account_id=IDS["rita"],
            roles=(Role.AUDITOR,),
            reason="another task",
        )
        self.journal.commit([Fact(changed)])

    def logins(self) -> int:
        return sum(entry.decode(data).type == "login.accepted" for data in self.log.entries())


@pytest.fixture
def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    monkeypatch.setattr(slots, "COST", CHEAP)
    monkeypatch.setattr(slots, "FLOOR", CHEAPER)
    made = Rig(tmp_path)
    yield made
    made.vault.close()


def test_changed_while_the_passphrase_was_tried(rig: Rig) -> None:
    """The old slot opened; before the login counts, which takes the journal's lock, it is replaced."""
    before = rig.lockout.stat().st_mtime_ns
    settled = rig.lockout.read_bytes()
    ended: list[Entered | KioskError] = []

    def log_in() -> None:
        try:
            ended.append(rig.ring.login("rita", OLD))
        except KioskError as error:
            ended.append(error)

    with rig.journal.lock:
        other = threading.Thread(target=log_in)
        other.start()
        deadline = time.monotonic() + 30
        # The count of failures is taken back when the passphrase was right; then the lock is waited for.
        while rig.lockout.stat().st_mtime_ns == before or rig.lockout.read_bytes() != settled:
            assert time.monotonic() < deadline
            time.sleep(0.001)
        assert not ended
        rig.change()
    other.join(30)
    assert [type(one) for one in ended] == [OvertakenError]
    assert rig.logins() == 1, "only ana's"
    rig.ring.confirm(rig.ring.login("rita", NEW))


@pytest.mark.parametrize("take_away", [Rig.change, Rig.close, Rig.demote])
def test_taken_away_between_the_login_and_the_session(rig: Rig, take_away: Callable[[Rig], None]) -> None:
    entered = rig.ring.login("rita", OLD)
    rig.ring.confirm(entered)
    take_away(rig)
    with pytest.raises((OvertakenError, NotAllowedError)):
        rig.ring.confirm(entered)


def test_who_was_an_administrator_when_the_call_began_closes_nobody(rig: Rig) -> None:
    """Ana asks to close rita; before the journal's lock is hers, rita makes ana something else."""
    before = rig.ring.login("ana", OLD).account
    changed = RolesChanged(
        at=rig.journal.now(),
        actor=IDS["rita"],
        account_id=IDS["ana"],
        roles=(Role.AUDITOR,),
        reason="another task",
    )
    rig.journal.commit([Fact(changed)])

    @contextlib.contextmanager
    def reading() -> Iterator[Catalog]:
        with rig.ring.opened.lock:
            yield rig.ring.opened.catalog

    parts = SimpleNamespace(keyring=rig.ring, journal=rig.journal, reading=reading)  # all that it needs
    with pytest.raises(NotAllowedError, match="no administrator any more"):
        people.close_account(cast("Kiosk", parts), before, "rita", "works elsewhere")
    rig.ring.confirm(rig.ring.login("rita", OLD))


def test_what_was_read_of_an_older_slot_does_not_replace_a_newer_one(rig: Rig) -> None:
    """A login strengthens a cheap slot, which takes a while; meanwhile the passphrase may be changed."""
    identity = rig.ring.opened.identity
    before = identity._slot("rita")
    rig.change()
    with pytest.raises(NoSlotError):
        identity.replace_user_slot("rita", OLD, params=CHEAPER, allow_weak=True, instead_of=before.id)
    rig.vault.unlock("rita", NEW).close()
    identity.change_user_passphrase("rita", OLD)
    rig.vault.unlock("rita", OLD).close()


def test_nobody_vouches_with_a_passphrase_that_an_administrator_knows(rig: Rig) -> None:
    identity = rig.ring.opened.identity
    identity.add_user_slot("olga", OLD, params=CHEAPER, allow_weak=True)
    olga = AccountId("c" * 32)
    event = AccountCreated(
        at=rig.journal.now(),
        actor=IDS["ana"],
        account_id=olga,
        user="olga",
        display_name="Olga",
        roles=(Role.PRIVACY_OFFICER,),
    )
    rig.journal.commit([Fact(event)])
    with pytest.raises(NotAllowedError, match="only they know"):
        rig.ring.vouch(rig.ring.prove("olga", OLD))
    rig.ring.vouch(rig.ring.prove("rita", OLD))


def test_who_guessed_waits_after_a_restart_too(rig: Rig) -> None:
    """Else the power switch would give another few guesses, as often as somebody presses it."""
    for _ in range(FREE + 1):
        with pytest.raises(WrongPassphraseError):
            rig.ring.login("rita", "not hers at all")
    restarted = Keyring(rig.journal, now, rig.lockout, lambda: None)
    with pytest.raises(LockedOutError):
        restarted.login("rita", OLD)
    soon = now() + delay(FREE + 1)
    restarted = Keyring(rig.journal, lambda: soon, rig.lockout, lambda: None)
    assert restarted.login("rita", OLD).account.user == "rita"
    assert Keyring(rig.journal, now, rig.lockout, lambda: None).login("rita", OLD), "and that is kept too"
