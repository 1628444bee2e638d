"""The rules, by a real udev: what it writes for each kind of device. The devices are made by umockdev.

udev runs in a mount namespace in which it has these rules only; what it writes into sysfs goes to umockdev.
What a kernel makes of that is `test_kernel`.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from medkiosk.device.usbkeyboards import Keyboard, rules
from tests.virtual.usbdesc import Transfer, configuration, device, endpoint, interface

RULES = Path(__file__).resolve().parents[2] / "systemd" / "72-medkiosk-usb.rules"
TOOLS = ("udevadm", "umockdev-run", "unshare", "mount")
LACKING = [tool for tool in TOOLS if shutil.which(tool, path=f"{os.environ['PATH']}:/usr/sbin:/sbin") is None]
CONTROLLER = "/devices/pci0000:00/0000:00:14.0"
ROOT_HUB = f"{CONTROLLER}/usb1"
LISTED = Keyboard("046d", "c31c", "pci-0000:00:14.0-usb-0:1")

Class = tuple[int, int, int]
KEYBOARD, MOUSE, HID = (3, 1, 1), (3, 1, 2), (3, 0, 0)
STORAGE, UAS, CAMERA, HUB, NETWORK = (8, 6, 0x50), (8, 6, 0x62), (6, 1, 1), (9, 0, 0), (2, 6, 0)


class Case(NamedTuple):
    """A device: what it says, and what becomes of it."""

    says: tuple[Class, ...]
    used: str = ""
    refused: str = ""
    early: str = ""
    """As what it is let in before the list of keyboards can be read."""
    interfaces: str = ""
    """For each interface, if the device is used: 1 allowed, p allowed and a driver looked for, 0 not."""
    vendor: int = 0x1234
    product: int = 1
    removable: str = "removable"


CASES = {
    "1-1": Case((KEYBOARD, HID), "keyboard", early="early", interfaces="pp", vendor=0x046D, product=0xC31C),
    "1-2": Case((KEYBOARD, HID), refused="keyboard", early="early", vendor=0x046D, product=0xC31C),
    "1-3": Case((HUB,), "hub", early="hub", interfaces="p"),
    "1-4": Case(((9, 0, 1), (9, 0, 2)), "hub", early="hub", interfaces="pp"),
    "1-5": Case((CAMERA,), "camera", interfaces="1"),
    "1-6": Case((STORAGE,), "storage", interfaces="p"),
    "1-7": Case((STORAGE, UAS), "storage", interfaces="pp"),
    "1-8": Case((HID,), "key", early="early", interfaces="1"),
    "1-9": Case((KEYBOARD, HID, (11, 0, 0)), "key", early="early", interfaces="010", vendor=0x1050),
    "1-10": Case((KEYBOARD, HID, STORAGE), refused="composite", early="early", vendor=0x1050),
    "1-11": Case((MOUSE,), refused="keyboard", early="early"),
    "1-12": Case((STORAGE, KEYBOARD), refused="composite", early="early"),
    "1-13": Case((CAMERA, STORAGE), refused="composite"),
    "1-14": Case((NETWORK, (10, 0, 0)), refused="network"),
    "1-15": Case(((0xE0, 1, 1),), refused="network"),
    "1-16": Case(((0xE0, 1, 1),), removable="fixed"),
    "1-3.1": Case(((0xE0, 1, 1),), refused="network", removable="fixed"),
    "1-17": Case(((7, 1, 2),), refused="other"),
    "1-18": Case(((8, 4, 0),), refused="other"),
    "1-19": Case((), refused="other"),
    "1-20": Case(((0xFF, 0xFF, 0),), refused="other"),
    "1-21": Case((*((8, 6, n) for n in range(80)), KEYBOARD), refused="other"),
    "1-22": Case((HUB, KEYBOARD), refused="keyboard", early="early"),
}


def descriptors(case: Case) -> str:
    whole = configuration(
        *(interface(n, one, endpoint(0x81, Transfer.INTERRUPT, 8, 4)) for n, one in enumerate(case.says))
    )
    return (device(case.vendor, case.product) + whole).hex().upper()


def record(path: str, devtype: str, **attributes: str) -> str:
    node = f"N: bus/usb/001/{abs(hash(path)) % 900 + 100}\n" if devtype == "usb_device" else ""
    said = "".join(f"A: {name}={value}\\n\n" for name, value in attributes.items())
    return f"P: {path}\n{node}E: DEVTYPE={devtype}\nE: SUBSYSTEM=usb\n{said}"


def place(name: str) -> str:
    return f"{ROOT_HUB}/1-3/{name}" if "." in name else f"{ROOT_HUB}/{name}"


def machine() -> str:
    """Everything that is plugged in, as umockdev reads it."""
    parts = [f"P: {CONTROLLER}\nE: SUBSYSTEM=pci\n"]
    parts.append(
        record(
            ROOT_HUB, "usb_device", authorized="1", authorized_default="1", interface_authorized_default="1"
        )
    )
    for name, case in CASES.items():
        ids = {"idVendor": f"{case.vendor:04x}", "idProduct": f"{case.product:04x}"}
        whole = record(place(name), "usb_device", authorized="?", removable=case.removable, **ids)
        parts.append(f"{whole}H: descriptors={descriptors(case)}\n")
        for n, (class_, subclass, protocol) in enumerate(case.says if case.used else ()):
            kind = {
                "bInterfaceClass": f"{class_:02x}",
                "bInterfaceSubClass": f"{subclass:02x}",
                "bInterfaceProtocol": f"{protocol:02x}",
            }
            parts.append(record(f"{place(name)}/{name}:1.{n}", "usb_interface", authorized="?", **kind))
    return "\n".join(parts)


SCRIPT = """
mkdir -p /run/udev && mount -t tmpfs none /run/udev && mkdir /run/udev/rules.d || exit 9
mount -t tmpfs none /usr/lib/udev/rules.d || exit 9
mkdir -p /run/medkiosk-usb && mount -t tmpfs none /run/medkiosk-usb || exit 9
cp "$1"/*.rules /run/udev/rules.d/
case $2 in
    early) ;;
    restoring) : > /run/medkiosk-usb/restoring ;;
    *) : > /run/medkiosk-usb/closed ;;
esac
exec umockdev-run -d "$1/machine" -- sh -c '
    mkdir -p $UMOCKDEV_DIR/sys/module/usbcore/parameters $UMOCKDEV_DIR/sys/bus/usb
    echo "$1" > $UMOCKDEV_DIR/sys/module/usbcore/parameters/authorized_default
    action=$2
    shift 2
    for path; do
        : > $UMOCKDEV_DIR/sys/bus/usb/drivers_probe
        echo "== $path"
        udevadm test --action=$action /sys$path 2>/dev/null |
            grep -E "^(MEDKIOSK_|ID_USB_INTERFACES|ID_PATH=)"
        for name in authorized authorized_default interface_authorized_default; do
            [ ! -e /sys$path/$name ] || echo "$name=$(cat /sys$path/$name)"
        done
        echo "probed=$(cat $UMOCKDEV_DIR/sys/bus/usb/drivers_probe)"
    done' sh "$3" "$4" $5
"""


@cache
def decided(mode: str, kernel: str = "0", action: str = "add") -> dict[str, dict[str, str]]:
    """What udev wrote and knows, for each path in the machine."""
    import tempfile

    paths = [line.removeprefix("P: ") for line in machine().splitlines() if line.startswith("P: ")][1:]
    with tempfile.TemporaryDirectory() as folder:
        at = Path(folder)
        (at / "machine").write_text(machine())
        (at / "50-id.rules").write_text(
            'SUBSYSTEM=="usb", ENV{DEVTYPE}=="usb_device", IMPORT{builtin}="usb_id"\n'
        )
        (at / "71-medkiosk-keyboards.rules").write_text(rules([LISTED] if mode == "closed" else []))
        (at / "72-medkiosk-usb.rules").write_text(RULES.read_text())
        ran = subprocess.run(
            ["unshare", "--mount", "sh", "-c", SCRIPT, "sh", folder, mode, kernel, action, " ".join(paths)],
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
    if ran.returncode == 9 or "unshare" in ran.stderr:
        pytest.skip(f"no mount namespace is to be had here: {ran.stderr[:200]}")
    assert "==" in ran.stdout, ran.stderr
    found = {}
    for part in ran.stdout.split("== ")[1:]:
        path, _, rest = part.partition("\n")
        found[path] = dict(re.findall(r"^(\w+)=(.*)$", rest, re.MULTILINE))
    return found


needs_tools = pytest.mark.skipif(bool(LACKING), reason=f"not installed: {', '.join(LACKING)}")


@needs_tools
def test_the_controllers_hub_allows_nothing_by_itself() -> None:
    hub = decided("closed")[ROOT_HUB]
    assert (hub["authorized_default"], hub["interface_authorized_default"]) == ("0", "0")


@needs_tools
@pytest.mark.parametrize("name", CASES)
def test_each_row_of_the_table(name: str) -> None:
    case, found = CASES[name], decided("closed")[place(name)]
    assert found["authorized"] == ("1" if case.used else "0"), found
    assert found.get("MEDKIOSK_USB", "") == case.used, found
    assert found.get("MEDKIOSK_REFUSED", "") == case.refused, found
    assert found["ID_PATH"].startswith("pci-0000:00:14.0-usb-0:")


@needs_tools
@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.used])
def test_each_interface_of_what_is_used(name: str) -> None:
    for n, wanted in enumerate(CASES[name].interfaces):
        found = decided("closed")[f"{place(name)}/{name}:1.{n}"]
        assert found["authorized"] == ("0" if wanted == "0" else "1"), (n, found)
        assert found["probed"] == (f"{name}:1.{n}" if wanted == "p" else ""), (n, found)


@needs_tools
@pytest.mark.parametrize("name", CASES)
def test_before_the_list_can_be_read(name: str) -> None:
    case, found = CASES[name], decided("early")[place(name)]
    assert found["authorized"] == ("1" if case.early else "0"), found
    assert found.get("MEDKIOSK_USB", "") == case.early, found
    assert found.get("MEDKIOSK_REFUSED", "") == "", found


@needs_tools
def test_while_a_kiosk_comes_back_from_its_drive_that_is_let_in_and_nothing_else() -> None:
    for name, case in CASES.items():
        found = decided("restoring")[place(name)]
        used = "storage" if case.used == "storage" else case.early
        assert found.get("MEDKIOSK_USB", "") == used, name
        assert found["authorized"] == ("1" if used else "0"), name


@needs_tools
@pytest.mark.parametrize("name", CASES)
def test_on_somebodys_own_computer_only_sticks_that_type_are_switched_off(name: str) -> None:
    case, found = CASES[name], decided("closed", "-1")[place(name)]
    classes = {one[0] for one in case.says}
    off = 8 in classes and classes & {2, 3, 0x0A, 0xE0} and len(case.says) < 80
    assert found["authorized"] == ("0" if off else "?"), found


@needs_tools
@pytest.mark.parametrize("action", ["unbind", "remove"])
def test_what_is_pulled_out_is_not_refused(action: str) -> None:
    for name in CASES:
        found = decided("closed", action=action)[place(name)]
        assert (found["authorized"], found.get("MEDKIOSK_REFUSED", "")) == ("?", ""), name


@needs_tools
def test_udev_takes_every_line() -> None:
    run = subprocess.run(
        ["udevadm", "verify", "--resolve-names=never", str(RULES)],
        capture_output=True,
        text=True,
        check=False,
    )
    if "Unknown" in run.stderr or "Missing" in run.stderr:
        pytest.skip("this udev has no verify")
    assert run.returncode == 0, run.stdout + run.stderr
