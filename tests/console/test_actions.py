"""One table of keys: bindings, legend and documentation agree with it."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.binding import Binding
from textual.screen import Screen

from medkiosk.access.roles import ROLES
from medkiosk.console.actions import ACTIONS, Where, bindings, key_words, legend
from medkiosk.console.app import KioskApp
from medkiosk.console.screens.accounts import AccountsScreen
from medkiosk.console.screens.advice import AdviceScreen
from medkiosk.console.screens.backup import BackupScreen
from medkiosk.console.screens.consent import ConsentScreen
from medkiosk.console.screens.dialogs import AskReason, ChooseEncounter, ChooseReason, ChooseRole, Confirm
from medkiosk.console.screens.encounter import EncounterScreen
from medkiosk.console.screens.encounters import EncountersScreen
from medkiosk.console.screens.export import ExportScreen
from medkiosk.console.screens.home import HomeScreen
from medkiosk.console.screens.imports import ImportsScreen
from medkiosk.console.screens.keeping import ChooseClass
from medkiosk.console.screens.kept import KeptScreen
from medkiosk.console.screens.keys import KeysScreen
from medkiosk.console.screens.ledger import CodeScreen, LedgerScreen
from medkiosk.console.screens.login import LoginScreen
from medkiosk.console.screens.quarantine import QuarantineScreen
from medkiosk.console.screens.receipt import ReceiptScreen
from medkiosk.console.screens.retention import RetentionScreen
from medkiosk.console.screens.review import ReviewScreen
from medkiosk.console.screens.slate import SlateScreen
from medkiosk.core.capability import Capability
from medkiosk.core.events import Role
from tests.console import flows
from tests.console.kiosk import RunningKiosk
from tests.console.test_screens import console

OWNERS: dict[Where, type] = {
    Where.EVERYWHERE: KioskApp,
    Where.HOME: HomeScreen,
    Where.KEPT: KeptScreen,
    Where.LOGIN: LoginScreen,
    Where.IMPORTS: ImportsScreen,
    Where.ADVICE: AdviceScreen,
    Where.ACCOUNTS: AccountsScreen,
    Where.BACKUP: BackupScreen,
    Where.LEDGER: LedgerScreen,
    Where.CODE: CodeScreen,
    Where.RETENTION: RetentionScreen,
    Where.RECEIPT: ReceiptScreen,
    Where.QUARANTINE: QuarantineScreen,
    Where.SLATE: SlateScreen,
    Where.ENCOUNTERS: EncountersScreen,
    Where.FORM: EncounterScreen,
    Where.CONSENT: ConsentScreen,
    Where.REVIEW: ReviewScreen,
    Where.EXPORT: ExportScreen,
    Where.REASON: AskReason,
    Where.QUICK: ChooseReason,
    Where.CHOICE: ChooseEncounter,
    Where.ROLE: ChooseRole,
    Where.CLASS: ChooseClass,
    Where.CONFIRM: Confirm,
    Where.KEYS: KeysScreen,
}


@pytest.mark.parametrize("where", list(Where))
def test_each_action_is_done_by_its_screen(where: Where) -> None:
    owner = OWNERS[where]
    for action in ACTIONS:
        if action.where is where and action.name:
            method = "action_" + action.name.removeprefix("app.").partition("(")[0]
            assert callable(getattr(owner, method, None)), f"{owner.__name__} lacks {method}"
    if issubclass(owner, Screen):
        ours = {(b.key, b.action) for b in bindings(where) if isinstance(b, Binding)}
        theirs = {(b.key, b.action) for b in owner.BINDINGS if isinstance(b, Binding)}
        assert ours == theirs


@pytest.mark.parametrize("where", list(Where))
def test_no_key_means_two_things_on_one_screen(where: Where) -> None:
    named = [key for action in ACTIONS if action.where is where and action.name for key in action.keys]
    everywhere = [key for action in ACTIONS if action.where is Where.EVERYWHERE for key in action.keys]
    assert len(named) == len(set(named))
    if where is not Where.EVERYWHERE:
        assert not set(named) & set(everywhere)


NEEDS = {
    "log_in": None,
    "encounters": Capability.SEE_CATALOGUE,
    "imports": Capability.SEE_CATALOGUE,
    "review": Capability.SEE_REDACTED,
    "export": Capability.EXPORT,
    "kept": Capability.LOGGED_IN,
    "backup": Capability.MANAGE_STORE,
    "ledger": Capability.MANAGE_STORE,
    "accounts": Capability.MANAGE_ACCOUNTS,
    "passphrase": Capability.OWN_SESSION,
    "retention": Capability.APPROVE_DISPOSAL,
}


def test_home_names_the_keys_that_somebodys_roles_allow() -> None:
    for action in ACTIONS:
        if action.where is Where.HOME:
            needs = NEEDS[action.name]
            assert action.roles == {role for role in Role if needs in ROLES[role]}, action.name
            assert action.label


@pytest.mark.parametrize("role", list(Role))
async def test_home_shows_them_on_eighty_by_twenty_four(running: RunningKiosk, role: Role) -> None:
    running.kiosk.hire("ada", "Ada", role)
    async with console(running.path, size=(80, 24)) as pilot:
        await flows.log_in(pilot, "ada")
        wanted = [f"{key} {label}" for key, label in legend(Where.HOME, (role,))]
        assert "P Passphrase" in wanted
        for words in wanted:
            await flows.until_text(pilot, words)
        assert "Log in" not in flows.text(pilot).partition("Next:")[2]
        await pilot.press("f9")
        await flows.until_text(pilot, "L Log in")
        assert "P Passphrase" not in flows.text(pilot)


def test_all_keys_of_somebody_with_every_role_fit_on_three_lines() -> None:
    entries = legend(Where.HOME, tuple(Role))
    assert len(entries) == 11
    assert sum(len(key) + len(label) + 6 for key, label in entries) < 3 * 78 - 3 * 20


def test_the_documentation_explains_every_key() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "console.md").read_text()
    for action in ACTIONS:
        keys = ", ".join(f"`{key_words(key)}`" for key in action.keys)
        assert f"| {keys} | {action.help} |" in page, f"docs/console.md lacks {action.where}: {keys}"
