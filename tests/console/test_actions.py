"""One table of keys: bindings, legend and documentation agree with it."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.binding import Binding
from textual.screen import Screen

from medkiosk.console.actions import ACTIONS, Where, bindings, key_words
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


def test_the_documentation_explains_every_key() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "console.md").read_text()
    for action in ACTIONS:
        keys = ", ".join(f"`{key_words(key)}`" for key in action.keys)
        assert f"| {keys} | {action.help} |" in page, f"docs/console.md lacks {action.where}: {keys}"
