"""What may not be plugged in: a keyboard that appears later and types, and a network."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path

import pytest

from tests.virtual.usbhostile import keyboard_of, plugged_in
from tests.vm.machine import Machine
from tests.vm.ocr import says

pytestmark = pytest.mark.timeout(1800)


def test_a_second_keyboard_is_refused_and_named_and_types_nothing(kiosk: Machine, tmp_path: Path) -> None:
    before = kiosk.shell("ls /sys/class/input").splitlines()
    with closing(plugged_in("keyboard", tmp_path / "keyboard")) as device:
        keyboard = keyboard_of(device)
        kiosk.plug_redir(tmp_path / "keyboard")
        kiosk.see("not used: 046d:c31c", timeout_s=300)
        keyboard.type("l")  # Home's key for logging in
        time.sleep(10)
        kiosk.picture("keyboard-refused")
        assert not says(kiosk.words(), "Passphrase")
        assert not keyboard.is_used
        assert kiosk.shell("ls /sys/class/input").splitlines() == before
    kiosk.press("l")  # the enrolled one still types
    kiosk.see("Passphrase")


def test_a_network_adapter_gets_no_driver(kiosk: Machine) -> None:
    kiosk.plug("usb-net")
    kiosk.see("not used: 0525:a4a2", timeout_s=300)
    kiosk.picture("adapter-refused")
    time.sleep(5)
    assert kiosk.shell("ls /sys/class/net").splitlines()[:-1] == ["lo"]
