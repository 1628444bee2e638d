"""What the set-up has the machine do: clock, keyboard, the disk's recovery key, keys into the TPM.

systemd's own programs do the sealing. Secrets go over pipes; no argument, environment or file has one.
"""

from __future__ import annotations

import fcntl
import os
import struct
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from medkiosk import datadisk, durable, programs
from medkiosk.setup.errors import StepFailedError
from medkiosk.setup.places import LASTING, Places

_LONGEST_S = 120.0
_RTC_SET_TIME = 0x4024700A  # linux/rtc.h
_RTC_TIME = struct.Struct("=9i")


def run(command: Sequence[str], step: str) -> bytes:
    """Run a program and return what it printed.

    Raises:
        StepFailedError: it is not there, failed or hung; only its last line of complaint is quoted.
    """
    try:
        return programs.run(command, _LONGEST_S)
    except programs.ProgramError as error:
        raise StepFailedError(step=step, detail=str(error)) from error


def built(places: Places) -> datetime:
    """When this software was built: no clock is right that is before it."""
    for path in places.built:
        if path.exists():
            return datetime.fromtimestamp(path.stat().st_mtime, UTC)
    return datetime.fromtimestamp(0, UTC)


def set_clock(moment: datetime, places: Places) -> None:
    """Set the clock, and the one that goes on without power, which is kept in UTC.

    Raises:
        StepFailedError: one of the two could not be set.
    """
    utc = moment.astimezone(UTC).timetuple()
    fields = (utc.tm_sec, utc.tm_min, utc.tm_hour, utc.tm_mday, utc.tm_mon - 1, utc.tm_year - 1900, 0, 0, 0)
    try:
        time.clock_settime(time.CLOCK_REALTIME, moment.timestamp())
        if places.rtc.exists():
            descriptor = os.open(places.rtc, os.O_RDONLY | os.O_CLOEXEC)
            try:
                fcntl.ioctl(descriptor, _RTC_SET_TIME, _RTC_TIME.pack(*fields))
            finally:
                os.close(descriptor)
    except OSError as error:
        raise StepFailedError(step="setting the clock", detail=error.strerror or "refused") from error


def load_keymap(keymap: str) -> None:
    """Give the bare terminal a layout.

    Raises:
        StepFailedError: it is not in the image, or this is no such terminal.
    """
    run(["/usr/bin/loadkeys", "--quiet", keymap], "loading the keyboard's layout")


class Sealing:
    """The TPM and the disk's header.

    Args:
        places: where they are.
        prefix: put before each command, as ``chroot TREE``.
        tpm: the name of the TPM for systemd's programs.
    """

    def __init__(self, places: Places, *, prefix: Sequence[str] = (), tpm: str = "auto") -> None:
        self._places = places
        self._prefix = list(prefix)
        self._tpm = tpm

    @property
    def disk_is_encrypted(self) -> bool:
        """Whether there is the partition of the contract."""
        return self._places.disk.exists()

    @property
    def has_tpm(self) -> bool:
        """Whether keys can be sealed."""
        return self._places.tpm.exists()

    def recovery_key(self) -> str:
        """Make the disk's recovery key; one that an earlier set-up made opens nothing from here on.

        The TPM opens the disk for that. The key is 256 bits in 64 letters that lie at the same place on most
        keyboards, in 8 groups (systemd-cryptenroll(1), "--recovery-key").

        Raises:
            StepFailedError: the TPM or the disk refused.
        """
        try:
            disk = datadisk.below(self._places.disk)
        except OSError as error:
            raise StepFailedError(step="making the disk's recovery key", detail=str(error)) from error
        command = [
            *self._prefix,
            "/usr/bin/systemd-cryptenroll",
            f"--unlock-tpm2-device={self._tpm}",
            "--wipe-slot=recovery",
            "--recovery-key",
            str(disk),
        ]
        return run(command, "making the disk's recovery key").decode("ascii", "replace").strip()

    def seal(self, keys: Path, step: Callable[[str], None] = lambda _name: None) -> None:
        """Seal the lasting keys to the TPM, try each, then destroy the plain files.

        To the chip alone, not to PCRs: the partition they lie on is bound to these. So after the recovery key
        was typed, because the firmware was changed, the kiosk still has its keys.

        Args:
            keys: the folder that has them.
            step: told of each that is done.

        Raises:
            StepFailedError: the TPM refused; the plain files are all there.
            OSError: a sealed key could not be written, or a plain one not be destroyed.
        """
        creds = [*self._prefix, "/usr/bin/systemd-creds", f"--tpm2-device={self._tpm}"]
        for name in LASTING:
            sealed = run(
                [
                    *creds,
                    "encrypt",
                    "--with-key=tpm2",
                    "--tpm2-pcrs=",
                    f"--name={name}",
                    str(keys / name),
                    "-",
                ],
                "sealing the lasting keys",
            )
            path = self._places.credentials / name
            durable.write_atomic(path, sealed)
            opened = run([*creds, "decrypt", f"--name={name}", str(path), "-"], "opening a sealed key again")
            if opened != (keys / name).read_bytes():
                raise StepFailedError(step="opening a sealed key again", detail=f"{name} is another one")
            step(name)
        for name in LASTING:
            durable.destroy(keys / name)
