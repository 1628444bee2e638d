"""The list of keyboards through the real daemon's socket and the real command."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from medkiosk.device.usbkeyboards import read, rules
from medkiosk.ipc.wire import RemoteError
from tests.kiosk import ADMIN, PASSPHRASE, ScratchKiosk
from tests.usb.test_pure import KEYBOARD, SCANNER


@pytest.fixture
def kiosk(tmp_path: Path) -> Iterator[ScratchKiosk]:
    listed = tmp_path / "keyboards.rules"
    listed.write_text(rules([KEYBOARD, SCANNER]))
    kiosk = ScratchKiosk(tmp_path / "kiosk", settings=f'[usb]\nkeyboards = "{listed}"')
    kiosk.init()
    kiosk.start()
    yield kiosk
    kiosk.close()


def test_an_administrator_forgets_a_scanner_and_an_auditor_reads_it(
    kiosk: ScratchKiosk, tmp_path: Path
) -> None:
    listed = tmp_path / "keyboards.rules"
    with kiosk.client() as nobody, pytest.raises(RemoteError, match="may not"):
        nobody.list_usb()
    kiosk.hire()
    with kiosk.session("audi") as client:
        assert {one.port for one in client.list_usb().keyboards} == {KEYBOARD.port, SCANNER.port}
        with pytest.raises(RemoteError, match="may not"):
            client.forget_keyboard(SCANNER.port)
    with kiosk.session(ADMIN) as client:
        client.forget_keyboard(SCANNER.port)
        assert read(listed.read_text()) == (KEYBOARD,)
        with pytest.raises(RemoteError, match="only keyboard of the list"):
            client.forget_keyboard(KEYBOARD.port)
        with pytest.raises(RemoteError, match="no keyboard or scanner"):
            client.enrol_keyboard("pci-0000:00:14.0-usb-0:9")
    with kiosk.session("audi") as client:
        lines = [one.summary for one in client.list_events(0, 100).events if one.type.startswith("usb.")]
    assert lines == [f"{SCANNER.vendor}:{SCANNER.product} at {SCANNER.port}"]
    the_command_says_what_is_listed(kiosk)


def the_command_says_what_is_listed(kiosk: ScratchKiosk) -> None:
    said = kiosk.ctl("usb", "list", "--user", ADMIN, "--passphrase-file", "-", stdin=PASSPHRASE + "\n").stdout
    assert "046d:c31c Logitech USB Keyboard, at pci-0000:00:14.0-usb-0:1.2: enrolled, NOT plugged in" in said
    wrong = kiosk.ctl("usb", "enrol", "--user", ADMIN, "--passphrase-file", "-", stdin="x\n", check=False)
    assert wrong.returncode == 2
    assert "needs a port" in wrong.stderr
