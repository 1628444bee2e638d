"""What udev says of cameras and cards in a reader: properties as a Debian 13 udev gives them, shortened."""

from __future__ import annotations

from medkiosk.device.model import Change, Notice
from medkiosk.device.policy import supported_card
from medkiosk.device.udev import UdevEvents
from medkiosk.device.volume import CARDS

DISK = {
    "SUBSYSTEM": "block",
    "DEVTYPE": "disk",
    "DEVNAME": "/dev/sdb",
    "DEVPATH": "/devices/pci0000:00/0000:00:14.0/usb2/2-1/2-1:1.0/host6/target6:0:0/6:0:0:0/block/sdb",
    "DISKSEQ": "21",
    "ID_BUS": "usb",
    "ID_PART_TABLE_TYPE": "dos",
}
CARD = {
    **DISK,
    "DEVTYPE": "partition",
    "DEVNAME": "/dev/sdb1",
    "DEVPATH": DISK["DEVPATH"] + "/sdb1",
    "PARTN": "1",
    "ID_FS_TYPE": "exfat",
    "ID_FS_USAGE": "filesystem",
    "ID_FS_LABEL": "EOS_DIGITAL",
    "ID_FS_UUID": "6A5E-2F11",
    "ID_PART_ENTRY_TYPE": "0x7",
}
OTHER = {**CARD, "DISKSEQ": "22", "ID_FS_UUID": "11AA-22BB"}
WHOLE = {**CARD, "DEVTYPE": "disk", "DEVNAME": "/dev/sdb", "DEVPATH": DISK["DEVPATH"], "ID_FS_TYPE": "vfat"}
SLOT = {
    **CARD,
    "DEVNAME": "/dev/mmcblk0p1",
    "DEVPATH": "/devices/pci0000:00/0000:00:1b.0/mmc_host/mmc0/mmc0:aaaa/block/mmcblk0/mmcblk0p1",
}


CAMERA = {
    "SUBSYSTEM": "usb",
    "DEVTYPE": "usb_device",
    "DEVPATH": "/devices/pci0000:00/0000:00:14.0/usb2/2-3",
    "BUSNUM": "002",
    "DEVNUM": "007",
    "ID_VENDOR_ID": "04a9",
    "ID_MODEL_ID": "32f5",
    "ID_USB_INTERFACES": ":060101:",
}
INTERFACE = {
    "SUBSYSTEM": "usb",
    "DEVTYPE": "usb_interface",
    "DEVPATH": CAMERA["DEVPATH"] + "/2-3:1.0",
    "ID_VENDOR_ID": "04a9",
    "ID_MODEL_ID": "32f5",
}
GONE = {"SUBSYSTEM": "usb", "DEVTYPE": "usb_device", "DEVPATH": CAMERA["DEVPATH"]}
"""All that is left of a camera to tell of when it was pulled out: where it was."""


def told(notices: list[Notice]) -> list[tuple[Change, str]]:
    return [(notice.change, notice.device.identity) for notice in notices]


def events() -> UdevEvents:
    return UdevEvents(settle_s=0.5, cards=True)


def plugged(watch: UdevEvents, card: dict[str, str], now: float) -> None:
    watch.happened("add", DISK, now)
    watch.happened("add", card, now)
    assert len(watch.tick(now + 0.5)) == 1


def test_a_partition_is_a_card_and_its_disk_is_none() -> None:
    card = supported_card(CARD)
    assert card is not None
    assert (card.kind, card.key, card.port) == ("card", CARD["DEVPATH"], str(CARDS / "sdb1"))
    assert supported_card(DISK) is None


def test_a_card_without_partitions_and_one_in_a_slot() -> None:
    assert supported_card(WHOLE) is not None
    assert supported_card(SLOT) is not None


