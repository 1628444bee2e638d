"""``medkiosk-decommission``: destroy what opens the disk, as root, behind a socket that the daemon alone
reaches.

    daemon: erase          helper: one JSON object, `Outcome`, when all is done that can be
    daemon: off            helper: switches the machine off; so it does after five minutes

It takes no path and no option: there is one disk. It decides nothing: that two people asked, and that the
ledger says so, is the daemon's to see to.

The key slots go first. After that step the rest may fail or be cut short: nothing opens the disk any more.
"""

from __future__ import annotations

import fcntl
import functools
import json
import os
import select
import signal
import struct
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from medkiosk import datadisk, durable
from medkiosk.devicetpm import TpmSecrets
from medkiosk.programs import plain, run

ERASE: Final = b"erase\n"
OFF: Final = b"off\n"
_BLKDISCARD: Final = 0x1277  # linux/fs.h
_BLKGETSIZE64: Final = 0x80081272
_LONGEST_S: Final = 60.0
_LOOK_S: Final = 1.0
_WAIT_S: Final = 240.0  # the daemon writes the last head to a stick before it says the word
_PAUSE_S: Final = 300.0
_OFF_AT_ONCE: Final = signal.SIGRTMIN + 14  # systemd(1); without file systems nothing can be stopped in order
_TPM_CLEAR: Final = "5"  # TCG PC Client Physical Presence Interface 1.3, "Clear"


class Outcome(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What was done.

    Attributes:
        erased: no key slot is left; the one thing that must be.
        header: the disk's header, with what is left of the slots, was overwritten.
        keys: so many key files were overwritten and removed.
        discarded: the disk was told that all of it is free; whether it forgets is up to it.
        tpm: the firmware was asked to clear the TPM at the next start, where somebody may have to agree.
        remembers: there is a TPM, and its memory may still hold the device secret.
        detail: why it was not erased.
    """

    erased: bool = False
    header: bool = False
    keys: int = 0
    discarded: bool = False
    tpm: bool = False
    remembers: bool = False
    detail: str = ""


@dataclass(frozen=True)
class Places:
    """Paths of an appliance (docs/appliance.md).

    Attributes:
        disk: what is mounted (`medkiosk.datadisk.below` finds the partition), or that partition.
        keys: folders of which every file is a key.
        tpm: where Linux takes a request to the firmware about the TPM.
        memory: the TPM itself, for what is in its memory.
    """

    disk: Path = datadisk.MAPPING
    keys: tuple[Path, ...] = (Path("/var/lib/medkiosk-keys"), Path("/var/lib/medkiosk-credentials"))
    tpm: Path = Path("/sys/class/tpm/tpm0/ppi/request")
    memory: Path = Path("/dev/tpmrm0")


def erase(places: Places, *, cryptsetup: Sequence[str] = ("/usr/sbin/cryptsetup",)) -> Outcome:
    """Destroy every key slot, then everything else that can be. Harmless to repeat.

    Args:
        places: where things are.
        cryptsetup: the program.
    """
    try:
        disk = datadisk.below(places.disk)
        before = _metadata(disk, cryptsetup)
        run([*cryptsetup, "erase", "--batch-mode", str(disk)], _LONGEST_S)
        if left := _metadata(disk, cryptsetup)["keyslots"]:
            return Outcome(detail=f"{len(left)} key slots are still there")
    except (OSError, ValueError, KeyError) as error:
        return Outcome(detail=_words(error))
    return Outcome(
        erased=True,
        header=_tried(lambda: _overwrite(disk, _data_offset(before))),
        keys=sum(_tried(functools.partial(durable.destroy, path)) for path in _files(places.keys)),
        remembers=places.memory.exists() and not _tried(TpmSecrets(places.memory).keep_only),
        discarded=_tried(lambda: _discard(disk)),
        tpm=_tried(lambda: _ask_firmware(places.tpm)),
    )


def _metadata(disk: Path, cryptsetup: Sequence[str]) -> dict[str, dict[str, dict[str, object]]]:
    said = run([*cryptsetup, "luksDump", "--dump-json-metadata", str(disk)], _LONGEST_S)
    found: dict[str, dict[str, dict[str, object]]] = json.loads(said)
    return found


def _data_offset(metadata: dict[str, dict[str, dict[str, object]]]) -> int:
    """Where the data begins, bytes: everything before it is header and key slots (LUKS2 format, section
    3.3)."""
    return min(int(str(segment["offset"])) for segment in metadata["segments"].values())


def _words(error: Exception) -> str:
    return plain(str(error) or type(error).__name__)


def _tried(step: Callable[[], None]) -> bool:
    """Whether a step that need not work did; why it did not is said to the journal."""
    try:
        step()
    except (OSError, ValueError, KeyError) as error:
        print(f"not done: {_words(error)}", file=sys.stderr)
        return False
    return True


def _overwrite(disk: Path, size: int) -> None:
    folder = durable.open_dir(disk.parent)
    device = durable.TmpFile(disk, os.open(disk, os.O_WRONLY | os.O_CLOEXEC))
    zeros = memoryview(bytes(1 << 20))
    try:
        for start in range(0, size, len(zeros)):
            device.write(zeros[: size - start])
        durable.sync_files(folder, [device])
    finally:
        device.close()
        os.close(folder)


def _discard(disk: Path) -> None:
    with disk.open("r+b", buffering=0) as device:
        raw = fcntl.ioctl(device, _BLKGETSIZE64, bytes(8))
        fcntl.ioctl(device, _BLKDISCARD, struct.pack("=QQ", 0, struct.unpack("=Q", raw)[0]))


def _ask_firmware(request: Path) -> None:
    with request.open("w", encoding="ascii") as file:
        file.write(_TPM_CLEAR)


def _files(folders: Sequence[Path]) -> list[Path]:
    return [
        path for folder in folders if folder.is_dir() for path in sorted(folder.iterdir()) if path.is_file()
    ]


def serve(
    source: int, sink: int, places: Places, off: Callable[[], None], *, pause_s: float = _PAUSE_S
) -> int:
    """Answer one request.

    Args:
        source: descriptor that is read.
        sink: descriptor that is written.
        places: of the machine.
        off: switches it off.
        pause_s: how long the ledger's last head stays on the screen, for a photograph, seconds.
    """
    if _line(source, _WAIT_S) != ERASE:
        return 1
    outcome = erase(places)
    os.write(sink, msgspec.json.encode(outcome) + b"\n")
    if outcome.erased:
        until = time.monotonic() + pause_s
        while (left := until - time.monotonic()) > 0:
            said = _line(source, left)
            if said == OFF:
                break
            if not said:  # nobody is there any more
                time.sleep(min(left, _LOOK_S))
        off()
    return 0


def _line(source: int, longest_s: float) -> bytes:
    if not select.select([source], [], [], longest_s)[0]:
        return b""
    return os.read(source, 16)


def main() -> int:
    """Answer the request that is on standard input."""
    return serve(0, 1, Places(), lambda: os.kill(1, _OFF_AT_ONCE))


if __name__ == "__main__":
    sys.exit(main())
