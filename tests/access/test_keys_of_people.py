"""The life of a person's key on the real kiosk: changed, forgotten, strengthened, taken away."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from os import urandom
from pathlib import Path

import pytest

from medkiosk import configfile, keyfiles
from medkiosk.core.events import Role
from medkiosk.devicesecret import FileSecrets
from medkiosk.ipc.client import Client
from medkiosk.ipc.wire import RemoteError
from medkiosk.vault.errors import WrongSharesError
from medkiosk.vault.store import Vault
from tests.cheap import CHEAPER
from tests.kiosk import ADMIN, PASSPHRASE, ScratchKiosk

GIVEN = "seventeen anvil plumbers"
OWN = "tulips beneath granite ladders"
GONE = "The user name or the passphrase is wrong"


@pytest.fixture(scope="module")
def kiosk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScratchKiosk]:
    made = ScratchKiosk(tmp_path_factory.mktemp("people") / "k", settings="[access]\nidle_lock_s = 600.0")
    made.init()
    made.start()
    made.hire()
    yield made
    made.close()


@pytest.fixture
def admin(kiosk: ScratchKiosk) -> Iterator[Client]:
    with kiosk.session(ADMIN) as client:
        yield client


def blobs(kiosk: ScratchKiosk) -> set[tuple[Path, int]]:
    return {(path, path.stat().st_mtime_ns) for path in (kiosk.store / "objects").rglob("*")}


def login(kiosk: ScratchKiosk, user: str, passphrase: str) -> None:
    with kiosk.client() as client:
        client.login(user, passphrase)


def events(kiosk: ScratchKiosk, kind: str) -> list[str]:
    with kiosk.session("audi") as audi:
        return [each.summary for each in audi.list_events(0, 1000).events if each.type == kind]


def test_a_person_changes_their_own_passphrase(kiosk: ScratchKiosk) -> None:
    before = blobs(kiosk)
    with kiosk.client() as pat, kiosk.client() as elsewhere:
        pat.login("pat", PASSPHRASE)
        elsewhere.login("pat", PASSPHRASE)
        with pytest.raises(RemoteError, match=GONE):
            pat.change_passphrase("not the old one", OWN)
        with pytest.raises(RemoteError, match="too easy to guess") as weak:
            pat.change_passphrase(PASSPHRASE, "Pat Photographer!")
        assert "Photographer" not in weak.value.message
        with pytest.raises(RemoteError, match="is the old one"):
            pat.change_passphrase(PASSPHRASE, PASSPHRASE)
        pat.change_passphrase(PASSPHRASE, OWN)
        pat.list_imports()
        with pytest.raises(RemoteError, match="changed elsewhere"):
            elsewhere.list_imports()
    with pytest.raises(RemoteError, match=GONE):
        login(kiosk, "pat", PASSPHRASE)
    login(kiosk, "pat", OWN)
    assert blobs(kiosk) == before
    assert any(line.endswith(": passphrase") for line in events(kiosk, "account.slot_changed"))


def test_a_forgotten_passphrase_is_given_and_must_be_changed_before_anything_else(
    kiosk: ScratchKiosk, admin: Client
) -> None:
    with kiosk.client() as olga:
        olga.login("olga", PASSPHRASE)
        admin.reset_passphrase("Olga", GIVEN)
        with pytest.raises(RemoteError, match="another passphrase") as ended:
            olga.list_recipients()
        assert ended.value.remote_code == "session.ended"
        with pytest.raises(RemoteError, match=GONE):
            olga.login("olga", PASSPHRASE)
        assert olga.login("olga", GIVEN).must_change
        with pytest.raises(RemoteError, match="first choose another"):
            olga.list_recipients()
        with pytest.raises(RemoteError, match="only they know"):
            admin.prepare_recovery("olga", GIVEN)  # one administrator alone would be two people
        olga.change_passphrase(GIVEN, OWN)
        olga.list_recipients()
        olga.logout()
        assert not olga.login("olga", OWN).must_change


def test_an_account_is_closed_and_its_name_stays_taken(kiosk: ScratchKiosk, admin: Client) -> None:
    with kiosk.client() as rita:
        rita.login("rita", PASSPHRASE)
        with pytest.raises(RemoteError, match="say why"):
            admin.close_account("rita", " ")
        admin.close_account("rita", "works elsewhere")
        with pytest.raises(RemoteError, match="the account was closed") as ended:
            rita.list_imports()
        assert ended.value.remote_code == "session.ended"
    with pytest.raises(RemoteError, match=GONE):
        login(kiosk, "rita", PASSPHRASE)
    with pytest.raises(RemoteError, match="there is an account with this user name"):
        admin.create_account("RITA", "Another", (Role.REVIEWER,), OWN)
    with pytest.raises(RemoteError, match="was closed"):
        admin.reset_passphrase("rita", GIVEN)
    assert [each.closed for each in admin.list_accounts().accounts if each.user == "rita"] == [True]


def test_nobody_closes_or_resets_themself_so_one_administrator_is_always_left(admin: Client) -> None:
    with pytest.raises(RemoteError, match="another administrator closes your account"):
        admin.close_account(ADMIN, "tired")
    with pytest.raises(RemoteError, match="change it with the old one"):
        admin.reset_passphrase(ADMIN, OWN)
    with pytest.raises(RemoteError, match="there is no account"):
        admin.close_account("nobody", "x")


def test_who_is_no_administrator_does_none_of_it(kiosk: ScratchKiosk) -> None:
    with kiosk.session("audi") as audi:
        for call in (
            lambda: audi.reset_passphrase(ADMIN, OWN),
            lambda: audi.close_account(ADMIN, "x"),
            lambda: audi.prepare_recovery(ADMIN, PASSPHRASE),
            lambda: audi.replace_recovery(("a", "b")),
        ):
            with pytest.raises(RemoteError, match="does not manage accounts"):
                call()


def test_new_sheets_take_two_people_and_are_typed_back(kiosk: ScratchKiosk) -> None:
    with kiosk.session(ADMIN) as admin:
        sheets = replace_sheets(kiosk, admin)
    kiosk.stop()
    try:
        with closing(open_vault(kiosk)) as vault:
            vault.unlock_recovery(list(sheets[1:])).close()
            with pytest.raises(WrongSharesError):
                vault.unlock_recovery(kiosk.shares)
    finally:
        kiosk.start()


def replace_sheets(kiosk: ScratchKiosk, admin: Client) -> tuple[str, ...]:
    with pytest.raises(RemoteError, match="somebody else"):
        admin.prepare_recovery(ADMIN.upper(), PASSPHRASE)
    with pytest.raises(RemoteError, match="administrator or a privacy officer"):
        admin.prepare_recovery("audi", PASSPHRASE)
    with pytest.raises(RemoteError, match=GONE):
        admin.prepare_recovery("olga", "not hers")
    with pytest.raises(RemoteError, match="begin again"):
        admin.replace_recovery(("a", "b"))
    sheets = admin.prepare_recovery("olga", OWN).sheets
    for typed in ((), sheets[:1], (sheets[0], sheets[0]), (sheets[0], sheets[1].replace("academic", "acid"))):
        with pytest.raises(RemoteError, match="recovery words"):
            admin.replace_recovery(tuple(typed))
    assert events(kiosk, "recovery.replaced") == []
    admin.replace_recovery((sheets[2], sheets[0]))
    assert len(events(kiosk, "recovery.replaced")) == 1
    return sheets


def test_a_slot_of_less_than_todays_cost_is_strengthened_at_login(kiosk: ScratchKiosk) -> None:
    kiosk.stop()
    try:
        with closing(open_vault(kiosk)) as vault, closing(vault.unlock("audi", PASSPHRASE)) as identity:
            identity.replace_user_slot("audi", PASSPHRASE, params=CHEAPER, allow_weak=True)
    finally:
        kiosk.start()
    assert any(line.endswith(": upgraded") for line in events(kiosk, "account.slot_changed"))
    before = len(events(kiosk, "account.slot_changed"))
    assert len(events(kiosk, "account.slot_changed")) == before, "once is enough"


def test_anybody_at_the_socket_locks_the_kiosk(kiosk: ScratchKiosk, admin: Client) -> None:
    with kiosk.client() as passer_by:
        assert passer_by.get_status().unlocked
        passer_by.lock()
        assert not passer_by.get_status().unlocked
    with pytest.raises(RemoteError, match="the kiosk was locked"):
        admin.list_accounts()
    admin.login(ADMIN, PASSPHRASE)


def test_a_kiosk_that_nobody_uses_locks_itself(kiosk: ScratchKiosk) -> None:
    kiosk.stop()
    kiosk.write_config([], [], settings="[access]\nidle_lock_s = 1.5")
    kiosk.start()
    with kiosk.client() as audi, kiosk.client() as watcher:
        audi.login("audi", PASSPHRASE)
        began = time.monotonic()
        for status in watcher.watch_status():
            if not status.unlocked:
                break
        assert 1.0 < time.monotonic() - began < 60
        with pytest.raises(RemoteError, match="nobody used the kiosk for 2 seconds") as ended:
            audi.list_events()
        assert ended.value.remote_code == "session.ended"
        audi.login("audi", PASSPHRASE)
        reasons = [each.summary for each in audi.list_events(0, 1000).events if each.type == "logout"]
        assert "nobody used the kiosk for 2 seconds" in reasons


def open_vault(kiosk: ScratchKiosk) -> Vault:
    config = configfile.load(kiosk.config)
    keys = keyfiles.load(Path(config.store.keys))
    device = FileSecrets(Path(config.store.device_folder))
    return Vault.open(
        kiosk.store, index_key=keys.index, device=device, random=urandom, clock=lambda: datetime.now(UTC)
    )