def test_what_is_left_alone() -> None:
    for wrong in (
        {"ID_FS_TYPE": "ntfs"},
        {"ID_FS_TYPE": "ext4"},
        {"ID_FS_TYPE": ""},
        {"ID_FS_USAGE": "crypto"},
        {"ID_FS_LABEL": "medkiosk-export"},
        {"ID_PART_ENTRY_TYPE": "c12a7328-f81f-11d2-ba4b-00a0c93ec93b"},
        {"ID_PART_ENTRY_TYPE": "0xEF"},
        {"DEVNAME": "/dev/nvme0n1p1"},
        {"DEVNAME": "/dev/loop0"},
        {"DEVNAME": ""},
        {"DEVNAME": "/dev/../sdb1"},
        {"SUBSYSTEM": "usb"},
    ):
        assert supported_card({**CARD, **wrong}) is None
    assert supported_card({}) is None


def test_a_card_is_told_of_when_it_has_settled() -> None:
    watch = events()
    assert watch.happened("add", CARD, 1.0) == []
    assert watch.happened("change", CARD, 1.1) == []
    assert watch.next_deadline() == 1.6
    assert told(watch.tick(1.6)) == [(Change.PLUGGED, "21/6A5E-2F11")]
    assert told(watch.happened("remove", CARD, 9.0)) == [(Change.UNPLUGGED, "21/6A5E-2F11")]


def test_a_card_that_was_pulled_and_put_back_within_a_second() -> None:
    watch = events()
    plugged(watch, CARD, 1.0)
    assert told(watch.happened("remove", CARD, 5.0)) == [(Change.UNPLUGGED, "21/6A5E-2F11")]
    again = {**CARD, "DISKSEQ": "22"}
    assert watch.happened("add", again, 5.4) == []
    assert told(watch.tick(6.0)) == [(Change.PLUGGED, "22/6A5E-2F11")]


def test_another_card_whose_remove_was_lost() -> None:
    watch = events()
    plugged(watch, CARD, 1.0)
    assert told(watch.happened("change", OTHER, 5.0)) == [(Change.UNPLUGGED, "21/6A5E-2F11")]
    assert told(watch.tick(5.5)) == [(Change.PLUGGED, "22/11AA-22BB")]


def test_a_medium_that_goes_takes_its_partitions_with_it() -> None:
    watch = events()
    plugged(watch, CARD, 1.0)
    beside = {**CARD, "DEVNAME": "/dev/sdba1", "DEVPATH": DISK["DEVPATH"] + "a/sdba1"}
    plugged(watch, beside, 2.0)
    gone = {**DISK, "DISK_MEDIA_CHANGE": "1"}
    assert told(watch.happened("change", gone, 5.0)) == [(Change.UNPLUGGED, "21/6A5E-2F11")]
    assert watch.happened("remove", CARD, 5.1) == []
    watch.happened("add", OTHER, 5.2)
    assert told(watch.tick(5.8)) == [(Change.PLUGGED, "22/11AA-22BB")]


def test_a_card_without_partitions_that_is_changed_for_another() -> None:
    watch = events()
    watch.happened("add", WHOLE, 1.0)
    watch.tick(1.5)
    other = {**WHOLE, "DISK_MEDIA_CHANGE": "1", "DISKSEQ": "22", "ID_FS_UUID": "11AA-22BB"}
    assert told(watch.happened("change", other, 5.0)) == [(Change.UNPLUGGED, "21/6A5E-2F11")]
    assert told(watch.tick(5.5)) == [(Change.PLUGGED, "22/11AA-22BB")]
    assert told(watch.happened("change", {**DISK, "DISKSEQ": "22"}, 6.0)) == [
        (Change.UNPLUGGED, "22/11AA-22BB")
    ]


def test_where_cards_are_left_alone_nothing_is_told_of_them() -> None:
    watch = UdevEvents(settle_s=0, cards=False)
    assert watch.happened("add", CARD, 1.0) == []
    assert watch.tick(2.0) == []


SECOND = {
    **CARD,
    "DEVNAME": "/dev/sdb2",
    "DEVPATH": DISK["DEVPATH"] + "/sdb2",
    "ID_FS_TYPE": "ext4",
    "ID_PART_ENTRY_TYPE": "0x83",
}
EFI = {**SECOND, "ID_FS_TYPE": "vfat", "ID_PART_ENTRY_TYPE": "0xEF"}


