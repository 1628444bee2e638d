"""Accounts: who may log in, as what; add one, help somebody who forgot the passphrase, close one."""

from __future__ import annotations

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from medkiosk.console.accessmessages import AccessLoaded
from medkiosk.console.actions import Where, bindings
from medkiosk.console.language import tr
from medkiosk.console.messages import AccountDone, AccountsLoaded
from medkiosk.console.screens.base import KioskScreen
from medkiosk.console.screens.dialogs import AskReason
from medkiosk.console.screens.ending import EndScreen
from medkiosk.console.screens.form import FormScreen, Rows
from medkiosk.console.screens.passphrase import PassphraseForm, passphrase_field
from medkiosk.console.widgets.choice import Choice
from medkiosk.console.widgets.field import Field
from medkiosk.console.words import clean
from medkiosk.core.events import Role
from medkiosk.ipc.client import Client
from medkiosk.ipc.types import AccountInfo, Status

ROLE_WORDS = {role: role.value.replace("_", " ") for role in Role}


def account_text(account: AccountInfo) -> Text:
    """Who, as what, and whether they may log in."""
    words = Text(f"{clean(account.user, 16):<17}", style="dim" if account.closed else "bold")
    words.append(f"{clean(account.display_name, 26):<27}", style="not bold")
    words.append(", ".join(tr(ROLE_WORDS[role]) for role in account.roles), style="not bold")
    if account.departments:
        words.append(f"; {clean(', '.join(account.departments), 60)}", style="not bold")
    if account.closed:
        words.append(tr("; closed"), style="not bold")
    elif account.must_change:
        words.append(tr("; must change the passphrase"), style="not bold")
    return words


class AccountsScreen(KioskScreen):
    """All accounts, oldest first."""

    WHERE = Where.ACCOUNTS
    BINDINGS = bindings(Where.ACCOUNTS)

    def __init__(self) -> None:
        super().__init__()
        self._accounts: tuple[AccountInfo, ...] = ()

    def body(self) -> ComposeResult:
        """One list."""
        yield Static(tr("Accounts, oldest first"), classes="caption", markup=False)
        yield OptionList(id="accounts", markup=False)
        yield Static(id="where-keys", markup=False)

    def on_mount(self) -> None:
        """Say where the kiosk's keys are, and what a copy of the disk could open."""
        self.watch(self.kiosk, "status", self._show_keys)

    def _show_keys(self, status: Status | None) -> None:
        sentences = status.keys if status else ()
        place = self.query_one("#where-keys", Static)
        place.display = bool(sentences)
        place.update(Text(clean(" ".join(sentences), 1000)))

    def on_screen_resume(self) -> None:
        """Ask for what is there, now and after every other screen."""
        if self.kiosk.session is not None:
            self.ask(lambda kiosk: kiosk.list_accounts(), lambda found: AccountsLoaded(found.accounts))

    @on(AccountsLoaded)
    def _loaded(self, message: AccountsLoaded) -> None:
        self._accounts = message.accounts
        options = self.query_one(OptionList)
        row = options.highlighted or 0
        options.clear_options()
        options.add_options(Option(account_text(each)) for each in self._accounts)
        if self._accounts:
            options.highlighted = min(row, len(self._accounts) - 1)

    def _chosen(self) -> AccountInfo | None:
        row = self.query_one(OptionList).highlighted
        return self._accounts[row] if row is not None and row < len(self._accounts) else None

    def action_new(self) -> None:
        """Make an account."""
        self.app.push_screen(AccountScreen())

    def action_reset(self) -> None:
        """Give the chosen person a passphrase."""
        if (account := self._chosen()) is not None:
            self.app.push_screen(ResetScreen(account))

    def action_roles(self) -> None:
        """Change the chosen person's roles, and where they work."""
        if (account := self._chosen()) is not None:
            self.app.push_screen(RolesScreen(account))

    def action_close(self) -> None:
        """Ask why, then take the chosen person's key away."""
        if (account := self._chosen()) is None:
            return
        user = account.user
        self.app.push_screen(
            AskReason(
                tr("Why may {user} not log in any more?", user=clean(user, 40)),
                "Their key is destroyed and they are logged out at once. The name stays in the history, and"
                " nobody else can have it.",
            ),
            lambda reason: self._close(user, reason) if reason else None,
        )

    def action_end(self) -> None:
        """The form of the end of this kiosk."""
        self.app.push_screen(EndScreen())

    def _close(self, user: str, reason: str) -> None:
        self.ask(
            lambda kiosk: kiosk.close_account(user, reason),
            lambda _: AccountDone(tr("{user} cannot log in any more.", user=user)),
        )

    @on(AccountDone)
    def _done(self, message: AccountDone) -> None:
        message.stop()
        self.say(message.words)
        self.on_screen_resume()


