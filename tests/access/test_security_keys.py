"""A security key as one half of a person's key: the real kiosk, the real command, a key in software."""

from __future__ import annotations

import argparse
import itertools
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from medkiosk.cli import accounts_cmd, securitykey
from medkiosk.core.events import Role
from medkiosk.ipc.wire import RemoteError
from medkiosk.token.client import SecurityKeys
from medkiosk.token.errors import WrongPinError
from medkiosk.vault.slots import Authenticator, token_salt
from tests.access.test_keys_of_people import open_vault
from tests.cheap import CHEAPER
from tests.kiosk import ADMIN, PASSPHRASE, ScratchKiosk
from tests.token.test_token import soft_keys

OWN = "tulips beneath granite ladders"
GIVEN = "seventeen anvil plumbers"
_numbers = itertools.count(1)
GONE = "or a security key belongs to it that is not plugged in"


class Kiosk(ScratchKiosk):
    """With a fresh person for each test."""

    user: str
    told_before: int


@pytest.fixture(scope="module")
def one_kiosk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kiosk]:
    made = Kiosk(tmp_path_factory.mktemp("keys") / "k")
    made.init()
    made.start()
    with made.session(ADMIN) as admin:
        admin.create_account("audi", "Audi Auditor", (Role.AUDITOR,), PASSPHRASE)
    yield made
    made.close()


@pytest.fixture
def kiosk(one_kiosk: Kiosk) -> Kiosk:
    one_kiosk.user = f"person{next(_numbers)}"
    one_kiosk.told_before = len(changes(one_kiosk))
    with one_kiosk.session(ADMIN) as admin:
        roles = (Role.PHOTOGRAPHER, Role.PRIVACY_OFFICER)
        admin.create_account(one_kiosk.user, "Pat Person", roles, PASSPHRASE)
    return one_kiosk


def no_pin(prompt: str) -> str:
    raise AssertionError("nobody asked for a PIN")


def accounts(kiosk: Kiosk, tmp_path: Path, *arguments: str, keys: SecurityKeys, new: str = "") -> None:
    """``kioskctl accounts --user pat``, with software keys plugged in."""
    parser = argparse.ArgumentParser()
    accounts_cmd.add_arguments(parser)
    files = {"--passphrase-file": PASSPHRASE, "--new-passphrase-file": new}
    for option, text in files.items():
        path = tmp_path / option.strip("-")
        path.write_text(text)
        arguments = (*arguments, option, str(path))
    args = parser.parse_args(["--config", str(kiosk.config), "--user", kiosk.user, *arguments])
    args.json = False
    assert accounts_cmd.run(args, keys) == 0


def login(
    kiosk: Kiosk, passphrase: str, keys: SecurityKeys | None, pin: Callable[[str], str] = no_pin
) -> None:
    with kiosk.client() as client:
        client.login(kiosk.user, passphrase, securitykey.said(client, kiosk.user, keys, pin))


def slots(kiosk: Kiosk) -> list[str]:
    with sqlite3.connect(f"file:{kiosk.store / 'vault.db'}?mode=ro", uri=True) as db:
        return sorted(row[0] for row in db.execute("SELECT kind FROM slots"))


def told(kiosk: Kiosk) -> list[str]:
    return changes(kiosk)[kiosk.told_before :]


def changes(kiosk: Kiosk) -> list[str]:
    with kiosk.session("audi") as audi:
        events = audi.list_events(0, 1000).events
        return [each.summary.split(": ")[-1] for each in events if each.type == "account.slot_changed"]