def others(*partitions: dict[str, str]) -> list[int]:
    """How many other parts the cards have that are told of."""
    watch = events()
    for properties in (DISK, *partitions):
        watch.happened("add", properties, 0)
    return [notice.device.others for notice in watch.tick(0.5)]


def test_a_card_knows_of_its_other_parts_also_of_those_that_cannot_be_read() -> None:
    assert others(CARD) == [0]
    assert others(CARD, SECOND) == others(SECOND, CARD) == [1]
    assert others(CARD, {**SECOND, "ID_FS_TYPE": "exfat"}) == [1, 1]
    assert others(CARD, EFI) == [0]
    elsewhere = SECOND["DEVPATH"].replace("sdb", "sdc")
    assert others(CARD, {**SECOND, "DEVPATH": elsewhere}) == [0]


def test_another_card_has_not_the_parts_of_the_one_before() -> None:
    watch = events()
    plugged(watch, CARD, 0)
    watch.happened("add", SECOND, 0)
    watch.happened("change", {**DISK, "DISK_MEDIA_CHANGE": "1"}, 1)
    watch.happened("add", OTHER, 1)
    assert [notice.device.others for notice in watch.tick(2)] == [0]
    watch.happened("remove", OTHER, 3)
    watch.happened("add", {**SECOND, "ID_FS_TYPE": "vfat"}, 4)
    assert [notice.device.others for notice in watch.tick(5)] == [0]


def ports(notices: list[Notice]) -> list[tuple[Change, str]]:
    return [(notice.change, notice.device.port) for notice in notices]


def test_a_camera_is_told_of_once_however_often_udev_speaks_of_it() -> None:
    watch = events()
    for now, (action, properties) in enumerate(
        [("add", CAMERA), ("add", INTERFACE), ("bind", INTERFACE), ("bind", CAMERA), ("change", CAMERA)]
    ):
        assert watch.happened(action, properties, 1.0 + now / 100) == []
    assert ports(watch.tick(1.54)) == [(Change.PLUGGED, "usb:002,007")]
    assert watch.happened("bind", CAMERA, 3.0) == []
    assert watch.tick(4.0) == []
    assert watch.happened("remove", {**GONE, "DEVPATH": INTERFACE["DEVPATH"]}, 5.0) == []
    assert ports(watch.happened("remove", GONE, 5.0)) == [(Change.UNPLUGGED, "usb:002,007")]
    assert watch.happened("remove", GONE, 5.1) == []


def test_a_camera_that_was_pulled_and_put_back_within_a_second_is_another_plug() -> None:
    watch = events()
    watch.happened("add", CAMERA, 1.0)
    watch.tick(1.5)
    assert ports(watch.happened("remove", GONE, 5.0)) == [(Change.UNPLUGGED, "usb:002,007")]
    assert watch.happened("add", {**CAMERA, "DEVNUM": "008"}, 5.4) == []
    assert ports(watch.tick(6.0)) == [(Change.PLUGGED, "usb:002,008")]


def test_one_that_goes_before_it_has_settled_is_not_told_of() -> None:
    watch = events()
    watch.happened("add", CAMERA, 1.0)
    assert watch.happened("remove", GONE, 1.2) == []
    assert watch.tick(2.0) == []


def test_two_cameras_come_and_go_by_themselves() -> None:
    watch = events()
    other = {**CAMERA, "DEVPATH": CAMERA["DEVPATH"].replace("2-3", "2-4"), "DEVNUM": "009"}
    watch.happened("add", CAMERA, 1.0)
    watch.happened("add", other, 1.1)
    assert ports(watch.tick(2.0)) == [(Change.PLUGGED, "usb:002,007"), (Change.PLUGGED, "usb:002,009")]
    assert ports(watch.happened("remove", GONE, 3.0)) == [(Change.UNPLUGGED, "usb:002,007")]
    assert watch.tick(4.0) == []
