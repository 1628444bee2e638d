"""Which interfaces are asked as security keys: from trees as sysfs has them."""

from __future__ import annotations

from pathlib import Path

import pytest

from medkiosk.token.client import may_be_there
from medkiosk.token.usbkey import Found, UsbConnection, found


class Tree:
    """What sysfs has of one device with one interface."""

    def __init__(self, root: Path) -> None:
        self.devices = root / "bus"
        self.devices.mkdir()
        self.device = root / "devices" / "1-3"
        self.interface = self.device / "1-3:1.1"
        self.put(self.device, busnum="1", devnum="7")
        self.put(
            self.interface,
            bInterfaceClass="03",
            bInterfaceSubClass="00",
            bInterfaceProtocol="00",
            bInterfaceNumber="01",
            authorized="1",
        )
        self.end("81", "Interrupt", "0040")
        self.end("02", "Interrupt", "0040")
        (self.devices / "1-3:1.1").symlink_to(self.interface)

    def put(self, folder: Path, **said: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in said.items():
            (folder / name).write_text(text + "\n")

    def end(self, address: str, kind: str, size: str) -> None:
        folder = self.interface / f"ep_{address}"
        self.put(folder, bEndpointAddress=address, type=kind, wMaxPacketSize=size)

    def found(self) -> list[Found]:
        return list(found(self.devices, Path("/dev/bus/usb")))


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


def test_a_key_without_a_driver_is_asked(tree: Tree) -> None:
    assert tree.found() == [Found(Path("/dev/bus/usb/001/007"), 1, 0x81, 0x02)]


@pytest.mark.parametrize(
    "changed",
    [
        {"bInterfaceClass": "08"},
        {"bInterfaceSubClass": "01"},
        {"bInterfaceProtocol": "01"},
        {"authorized": "0"},
        {"bInterfaceNumber": "zz"},
    ],
)
def test_what_is_not_asked(tree: Tree, changed: dict[str, str]) -> None:
    tree.put(tree.interface, **changed)
    assert tree.found() == []


def test_what_a_driver_has_is_left_to_it(tree: Tree) -> None:
    (tree.interface / "driver").mkdir()
    assert tree.found() == []


@pytest.mark.parametrize(
    "wrong", [("82", "Bulk", "0040"), ("82", "Interrupt", "0008"), ("83", "Interrupt", "0040")]
)
def test_other_endpoints_than_a_keys(tree: Tree, wrong: tuple[str, str, str]) -> None:
    tree.end(*wrong)
    assert len(tree.found()) == (0 if wrong[0] == "83" else 1)
    tree.end("02", "Interrupt", "0020")
    assert tree.found() == []


def test_what_is_pulled_out_meanwhile(tree: Tree) -> None:
    (tree.interface / "authorized").unlink()
    assert tree.found() == []


def test_whether_a_key_may_be_there(tmp_path: Path) -> None:
    assert not may_be_there(tmp_path)
    (tmp_path / "bus/usb/001").mkdir(parents=True)
    (tmp_path / "bus/usb/001/007").write_bytes(b"")
    assert may_be_there(tmp_path)


def test_what_is_no_usb_device_is_not_talked_to(tmp_path: Path) -> None:
    node = tmp_path / "007"
    node.write_bytes(b"")
    with pytest.raises(OSError):
        UsbConnection(Found(node, 1, 0x81, 0x02))
