"""The console on the real kiosk, by a person who has a security key (in software)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from medkiosk.console.app import KioskApp
from medkiosk.console.screens.passphrase import PassphraseScreen
from medkiosk.console.terminal import Terminal
from medkiosk.ipc.wire import RemoteError
from medkiosk.token.client import SecurityKeys
from tests.console import flows
from tests.kiosk import ADMIN, PASSPHRASE, ScratchKiosk
from tests.token.test_token import soft_keys

OWN = "tulips beneath granite ladders"


@pytest.fixture(scope="module")
def kiosk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScratchKiosk]:
    made = ScratchKiosk(tmp_path_factory.mktemp("keys") / "k")
    made.init()
    made.start()
    with made.client() as admin:
        admin.login(ADMIN, PASSPHRASE)
        key = soft_keys("admins").add(admin.prepare_authenticator().salt)
        admin.add_authenticator(PASSPHRASE, key.credential, key.verified, key.output)
    yield made
    made.close()


async def test_without_the_key_it_says_that_one_may_be_missing_and_with_it_that_it_must_be_touched(
    kiosk: ScratchKiosk, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugged: list[str] = ["another"]

    def keys(touch: Callable[[], None]) -> SecurityKeys:
        return soft_keys(*plugged, touch=touch)

    app = KioskApp(kiosk.socket, terminal=Terminal(False, lambda: (10, 20)), keys=keys)
    said: list[str] = []
    async with app.run_test(size=(120, 40)) as pilot:
        await flows.until(pilot, lambda: app.status is not None, "no status came")
        await pilot.press("l")
        await flows.until_screen(pilot, "LoginScreen")
        await flows.type_text(pilot, ADMIN)
        await pilot.press("enter")
        await flows.type_text(pilot, PASSPHRASE)
        await pilot.press("enter")
        await flows.until_text(pilot, "or a security key belongs to it that is not plugged in")

        plugged.append("admins")
        monkeypatch.setattr(app.screen, "say", said.append)  # it is there for a moment only
        await flows.type_text(pilot, PASSPHRASE)
        await pilot.press("enter")
        await flows.until(pilot, lambda: app.session is not None, "not logged in")
        assert any("Touch your security key now" in words for words in said)

        app.push_screen(PassphraseScreen())
        await flows.until_screen(pilot, "PassphraseScreen")
        for words in (PASSPHRASE, OWN, OWN):
            await flows.type_text(pilot, words)
            await pilot.press("enter")
        await flows.until_text(pilot, "Your passphrase was changed")
    with kiosk.client() as admin:
        asked = admin.login_challenge(ADMIN)
        output = soft_keys("admins").ask(asked.credential, asked.salt, verified=asked.verified)
        with pytest.raises(RemoteError, match="is wrong"):
            admin.login(ADMIN, OWN)
        assert admin.login(ADMIN, OWN, output).user == ADMIN
