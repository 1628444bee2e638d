"""The list of keyboards, and what is said of refused devices: tables, and hostile strings."""

from __future__ import annotations

import pytest

from medkiosk.device.usbkeyboards import (
    MOST,
    Keyboard,
    KeyboardsDamagedError,
    clean_name,
    keyboard_of,
    lets_in,
    read,
    rules,
    stand_ins,
)
from medkiosk.device.usbwatch import WHAT_TO_DO, EntryBudget, Refused, refused

PORT = "pci-0000:00:14.0-usb-0:1.2"
KEYBOARD = Keyboard(vendor="046d", product="c31c", port=PORT, name="Logitech USB Keyboard")
SCANNER = Keyboard(vendor="0c2e", product="0b61", port="pci-0000:00:14.0-usb-0:3", serial="15106B3E2D")
# Of the form that udev's builtins usb_id and path_id give them.
USB = {
    "SUBSYSTEM": "usb",
    "DEVTYPE": "usb_device",
    "DEVPATH": "/devices/pci0000:00/0000:00:14.0/usb1/1-1/1-1.2",
    "ID_VENDOR_ID": "046d",
    "ID_MODEL_ID": "c31c",
    "ID_VENDOR": "Logitech",
    "ID_MODEL": "USB_Keyboard",
    "ID_PATH": PORT,
    "ID_USB_INTERFACES": ":030101:030000:",
}


# The list


def test_the_list_is_read_as_it_was_written() -> None:
    for keyboards in ((), (KEYBOARD,), (KEYBOARD, SCANNER)):
        assert set(read(rules(keyboards))) == set(keyboards)
    assert rules([SCANNER, KEYBOARD, SCANNER]) == rules([KEYBOARD, SCANNER])


@pytest.mark.parametrize(
    "more",
    [
        'RUN+="/bin/sh -c id"\n',
        'ATTR{idVendor}=="046d", ATTR{idProduct}=="c31c", RUN+="/bin/id", ENV{MEDKIOSK_LISTED}="1"\n',
        'ATTR{idVendor}=="*", ATTR{idProduct}=="*", ENV{ID_PATH}=="*", ENV{MEDKIOSK_LISTED}="1"\n',
        "\n",
        "# a remark\n",
        " ",
        "\x00",
    ],
)
def test_what_the_kiosk_did_not_write_is_not_loaded(more: str) -> None:
    text = rules([KEYBOARD])
    for wrong in (text + more, more + text, text.replace("LABEL", more + "LABEL")):
        with pytest.raises(KeyboardsDamagedError):
            read(wrong)
    with pytest.raises(KeyboardsDamagedError):
        read(text[:-1])
    with pytest.raises(KeyboardsDamagedError):
        read("")


@pytest.mark.parametrize(
    "changed",
    [
        {"vendor": "046D"},
        {"vendor": "46d"},
        {"product": "????"},
        {"port": 'x", RUN+="/bin/id'},
        {"port": ""},
        {"port": "*"},
        {"serial": 'x"'},
        {"serial": "a b"},
        {"serial": "$env{X}"},
        {"name": 'x", RUN+="y'},
        {"name": "a\nb"},
        {"name": "%k"},
    ],
)
def test_no_value_gets_into_a_rule_that_could_end_it(changed: dict[str, str]) -> None:
    values = {"vendor": "046d", "product": "c31c", "port": PORT, "serial": "", "name": "", **changed}
    with pytest.raises(ValueError):
        rules([Keyboard(**values)])


def test_a_list_has_an_end() -> None:
    many = [Keyboard(vendor="046d", product="c31c", port=f"pci-{n}") for n in range(MOST + 1)]
    assert len(read(rules(many[:-1]))) == MOST
    with pytest.raises(ValueError):
        rules(many)


def test_what_a_device_would_be_in_the_list() -> None:
    assert keyboard_of(USB) == KEYBOARD
    assert keyboard_of(USB, "0123-A") == Keyboard("046d", "c31c", PORT, "0123-A", "Logitech USB Keyboard")
    assert keyboard_of(USB, 'evil"; RUN') == KEYBOARD  # such a serial number is none
    for wrong in (
        {"ID_USB_INTERFACES": ":080650:"},
        {"ID_PATH": 'a"b'},
        {"ID_PATH": ""},
        {"ID_VENDOR_ID": ""},
    ):
        assert keyboard_of({**USB, **wrong}) is None
    assert keyboard_of({**USB, "DEVTYPE": "usb_interface"}) is None


def test_which_device_a_rule_lets_in() -> None:
    with_serial = Keyboard("046d", "c31c", PORT, "77")
    assert lets_in(KEYBOARD, with_serial)
    assert not lets_in(with_serial, KEYBOARD)
    assert not lets_in(KEYBOARD, Keyboard("046d", "c31c", PORT + ".1"))
    assert not lets_in(KEYBOARD, Keyboard("046d", "c31d", PORT))