def test_the_life_of_a_security_key(kiosk: Kiosk, tmp_path: Path) -> None:
    right, wrong = soft_keys("pats"), soft_keys("another")
    before = slots(kiosk).count("fido2"), slots(kiosk).count("passphrase")
    login(kiosk, PASSPHRASE, right)  # not added yet: it is not even touched
    accounts(kiosk, tmp_path, "--add-key", keys=right)
    assert (slots(kiosk).count("fido2"), slots(kiosk).count("passphrase")) == (before[0] + 1, before[1] - 1)

    for keys in (None, wrong, soft_keys()):
        with pytest.raises(RemoteError, match=GONE):
            login(kiosk, PASSPHRASE, keys)
    login(kiosk, PASSPHRASE, right)
    login(kiosk, PASSPHRASE, soft_keys("another", "pats"))
    with pytest.raises(RemoteError, match=GONE):
        login(kiosk, "not the passphrase", right)

    # Changed with the key, kept by the key.
    accounts(kiosk, tmp_path, "--change", keys=right, new=OWN)
    login(kiosk, OWN, right)
    for passphrase, keys in ((OWN, None), (PASSPHRASE, right)):
        with pytest.raises(RemoteError, match=GONE):
            login(kiosk, passphrase, keys)

    # Others are not asked for one, whatever is plugged in.
    with kiosk.client() as audi:
        assert securitykey.said(audi, "audi", right, no_pin) == ""
        audi.login("audi", PASSPHRASE, "")

    # Lost: an administrator resets, and neither the old passphrase nor the lost key opens anything.
    with kiosk.session(ADMIN) as admin:
        admin.reset_passphrase(kiosk.user, GIVEN)
    assert (slots(kiosk).count("fido2"), slots(kiosk).count("passphrase")) == before
    with pytest.raises(RemoteError, match=GONE):
        login(kiosk, OWN, right)
    with kiosk.client() as pat:
        assert pat.login(kiosk.user, GIVEN).must_change
        with pytest.raises(RemoteError, match="first choose another"):
            pat.prepare_authenticator()
        pat.change_passphrase(GIVEN, PASSPHRASE)
    accounts(kiosk, tmp_path, "--add-key", keys=wrong)
    login(kiosk, PASSPHRASE, wrong)
    accounts(kiosk, tmp_path, "--remove-key", keys=wrong)
    login(kiosk, PASSPHRASE, None)
    assert told(kiosk) == ["fido2_added", "passphrase", "reset", "passphrase", "fido2_added", "fido2_removed"]


def test_a_key_with_a_pin(kiosk: Kiosk) -> None:
    keys = soft_keys("pats:2468:always")
    with kiosk.client() as pat:
        pat.login(kiosk.user, PASSPHRASE)
        salt = pat.prepare_authenticator().salt
        made = securitykey.added(keys, salt, lambda _: "2468")
        assert made.verified
        pat.add_authenticator(PASSPHRASE, made.credential, made.verified, made.output)
    login(kiosk, PASSPHRASE, keys, lambda _: "2468")
    with pytest.raises(WrongPinError):
        login(kiosk, PASSPHRASE, keys, lambda _: "1111")
    with pytest.raises(RemoteError, match=GONE):
        login(kiosk, PASSPHRASE, None)


def test_what_is_refused_when_a_key_is_added(kiosk: Kiosk) -> None:
    with kiosk.client() as pat, kiosk.client() as elsewhere:
        with pytest.raises(RemoteError, match="log in first"):
            pat.prepare_authenticator()
        pat.login(kiosk.user, PASSPHRASE)
        elsewhere.login(kiosk.user, PASSPHRASE)
        with pytest.raises(RemoteError, match="you have no security key"):
            pat.remove_authenticator(PASSPHRASE, "")
        with pytest.raises(RemoteError, match="begin again"):  # nothing was prepared
            pat.add_authenticator(PASSPHRASE, "aa", False, "bb" * 32)
        pat.prepare_authenticator()
        for credential, output in (("", "bb" * 32), ("aa" * 1024, "bb" * 32), ("aa", "bb" * 31), ("aa", "")):
            with pytest.raises(RemoteError, match="begin again"):
                pat.add_authenticator(PASSPHRASE, credential, False, output)
        with pytest.raises(RemoteError, match="hexadecimal"):
            pat.add_authenticator(PASSPHRASE, "aa", False, "x")
        with pytest.raises(RemoteError, match=GONE):
            pat.add_authenticator("not the passphrase", "aa", False, "bb" * 32)
        elsewhere.list_imports()
        pat.add_authenticator(PASSPHRASE, "aa", False, "bb" * 32)
        with pytest.raises(RemoteError, match="a security key was added elsewhere"):
            elsewhere.list_imports()
        pat.list_imports()
        pat.prepare_authenticator()
        with pytest.raises(RemoteError, match="remove it first"):
            pat.add_authenticator(PASSPHRASE, "aa", False, "cc" * 32)
        wrong = ((PASSPHRASE, ""), (PASSPHRASE, "cc" * 32), ("not it", "bb" * 32), (PASSPHRASE, "ee" * 32))
        for passphrase, output in wrong:
            with pytest.raises(RemoteError, match=GONE):
                pat.remove_authenticator(passphrase, output)
        # Guessing at the other half is slowed down as guessing at a passphrase is.
        with pytest.raises(RemoteError, match="Too many wrong"):
            pat.change_passphrase(PASSPHRASE, OWN, "dd" * 32)


