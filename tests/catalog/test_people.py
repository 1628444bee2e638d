"""Accounts in the catalogue: made, given a passphrase, closed."""

from __future__ import annotations

import msgspec

from medkiosk.catalog.fold import Catalog, fold
from medkiosk.catalog.people import People
from medkiosk.core.events import AccountCreated, AnyEvent, Role
from medkiosk.core.ids import KIOSK, AccountId
from medkiosk.core.lifecycle import AccountClosed, SlotChanged
from medkiosk.review.machine import step

AT = "2026-05-01T09:00:00.000Z"
ADA, RITA = AccountId("a" * 32), AccountId("b" * 32)
MADE = (
    AccountCreated(
        at=AT, actor=KIOSK, account_id=ADA, user="ada", display_name="Ada", roles=(Role.ADMINISTRATOR,)
    ),
    AccountCreated(
        at=AT, actor=ADA, account_id=RITA, user="rita", display_name="Rita", roles=(Role.REVIEWER,)
    ),
)


def changed(how: str, account: AccountId = RITA) -> SlotChanged:
    return SlotChanged(at=AT, actor=ADA, account_id=account, how=how)


def closed(account: AccountId) -> AccountClosed:
    return AccountClosed(at=AT, actor=ADA, account_id=account, reason="left")


def people(*events: AnyEvent) -> People:
    made: Catalog = fold(step, (*MADE, *events))
    assert made.problems == ()
    return made.people


def test_a_reset_passphrase_must_be_changed_by_the_person() -> None:
    assert RITA in people(changed("reset")).to_change
    assert RITA in people(changed("reset"), changed("upgraded")).to_change
    assert RITA not in people(changed("reset"), changed("passphrase")).to_change
    assert RITA in people(changed("passphrase"), changed("reset")).to_change
    assert ADA not in people(changed("reset")).to_change


def test_a_closed_account_keeps_its_name_and_history() -> None:
    after = people(closed(RITA))
    assert not after.is_open(RITA)
    assert after.is_open(ADA)
    found = after.of("rita")
    assert found is not None
    assert found.display_name == "Rita"
    again = msgspec.structs.replace(MADE[1], account_id=AccountId("c" * 32))
    assert [problem.words for problem in fold(step, (*MADE, closed(RITA), again)).problems] == [
        "the account exists"
    ]


def test_events_of_nobody_are_named() -> None:
    stranger = AccountId("f" * 32)
    said = fold(step, (*MADE, closed(stranger), changed("reset", stranger))).problems
    assert [problem.words for problem in said] == ["unknown account"] * 2
    assert not People().is_open(stranger)


def test_people_are_found_by_name_again_when_made_from_saved_data() -> None:
    before = people(closed(RITA), changed("reset", ADA))
    after = People(dict(before.accounts), set(before.closed), set(before.to_change), set(before.given))
    assert after == before
    assert after.of("rita") == MADE[1]
