"""What a stick is, what may lie on it, and its states: tables and rules, without one."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medkiosk.console.screens.home import stick_rows
from medkiosk.core.sticks import STICK_BUSY, STICK_WORDS, StickState
from medkiosk.device import stickmark
from medkiosk.device.policy import supported_card, supported_stick
from medkiosk.device.stick import TRANSITIONS, Happening, after, is_busy, may_take
from medkiosk.device.stickfiles import Found, Look, is_foreign, kind_of
from medkiosk.device.stickmark import StickId
from medkiosk.device.volume import (
    WORDS,
    Facts,
    Kind,
    MountCode,
    MountFlag,
    is_stick,
    label,
    refusal,
    root_folder,
    stick_plan,
)
from medkiosk.ipc.types import StickInfo

KEY, ID = bytes(range(32)), StickId("0123456789abcdef" * 2)

# Of the form that udev's builtins usb_id and blkid give them; made up, not recorded.
USB = {
    "SUBSYSTEM": "usb",
    "DEVTYPE": "usb_device",
    "DEVPATH": "/devices/pci0000:00/0000:00:14.0/usb2/2-3",
    "BUSNUM": "002",
    "DEVNUM": "007",
    "ID_VENDOR_ID": "0781",
    "ID_MODEL_ID": "5581",
    "ID_USB_INTERFACES": ":080650:",
}
STICK = {
    "SUBSYSTEM": "block",
    "DEVTYPE": "partition",
    "DEVNAME": "/dev/sdb1",
    "DEVPATH": USB["DEVPATH"] + "/2-3:1.0/host6/target6:0:0/6:0:0:0/block/sdb/sdb1",
    "DISKSEQ": "31",
    "ID_BUS": "usb",
    "ID_USB_INTERFACES": ":080650:",
    "ID_FS_TYPE": "vfat",
    "ID_FS_USAGE": "filesystem",
    "ID_FS_UUID": "1A2B-3C4D",
    "ID_FS_LABEL": "MEDKIOSK 1",
}


# States


def test_every_state_has_words_and_a_way_on() -> None:
    assert set(TRANSITIONS) == set(StickState) == set(STICK_WORDS)
    reached, left = {StickState.ABSENT}, [StickState.ABSENT]
    while left:
        for state in TRANSITIONS[left.pop()].values():
            if state not in reached:
                reached.add(state)
                left.append(state)
    assert reached == set(StickState)
    assert all(len(words) <= 24 for words in STICK_WORDS.values())  # big letters in eighty columns


def test_safe_to_unplug_is_said_only_after_all_was_read_back() -> None:
    ways = [
        (state, how) for state, row in TRANSITIONS.items() for how, to in row.items() if to is StickState.DONE
    ]
    assert ways == [(StickState.READING_BACK, Happening.COMPLETE)]
    ways = [
        (s, how) for s, row in TRANSITIONS.items() for how, to in row.items() if to is StickState.READING_BACK
    ]
    assert ways == [(StickState.WRITING, Happening.WRITTEN)]
    assert [state for state, words in STICK_WORDS.items() if "UNPLUG" in words] == [StickState.DONE]


@pytest.mark.parametrize("state", StickState)
def test_pulling_a_stick_out(state: StickState) -> None:
    gone = after(state, Happening.PULLED)
    assert gone is (StickState.LOST if is_busy(state) or state is StickState.LOST else StickState.ABSENT)
    assert after(gone, Happening.PLUGGED) is StickState.LOOKING


def test_what_is_not_fit_is_not_taken() -> None:
    never = {
        StickState.FOREIGN,
        StickState.PROTECTED,
        StickState.UNSUITABLE,
        StickState.LIES,
        StickState.LOST,
    }
    assert not any(may_take(state) for state in never | STICK_BUSY | {StickState.ABSENT, StickState.LOOKING})
    assert may_take(StickState.READY)


# Names


@pytest.mark.parametrize(
    ("name", "foreign"),
    [
        (b"medkiosk-2026-05-01-0123abcd", False),
        (b"medkiosk-recall-2026-05-01-0123abcd", False),
        (b"medkiosk-acknowledgement-0123abcd.json", False),
        (b".medkiosk-partial-0123abcd", False),
        (b".medkiosk-stick", False),
        (b"System Volume Information", False),
        (b"holiday.jpg", True),
        (b"DCIM", True),
        (b"medkiosk-2026-05-01-0123abcd ", True),
        (b"medkiosk-2026-05-01-0123abcd\n", True),
        (b"medkiosk-acknowledgement-0123abcd.json\n", True),
        (b"medkiosk-acknowledgement-0123ABCD.json", True),
        (b"\x1b[2Jmedkiosk", True),
        (b"\xff\xfe", True),
    ],
)
def test_what_is_somebody_elses(name: bytes, foreign: bool) -> None:
    assert is_foreign(name) == foreign


def test_only_one_form_of_name_is_read() -> None:
    assert kind_of(b"medkiosk-acknowledgement-0123abcd.json")
    assert kind_of(b"medkiosk-cosigned-auditor.example_w1")
    assert kind_of(b"medkiosk-witness-w1.vkey")
    for name in (
        b"medkiosk-acknowledgement-0123abcd.json\n",
        b"medkiosk-acknowledgement-.json",
        b".medkiosk-stick",
        b"medkiosk-cosigned-",
        b"medkiosk-cosigned-../x",
        b"medkiosk-witness-" + b"x" * 61,
    ):
        assert kind_of(name) is None


@pytest.mark.parametrize(
    ("found", "blank"),
    [(Found.NOTHING, True), (Found.MARKED, True), (Found.FOREIGN, False), (Found.TOO_MANY, False)],
)
def test_what_is_not_known_to_be_blank_is_not_blank(found: Found, blank: bool) -> None:
    assert Look(found, b"", ()).is_blank == blank


# The mark


def test_a_mark_is_known_by_the_kiosk_that_wrote_it() -> None:
    mark = stickmark.write(KEY, ID)
    assert stickmark.read(KEY, mark) == ID
    assert stickmark.read(bytes(32), mark) is None
    assert len(mark) < 1024


def test_a_mark_with_one_byte_changed_is_nobodys() -> None:
    mark = stickmark.write(KEY, ID)
    for at in range(len(mark)):
        assert stickmark.read(KEY, mark[:at] + bytes([mark[at] ^ 1]) + mark[at + 1 :]) is None
    for other in (b"", mark + b"\n", mark[:-1], b"{}", b"\xff" * 1024):
        assert stickmark.read(KEY, other) is None


# udev


def test_the_label_alone_makes_a_stick() -> None:
    stick = supported_stick(STICK)
    assert stick is not None
    assert (stick.kind, stick.port) == ("stick", "/run/medkiosk-sticks/sdb1")
    assert supported_card(STICK) is None
    unlabelled = {**STICK, "ID_FS_LABEL": "KINGSTON"}
    assert supported_stick(unlabelled) is None
    card = supported_card(unlabelled)
    assert card is not None
    assert card.kind == "card"


@pytest.mark.parametrize(
    "changed",
    [
        {"ID_FS_LABEL": "MEDKIOSK-BACKUP"},
        {"ID_FS_LABEL": "MEDKIOSK-BA"},  # as much of it as FAT keeps
        {"ID_FS_LABEL": ""},
        {"ID_FS_LABEL": "EOS_DIGITAL"},
        {"ID_FS_TYPE": "ntfs"},
        {"ID_FS_TYPE": "ext4"},
        {"ID_FS_USAGE": "crypto"},
        {"DEVNAME": "/dev/mmcblk0p1"},
        {"DEVNAME": "/dev/../etc"},
        {"ID_PART_ENTRY_TYPE": "0xef"},
        {"SUBSYSTEM": "usb"},
    ],
)
def test_what_is_no_stick(changed: dict[str, str]) -> None:
    assert supported_stick({**STICK, **changed}) is None


# The mount helper's decisions

ON_USB = Facts(
    on_usb=True,
    on_mmc=False,
    mmc_type="",
    removable=True,
    sectors=9,
    partitions=0,
    usb_classes=frozenset({"08"}),
)


def test_the_kernel_is_asked_what_else_a_device_is() -> None:
    assert refusal(ON_USB) is None
    assert refusal(ON_USB._replace(usb_classes=frozenset({"08", "03"}))) is MountCode.COMPOSITE
    assert "keyboard" in WORDS[MountCode.COMPOSITE]


def test_only_what_is_written_to_is_writable() -> None:
    for kind in ("exfat", "vfat"):
        looked, written = (stick_plan(kind, 990, writable=writable) for writable in (False, True))
        assert looked.flags - written.flags == MountFlag.RDONLY
        protections = MountFlag.NOSUID | MountFlag.NODEV | MountFlag.NOEXEC | MountFlag.NOSYMFOLLOW
        assert written.flags == protections
        options = written.options.split(",")
        assert {"uid=990", "dmask=0077", "fmask=0177"} <= set(options)
        assert "sync" not in options


def fat32(name: bytes, *, per_cluster: int = 8) -> bytes:
    """The first sectors and top folder of a volume, as fatgen103 has them."""
    sector = bytearray(512)
    struct.pack_into("<HBHB", sector, 11, 512, per_cluster, 32, 2)
    struct.pack_into("<I", sector, 36, 100)
    struct.pack_into("<I", sector, 44, 2)
    sector[82:90], sector[510:512] = b"FAT32   ", b"\x55\xaa"
    sector[71:82] = b"NO NAME    "  # what the boot sector says counts for nothing
    deleted = b"\xe5MEDKIOSK  " + b"\x08" + bytes(20)
    entry = name.ljust(11) + b"\x08" + bytes(20) if name else b""
    volume = bytearray(512 * 400)
    volume[:512] = sector
    at = 512 * (32 + 2 * 100)
    volume[at : at + 64] = (deleted + entry).ljust(64, b"\0")
    return bytes(volume)


def exfat(name: str) -> bytes:
    """The same, as the exFAT specification has them (sections 3.1, 7.3)."""
    sector = bytearray(512)
    sector[3:11], sector[510:512] = b"EXFAT   ", b"\x55\xaa"
    struct.pack_into("<I", sector, 88, 128)
    struct.pack_into("<I", sector, 96, 4)
    sector[108], sector[109] = 9, 3
    volume = bytearray(512 * 400)
    volume[:512] = sector
    at = 512 * (128 + 2 * 8)
    entry = bytes([0x83, len(name)]) + name.encode("utf-16-le")
    volume[at : at + 32] = bytes([0x81]) + bytes(31)
    volume[at + 32 : at + 64] = entry.ljust(32, b"\0")
    return bytes(volume)


def read_label(volume: bytes, kind: Kind) -> str:
    place = root_folder(volume[:512], kind)
    assert place is not None
    return label(volume[place.offset : place.offset + place.size], kind)


def test_labels_are_read_where_the_file_systems_keep_them() -> None:
    assert read_label(fat32(b"MEDKIOSK 1"), "vfat") == "MEDKIOSK 1"
    assert read_label(fat32(b""), "vfat") == ""
    assert read_label(exfat("Medkiosk"), "exfat") == "Medkiosk"
    assert read_label(exfat(""), "exfat") == ""
    assert is_stick("Medkiosk")
    assert not is_stick("MEDKIOSK-BACKUP")
    assert not is_stick("EOS_DIGITAL")


@given(st.binary(min_size=512, max_size=512), st.binary(max_size=4096))
def test_any_volume_has_an_answer(untrusted_sector: bytes, untrusted_folder: bytes) -> None:
    for kind in ("exfat", "vfat"):
        place = root_folder(untrusted_sector, kind)
        assert place is None or 0 < place.offset < 1 << 50
        assert len(label(untrusted_folder, kind)) <= 11


def test_the_page_names_every_state_and_its_words() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "stick.md").read_text()
    for state in StickState:
        [row] = [line for line in page.splitlines() if line.startswith(f"| {state} |")]
        assert STICK_WORDS[state] in row


def test_home_says_what_there_is_to_say_of_a_stick() -> None:
    def info(state: StickState, detail: str = "") -> StickInfo:
        return StickInfo(name="stick", state=state, words=STICK_WORDS[state], detail=detail, free=0)

    shown = {state for state in StickState if stick_rows([info(state)])}
    assert set(StickState) - shown == {StickState.ABSENT, StickState.LOOKING, StickState.READY}
    [(_, words)] = stick_rows([info(StickState.WRITING, "Writing 3 of 9\x1b[2J")])
    assert "\x1b" not in str(words)
    assert str(words).startswith("WRITING: LEAVE IT IN  stick\nWriting 3 of 9")