class AccountScreen(PassphraseForm):
    """A new account, with a first passphrase that the person types."""

    BUTTON = "Make the account"

    @property
    def heading(self) -> str:
        """The form's name."""
        return "New account"

    def rows(self) -> Rows:
        """Who, as what, and a passphrase twice."""
        self._role = Choice(ROLE_WORDS, (Role.PHOTOGRAPHER,), several=True, name="role")
        return [
            ("User", Field(id="user", max_length=64, placeholder="Short, for the login")),
            ("Name", Field(id="display_name", max_length=120)),
            ("Role", self._role),
            ("Passphrase", passphrase_field("new", "Typed by the person; four or five uncommon words")),
            ("Once more", passphrase_field("again")),
        ]

    def save(self) -> str | None:
        """Send the account."""
        user, name = self.text("user"), self.text("display_name")
        new, again = self.take("new"), self.take("again")
        self.query_one("#new").focus()
        if not user or not name or not new:
            return "User, name and passphrase are needed."
        if new != again:
            return "The passphrase was not the same twice. Nothing was done."
        roles = self._role.chosen
        self.say("Making the account, which takes a few seconds.")
        self.ask(
            lambda kiosk: kiosk.create_account(user, name, roles, new),
            lambda made: AccountDone(tr("{user} can log in now.", user=made.user)),
        )
        return None

    @on(AccountDone)
    def _done(self, message: AccountDone) -> None:
        message.stop()
        self.leave(message.words)


class RolesScreen(FormScreen):
    """Other roles for somebody, and where they work.

    Args:
        account: whose.
    """

    def __init__(self, account: AccountInfo) -> None:
        super().__init__(tr("For {user}. Other roles end their sessions.", user=account.user))
        self._account = account

    @property
    def heading(self) -> str:
        """The form's name."""
        return "Roles"

    def rows(self) -> Rows:
        """Roles, departments where there are any, and why."""
        self._roles = Choice(ROLE_WORDS, self._account.roles, several=True, name="roles")
        self._departments: Choice[str] = Choice({"": "none"}, (), several=True, name="departments")
        return [
            ("Roles", self._roles),
            ("Departments", self._departments),
            ("Reason", Field(id="reason", max_length=200, placeholder="Why; for other roles")),
        ]

    def on_mount(self) -> None:
        """Ask which departments there are."""
        super().on_mount()
        self.show_row("departments", shown=False)
        self.ask(lambda kiosk: kiosk.get_access(), AccessLoaded)

    @on(AccessLoaded)
    def _access(self, message: AccessLoaded) -> None:
        message.stop()
        if there := message.access.departments:
            mine = [each for each in self._account.departments if each in there]
            self._departments.offer({each: each for each in there}, *mine)
            self.show_row("departments", shown=True)

    def save(self) -> str | None:
        """Send what is changed."""
        user, reason = self._account.user, self.text("reason")
        roles, departments = self._roles.chosen, self._departments.chosen
        other = set(roles) != set(self._account.roles)
        moved = self._departments.display and set(departments) != set(self._account.departments)
        if not other and not moved:
            return "Nothing is changed yet."
        if other and not reason:
            return "Say why; it is kept on record."

        def send(kiosk: Client) -> str:
            if other:
                kiosk.change_roles(user, roles, reason)
            if moved:
                kiosk.set_departments(user, departments)
            return tr("What {user} sees was changed.", user=clean(user, 40))

        self.ask(send, AccountDone)
        return None

    @on(AccountDone)
    def _done(self, message: AccountDone) -> None:
        message.stop()
        self.leave(message.words)


class ResetScreen(PassphraseForm):
    """Another passphrase for somebody who forgot theirs.

    Args:
        account: whose.
    """

    BUTTON = "Give this passphrase"
    LAST = "again"

    def __init__(self, account: AccountInfo) -> None:
        super().__init__(tr("For {user}. They must change it at their next login.", user=account.user))
        self._user = account.user

    @property
    def heading(self) -> str:
        """The form's name."""
        return "Forgotten passphrase"

    def rows(self) -> Rows:
        """A passphrase, twice."""
        return [
            ("Passphrase", passphrase_field("new", "To tell them; they change it at once")),
            ("Once more", passphrase_field("again")),
        ]

    def save(self) -> str | None:
        """Send it."""
        new, again = self.take("new"), self.take("again")
        self.query_one("#new").focus()
        if not new or new != again:
            return "The same passphrase is needed twice. Nothing was changed."
        user = self._user
        self.say("Giving the passphrase, which takes a few seconds.")
        self.ask(
            lambda kiosk: kiosk.reset_passphrase(user, new),
            lambda _: AccountDone(
                tr("{user} has another passphrase, and changes it at the next login.", user=user)
            ),
        )
        return None

    @on(AccountDone)
    def _done(self, message: AccountDone) -> None:
        message.stop()
        self.leave(message.words)