def test_what_stands_in_for_a_broken_keyboard() -> None:
    new = Keyboard("413c", "2113", PORT)
    elsewhere = Keyboard("413c", "2113", "pci-0000:00:14.0-usb-0:4")
    assert stand_ins([KEYBOARD], [KEYBOARD, elsewhere]) == ()
    assert stand_ins([KEYBOARD, SCANNER], [new, SCANNER, elsewhere]) == (new,)
    assert stand_ins([KEYBOARD], [elsewhere]) == ()
    assert stand_ins([KEYBOARD], []) == ()
    assert stand_ins([], [new, elsewhere]) == (new, elsewhere)


# What is said


@pytest.mark.parametrize(
    ("interfaces", "said", "reason", "poses"),
    [
        (":030101:", "keyboard", "keyboard", "a keyboard or mouse"),
        (":080650:030101:", "composite", "composite", "a keyboard or mouse and storage"),
        (":020600:0a0000:", "network", "network", "a modem or network adapter and a modem"),
        (":e00101:", "network", "network", "a radio or network adapter"),
        (":ff0000:", "other", "other", "something that only its maker knows"),
        ("", "other", "other", "something unknown"),
        (":zz!!!!:", "nonsense", "other", "something unknown"),
    ],
)
def test_a_refused_device_is_named(interfaces: str, said: str, reason: str, poses: str) -> None:
    found = refused({**USB, "ID_USB_INTERFACES": interfaces, "MEDKIOSK_REFUSED": said})
    assert found is not None
    assert (found.reason, found.poses) == (reason, poses)
    assert (found.vendor, found.product, found.name) == ("046d", "c31c", "Logitech USB Keyboard")
    assert WHAT_TO_DO[found.reason].startswith("Pull it out")


def test_what_was_not_refused() -> None:
    for used in ({}, {"MEDKIOSK_REFUSED": ""}):
        assert refused({**USB, **used}) is None
    assert refused({**USB, "MEDKIOSK_REFUSED": "keyboard", "DEVTYPE": "usb_interface"}) is None


@pytest.mark.parametrize(
    ("vendor", "model", "name"),
    [
        ("Logitech", "USB_Keyboard", "Logitech USB Keyboard"),
        ("\x1b[2J", "\u202egpj.exe", "2J gpj.exe"),
        ("[bold]", "SAFE\nTO UNPLUG", "bold SAFE TO UNPLUG"),
        ("A" * 5000, "B", "A" * 40),
        ("", "", ""),
        ("\u0410\u0411", "--", ""),
    ],
)
def test_hostile_names_become_harmless(vendor: str, model: str, name: str) -> None:
    assert clean_name({"ID_VENDOR": vendor, "ID_MODEL": model}) == name


def test_hostile_numbers_and_ports() -> None:
    wrong = {"ID_VENDOR_ID": "46d\n", "ID_MODEL_ID": "<b>", "ID_PATH": "a b", "MEDKIOSK_REFUSED": "keyboard"}
    found = refused({**USB, **wrong})
    assert found is not None
    assert (found.vendor, found.product, found.port) == ("0000", "0000", "")


# The ledger


def device(number: int) -> Refused:
    return Refused(f"/d/{number}", f"{number:04x}", "0001", "", "keyboard", "a keyboard or mouse")


def test_every_device_has_an_entry_while_there_are_few() -> None:
    budget = EntryBudget(burst=3, every_s=100)
    made = [budget.refused(device(n), n) for n in range(3)]
    assert [entry.device if entry else None for entry in made] == [device(n) for n in range(3)]
    assert all(entry is not None and entry.uncounted == 0 for entry in made)


def test_fifty_a_second_for_a_day_are_a_few_entries_that_count_all() -> None:
    budget = EntryBudget(burst=10, every_s=600)
    entries, connects, now = [], 0, 0.0
    while now < 86400:
        for _ in range(50):
            entries.append(budget.refused(device(connects % 0xFFFF), now))
            connects += 1
        entries.append(budget.tick(now))
        now += 60
    entries += [budget.tick(now + 1200), budget.tick(now + 2400)]
    made = [entry for entry in entries if entry is not None]
    assert len(made) <= 10 + 86400 / 600 + 3
    assert sum(1 + entry.uncounted for entry in made) == connects


def test_the_last_of_a_flood_is_named_when_it_is_over() -> None:
    budget = EntryBudget(burst=1, every_s=100)
    assert budget.refused(device(1), 0) is not None
    assert budget.refused(device(2), 1) is None
    assert budget.refused(device(3), 2) is None
    assert budget.tick(50) is None
    last = budget.tick(101)
    assert last is not None
    assert (last.device, last.uncounted) == (device(3), 1)
    assert budget.tick(1000) is None