def test_the_challenge_does_not_say_who_has_an_account(kiosk: Kiosk) -> None:
    with kiosk.client() as anybody:
        names = [
            kiosk.user,
            "audi",
            "nobody",
            "Nobody ",
            "somebody",
            "",
            "\udcff".encode("utf-8", "replace").decode(),
        ]
        asked = {name: anybody.login_challenge(name) for name in names}
        assert asked["nobody"] == asked["Nobody "] == anybody.login_challenge("NOBODY")
        assert len({each.credential for each in asked.values()}) == len(names) - 1
        with kiosk.client() as pat:
            pat.login(kiosk.user, PASSPHRASE)
            made = soft_keys("pats").add(pat.prepare_authenticator().salt)
            pat.add_authenticator(PASSPHRASE, made.credential, made.verified, made.output)
        real = anybody.login_challenge(kiosk.user.upper())
        assert real.credential == made.credential
        for name in names[1:]:
            decoy = anybody.login_challenge(name)
            assert decoy == asked[name]
            assert (len(decoy.credential), len(decoy.salt), decoy.verified) == (
                len(real.credential), len(real.salt), real.verified
            )  # fmt: skip
            # A decoy is known to no key: nothing is touched, and nothing goes on.
            assert securitykey.said(anybody, name, soft_keys("pats"), no_pin) == ""


def test_a_cheap_slot_with_a_key_is_strengthened_and_keeps_the_key(kiosk: Kiosk) -> None:
    keys = soft_keys("pats")
    with kiosk.client() as pat:
        pat.login(kiosk.user, PASSPHRASE)
        salt = pat.prepare_authenticator().salt
        made = keys.add(salt)
        pat.add_authenticator(PASSPHRASE, made.credential, made.verified, made.output)
    kiosk.stop()
    output = bytes.fromhex(made.output)
    with closing(open_vault(kiosk)) as vault, vault.unlock(kiosk.user, PASSPHRASE, output) as identity:
        [slot] = [each for each in vault.slots() if token_salt(each.salt).hex() == salt]
        held = Authenticator(bytes.fromhex(made.credential), made.verified, slot.salt, output)
        identity.add_authenticator(kiosk.user, PASSPHRASE, held, params=CHEAPER, allow_weak=True)
    kiosk.start()
    login(kiosk, PASSPHRASE, keys)
    assert told(kiosk).count("upgraded") == 1
    login(kiosk, PASSPHRASE, keys)
    assert told(kiosk).count("upgraded") == 1
    with pytest.raises(RemoteError, match=GONE):
        login(kiosk, PASSPHRASE, None)


def test_recovery_gives_a_passphrase_back_and_a_second_person_uses_their_key(kiosk: Kiosk) -> None:
    keys = soft_keys("olgas")
    with kiosk.client() as olga:
        olga.login(kiosk.user, PASSPHRASE)
        made = keys.add(olga.prepare_authenticator().salt)
        olga.add_authenticator(PASSPHRASE, made.credential, made.verified, made.output)
    with kiosk.session(ADMIN) as admin:
        with pytest.raises(RemoteError, match=GONE):
            admin.prepare_recovery(kiosk.user, PASSPHRASE)
        output = securitykey.said(admin, kiosk.user, keys, no_pin)
        # The administrator made the account and knows this passphrase: it is not a second person's word.
        with pytest.raises(RemoteError, match="only they know"):
            admin.prepare_recovery(kiosk.user, PASSPHRASE, output)
        with kiosk.client() as olga:
            olga.login(kiosk.user, PASSPHRASE, output)
            olga.change_passphrase(PASSPHRASE, OWN, output)
        output = securitykey.said(admin, kiosk.user, keys, no_pin)
        assert len(admin.prepare_recovery(kiosk.user, OWN, output).sheets) == 3
    kiosk.stop()
    kiosk.ctl(
        "recovery", "reset-user", kiosk.user, "--cards", "-", "--new-passphrase-file", str(given(kiosk)),
        stdin="\n".join(kiosk.shares[:2]),
    )  # fmt: skip
    kiosk.start()
    with kiosk.client() as olga:
        assert olga.login(kiosk.user, GIVEN).must_change


def given(kiosk: Kiosk) -> Path:
    path = kiosk.root / "given"
    path.write_text(GIVEN)
    return path
