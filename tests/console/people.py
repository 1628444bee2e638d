"""The in-memory kiosk's accounts: made, given a passphrase, closed. Passphrases themselves are not kept."""

from __future__ import annotations

from medkiosk.core.events import Role
from medkiosk.ipc import types as t
from tests.console.state import Kiosk


class People:
    """The part of the `Api` about them."""

    _kiosk: Kiosk
    _session: t.Session | None

    def login_challenge(self, user: str) -> t.Challenge:
        return t.Challenge(credential="00" * 64, salt="00" * 32, verified=False)

    def prepare_authenticator(self) -> t.NewAuthenticator:
        return t.NewAuthenticator(salt="00" * 32)

    def add_authenticator(self, passphrase: str, credential: str, verified: bool, output: str) -> t.Done:
        return t.Done()

    def remove_authenticator(self, passphrase: str, output: str) -> t.Done:
        return t.Done()

    def change_passphrase(self, old: str, new: str, output: str = "") -> t.Done:
        assert self._session is not None
        [user] = [
            name for name, entry in self._kiosk.accounts.items() if entry[0] == self._session.account_id
        ]
        self._kiosk.given.discard(user)
        return t.Done()

    def reset_passphrase(self, user: str, passphrase: str) -> t.Done:
        self._kiosk.given.add(user)
        return t.Done()

    def close_account(self, user: str, reason: str) -> t.Done:
        self._kiosk.closed[user] = reason
        del self._kiosk.accounts[user]
        return t.Done()

    def prepare_recovery(
        self, second_user: str, second_passphrase: str, second_output: str = ""
    ) -> t.RecoverySheets:
        return t.RecoverySheets(sheets=())

    def replace_recovery(self, typed: tuple[str, ...]) -> t.Done:
        return t.Done()

    def create_account(
        self, user: str, display_name: str, roles: tuple[Role, ...], passphrase: str
    ) -> t.AccountInfo:
        account_id = self._kiosk.hire(user, display_name, *roles)
        return t.AccountInfo(account_id=account_id, user=user, display_name=display_name, roles=roles)

    def list_accounts(self) -> t.Accounts:
        entries = self._kiosk.accounts.items()
        return t.Accounts(
            accounts=tuple(
                t.AccountInfo(
                    account_id=id_,
                    user=user,
                    display_name=name,
                    roles=roles,
                    must_change=user in self._kiosk.given,
                    departments=self._kiosk.works.get(user, ()),
                )
                for user, (id_, name, roles) in entries
            )
        )
