"""What ends a session: being alone, sleep, a lock, another's word. On clocks of the test."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

import pytest

from medkiosk.core.events import AccountCreated, Role
from medkiosk.core.ids import KIOSK, AccountId
from medkiosk.daemon.keyring import Keyring
from medkiosk.daemon.sessions import Clocks, Sessions


def account(letter: str) -> AccountCreated:
    return AccountCreated(
        at="2026-05-01T09:00:00.000Z",
        actor=KIOSK,
        account_id=AccountId(letter * 32),
        user=letter,
        display_name=letter.upper(),
        roles=(Role.REVIEWER,),
    )


@dataclass
class Ring:
    """Writes down who left and why; the real one is in the tests of the whole daemon."""

    left: list[tuple[str, str]] = field(default_factory=list)

    def leave(self, who: AccountCreated, reason: str) -> None:
        self.left.append((who.user, reason))


@dataclass
class Machine:
    now: float = 1000.0
    slept: float = 5.0

    @property
    def clocks(self) -> Clocks:
        return Clocks(awake=lambda: self.now - self.slept, always=lambda: self.now)

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.slept += seconds


class Rig:
    def __init__(self, idle_s: float = 600.0) -> None:
        self.ring, self.machine = Ring(), Machine()
        self.sessions = Sessions(cast("Keyring", self.ring), idle_s, self.machine.clocks)
        self.ada = self.sessions.begin(account("a"))
        self.rita = self.sessions.begin(account("b"))

    def later(self, seconds: float) -> list[str]:
        self.machine.now += seconds
        self.sessions.look()
        return [reason for _, reason in self.ring.left]


@pytest.fixture
def rig() -> Rig:
    return Rig()


def test_nobody_there_ends_all_of_them(rig: Rig) -> None:
    assert rig.later(599) == []
    assert rig.later(1) == ["nobody used the kiosk for 10 minutes"] * 2
    assert rig.ada.ended == rig.rita.ended == "nobody used the kiosk for 10 minutes"
    assert len(rig.later(10_000)) == 2, "each ends once"


def test_one_person_at_work_keeps_the_others(rig: Rig) -> None:
    for _ in range(4):
        rig.sessions.present(rig.rita)
        assert rig.later(400) == []
    assert rig.later(200) != []


def test_what_a_screen_asks_by_itself_is_nobody(rig: Rig) -> None:
    for _ in range(3):
        rig.sessions.present(rig.ada)
        rig.sessions.polled(rig.ada)
        rig.later(250)
    assert rig.ada.ended


def test_a_person_who_waits_for_a_long_call_is_there(rig: Rig) -> None:
    with rig.sessions.busy(rig.ada):
        assert rig.later(5000) == []
    assert rig.later(599) == []
    assert rig.later(1) != []


def test_sleep_ends_all_even_for_a_moment_and_in_a_long_call(rig: Rig) -> None:
    with rig.sessions.busy(rig.ada):
        rig.machine.sleep(30)
        assert rig.later(0.5) == ["the kiosk was asleep"] * 2


def test_sleep_while_nobody_is_logged_in_is_not_held_against_the_next(rig: Rig) -> None:
    rig.sessions.end_all("done")
    rig.machine.sleep(3600)
    rig.sessions.look()
    later = rig.sessions.begin(account("c"))
    rig.sessions.look()
    assert not later.ended


def test_a_session_ends_once_and_alone(rig: Rig) -> None:
    rig.sessions.end(rig.ada, "logout")
    rig.sessions.end(rig.ada, "again")
    assert rig.ring.left == [("a", "logout")]
    assert not rig.rita.ended


def test_those_of_one_account_end_but_not_the_one_that_asked(rig: Rig) -> None:
    elsewhere = rig.sessions.begin(account("b"))
    assert rig.sessions.end_all("changed", of=rig.rita.account.account_id, but=rig.rita) == 1
    assert elsewhere.ended == "changed"
    assert not rig.rita.ended
    assert not rig.ada.ended


def test_the_machines_clocks_are_those_of_the_kernel() -> None:
    clocks = Clocks()
    awake = clocks.awake()
    assert clocks.always() >= awake


def test_stopping_ends_everything(rig: Rig) -> None:
    rig.sessions.start()
    rig.sessions.stop()
    assert rig.ada.ended == "the kiosk is stopping"
