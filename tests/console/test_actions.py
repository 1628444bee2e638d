"""One table of keys: bindings, legend and documentation agree with it."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.binding import Binding
from textual.screen import Screen

from medkiosk.access.accounts import problems_of_roles
from medkiosk.access.roles import ROLES
from medkiosk.console.actions import ACTIONS, Where, bindings, key_words, legend
from medkiosk.console.app import KioskApp
from medkiosk.console.screens.access import GlassesScreen
from medkiosk.console.screens.accounts import AccountsScreen
from medkiosk.console.screens.advice import AdviceScreen
from medkiosk.console.screens.audit import AuditEventScreen, AuditScreen
from medkiosk.console.screens.backup import BackupScreen
from medkiosk.console.screens.check import CheckScreen, ResultScreen
from medkiosk.console.screens.consent import ConsentScreen
from medkiosk.console.screens.correction import CorrectionsScreen
from medkiosk.console.screens.dialogs import AskReason, ChooseEncounter, ChooseReason, ChooseRole, Confirm
from medkiosk.console.screens.encounter import EncounterScreen
from medkiosk.console.screens.encounters import EncountersScreen
from medkiosk.console.screens.export import ExportScreen
from medkiosk.console.screens.exported import ExportedScreen
from medkiosk.console.screens.exports import ExportsScreen
from medkiosk.console.screens.grantor import GrantorScreen
from medkiosk.console.screens.guide import FindScreen, GuideScreen, PageScreen
from medkiosk.console.screens.health import HealthScreen
from medkiosk.console.screens.home import HomeScreen
from medkiosk.console.screens.imports import ImportsScreen
from medkiosk.console.screens.keeping import ChooseClass
from medkiosk.console.screens.kept import KeptScreen
from medkiosk.console.screens.keys import KeysScreen
from medkiosk.console.screens.ledger import CodeScreen, LedgerScreen
from medkiosk.console.screens.login import LoginScreen
from medkiosk.console.screens.maintenance import MaintenanceScreen
from medkiosk.console.screens.mistaken import ChooseSimilar, SettleConflict
from medkiosk.console.screens.practice import PracticeResultScreen
from medkiosk.console.screens.quarantine import QuarantineScreen
from medkiosk.console.screens.recall import RecallScreen
from medkiosk.console.screens.receipt import ReceiptScreen
from medkiosk.console.screens.recipients import RecipientsScreen, SheetScreen
from medkiosk.console.screens.retention import RetentionScreen
from medkiosk.console.screens.review import ReviewScreen
from medkiosk.console.screens.settings import SettingsScreen
from medkiosk.console.screens.settingsform import IssuersScreen
from medkiosk.console.screens.slate import SlateScreen
from medkiosk.console.screens.training import OwnTrainingScreen, TrainingScreen
from medkiosk.console.screens.update import UpdateScreen
from medkiosk.console.screens.usb import UsbScreen
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
    Where.UPDATE: UpdateScreen,
    Where.USB: UsbScreen,
    Where.HEALTH: HealthScreen,
    Where.LEDGER: LedgerScreen,
    Where.MAINTENANCE: MaintenanceScreen,
    Where.CODE: CodeScreen,
    Where.RETENTION: RetentionScreen,
    Where.RECEIPT: ReceiptScreen,
    Where.QUARANTINE: QuarantineScreen,
    Where.SLATE: SlateScreen,
    Where.ENCOUNTERS: EncountersScreen,
    Where.FORM: EncounterScreen,
    Where.CONSENT: ConsentScreen,
    Where.GRANTOR: GrantorScreen,
    Where.REVIEW: ReviewScreen,
    Where.EXPORT: ExportScreen,
    Where.EXPORTED: ExportedScreen,
    Where.RECIPIENTS: RecipientsScreen,
    Where.SHEET: SheetScreen,
    Where.RECALL: RecallScreen,
    Where.EXPORTS: ExportsScreen,
    Where.REASON: AskReason,
    Where.QUICK: ChooseReason,
    Where.CHOICE: ChooseEncounter,
    Where.ROLE: ChooseRole,
    Where.CLASS: ChooseClass,
    Where.CONFIRM: Confirm,
    Where.GUIDE: GuideScreen,
    Where.GUIDE_PAGE: PageScreen,
    Where.GUIDE_FIND: FindScreen,
    Where.CHECK: CheckScreen,
    Where.RESULT: ResultScreen,
    Where.TRAINING: OwnTrainingScreen,
    Where.TRAINED: TrainingScreen,
    Where.PRACTISED: PracticeResultScreen,
    Where.GLASSES: GlassesScreen,
    Where.SETTINGS: SettingsScreen,
    Where.ISSUERS: IssuersScreen,
    Where.AUDIT: AuditScreen,
    Where.AUDIT_EVENT: AuditEventScreen,
    Where.CORRECTIONS: CorrectionsScreen,
    Where.SIMILAR: ChooseSimilar,
    Where.CONFLICT: SettleConflict,
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
    "guide": Capability.LOGGED_IN,
    "backup": Capability.MANAGE_STORE,
    "health": Capability.MANAGE_STORE,
    "ledger": Capability.MANAGE_STORE,
    "maintenance": Capability.MANAGE_STORE,
    "accounts": Capability.MANAGE_ACCOUNTS,
    "update": Capability.UPDATE,
    "usb": Capability.MANAGE_ACCOUNTS,
    "passphrase": Capability.OWN_SESSION,
    "retention": Capability.APPROVE_DISPOSAL,
    "settings": Capability.SEE_SETTINGS,
    "audit": Capability.AUDIT,
    "glasses": Capability.REVIEW_GLASS,
    "corrections": Capability.SEE_CATALOGUE,
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


def test_all_keys_of_somebody_with_as_many_roles_as_go_together_fit_on_four_lines() -> None:
    roles = tuple(set(Role) - {Role.ADMINISTRATOR})
    assert not problems_of_roles(roles)
    widths = [len(key) + len(label) + 6 for key, label in legend(Where.HOME, roles)]
    assert len(widths) > 14
    assert sum(widths) < 4 * 78 - 3 * max(widths), (
        "each line but the last may end with room for less than one"
    )


def test_the_documentation_explains_every_key() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "console.md").read_text()
    for action in ACTIONS:
        keys = ", ".join(f"`{key_words(key)}`" for key in action.keys)
        assert f"| {keys} | {action.help} |" in page, f"docs/console.md lacks {action.where}: {keys}"
